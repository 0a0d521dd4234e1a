import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { toAccessToken } from "../../../src/auth/grant.ts";
import type { AccessToken } from "../../../src/identity.ts";
import { storageKeys } from "../../../src/kv-store/key-names.ts";
import { appErrorOf, createStore, START_MS } from "../fixtures.ts";
import {
  createGoogle,
  createGrant,
  CREDENTIAL,
  failRead,
  failWrite,
  GMAIL,
  GMAIL_URL,
  isDead,
  refusal,
  stored,
} from "./fixtures-grant.ts";

/** Storage whose access token lives for `livesMs`. */
function storedFor(livesMs: number) {
  return async (): Promise<AccessToken> => ({ value: "stored", expiresAtMs: START_MS + livesMs });
}

beforeEach(async () => {
  await reset();
  await createStore(createGoogle().world).writeCredential(CREDENTIAL);
});

describe("an access token", () => {
  test("that is good is used, and nothing else is asked", async () => {
    const { google, world } = createGoogle({ accepts: ["held"] });
    const grant = createGrant(world, {
      store: createStore(world, { kv: new Proxy(env.CREDENTIALS, { get: failRead }) }),
    });
    const headers = new Headers({ "X-A": "b" });
    const response = await grant.fetch(GMAIL_URL, { method: "POST", body: "x", headers }, GMAIL);
    expect(await response.json()).toEqual({ token: "held" });
    expect([google.refreshes, world.calls.length]).toEqual([0, 1]);
    expect(world.calls[0]).toMatchObject({ method: "POST", body: "x" });
    expect(world.calls[0]?.headers.get("X-A")).toBe("b");
    expect(headers.has("Authorization")).toBe(false);
    expect(grant.tokenChange).toBeUndefined();
  });

  test.each([60_000, 1, 0, -1])("with %i ms to live is refreshed before it is used", async (livesMs) => {
    const { google, world } = createGoogle({ accepts: ["fresh-1"] });
    const grant = createGrant(world, { accessToken: { value: "held", expiresAtMs: START_MS + livesMs } });
    expect((await grant.fetch(GMAIL_URL, {}, GMAIL)).status).toBe(200);
    expect([google.refreshes, world.calls.length]).toEqual([1, 2]);
    expect(grant.tokenChange).toEqual({ value: "fresh-1", expiresAtMs: START_MS + 3_600_000 });
  });

  test("with more than a minute to live is not refreshed", async () => {
    const { google, world } = createGoogle({ accepts: ["held"] });
    const grant = createGrant(world, { accessToken: { value: "held", expiresAtMs: START_MS + 60_001 } });
    expect((await grant.fetch(GMAIL_URL, {}, GMAIL)).status).toBe(200);
    expect(google.refreshes).toBe(0);
  });

  test("that storage keeps is used where the cookie has none, and refreshed where it is no good", async () => {
    const { google, world } = createGoogle({ accepts: ["stored", "fresh-1"] });
    const good = createGrant(world, { accessToken: null, readStoredAccessToken: storedFor(61_000) });
    expect(good.inUse).toBeNull();
    expect(await (await good.fetch(GMAIL_URL, {}, GMAIL)).json()).toEqual({ token: "stored" });
    expect(good.inUse).toEqual({ value: "stored", expiresAtMs: START_MS + 61_000 });
    expect(google.refreshes).toBe(0);
    const old = createGrant(world, { accessToken: null, readStoredAccessToken: storedFor(60_000) });
    expect(await (await old.fetch(GMAIL_URL, {}, GMAIL)).json()).toEqual({ token: "fresh-1" });
  });

  test("that storage keeps and that does not open is refreshed", async () => {
    const { world } = createGoogle({ accepts: ["fresh-1"] });
    const session = { id: "s", sub: "1" };
    await env.CREDENTIALS.put(storageKeys.accessToken(session), "rubbish");
    const store = createStore(world);
    const readStoredAccessToken = () => store.readAccessToken(session);
    const grant = createGrant(world, { accessToken: null, readStoredAccessToken });
    expect((await grant.fetch(GMAIL_URL, {}, GMAIL)).status).toBe(200);
  });

  test("lives for as long as Google says, in whole milliseconds", () => {
    const response = { accessToken: "a", expiresInSeconds: 0.0015, scopes: null, refreshToken: null, idToken: null };
    expect(toAccessToken(response, START_MS)).toEqual({ value: "a", expiresAtMs: START_MS + 1 });
  });
});

describe("401", () => {
  test("is answered by one refresh and one replay of the same call", async () => {
    const { google, world } = createGoogle({ accepts: ["fresh-1"] });
    const grant = createGrant(world);
    const response = await grant.fetch(GMAIL_URL, { method: "POST", body: "again" }, GMAIL);
    expect(response.status).toBe(200);
    expect(google.refreshes).toBe(1);
    expect(world.calls.filter((call) => call.body === "again")).toHaveLength(2);
    expect(grant.tokenChange).toMatchObject({ value: "fresh-1" });
  });

  test("of several calls at once shares one refresh", async () => {
    const { google, world } = createGoogle({ accepts: ["fresh-1"] });
    const grant = createGrant(world);
    const responses = await Promise.all(Array.from({ length: 5 }, () => grant.fetch(GMAIL_URL, {}, GMAIL)));
    expect(responses.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(google.refreshes).toBe(1);
  });

  test("that comes late, when another call has refreshed, is answered with that token", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const before = async (index: number): Promise<unknown> => (index === 0 ? promise : null);
    const { google, world } = createGoogle({ accepts: ["fresh-1"], before });
    const grant = createGrant(world);
    const late = grant.fetch(GMAIL_URL, {}, GMAIL);
    await vi.waitFor(() => expect(world.calls).toHaveLength(1));
    expect((await grant.fetch(GMAIL_URL, {}, GMAIL)).status).toBe(200);
    resolve();
    expect((await late).status).toBe(200);
    expect(google.refreshes).toBe(1);
  });

  test("again after the replay: CONSENT_REQUIRED, with the way to consent, and no token is left", async () => {
    const { google, world } = createGoogle();
    const grant = createGrant(world);
    const error = await appErrorOf(grant.fetch(GMAIL_URL, {}, GMAIL));
    expect(error).toMatchObject({
      reason: "CONSENT_REQUIRED",
      code: 401,
      signInAgain: { prompt: "consent", loginHint: "ann@example.test" },
    });
    expect(google.refreshes).toBe(1);
    expect(grant.tokenChange).toBeNull();
    expect(await stored()).toEqual(CREDENTIAL);
    expect(await isDead()).toBe(false);
  });

  test("of a token that was just refreshed forces one more refresh, and then ends", async () => {
    const { google, world } = createGoogle();
    const grant = createGrant(world, { accessToken: null });
    expect(await appErrorOf(grant.fetch(GMAIL_URL, {}, GMAIL))).toMatchObject({ reason: "CONSENT_REQUIRED" });
    expect(google.refreshes).toBe(2);
    expect(world.calls.filter(({ url }) => url.href === GMAIL_URL)).toHaveLength(2);
  });

  test("of every call of a long listing ends after one refresh, not one for each", async () => {
    const { google, world } = createGoogle();
    const grant = createGrant(world);
    for (let call = 0; call < 3; call += 1) {
      expect(await appErrorOf(grant.fetch(GMAIL_URL, {}, GMAIL))).toMatchObject({ reason: "CONSENT_REQUIRED" });
    }
    expect(google.refreshes).toBe(1);
  });

  test("names the user by sub where there is no address", async () => {
    const grant = createGrant(createGoogle().world, { user: { sub: "1", email: null } });
    expect((await appErrorOf(grant.fetch(GMAIL_URL, {}, GMAIL))).signInAgain).toMatchObject({ loginHint: "1" });
  });
});

describe("a grant that is gone: CONSENT_REQUIRED", () => {
  test("refresh answers invalid_grant: the token is remembered as dead, and the record stays", async () => {
    const { world } = createGoogle({ refresh: refusal("invalid_grant") });
    const grant = createGrant(world);
    expect(await appErrorOf(grant.fetch(GMAIL_URL, {}, GMAIL))).toMatchObject({ reason: "CONSENT_REQUIRED" });
    // It is written beside the answer.
    await expect.poll(isDead).toBe(true);
    expect(await stored()).toEqual(CREDENTIAL);
    expect(grant.tokenChange).toBeNull();
  });

  test("a token that is known to be dead is not tried", async () => {
    const { google, world } = createGoogle();
    await createStore(world).markDead(CREDENTIAL.refreshToken);
    const grant = createGrant(world, { accessToken: null });
    expect(await appErrorOf(grant.accessToken())).toMatchObject({ reason: "CONSENT_REQUIRED" });
    expect(google.refreshes).toBe(0);
  });

  test("a newer refresh token is tried, although the one before is dead", async () => {
    const { world } = createGoogle();
    await createStore(world).markDead(CREDENTIAL.refreshToken);
    await createStore(world).writeCredential({ ...CREDENTIAL, refreshToken: "newer" });
    expect(await createGrant(world, { accessToken: null }).accessToken()).toBe("fresh-1");
  });

  test("nothing is stored", async () => {
    await reset();
    const { google, world } = createGoogle();
    expect(await appErrorOf(createGrant(world).fetch(GMAIL_URL, {}, GMAIL))).toMatchObject({
      reason: "CONSENT_REQUIRED",
    });
    expect(google.refreshes).toBe(0);
  });

  test("the record was made for another client ID: it is not sent to Google, and stays", async () => {
    const other = { ...CREDENTIAL, clientId: "another-client" };
    const { google, world } = createGoogle();
    await createStore(world).writeCredential(other);
    const error = await appErrorOf(createGrant(world, { accessToken: null }).accessToken());
    expect(error).toMatchObject({ reason: "CONSENT_REQUIRED" });
    expect(google.refreshes).toBe(0);
    expect(await stored()).toEqual(other);
  });

  test("the record does not open, for it was changed", async () => {
    const { google, world } = createGoogle();
    await env.CREDENTIALS.put(storageKeys.credential("1"), "rubbish");
    const error = await appErrorOf(createGrant(world, { accessToken: null }).accessToken());
    expect(error).toMatchObject({ reason: "CONSENT_REQUIRED" });
    expect(google.refreshes).toBe(0);
  });

  test("the dead mark cannot be written: the person is led to consent all the same", async () => {
    const { world } = createGoogle({ refresh: refusal("invalid_grant") });
    const kv = new Proxy(env.CREDENTIALS, { get: failWrite });
    const grant = createGrant(world, { store: createStore(world, { kv }) });
    expect(await appErrorOf(grant.fetch(GMAIL_URL, {}, GMAIL))).toMatchObject({ reason: "CONSENT_REQUIRED" });
  });
});
