/** What programs do with an API token, when it is refused, and what ends it. */
import { describe, describeInside, expect, inside, test } from "../support/contract.ts";
import { expectError } from "../support/errors.ts";
import { expectInvalidToken, listTokens, makeToken, withToken } from "../support/api-tokens.ts";
import type { Stage } from "../support/stage.ts";
import { call, GMAIL_READONLY, type Scene, signedIn, signIn } from "../support/scenes.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const MODIFY_SCOPES = `openid email profile ${GMAIL_READONLY} https://www.googleapis.com/auth/gmail.modify`;

async function withApiToken(
  open: Parameters<typeof signedIn>[0],
  options: Parameters<typeof signedIn>[1] = {},
  access = "read",
) {
  const scene = await signedIn(open, options);
  const made = await makeToken(scene.browser, { name: "script", access });
  return { ...scene, made, ask: (path: string) => withToken(scene.stage, made.token, { path }) };
}

async function firstId(ask: (path: string) => Promise<Response>): Promise<string> {
  const listing: { messages: { id: string }[] } = await (await ask("/api/messages?limit=1")).json();
  return listing.messages[0]?.id ?? "";
}

describe("an API token stands for its user", () => {
  test("at /api/me and /api/messages", { tags: ["process"] }, async ({ open }) => {
    const { ask, user } = await withApiToken(open);
    expect(await (await ask("/api/me")).json()).toMatchObject({ sub: user.sub, email: user.email });
    expect(await (await ask("/api/messages?limit=3")).json()).toMatchObject({ messages: { length: 3 } });
  });

  test("line by line", { tags: ["process"] }, async ({ open }) => {
    const { made, stage } = await withApiToken(open);
    const response = await withToken(stage, made.token, {
      path: "/api/messages?limit=all",
      headers: { accept: "application/x-ndjson" },
    });
    expect(response.headers.get("content-type")).toMatch(/^application\/x-ndjson/);
    const text = new TextDecoder().decode(await response.arrayBuffer());
    expect(text.trim().split("\n").length).toBeGreaterThanOrEqual(25);
  });

  test("at Gmail's own paths, by each of the user's names", { tags: ["process"] }, async ({ open }) => {
    const { ask, google, user } = await withApiToken(open);
    for (const name of ["me", user.sub, user.email, encodeURIComponent(user.email)]) {
      const response = await ask(`/gmail/v1/users/${name}/profile`);
      expect([response.status, await response.json()]).toMatchObject([200, { emailAddress: user.email }]);
    }
    expect((await google.calls("profile")).map(({ path }) => path)).toEqual(
      Array(4).fill("/gmail/v1/users/me/profile"),
    );
    const stranger = await google.addUser();
    await expectError(await ask(`/gmail/v1/users/${stranger.email}/profile`), 403, "PERMISSION_DENIED");
  });

  test("also for changes, from anywhere: it needs no Origin", async ({ open }) => {
    const { ask, google, made, stage } = await withApiToken(open, { vars: { GOOGLE_SCOPES: MODIFY_SCOPES } }, "full");
    const path = `/gmail/v1/users/me/messages/${await firstId(ask)}/modify`;
    for (const origin of [{}, { origin: "https://elsewhere.test", "sec-fetch-site": "cross-site" }]) {
      const headers = { "content-type": "application/json", ...origin };
      const request = { method: "POST", path, body: '{"addLabelIds":["STARRED"]}', headers };
      expect((await withToken(stage, made.token, request)).status).toBe(200);
    }
    expect(await google.count("modify")).toBe(2);
  });

  test("and never reaches Google itself", { tags: ["process"] }, async ({ open }) => {
    const { ask, google, made } = await withApiToken(open);
    await ask("/gmail/v1/users/me/profile");
    expect(JSON.stringify((await google.snapshot()).calls)).not.toContain(made.token);
  });

  test("and counts where a session comes with it", async ({ open }) => {
    const { browser, google, made, stage } = await withApiToken(open);
    const neighbour = stage.browser();
    const other = await google.addUser();
    await signIn(neighbour, other);
    const cookie = neighbour.jar.header() ?? "";
    const mine = await withToken(stage, made.token, { path: "/gmail/v1/users/me/profile", headers: { cookie } });
    expect(await mine.json()).not.toMatchObject({ emailAddress: other.email });
    expect(mine.headers.getSetCookie()).toEqual([]);
    expectInvalidToken(await withToken(stage, "gmedge_", { path: "/api/me", headers: { cookie } }));
    expect((await call(browser)).status).toBe(200);
  });

  test("in any spelling of Bearer", async ({ open }) => {
    const { made, stage } = await withApiToken(open);
    for (const scheme of ["bearer", "BEARER", "Bearer "]) {
      const headers = { authorization: `${scheme} ${made.token}` };
      expect((await stage.send({ path: "/api/me", headers })).status, scheme).toBe(200);
    }
  });
});

describe("401 invalid_token", () => {
  const wrong: [string, (token: string) => string][] = [
    ["unknown", () => `gmedge_${"A".repeat(92)}`],
    ["empty", () => ""],
    ["cut off", (token) => token.slice(0, -1)],
    ["too long", (token) => `${token}A`],
    ["without its prefix", (token) => token.slice("gmedge_".length)],
    ["in other letters", (token) => token.toUpperCase()],
    ["its own ID", () => "id"],
    ["Google's", () => "ya29.a0AfH6SMB"],
    ["very long", () => "x".repeat(20_000)],
    ["followed by something", (token) => `${token} x`],
  ];
  test.for(wrong)("for a token that is %s, without a call to Google", async ([, change], { open }) => {
    const { google, made, stage } = await withApiToken(open);
    const wrongToken = change(made.token) === "id" ? made.id : change(made.token);
    const response = await stage.send({ path: "/api/me", headers: { authorization: `Bearer ${wrongToken}` } });
    expectInvalidToken(response);
    await expectError(response, 401, "SIGN_IN_REQUIRED");
    expect(await google.count()).toBe(0);
  });
});

describeInside("a token's last moment", () => {
  test("is when it expires, also where it is remembered", async ({ open }) => {
    const { browser, stage } = await signedIn(open);
    const { token } = await makeToken(browser, { name: "x", expiresInDays: 1 });
    const ask = () => withToken(stage, token, { path: "/api/me" });
    await inside(stage).advance(DAY_MS - 5_000);
    expect((await ask()).status).toBe(200);
    await inside(stage).advance(5_000);
    expectInvalidToken(await ask());
    expectInvalidToken(await withToken(inside(stage).redeploy({}), token, { path: "/api/me" }));
  });
});

/** What ends every token of a user. */
const endings: [string, (scene: Scene) => Promise<unknown>][] = [
  ["signing out everywhere", ({ browser }) => browser.submit("/auth/logout?everywhere=true")],
  ["disconnecting", ({ browser }) => browser.submit("/auth/disconnect")],
  ["a new consent", newConsent],
];

async function newConsent({ browser, google, user }: Scene): Promise<void> {
  await google.act({ action: "revokeGrant", email: user.email });
  await browser.navigate("/auth/login?prompt=consent&return_to=%2Fhealthz", { person: { user: user.email } });
}

describe("an API token", () => {
  test.for(endings)("is ended by %s", async ([, end], { open }) => {
    const scene = await withApiToken(open);
    expect((await scene.ask("/api/me")).status).toBe(200);
    await end(scene);
    await settled(scene.stage);
    expectInvalidToken(await scene.ask("/api/me"));
    await signIn(scene.browser, scene.user);
    expect(await listTokens(scene.browser)).toEqual([]);
    expect(await scene.stage.stored()).not.toContain(scene.made.token);
  });

  test("survives signing out here", async ({ open }) => {
    const { ask, browser } = await withApiToken(open);
    await browser.submit("/auth/logout");
    expect((await ask("/api/messages?limit=1")).status).toBe(200);
  });

  test("whose user has removed the app at Google is told so: CONSENT_REQUIRED", async ({ open }) => {
    const { ask, google, user } = await withApiToken(open);
    await google.act({ action: "revokeGrant", email: user.email });
    await expectError(await ask("/api/messages"), 401, "CONSENT_REQUIRED");
  });
});

describe("signing out everywhere", () => {
  test("is not for a session that has ended: a copy of its cookie ends nothing", async ({ open }) => {
    const { ask, browser, stage, user } = await withApiToken(open);
    const thief = browser.copy();
    await browser.submit("/auth/logout");
    await signIn(browser, user);
    const response = await thief.fetch("/auth/logout?everywhere=true", { method: "POST", headers: { accept: "*/*" } });
    await expectError(response, 401, "SIGN_IN_REQUIRED");
    await settled(stage);
    expect((await ask("/api/me")).status).toBe(200);
    expect((await call(browser)).status).toBe(200);
  });
});

/** Work that goes on beside an answer is done. */
async function settled(stage: Stage): Promise<void> {
  if (stage.inside === undefined) await new Promise((resolve) => setTimeout(resolve, 300));
}

test("no answer, no log line and nothing that is stored holds a token but the one answer that gives it", async ({
  open,
}) => {
  const { ask, browser, made, stage } = await withApiToken(open);
  const answers = await Promise.all([ask("/api/me"), ask("/api/messages"), call(browser, "/api/tokens")]);
  for (const answer of answers) {
    expect(`${await answer.text()}${JSON.stringify([...answer.headers])}`).not.toContain(made.token);
  }
  expectInvalidToken(await withToken(stage, `${made.token}x`, { path: `/api/me?token=x` }));
  await settled(stage);
  const secret = made.token.slice("gmedge_".length);
  expect(stage.logs()).not.toContain(secret);
  expect(await stage.stored()).not.toContain(secret);
});
