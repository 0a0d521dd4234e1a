/** Rotating TOKEN_KEYS, seen from users: nobody is asked to sign in again, and what a missing key means. */
import { decodeProtectedHeader } from "jose";
import { storageKeys } from "../../../src/kv-store/key-names.ts";
import type { Browser } from "../../support/browser.ts";
import { describeInside, expect, inside, test } from "../../support/contract.ts";
import { expectError } from "../../support/errors.ts";
import { firstKeyOnly, operatorToken, rotate, withNewKey } from "../../support/rings.ts";
import { call, type Scene, signedIn, signIn } from "../../support/scenes.ts";
import type { Stage } from "../../support/stage.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

function sessionCookie(browser: Browser) {
  const [cookie] = browser.jar.named("session");
  if (cookie === undefined) throw new Error("the browser has no session");
  return cookie;
}

function kidOfCookie(browser: Browser): unknown {
  return decodeProtectedHeader(sessionCookie(browser).value).kid;
}

/** What is stored of the scene's user, by KV key: the kid in its header, and that in its metadata. */
async function kidsOf({ stage }: Scene, name: string): Promise<unknown[]> {
  const { value, metadata } = await inside(stage).kv.getWithMetadata<{ kid: string }>(name);
  return [value === null ? null : decodeProtectedHeader(value).kid, metadata?.kid];
}

/** The same Worker with a new first key, and the browser in front of it. */
function rotatedFrom({ stage, browser }: Scene): { rotated: Stage; tokenKeys: string; after: Browser } {
  const tokenKeys = withNewKey(stage.tokenKeys, "second");
  const rotated = inside(stage).redeploy({ TOKEN_KEYS: tokenKeys });
  const after = rotated.browser();
  browser.jar.copyTo(after.jar);
  return { rotated, tokenKeys, after };
}

async function makeApiToken(browser: Browser): Promise<{ id: string; token: string }> {
  const made = await browser.fetch("/api/tokens", {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify({ name: "mine" }),
  });
  expect(made.status).toBe(201);
  return made.json();
}

function callWithToken(stage: Stage, token: string): Promise<Response> {
  const headers = { authorization: `Bearer ${token}`, accept: "application/json" };
  return stage.send({ path: "/api/messages?limit=1", headers });
}

/** The walk from start to end; other tests' records are counted, too. */
async function walk(stage: Stage, tokenKeys: string): Promise<void> {
  const authorization = `Bearer ${await operatorToken(stage, { tokenKeys })}`;
  let cursor: string | null = null;
  do {
    const query: string = cursor === null ? "" : `?cursor=${encodeURIComponent(cursor)}`;
    const answer = await rotate(stage, authorization, query);
    expect(answer.status).toBe(200);
    ({ cursor } = await answer.json<{ cursor: string | null }>());
  } while (cursor !== null);
}

/** The Worker with another key only: nothing that is stored opens. */
function withoutKey({ stage }: Scene): Stage {
  return inside(stage).redeploy({ TOKEN_KEYS: firstKeyOnly(withNewKey(stage.tokenKeys, "second")) });
}

describeInside("with a new key in front, what is used is sealed anew", () => {
  test("a session cookie with the next answer; it ends when it would have ended", async ({ open }) => {
    const scene = await signedIn(open);
    const ends = sessionCookie(scene.browser).expiresAtMs;
    await inside(scene.stage).advance(10 * DAY_MS);
    const { rotated, tokenKeys, after } = rotatedFrom(scene);
    expect((await after.fetch("/auth/login")).status).toBe(302);
    expect(kidOfCookie(after)).toBe("first");
    await call(after, "/api/me");
    expect(kidOfCookie(after)).toBe("second");
    expect(Math.abs(sessionCookie(after).expiresAtMs - ends)).toBeLessThan(2_000);
    expect(after.jar.refused).toEqual([]);
    const alone = inside(rotated)
      .redeploy({ TOKEN_KEYS: firstKeyOnly(tokenKeys) })
      .browser();
    after.jar.copyTo(alone.jar);
    expect((await call(alone, "/api/me")).status).toBe(200);
    await inside(scene.stage).advance(20 * DAY_MS);
    expect((await call(alone, "/api/me")).status).toBe(401);
  });

  test("a session cookie once: the answer after that sets none", async ({ open }) => {
    const scene = await signedIn(open);
    const { after } = rotatedFrom(scene);
    await call(after);
    const seen = after.jar.seen.length;
    await call(after);
    expect(after.jar.seen).toHaveLength(seen);
  });

  test("a session cookie that would be too long under the new kid loses what does not fit, and no one signs in again", async ({
    open,
  }) => {
    const scene = await signedIn(open);
    const kid = "k".repeat(128);
    const { browser, user, google } = scene;
    // A cookie some bytes below the limit of 3,936; base64url makes 4 characters of 3.
    const room = Math.floor((3_900 - sessionCookie(browser).value.length) * 0.75);
    const picture = `https://p.test/${"p".repeat(room + (user.picture ?? "").length - 15)}`;
    await google.act({ action: "addUser", user: { ...user, picture } });
    await signIn(browser, user);
    expect(sessionCookie(browser).value.length).toBeGreaterThan(3_850);
    const rotated = inside(scene.stage).redeploy({ TOKEN_KEYS: withNewKey(scene.stage.tokenKeys, kid) });
    const after = rotated.browser();
    browser.jar.copyTo(after.jar);
    expect((await call(after)).status).toBe(200);
    expect(after.jar.refused).toEqual([]);
    expect(kidOfCookie(after)).toBe(kid);
  });

  test("a credential when its refresh token has just served", async ({ open }) => {
    const scene = await signedIn(open);
    const name = storageKeys.credential(scene.user.sub);
    await inside(scene.stage).advance(2 * HOUR_MS);
    const { after } = rotatedFrom(scene);
    expect(await kidsOf(scene, name)).toEqual(["first", "first"]);
    expect((await call(after)).status).toBe(200);
    expect(await kidsOf(scene, name)).toEqual(["second", "second"]);
  });

  test("a credential not, when Google has refused its refresh token", async ({ open }) => {
    const scene = await signedIn(open);
    await inside(scene.stage).advance(2 * HOUR_MS);
    const { after } = rotatedFrom(scene);
    await scene.google.always("token:refresh", "invalid_grant");
    await expectError(await call(after), 401, "CONSENT_REQUIRED");
    expect(await kidsOf(scene, storageKeys.credential(scene.user.sub))).toEqual(["first", "first"]);
  });

  test("the grant of a user who had ended all sessions, too", async ({ open }) => {
    const scene = await signedIn(open);
    const { browser, stage, user } = scene;
    await browser.fetch("/auth/logout?everywhere=true", { method: "POST" });
    await inside(stage).advance(2 * HOUR_MS);
    const { rotated } = rotatedFrom(scene);
    const again = rotated.browser();
    expect(await signIn(again, user)).toBe(1);
    await inside(stage).advance(2 * HOUR_MS);
    expect((await call(again)).status).toBe(200);
    expect(await kidsOf(scene, storageKeys.credential(user.sub))).toEqual(["second", "second"]);
  });
});

describeInside("after the walk", () => {
  test("the old key can go: credential, address and API tokens serve without it", async ({ open }) => {
    const scene = await signedIn(open);
    const { browser, user } = scene;
    const { token } = await makeApiToken(browser);
    const { rotated, tokenKeys } = rotatedFrom(scene);
    await walk(rotated, tokenKeys);
    for (const name of [storageKeys.credential(user.sub), await storageKeys.address(user.email)]) {
      expect(await kidsOf(scene, name)).toEqual(["second", "second"]);
    }
    const alone = inside(rotated).redeploy({ TOKEN_KEYS: firstKeyOnly(tokenKeys) });
    await inside(scene.stage).advance(2 * HOUR_MS);
    expect((await callWithToken(alone, token)).status).toBe(200);
    // A cookie under the old key is nobody's: one silent trip to Google.
    const back = alone.browser();
    browser.jar.copyTo(back.jar);
    await expectError(await call(back), 401, "SIGN_IN_REQUIRED");
    expect(await signIn(back, user)).toBe(1);
  });
});

describeInside("a key that was taken away too early", () => {
  test("at refresh: 500; the log names it, the answer does not", async ({ open }) => {
    const scene = await signedIn(open, { vars: { TOKEN_KEYS: withNewKey(firstRing(), "gone-at-refresh") } });
    // The cookie is sealed anew while both keys are there; the credential is not.
    const { rotated, tokenKeys, after } = rotatedFrom(scene);
    await call(after, "/api/me");
    const alone = inside(rotated)
      .redeploy({ TOKEN_KEYS: firstKeyOnly(tokenKeys) })
      .browser();
    after.jar.copyTo(alone.jar);
    await inside(scene.stage).advance(2 * HOUR_MS);
    const answer = await call(alone);
    const text = await answer.clone().text();
    await expectError(answer, 500, "INTERNAL");
    expect(text).not.toContain("gone-at-refresh");
    expect(scene.stage.logs()).toMatch(/"detail":"A credential is sealed under kid gone-at-refresh, which TOKEN_KEYS/);
    expect(await scene.google.count("token:refresh")).toBe(0);
  });

  test("by an API token, which does not depend on it: 500 where the grant is needed, until the key is back", async ({
    open,
  }) => {
    const scene = await signedIn(open);
    const { token } = await makeApiToken(scene.browser);
    await expectError(await callWithToken(withoutKey(scene), token), 500, "INTERNAL");
    expect((await callWithToken(scene.stage, token)).status, "where the key is there").toBe(200);
  });

  test("at sign-in: a warning in the log, and the person consents once more", async ({ open }) => {
    const scene = await signedIn(open, { vars: { TOKEN_KEYS: withNewKey(firstRing(), "gone-at-sign-in") } });
    const browser = withoutKey(scene).browser();
    expect(await signIn(browser, scene.user)).toBe(2);
    expect(scene.stage.logs()).toMatch(/"level":"warn".*"detail":"A credential is sealed under kid gone-at-sign-in,/);
    expect((await call(browser)).status).toBe(200);
  });

  test("and is added again: all is well, and nobody had to do anything", async ({ open }) => {
    const scene = await signedIn(open);
    await expectError(
      await call(Object.assign(withoutKey(scene).browser(), { jar: scene.browser.jar })),
      401,
      "SIGN_IN_REQUIRED",
    );
    const { after } = rotatedFrom(scene);
    expect((await call(after)).status).toBe(200);
  });
});

function firstRing(): string {
  return JSON.stringify({ keys: [{ kty: "oct", kid: "first", k: "A".repeat(43) }] });
}
