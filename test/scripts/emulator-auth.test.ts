/** The layer before `emulate`: strict about tokens and consent where `emulate` is not. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startGoogleEmulator, type GoogleEmulator } from "../../scripts/emulator/start.ts";
import { BUSY_USER, EMPTY_USER, SMALL_USER } from "../../scripts/emulator/users.ts";
import {
  authorizationRequest,
  authorize,
  callbackOf,
  CLIENT,
  decide,
  exchange,
  get,
  GMAIL_SCOPE,
  revoke,
  signIn,
  token,
} from "./emulated-sign-in.ts";

const EMAIL = SMALL_USER.email;
const LIST = "/gmail/v1/users/me/messages";

let google: GoogleEmulator;
let nowMs: number;

beforeEach(async () => {
  nowMs = Date.now();
  google = await startGoogleEmulator({ ...CLIENT, expiresInSeconds: 60, now: () => nowMs });
});
afterEach(() => google.close());

async function refresh(refreshToken: string | undefined): Promise<Response> {
  return token(google, { grant_type: "refresh_token", refresh_token: refreshToken ?? "" });
}

describe("access tokens", () => {
  it("open Gmail and userinfo for the account they were issued to", async () => {
    const { access_token, expires_in } = await signIn(google, EMAIL);
    expect(expires_in).toBe(60);
    expect(await (await get(google, LIST, access_token)).json()).toMatchObject({ resultSizeEstimate: 12 });
    const userinfo = await get(google, "/oauth2/v2/userinfo", access_token);
    expect(await userinfo.json()).toMatchObject({ email: EMAIL, hd: "studio.example" });
  });

  it.each([LIST, "/oauth2/v2/userinfo", "/gmail/v1/users/me/profile"])(
    "that were never issued get Google's 401: %s",
    async (path) => {
      const response = await get(google, path, "google_made-up");
      expect(response.status).toBe(401);
      expect(response.headers.get("WWW-Authenticate")).toContain("invalid_token");
      expect(await response.json()).toMatchObject({
        error: { code: 401, status: "UNAUTHENTICATED", errors: [{ reason: "authError", location: "Authorization" }] },
      });
    },
  );

  it("are asked for when there is none", async () => {
    expect((await get(google, LIST)).status).toBe(401);
  });

  it("die when their time has passed, and a refresh brings a new one and no new refresh token", async () => {
    const { access_token, refresh_token } = await signIn(google, EMAIL);
    nowMs += 61_000;
    expect((await get(google, LIST, access_token)).status).toBe(401);
    const fresh = await (await refresh(refresh_token)).json<{ access_token: string }>();
    expect(fresh).not.toHaveProperty("refresh_token");
    expect((await get(google, LIST, fresh.access_token)).status).toBe(200);
  });

  it("of a refresh are good for the scopes that it asks for, and for none that was not granted", async () => {
    const { refresh_token = "" } = await signIn(google, EMAIL);
    const ask = (scope: string) => token(google, { grant_type: "refresh_token", refresh_token, scope });
    const narrow = await (await ask("openid email")).json<{ access_token: string; scope: string }>();
    expect(narrow.scope).toBe("openid https://www.googleapis.com/auth/userinfo.email");
    expect((await get(google, LIST, narrow.access_token)).status).toBe(403);
    const wide = await ask("openid https://mail.google.com/");
    expect([wide.status, await wide.json()]).toEqual([400, expect.objectContaining({ error: "invalid_scope" })]);
  });

  it("without a Gmail scope get 403 from Gmail", async () => {
    const tokens = await exchange(google, await decide(google, { email: EMAIL, decision: "allow", granted: [] }));
    expect(tokens.scope).not.toContain("gmail");
    const response = await get(google, LIST, tokens.access_token);
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({
      error: { details: [{ reason: "ACCESS_TOKEN_SCOPE_INSUFFICIENT" }] },
    });
  });
});

describe("revocation", () => {
  it.each(["access_token", "refresh_token"] as const)("of one %s ends the whole grant", async (kind) => {
    const first = await signIn(google, EMAIL);
    const second = await signIn(google, EMAIL);
    expect((await revoke(google, first[kind] ?? "")).status).toBe(200);
    expect((await get(google, LIST, second.access_token)).status).toBe(401);
    const refused = await refresh(second.refresh_token);
    expect([refused.status, await refused.json()]).toEqual([400, expect.objectContaining({ error: "invalid_grant" })]);
  });

  it("leaves other people's grants alone", async () => {
    const mine = await signIn(google, EMAIL);
    const theirs = await signIn(google, EMPTY_USER.email);
    await revoke(google, mine.access_token);
    expect((await get(google, LIST, theirs.access_token)).status).toBe(200);
  });

  it("of an unknown token answers 400 invalid_token", async () => {
    const response = await revoke(google, "never-issued");
    expect([response.status, await response.json()]).toEqual([
      400,
      expect.objectContaining({ error: "invalid_token" }),
    ]);
  });

  it("by the handle ends the grant, and consent is asked for again", async () => {
    const { access_token, refresh_token } = await signIn(google, EMAIL);
    await google.invalidateGrant(EMAIL);
    expect((await get(google, LIST, access_token)).status).toBe(401);
    expect((await refresh(refresh_token)).status).toBe(400);
    const page = await authorize(google, authorizationRequest({ login_hint: EMAIL }));
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('id="consent"')]);
  });

  it("by a password change leaves the consent: sign-in succeeds and brings no refresh token", async () => {
    const { refresh_token } = await signIn(google, EMAIL);
    await fetch(`${google.url}/__emulator/change-password?email=${EMAIL}`, { method: "POST" });
    expect((await refresh(refresh_token)).status).toBe(400);
    const silent = await authorize(google, authorizationRequest({ login_hint: EMAIL }));
    expect(await exchange(google, callbackOf(silent))).not.toHaveProperty("refresh_token");
  });
});

describe("consent", () => {
  it("brings a refresh token the first time, and again with prompt=consent, and never in between", async () => {
    expect(await signIn(google, EMAIL)).toHaveProperty("refresh_token");
    const again = callbackOf(await authorize(google, authorizationRequest({ login_hint: EMAIL })));
    expect(await exchange(google, again)).not.toHaveProperty("refresh_token");
    const params = authorizationRequest({ login_hint: EMAIL, prompt: "consent" });
    expect(await (await authorize(google, params)).text()).toContain('id="consent"');
    const forced = await decide(google, { email: EMAIL, decision: "allow", params });
    expect(await exchange(google, forced)).toHaveProperty("refresh_token");
  });

  it("brings no refresh token without access_type=offline", async () => {
    const params = authorizationRequest({ access_type: null });
    const callback = await decide(google, { email: EMAIL, decision: "allow", params });
    expect(await exchange(google, callback)).not.toHaveProperty("refresh_token");
  });

  it("comes back with state, iss and the granted scopes under their long names", async () => {
    const callback = await decide(google, { email: EMAIL, decision: "allow" });
    expect(callback.get("state")).toBe("some-state");
    expect(callback.get("iss")).toBe(google.url);
    expect(callback.get("scope")?.split(" ")).toEqual([
      "openid",
      "https://www.googleapis.com/auth/userinfo.email",
      "https://www.googleapis.com/auth/userinfo.profile",
      GMAIL_SCOPE,
    ]);
  });

  it("can be denied", async () => {
    const callback = await decide(google, { email: EMAIL, decision: "deny" });
    expect(Object.fromEntries(callback)).toEqual({ error: "access_denied", state: "some-state", iss: google.url });
    expect(google.grantsOf(EMAIL)).toBe(0);
  });

  it("is never shown for prompt=none", async () => {
    const params = authorizationRequest({ prompt: "none", login_hint: EMAIL });
    expect(callbackOf(await authorize(google, params)).get("error")).toBe("interaction_required");
    await signIn(google, EMAIL);
    expect(callbackOf(await authorize(google, params)).get("code")).not.toBeNull();
  });

  it("begins with the account chooser, unless login_hint fits an account", async () => {
    const chooser = await (await authorize(google, authorizationRequest())).text();
    for (const { email } of [BUSY_USER, SMALL_USER, EMPTY_USER]) expect(chooser).toContain(`data-email="${email}"`);
    const unknown = await (await authorize(google, authorizationRequest({ login_hint: "who@example.net" }))).text();
    expect(unknown).toContain("data-email=");
    const hinted = await (await authorize(google, authorizationRequest({ login_hint: EMAIL }))).text();
    expect(hinted).toContain(`value="${EMAIL}"`);
  });

  it.each([
    ["another client", { client_id: "someone-else" }],
    ["a redirect URI with a slash more", { redirect_uri: "http://localhost:8787/auth/callback/" }],
    ["an unknown prompt", { prompt: "login" }],
    ["prompt=none with another", { prompt: "none consent" }],
    ["approval_prompt and prompt", { prompt: "consent", approval_prompt: "force" }],
    ["no scope", { scope: null }],
  ])("is not asked for %s: the error stays on Google's page", async (_, changes) => {
    const response = await authorize(google, authorizationRequest(changes));
    expect([response.status, response.headers.get("Location")]).toEqual([400, null]);
  });
});

describe("authorization codes", () => {
  it("work once, and only with the redirect URI they were made for", async () => {
    const code = (await decide(google, { email: EMAIL, decision: "allow" })).get("code") ?? "";
    const grant_type = "authorization_code";
    expect((await token(google, { grant_type, code, redirect_uri: "http://localhost:8787/" })).status).toBe(400);
    expect((await token(google, { grant_type, code })).status).toBe(200);
    expect((await token(google, { grant_type, code })).status).toBe(400);
  });
});
