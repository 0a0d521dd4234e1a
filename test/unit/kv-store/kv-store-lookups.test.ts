/** What storage keeps beside a credential: whose an address is, dead marks by Google's names, the record under a new key. */
import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { sha512 } from "../../../src/lib/key-ring.ts";
import { Revocations } from "../../../src/kv-store/revocations.ts";
import { storageKeys } from "../../../src/kv-store/key-names.ts";
import {
  appErrorOf,
  createKv,
  createStore,
  createWorld,
  failureOf,
  json,
  KEY_A,
  KEY_B,
  START_MS,
} from "../fixtures.ts";
import { CREDENTIAL } from "../auth/fixtures-grant.ts";

const world = createWorld(json({}));
const store = createStore(world);
const rotated = createStore(world, { keys: [KEY_B, KEY_A] });
const KEY = storageKeys.credential(CREDENTIAL.sub);

/** Real KV, with `before` run ahead of each call of `method`. */
function interruptedKv(method: string, before: () => Promise<void>): KVNamespace {
  return new Proxy(env.CREDENTIALS, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return async (...input: unknown[]): Promise<unknown> => {
        if (name === method) await before();
        return value.apply(target, input);
      };
    },
  });
}

async function kidOfRecord(): Promise<unknown> {
  const { value, metadata } = await env.CREDENTIALS.getWithMetadata(KEY);
  return value === null ? null : metadata;
}

beforeEach(async () => {
  await reset();
  world.clock.nowMs = START_MS;
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

  test("belongs to the newest user who signed in with it", async () => {
    await store.writeAddress("ann@example.test", "1");
    await store.writeAddress("ann@example.test", "2");
    expect(await store.readAddress("ann@example.test")).toBe("2");
  });

  test("is forgotten by its user, and by no other", async () => {
    await store.writeAddress("ann@example.test", "2");
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

  test("is not taken for forgotten while storage is down: STORAGE_UNAVAILABLE", async () => {
    const kv = new Proxy(env.CREDENTIALS, { get: () => () => Promise.reject(new Error("down")) });
    const error = await appErrorOf(createStore(world, { kv }).deleteAddress("ann@example.test", "1"));
    expect(error).toMatchObject({ reason: "STORAGE_UNAVAILABLE", message: expect.stringContaining("Our storage") });
    expect(error.cause).toMatchObject({ message: "down" });
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
  ])("by %s is dead, and no other is", async (_, identify) => {
    const identifier = await identify();
    await store.markIdentifierDead(identifier.length === 16 ? "prefix" : "hash_base64_sha512_sha512", identifier);
    expect(await store.isDead(token)).toBe(true);
    expect(await store.isDead(`2${token}`)).toBe(false);
  });

  test("is not dead by what is the same text under the other name", async () => {
    await store.markIdentifierDead("hash_base64_sha512_sha512", token.slice(0, 16));
    expect(await store.isDead(token)).toBe(false);
  });
});

describe("a credential under an older key, once Google has accepted its refresh token", () => {
  test("is written back under the active one, whichever request has read it", async () => {
    await store.writeCredential(CREDENTIAL);
    const found = (await rotated.findCredential("1"))!;
    expect(found).toEqual({ credential: CREDENTIAL, isOutdated: true });
    expect(await createStore(world, { keys: [KEY_B, KEY_A] }).reseal(found)).toBe("resealed");
    expect(await kidOfRecord()).toEqual({ kid: "b" });
    expect(await createStore(world, { keys: [KEY_B] }).readCredential("1")).toEqual(CREDENTIAL);
  });

  test("is not written where it is under the active one already", async () => {
    await store.writeCredential(CREDENTIAL);
    const found = (await store.findCredential("1"))!;
    await env.CREDENTIALS.delete(KEY);
    expect(await store.reseal(found)).toBe("current");
    expect(await kidOfRecord()).toBeNull();
  });

  test("does not come back after a disconnect", async () => {
    await store.writeCredential(CREDENTIAL);
    const found = (await rotated.findCredential("1"))!;
    await store.deleteCredential("1", CREDENTIAL.refreshToken);
    expect(await rotated.reseal(found)).toBe("dead");
    expect(await kidOfRecord()).toBeNull();
  });

  test("goes again where the disconnect came between", async () => {
    await store.writeCredential(CREDENTIAL);
    const kv = interruptedKv("put", () => store.markDead(CREDENTIAL.refreshToken));
    const racing = createStore(world, { kv, keys: [KEY_B, KEY_A] });
    expect(await racing.reseal((await racing.findCredential("1"))!)).toBe("dead");
    expect(await kidOfRecord()).toBeNull();
  });

  test("waits where its user may just have consented anew, and not where it came after that", async () => {
    await store.writeCredential(CREDENTIAL);
    await new Revocations(createKv(world)).revokeUser("1", "consent", CREDENTIAL.updatedAtMs);
    expect(await rotated.reseal((await rotated.findCredential("1"))!)).toBe("changing");
    expect(await kidOfRecord()).toEqual({ kid: "a" });
    await store.writeCredential({ ...CREDENTIAL, updatedAtMs: CREDENTIAL.updatedAtMs + 1 });
    expect(await rotated.reseal((await rotated.findCredential("1"))!)).toBe("resealed");
    expect(await kidOfRecord()).toEqual({ kid: "b" });
  });
});
