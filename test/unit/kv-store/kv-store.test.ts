/** A user's grant at rest: the credential, whose an address is, and the refresh tokens that Google calls dead. */
import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { KeyRing, SealError, sha512 } from "../../../src/lib/key-ring.ts";
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
import { CREDENTIAL as ANN, failRead } from "../auth/fixtures-grant.ts";

const CREDENTIAL = { ...ANN, sub: "108204268033311374519", refreshToken: "1//refresh-token-that-nobody-may-read" };
const KEY = storageKeys.credential(CREDENTIAL.sub);
const DAY_SECONDS = 24 * 60 * 60;

const world = createWorld(json({}));
const store = createStore(world);

/** Real KV, of which the next `times` writes fail. */
function failingWrites(times: number): KVNamespace {
  let left = times;
  return new Proxy(env.CREDENTIALS, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return async (...input: unknown[]): Promise<unknown> => {
        if (name === "put" && left-- > 0) throw new Error("KV PUT failed: 429 Too Many Requests");
        return Reflect.apply(value, target, input);
      };
    },
  });
}

beforeEach(async () => {
  await reset();
  world.clock.nowMs = START_MS;
});

// What is left would expire while another file compares what is stored.
afterAll(() => reset());

describe("a credential", () => {
  test("is found as it was written, without end, and replaced by a newer one", async () => {
    expect(await store.findCredential(CREDENTIAL.sub)).toBeNull();
    await store.writeCredential(CREDENTIAL);
    const found = { credential: CREDENTIAL, isOutdated: false };
    expect(await store.findCredential(CREDENTIAL.sub)).toEqual(found);
    world.clock.nowMs += 10 * 365 * DAY_SECONDS * 1000;
    expect(await store.openCredential(CREDENTIAL.sub, await store.sealCredential(CREDENTIAL))).toEqual(found);
    await store.writeCredential({ ...CREDENTIAL, refreshToken: "newer" });
    expect(await store.findCredential(CREDENTIAL.sub)).toMatchObject({ credential: { refreshToken: "newer" } });
    const { keys } = await env.CREDENTIALS.list({ prefix: KEY });
    expect(keys).toEqual([{ name: KEY, metadata: { kid: "a" } }]);
  });

  test("is opened with an older key of the ring, which is told, and sealed with the first", async () => {
    await store.writeCredential(CREDENTIAL);
    const rotated = createStore(world, { keys: [KEY_B, KEY_A] });
    expect(await rotated.findCredential(CREDENTIAL.sub)).toEqual({ credential: CREDENTIAL, isOutdated: true });
    await rotated.writeCredential(CREDENTIAL);
    expect(await createStore(world, { keys: [KEY_B] }).findCredential(CREDENTIAL.sub)).toMatchObject({
      isOutdated: false,
    });
  });

  test("under a key that is gone does not open, and says which", async () => {
    await store.writeCredential(CREDENTIAL);
    const error = await failureOf(createStore(world, { keys: [KEY_B] }).findCredential(CREDENTIAL.sub));
    expect(error).toMatchObject({ name: "SealError", code: "unknown-key", kid: "a" });
  });

  test("of another user's key, or that names another user than its key, does not open", async () => {
    const sealed = await store.sealCredential(CREDENTIAL);
    await env.CREDENTIALS.put(storageKeys.credential("mallory"), sealed);
    expect(await failureOf(store.findCredential("mallory"))).toMatchObject({ code: "wrong-binding" });
    const other = await new KeyRing([KEY_A]).seal({ purpose: "credential", owner: KEY }, { ...CREDENTIAL, sub: "2" });
    await env.CREDENTIALS.put(KEY, other);
    expect(await failureOf(store.findCredential(CREDENTIAL.sub))).toMatchObject({ code: "wrong-binding" });
  });

  test("that was changed, or is sealed for something else, does not open", async () => {
    const sealed = await store.sealCredential(CREDENTIAL);
    const accessToken = await new KeyRing([KEY_A]).seal({ purpose: "access-token", owner: KEY }, CREDENTIAL);
    for (const value of [sealed.slice(0, -4), JSON.stringify(CREDENTIAL), "", accessToken]) {
      await env.CREDENTIALS.put(KEY, value);
      expect(await failureOf(store.findCredential(CREDENTIAL.sub))).toBeInstanceOf(SealError);
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
    expect(await failureOf(store.findCredential(CREDENTIAL.sub))).toMatchObject({ code: "malformed" });
  });

  test("is deleted, also where it does not open", async () => {
    for (const value of [await store.sealCredential(CREDENTIAL), "rubbish"]) {
      await env.CREDENTIALS.put(KEY, value);
      await store.deleteCredential(CREDENTIAL.sub);
      expect(await store.findCredential(CREDENTIAL.sub)).toBeNull();
    }
  });
});

describe("an address", () => {
  test("leads to its user, in whatever case it is written", async () => {
    await store.writeAddress("Ann@Example.test", "1");
    expect(await store.readAddress("ann@example.TEST")).toBe("1");
    expect(await store.readAddress("bob@example.test")).toBeNull();
  });

  test.each(["\u212Aim@example.test", "k\u0131m@example.test", "k\u0130m@example.test", "kim@example.te\u017Ft"])(
    "is not that of another script's letters that look like it: %s",
    async (lookalike) => {
      await store.writeAddress("kim@example.test", "1");
      expect(await store.readAddress(lookalike)).toBeNull();
      await store.writeAddress(lookalike, "2");
      expect(await store.readAddress("KIM@example.test")).toBe("1");
    },
  );

  test("belongs to the newest user who signed in with it, and is forgotten by no other", async () => {
    for (const sub of ["1", "2"]) await store.writeAddress("ann@example.test", sub);
    await store.deleteAddress("ann@example.test", "1");
    expect(await store.readAddress("ann@example.test")).toBe("2");
    await store.deleteAddress("ann@example.test", "2");
    expect(await store.readAddress("ann@example.test")).toBeNull();
  });

  test("that does not open is nobody's: reading says so, and deleting leaves it", async () => {
    const key = await storageKeys.address("ann@example.test");
    await env.CREDENTIALS.put(key, "rubbish");
    expect(await failureOf(store.readAddress("ann@example.test"))).toMatchObject({ code: "malformed" });
    await store.deleteAddress("ann@example.test", "1");
    expect(await env.CREDENTIALS.get(key)).toBe("rubbish");
  });
});

describe("a refresh token that Google calls dead", () => {
  const token = "1//0e-a-refresh-token-of-these-tests";
  const bytes = new TextEncoder();

  test.each<[string, () => Promise<string>]>([
    ["its first 16 characters", async () => token.slice(0, 16)],
    ["SHA-512 of its SHA-512", async () => (await sha512(await sha512(bytes.encode(token)))).toBase64()],
    [
      "SHA-512 of its SHA-512 in hex",
      async () => (await sha512(bytes.encode((await sha512(bytes.encode(token))).toHex()))).toBase64(),
    ],
  ])("by %s is dead for six months, and no other is", async (_, identify) => {
    const identifier = await identify();
    await store.markIdentifierDead(identifier.length === 16 ? "prefix" : "hash_base64_sha512_sha512", identifier);
    expect(await store.isNamedDead(token)).toBe(true);
    expect(await store.isNamedDead(`2${token}`)).toBe(false);
    const [mark] = (await env.CREDENTIALS.list()).keys;
    const days = ((mark?.expiration ?? 0) - Date.now() / 1000) / DAY_SECONDS;
    expect(days).toBeGreaterThan(179);
    expect(days).toBeLessThan(185);
  });

  test("is not dead by what is the same text under the other name", async () => {
    await store.markIdentifierDead("hash_base64_sha512_sha512", token.slice(0, 16));
    expect(await store.isNamedDead(token)).toBe(false);
  });
});

describe("an outage", () => {
  test("a write that fails once is tried again after more than a second", async () => {
    const sleepsBefore = world.sleeps.length;
    await createStore(world, { kv: failingWrites(1) }).writeCredential(CREDENTIAL);
    expect(await store.findCredential(CREDENTIAL.sub)).toMatchObject({ credential: CREDENTIAL });
    expect(world.sleeps.slice(sleepsBefore)).toHaveLength(1);
    expect(world.sleeps.at(-1)).toBeGreaterThan(1_000);
  });

  test("a write that fails twice: 503 STORAGE_UNAVAILABLE, and what was stored stays", async () => {
    await store.writeCredential(CREDENTIAL);
    const failing = createStore(world, { kv: failingWrites(2) });
    const error = await appErrorOf(failing.writeCredential({ ...CREDENTIAL, refreshToken: "new" }));
    expect(error).toMatchObject({ reason: "STORAGE_UNAVAILABLE", code: 503 });
    expect(error.message).not.toContain("KV");
    expect(await store.findCredential(CREDENTIAL.sub)).toMatchObject({ credential: CREDENTIAL });
  });

  test("of everything: STORAGE_UNAVAILABLE, and never null", async () => {
    const down = createStore(world, { kv: new Proxy(env.CREDENTIALS, { get: failRead }) });
    const works = [
      () => down.findCredential(CREDENTIAL.sub),
      () => down.writeCredential(CREDENTIAL),
      () => down.deleteCredential(CREDENTIAL.sub),
      () => down.readAddress("ann@example.test"),
      () => down.writeAddress("ann@example.test", "1"),
      () => down.deleteAddress("ann@example.test", "1"),
      () => down.isNamedDead(CREDENTIAL.refreshToken),
      () => down.markIdentifierDead("prefix", "x"),
    ];
    for (const work of works) {
      const error = await appErrorOf(work());
      expect(error).toMatchObject({ reason: "STORAGE_UNAVAILABLE", cause: { message: "KV is down" } });
    }
  });
});

test("no key and no value shows a token, an address or a key of the ring", async () => {
  await store.writeCredential(CREDENTIAL);
  await store.writeAddress("ann@example.test", CREDENTIAL.sub);
  await store.markIdentifierDead("prefix", CREDENTIAL.refreshToken.slice(0, 16));
  const { keys } = await env.CREDENTIALS.list();
  const texts = await Promise.all(keys.map(async (key) => JSON.stringify([key, await env.CREDENTIALS.get(key.name)])));
  expect(texts).toHaveLength(3);
  for (const secret of [CREDENTIAL.refreshToken.slice(0, 16), "ann@example.test", tokenKey("a", 1).k]) {
    expect(texts.join()).not.toContain(secret);
    expect(texts.join()).not.toContain(btoa(secret).slice(4, -4));
  }
});
