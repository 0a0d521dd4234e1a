import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { KeyRing, SealError } from "../../../src/lib/key-ring.ts";
import type { Credential } from "../../../src/kv-store.ts";
import type { AccessToken } from "../../../src/identity.ts";
import { storageKeys } from "../../../src/kv-store/key-names.ts";
import {
  appErrorOf,
  createStore,
  createWorld,
  failureOf,
  json,
  KEY_A,
  KEY_B,
  START_MS,
  tokenKey,
} from "../fixtures.ts";

const CREDENTIAL: Credential = {
  version: 1,
  sub: "108204268033311374519",
  email: "ann@example.test",
  emailVerified: true,
  hostedDomain: null,
  refreshToken: "1//refresh-token-that-nobody-may-read",
  scopes: ["openid", "https://www.googleapis.com/auth/gmail.readonly"],
  clientId: "client",
  createdAtMs: START_MS,
  updatedAtMs: START_MS,
};

const ACCESS_TOKEN: AccessToken = {
  value: "ya29.access-token-that-nobody-may-read",
  expiresAtMs: START_MS + 3_600_000,
};

const SESSION = { id: "session-1", sub: CREDENTIAL.sub };
const KEY = storageKeys.credential(CREDENTIAL.sub);
const DAY_SECONDS = 24 * 60 * 60;

const world = createWorld(json({}));
const store = createStore(world);

type Method = "get" | "put" | "delete" | "list";

/** Real KV, of which the next `times` calls of some methods fail. */
function failingKv(methods: readonly Method[], times = Infinity): { kv: KVNamespace; failures: () => number } {
  let left = times;
  const kv = new Proxy(env.CREDENTIALS, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return async (...input: unknown[]): Promise<unknown> => {
        if (methods.some((method) => method === name) && left > 0) {
          left -= 1;
          throw new Error("KV PUT failed: 429 Too Many Requests");
        }
        return value.apply(target, input);
      };
    },
  });
  return { kv, failures: () => times - left };
}

async function names(): Promise<string[]> {
  return (await env.CREDENTIALS.list()).keys.map(({ name }) => name);
}

/** Seconds that the only stored value has left; null for ever. */
async function ttlSeconds(): Promise<number | null> {
  const { keys } = await env.CREDENTIALS.list();
  expect(keys).toHaveLength(1);
  const expiration = keys[0]?.expiration;
  return expiration === undefined ? null : expiration - Date.now() / 1000;
}

beforeEach(async () => {
  await reset();
  world.clock.nowMs = START_MS;
});

// What is left would expire while another file compares what is stored.
afterAll(() => reset());

describe("a credential", () => {
  test("is read as it was written", async () => {
    await store.writeCredential(CREDENTIAL);
    expect(await store.readCredential(CREDENTIAL.sub)).toEqual(CREDENTIAL);
  });

  test("that is not there is null", async () => {
    expect(await store.readCredential("nobody")).toBeNull();
  });

  test("is kept without end", async () => {
    await store.writeCredential(CREDENTIAL);
    expect(await ttlSeconds()).toBeNull();
    world.clock.nowMs += 10 * 365 * DAY_SECONDS * 1000;
    expect(await store.readCredential(CREDENTIAL.sub)).toEqual(CREDENTIAL);
  });

  test("is replaced by a newer one", async () => {
    await store.writeCredential(CREDENTIAL);
    await store.writeCredential({ ...CREDENTIAL, refreshToken: "newer" });
    expect(await store.readCredential(CREDENTIAL.sub)).toMatchObject({ refreshToken: "newer" });
    expect(await names()).toEqual([KEY]);
  });

  test("is opened with an older key of the ring, and sealed with the first", async () => {
    await store.writeCredential(CREDENTIAL);
    const rotated = createStore(world, { keys: [KEY_B, KEY_A] });
    expect(await rotated.readCredential(CREDENTIAL.sub)).toEqual(CREDENTIAL);
    await rotated.writeCredential(CREDENTIAL);
    const withoutOld = createStore(world, { keys: [KEY_B] });
    expect(await withoutOld.readCredential(CREDENTIAL.sub)).toEqual(CREDENTIAL);
  });

  test("under a key that is gone does not open, and says which", async () => {
    await store.writeCredential(CREDENTIAL);
    const error = await failureOf(createStore(world, { keys: [KEY_B] }).readCredential(CREDENTIAL.sub));
    expect(error).toMatchObject({ name: "SealError", code: "unknown-key", kid: "a" });
  });

  test("that was copied to another user's key does not open there", async () => {
    await store.writeCredential(CREDENTIAL);
    await env.CREDENTIALS.put(storageKeys.credential("mallory"), (await env.CREDENTIALS.get(KEY)) ?? "");
    expect(await failureOf(store.readCredential("mallory"))).toMatchObject({ code: "wrong-binding" });
    expect(await store.readCredential(CREDENTIAL.sub)).toEqual(CREDENTIAL);
  });

  test("that names another user than its key does not open", async () => {
    const sealed = await new KeyRing([KEY_A]).seal({ purpose: "credential", owner: KEY }, { ...CREDENTIAL, sub: "2" });
    await env.CREDENTIALS.put(KEY, sealed);
    expect(await failureOf(store.readCredential(CREDENTIAL.sub))).toMatchObject({ code: "wrong-binding" });
  });

  test("that was changed, or is sealed for something else, does not open", async () => {
    await store.writeCredential(CREDENTIAL);
    const sealed = (await env.CREDENTIALS.get(KEY)) ?? "";
    const accessToken = await new KeyRing([KEY_A]).seal({ purpose: "access-token", owner: KEY }, CREDENTIAL);
    for (const value of [sealed.slice(0, -4), JSON.stringify(CREDENTIAL), "", accessToken]) {
      await env.CREDENTIALS.put(KEY, value);
      expect(await failureOf(store.readCredential(CREDENTIAL.sub))).toBeInstanceOf(SealError);
    }
  });

  test.each<[string, object]>([
    ["a later version", { version: 2 }],
    ["no refresh token", { refreshToken: "" }],
    ["no client ID", { clientId: undefined }],
    ["scopes that are text", { scopes: "openid" }],
  ])("with %s does not open: malformed", async (_, changes) => {
    const record = { ...CREDENTIAL, ...changes };
    await env.CREDENTIALS.put(KEY, await new KeyRing([KEY_A]).seal({ purpose: "credential", owner: KEY }, record));
    expect(await failureOf(store.readCredential(CREDENTIAL.sub))).toMatchObject({ code: "malformed" });
  });

  test("is deleted, and its refresh token remembered as dead", async () => {
    await store.writeCredential(CREDENTIAL);
    await store.deleteCredential(CREDENTIAL.sub, CREDENTIAL.refreshToken);
    expect(await store.readCredential(CREDENTIAL.sub)).toBeNull();
    expect(await store.isDead(CREDENTIAL.refreshToken)).toBe(true);
  });

  test("that does not open is deleted all the same", async () => {
    await env.CREDENTIALS.put(KEY, "rubbish");
    await store.deleteCredential(CREDENTIAL.sub, null);
    expect(await names()).toEqual([]);
  });
});

describe("a dead refresh token", () => {
  test("is known by its value, and no other is", async () => {
    await store.markDead(CREDENTIAL.refreshToken);
    expect(await store.isDead(CREDENTIAL.refreshToken)).toBe(true);
    expect(await store.isDead(`${CREDENTIAL.refreshToken}x`)).toBe(false);
  });

  test("is known to the isolate that marked it without a look at storage, and to others by it", async () => {
    const here = createStore(world, { kv: failingKv(["get"]).kv });
    await here.markDead(CREDENTIAL.refreshToken);
    expect(await here.isDead(CREDENTIAL.refreshToken)).toBe(true);
    expect(await createStore(world).isDead(CREDENTIAL.refreshToken)).toBe(true);
  });

  test("is remembered for as long as Google lets one live unused, six months", async () => {
    await store.markDead(CREDENTIAL.refreshToken);
    const left = (await ttlSeconds()) ?? 0;
    expect(left).toBeGreaterThan(179 * DAY_SECONDS);
    expect(left).toBeLessThanOrEqual(185 * DAY_SECONDS);
  });

  test("does not touch the credential, which may be newer", async () => {
    await store.writeCredential(CREDENTIAL);
    await store.markDead(CREDENTIAL.refreshToken);
    expect(await store.readCredential(CREDENTIAL.sub)).toEqual(CREDENTIAL);
  });
});

describe("an access token", () => {
  test("is read by its session, and by no other", async () => {
    await store.writeAccessToken(SESSION, ACCESS_TOKEN);
    expect(await store.readAccessToken(SESSION)).toEqual(ACCESS_TOKEN);
    expect(await store.readAccessToken({ ...SESSION, id: "session-2" })).toBeNull();
    expect(await store.readAccessToken({ ...SESSION, sub: "2" })).toBeNull();
  });

  test("that was copied to another session's key does not open there", async () => {
    await store.writeAccessToken(SESSION, ACCESS_TOKEN);
    const other = { ...SESSION, id: "session-2" };
    const sealed = (await env.CREDENTIALS.get(storageKeys.accessToken(SESSION))) ?? "";
    await env.CREDENTIALS.put(storageKeys.accessToken(other), sealed);
    expect(await failureOf(store.readAccessToken(other))).toMatchObject({ code: "wrong-binding" });
  });

  test.each([
    ["an hour", 3_600_000, 3_600],
    ["a minute", 60_000, 60],
    ["a second, where KV takes no less than a minute", 1_000, 60],
    ["no time at all", -5_000, 60],
  ])("with %s to live is kept for %i ms → %i s", async (_, livesMs, expectedSeconds) => {
    await store.writeAccessToken(SESSION, { ...ACCESS_TOKEN, expiresAtMs: START_MS + livesMs });
    expect(Math.abs(((await ttlSeconds()) ?? 0) - expectedSeconds)).toBeLessThan(5);
  });

  test("does not open once it has expired, whether KV still has it or not", async () => {
    await store.writeAccessToken(SESSION, { ...ACCESS_TOKEN, expiresAtMs: START_MS + 30_000 });
    world.clock.nowMs += 30_000;
    expect(await failureOf(store.readAccessToken(SESSION))).toMatchObject({ code: "expired" });
  });

  test("is forgotten with its session", async () => {
    await store.writeAccessToken(SESSION, ACCESS_TOKEN);
    await store.deleteAccessToken(SESSION);
    expect(await store.readAccessToken(SESSION)).toBeNull();
  });

  test.each([
    ["another user's", ["2", "1", `${SESSION.sub}0`]],
    ["that of a user whose sub begins with this one and a colon", [`${SESSION.sub}:x`]],
  ])("of every session of a user is forgotten, and not %s", async (_, subs) => {
    const others = subs.map((sub) => ({ id: "session-1", sub }));
    for (const session of [SESSION, { ...SESSION, id: "session-2" }, ...others]) {
      await store.writeAccessToken(session, ACCESS_TOKEN);
    }
    await store.deleteAccessTokens(SESSION.sub);
    expect((await names()).toSorted()).toEqual(others.map((session) => storageKeys.accessToken(session)).toSorted());
  });
});

describe("an outage", () => {
  test("a write that fails once is tried again after more than a second", async () => {
    const sleepsBefore = world.sleeps.length;
    const { kv, failures } = failingKv(["put"], 1);
    await createStore(world, { kv }).writeCredential(CREDENTIAL);
    expect(failures()).toBe(1);
    expect(await store.readCredential(CREDENTIAL.sub)).toEqual(CREDENTIAL);
    expect(world.sleeps.slice(sleepsBefore)).toHaveLength(1);
    expect(world.sleeps.at(-1)).toBeGreaterThan(1_000);
  });

  test("a write that fails twice: 503 STORAGE_UNAVAILABLE, and what was stored stays", async () => {
    await store.writeCredential(CREDENTIAL);
    const { kv } = failingKv(["put"], 2);
    const error = await appErrorOf(createStore(world, { kv }).writeCredential({ ...CREDENTIAL, refreshToken: "new" }));
    expect(error).toMatchObject({ reason: "STORAGE_UNAVAILABLE", code: 503 });
    expect(error.message).not.toContain("KV");
    expect(await store.readCredential(CREDENTIAL.sub)).toEqual(CREDENTIAL);
  });

  test("a read or delete that fails: STORAGE_UNAVAILABLE, and never null", async () => {
    await store.writeCredential(CREDENTIAL);
    const down = createStore(world, { kv: failingKv(["get", "put", "delete", "list"]).kv });
    const works = [
      () => down.readCredential(CREDENTIAL.sub),
      () => down.isDead(CREDENTIAL.refreshToken),
      () => down.markDead(CREDENTIAL.refreshToken),
      () => down.readAccessToken(SESSION),
      () => down.writeAccessToken(SESSION, ACCESS_TOKEN),
      () => down.deleteAccessToken(SESSION),
      () => down.deleteAccessTokens(SESSION.sub),
      () => down.deleteCredential(CREDENTIAL.sub, null),
    ];
    for (const work of works) expect(await appErrorOf(work())).toMatchObject({ reason: "STORAGE_UNAVAILABLE" });
  });
});

test("no key and no value shows a token, an address or a key of the ring", async () => {
  await store.writeCredential(CREDENTIAL);
  await store.writeAccessToken(SESSION, ACCESS_TOKEN);
  await store.markDead(CREDENTIAL.refreshToken);
  const { keys } = await env.CREDENTIALS.list();
  const texts = await Promise.all(keys.map(async (key) => JSON.stringify([key, await env.CREDENTIALS.get(key.name)])));
  expect(texts).toHaveLength(3);
  for (const secret of [CREDENTIAL.refreshToken, ACCESS_TOKEN.value, "ann@example.test", tokenKey("a", 1).k]) {
    expect(texts.join()).not.toContain(secret);
    expect(texts.join()).not.toContain(btoa(secret).slice(4, -4));
  }
});
