/** No more is asked of Google, and no more is done, than GOOGLE_SCOPES says: also where a grant holds more. */
import { BATCH_TYPE, batchOf } from "../attacks/routes.ts";
import { makeToken, withToken } from "../support/api-tokens.ts";
import { describe, describeInside, expect, inside, test } from "../support/contract.ts";
import { expectError } from "../support/errors.ts";
import { call, GMAIL_READONLY, type Scene, signedIn, signIn } from "../support/scenes.ts";

const HOUR_MS = 60 * 60 * 1000;
const MODIFY = "https://www.googleapis.com/auth/gmail.modify";
const NARROW = `openid email profile ${GMAIL_READONLY}`;
const WIDE = `${NARROW} ${MODIFY}`;
const NARROW_AT_GOOGLE = [
  "openid",
  "https://www.googleapis.com/auth/userinfo.email",
  "https://www.googleapis.com/auth/userinfo.profile",
  GMAIL_READONLY,
];
const TRASH = "/gmail/v1/users/me/messages/1/trash";

/** What the last refresh asked for. */
async function refreshedScopes({ google }: Pick<Scene, "google">): Promise<string[]> {
  const form = new URLSearchParams((await google.calls("token:refresh")).at(-1)?.body);
  return (form.get("scope") ?? "").split(" ");
}

function trash({ browser, stage }: Scene): Promise<Response> {
  return browser.fetch(TRASH, { method: "POST", headers: { origin: stage.origin, accept: "application/json" } });
}

describe("a refresh", () => {
  test("asks for the scopes that were granted of GOOGLE_SCOPES, by the names that Google gave them", async ({
    open,
  }) => {
    const scene = await signedIn(open);
    await scene.google.act({ action: "killAccessTokens", email: scene.user.email });
    expect((await call(scene.browser)).status).toBe(200);
    expect((await refreshedScopes(scene)).toSorted()).toEqual(NARROW_AT_GOOGLE.toSorted());
  });

  test("that Google answers invalid_scope to is 403 SCOPE_REQUIRED with a way on, and nothing is deleted", async ({
    open,
  }) => {
    const { browser, google, user } = await signedIn(open);
    await google.act({ action: "killAccessTokens", email: user.email });
    await google.fault("token:refresh", { status: 400, body: { error: "invalid_scope" } });
    const { metadata } = await expectError(await call(browser), 403, "SCOPE_REQUIRED");
    expect(metadata["authorizationUrl"]).toContain("prompt=consent");
    expect((await call(browser)).status).toBe(200);
  });
});

describeInside("a grant that holds more than is asked for now", () => {
  test("is narrowed by the next refresh: the access token does not write, whatever sends it", async ({ open }) => {
    const scene = await signedIn(open, { vars: { GOOGLE_SCOPES: WIDE } });
    const stage = inside(scene.stage).redeploy({ GOOGLE_SCOPES: NARROW });
    const browser = stage.browser();
    await signIn(browser, scene.user);
    const { token } = await makeToken(browser);
    await inside(stage).advance(HOUR_MS);
    await scene.google.forgetCalls();
    expect((await withToken(stage, token, { path: "/api/messages?limit=1" })).status).toBe(200);
    expect((await refreshedScopes(scene)).toSorted()).toEqual(NARROW_AT_GOOGLE.toSorted());
    const [list] = await scene.google.calls("list");
    const authorization = list?.headers["authorization"] ?? "";
    // The token itself, past the Worker: Google refuses it.
    const direct = { method: "POST", headers: { authorization } };
    const response = await fetch(`${scene.google.origin}${TRASH.replace("trash", "modify")}`, direct);
    expect(response.status).toBe(403);
  });

  test("writes nothing: 403 SCOPE_REQUIRED without a call, with the session, an API token and in a batch", async ({
    open,
  }) => {
    const scene = await signedIn(open, { vars: { GOOGLE_SCOPES: WIDE } });
    const { token } = await makeToken(scene.browser, { name: "x", access: "full" });
    const stage = inside(scene.stage).redeploy({ GOOGLE_SCOPES: NARROW });
    const cookie = scene.browser.jar.header() ?? "";
    await scene.google.forgetCalls();
    const session = { cookie, origin: stage.origin, accept: "application/json" };
    const batch = { body: batchOf(TRASH, "POST"), headers: { "content-type": BATCH_TYPE } };
    for (const response of [
      await stage.send({ method: "POST", path: TRASH, headers: session }),
      await withToken(stage, token, { method: "POST", path: TRASH }),
      await withToken(stage, token, { method: "POST", path: "/batch/gmail/v1", ...batch }),
    ]) {
      const { metadata } = await expectError(response, 403, "SCOPE_REQUIRED");
      expect(metadata["requiredScopes"]).toBe(`https://mail.google.com/ ${MODIFY}`);
      expect(metadata).not.toHaveProperty("authorizationUrl");
    }
    expect(await scene.google.count()).toBe(0);
  });
});

describe("a write", () => {
  test("for which GOOGLE_SCOPES has no scope is 403 SCOPE_REQUIRED, and Google is not called", async ({ open }) => {
    const scene = await signedIn(open);
    await expectError(await trash(scene), 403, "SCOPE_REQUIRED");
    expect(await scene.google.count()).toBe(0);
  });

  test("for which GOOGLE_SCOPES has one that was granted reaches Google", async ({ open }) => {
    const scene = await signedIn(open, { vars: { GOOGLE_SCOPES: WIDE } });
    await trash(scene);
    expect(await scene.google.count()).toBe(1);
  });

  test("that is permanent needs the scope for everything, however much else there is", async ({ open }) => {
    const { browser, google, stage } = await signedIn(open, { vars: { GOOGLE_SCOPES: WIDE } });
    const headers = { origin: stage.origin, accept: "application/json" };
    for (const [method, resource] of [
      ["DELETE", "messages/1"],
      ["POST", "messages/batchDelete"],
      ["DELETE", "threads/1"],
      ["POST", "messages/batch%44elete"],
    ]) {
      const response = await browser.fetch(`/gmail/v1/users/me/${resource}`, { method: method ?? "", headers });
      const { metadata } = await expectError(response, 403, "SCOPE_REQUIRED");
      expect(metadata["requiredScopes"]).toBe("https://mail.google.com/");
    }
    expect(await google.count()).toBe(0);
  });

  test("of a watch needs no more than reading does", async ({ open }) => {
    const { browser, google, stage } = await signedIn(open);
    const headers = { origin: stage.origin, accept: "application/json" };
    await browser.fetch("/gmail/v1/users/me/stop", { method: "POST", headers });
    expect(await google.count()).toBe(1);
  });
});

test("the trip to Google does not ask for what was granted before", async ({ open }) => {
  const { browser } = await signedIn(open);
  const authorization = await browser.begin("");
  expect(authorization.searchParams.has("include_granted_scopes")).toBe(false);
  expect(authorization.searchParams.get("scope")).toBe(NARROW);
});
