/** The walk that seals what is stored under older keys anew: what it touches, what it leaves, and what it counts. */
import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { resealPage } from "../../../src/operator/rotation.ts";
import { storageKeys } from "../../../src/kv-store/key-names.ts";
import { appErrorOf, KEY_A, KEY_B, tokenKey } from "../fixtures.ts";
import {
  claimsUnder,
  credentialOf,
  expirations,
  kidsOf,
  scopeWith,
  storeEverything,
  walk,
  watchedKv,
} from "./fixtures.ts";

const RETIRED = tokenKey("retired", 9);
const before = scopeWith([KEY_A]);
const rotated = scopeWith([KEY_B, KEY_A]);
const NOTHING = { current: 0, resealed: 0, dead: 0, changing: 0, left: {}, activeKid: "b", calls: 1 };

/** A listing of what is deleted before anybody can read it. */
async function listAndDelete(options: KVNamespaceListOptions): Promise<unknown> {
  const page = await env.CREDENTIALS.list(options);
  await Promise.all(page.keys.map(({ name }) => env.CREDENTIALS.delete(name)));
  return page;
}

beforeEach(() => reset());
// What the next file finds is not reset by then.
afterAll(() => reset());

describe("what is under an older key", () => {
  test("is sealed anew, every kind of it, and then opens without that key", async () => {
    const { keys, tokenId, email } = await storeEverything(before, "1");
    for (const key of Object.values(keys)) expect(await kidsOf(key)).toEqual({ header: "a", metadata: "a" });
    expect(await walk(rotated)).toEqual({ ...NOTHING, resealed: 5 });
    for (const key of Object.values(keys)) expect(await kidsOf(key)).toEqual({ header: "b", metadata: "b" });
    const after = scopeWith([KEY_B]);
    expect(await after.store.readCredential("1")).toEqual(credentialOf("1"));
    expect(await after.store.readAddress(email)).toBe("1");
    expect(await after.store.readAccessToken({ id: "session-1", sub: "1" })).toMatchObject({
      value: "access-token-of-1",
    });
    expect(await after.apiTokens.find(tokenId)).toMatchObject({
      token: { identity: { sub: "1" } },
      accessToken: { value: "access-token-of-1" },
    });
  });

  test("keeps its content and its end, in KV and in what is sealed", async () => {
    const { keys } = await storeEverything(before, "1");
    const contents = await Promise.all(Object.values(keys).map((key) => claimsUnder(KEY_A, key)));
    const ends = await expirations();
    await walk(scopeWith([KEY_B, KEY_A], { nowMs: Date.now() + 600_000 }));
    expect(await expirations()).toEqual(ends);
    expect(await Promise.all(Object.values(keys).map((key) => claimsUnder(KEY_B, key)))).toEqual(contents);
  });

  test("is written once: the next walk finds everything current, and reads and writes no value", async () => {
    await storeEverything(before, "1");
    await walk(rotated);
    const { kv, puts, reads } = watchedKv();
    expect(await walk(scopeWith([KEY_B, KEY_A], { kv }))).toEqual({ ...NOTHING, current: 5 });
    expect([puts, reads]).toEqual([[], []]);
  });

  test("is found, too, where it was written before the kid was kept in metadata", async () => {
    const key = storageKeys.credential("1");
    const sealed = await before.keyRing.seal({ purpose: "credential", owner: key }, credentialOf("1"));
    await env.CREDENTIALS.put(key, sealed);
    expect(await walk(rotated)).toEqual({ ...NOTHING, resealed: 1 });
    expect(await kidsOf(key)).toEqual({ header: "b", metadata: "b" });
  });

  test("and was sealed anew since the listing is current, and not written again", async () => {
    const key = storageKeys.credential("1");
    const sealed = await rotated.keyRing.seal({ purpose: "credential", owner: key }, credentialOf("1"));
    await env.CREDENTIALS.put(key, sealed, { metadata: { kid: "a" } });
    const { kv, puts } = watchedKv();
    expect(await walk(scopeWith([KEY_B, KEY_A], { kv }))).toEqual({ ...NOTHING, current: 1 });
    expect(puts).toEqual([]);
  });

  test("and ends within a minute and a half is left to end", async () => {
    const { keys } = await storeEverything(before, "1");
    const ends = await expirations();
    const late = scopeWith([KEY_B, KEY_A], { nowMs: Date.now() + 3_600_000 - 60_000 });
    expect(await walk(late)).toEqual({ ...NOTHING, resealed: 3 });
    expect(await kidsOf(keys["access-token"])).toEqual({ header: "a", metadata: "a" });
    expect(await expirations()).toEqual(ends);
  });

  test("and ends in exactly a minute and a half is sealed anew, and not a millisecond later", async () => {
    const { keys } = await storeEverything(before, "1");
    const endMs = ((await expirations())[keys["access-token"]] ?? 0) * 1_000;
    await walk(scopeWith([KEY_B, KEY_A], { nowMs: endMs - 89_999 }));
    expect(await kidsOf(keys["access-token"])).toMatchObject({ header: "a" });
    await walk(scopeWith([KEY_B, KEY_A], { nowMs: endMs - 90_000 }));
    expect(await kidsOf(keys["access-token"])).toMatchObject({ header: "b" });
  });

  test("and was deleted since the listing is nobody's loss", async () => {
    await storeEverything(before, "1");
    const { kv, puts } = watchedKv();
    const gone = new Proxy(kv, {
      get: (target, name) => (name === "list" ? listAndDelete : Reflect.get(target, name)),
    });
    expect(await walk(scopeWith([KEY_B, KEY_A], { kv: gone }))).toEqual(NOTHING);
    expect(puts).toEqual([]);
  });

  test("and does not open any more, because it has expired, is nobody's loss", async () => {
    await storeEverything(before, "1");
    const later = scopeWith([KEY_B, KEY_A], { nowMs: Date.now() + 3_700_000 });
    expect(await walk(later)).toEqual({ ...NOTHING, resealed: 3 });
  });
});

describe("marks and indexes", () => {
  test("are neither counted nor touched", async () => {
    await before.store.markDead("a-refresh-token");
    await before.revocations.revokeUser("2", "user");
    await before.securityEvents.disable("2");
    await before.apiTokens.markUsed("id", { expiresAtMs: Date.now() + 86_400_000 } as never, "2026-11-22");
    await env.CREDENTIALS.put("credential", "no key of ours", { metadata: { kid: "a" } });
    const { kv, puts } = watchedKv();
    expect(await walk(scopeWith([KEY_B, KEY_A], { kv }))).toEqual(NOTHING);
    expect(puts).toEqual([]);
  });
});

describe("what cannot be opened", () => {
  test("is counted by the kid that is missing, and stays as it is", async () => {
    await storeEverything(scopeWith([RETIRED]), "1");
    await storeEverything(before, "2");
    expect(await walk(rotated)).toEqual({ ...NOTHING, resealed: 5, left: { retired: 5 } });
    expect(await kidsOf(storageKeys.credential("1"))).toEqual({ header: "retired", metadata: "retired" });
    const withIt = scopeWith([KEY_B, KEY_A, RETIRED]);
    expect(await walk(withIt)).toEqual({ ...NOTHING, current: 5, resealed: 5 });
  });

  test("is counted where another key has taken the kid, or the record lies under another's key", async () => {
    await scopeWith([tokenKey("a", 9)]).store.writeCredential(credentialOf("1"));
    await before.store.writeCredential(credentialOf("2"));
    const moved = (await env.CREDENTIALS.get(storageKeys.credential("2"))) ?? "";
    await env.CREDENTIALS.put(storageKeys.credential("3"), moved, { metadata: { kid: "a" } });
    await env.CREDENTIALS.put(storageKeys.credential("4"), "not sealed", { metadata: { kid: "a" } });
    await env.CREDENTIALS.put(storageKeys.credential("5"), "not sealed, and without metadata");
    expect(await walk(rotated)).toEqual({ ...NOTHING, resealed: 1, left: { a: 3, unknown: 1 } });
  });

  test("is counted by whichever kid, also one that JavaScript has a meaning for", async () => {
    await scopeWith([tokenKey("__proto__", 9)]).store.writeCredential(credentialOf("1"));
    expect(Object.entries((await walk(rotated)).left)).toEqual([["__proto__", 1]]);
  });
});

describe("more than a page", { timeout: 30_000 }, () => {
  const COUNT = 120;
  const all = Array.from({ length: COUNT }, (_, index) => String(1_000 + index));

  async function storeMany(): Promise<void> {
    await Promise.all(all.map((sub) => before.store.writeCredential(credentialOf(sub))));
  }

  test("is walked by the cursor, and each record counted once", async () => {
    await storeMany();
    await scopeWith([RETIRED]).store.writeCredential(credentialOf("9999"));
    expect(await walk(rotated)).toEqual({ ...NOTHING, resealed: COUNT, left: { retired: 1 }, calls: 2 });
    expect(await walk(rotated)).toEqual({ ...NOTHING, current: COUNT, left: { retired: 1 }, calls: 2 });
  });

  test("stays within 1,000 storage operations a call", async () => {
    await storeMany();
    let operations = 0;
    const kv = new Proxy(env.CREDENTIALS, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        return (...input: unknown[]): unknown => {
          operations += 1;
          return value.apply(target, input);
        };
      },
    });
    await resealPage(scopeWith([KEY_B, KEY_A], { kv }), null);
    expect(operations).toBeGreaterThan(100);
    expect(operations).toBeLessThanOrEqual(500);
  });

  test("goes on where an outage stopped it: the same call again does the rest", async () => {
    await storeMany();
    const first = await resealPage(rotated, null);
    let writes = 0;
    const { kv } = watchedKv(async () => {
      writes += 1;
      if (writes > 5) throw new Error("KV PUT failed: 429 Too Many Requests");
    });
    const error = await appErrorOf(resealPage(scopeWith([KEY_B, KEY_A], { kv }), first.cursor));
    expect(error).toMatchObject({ reason: "STORAGE_UNAVAILABLE", code: 503 });
    const rest = await walk(rotated, first.cursor);
    expect(rest).toMatchObject({ current: 5, resealed: COUNT - 105, left: {} });
    expect(await walk(rotated)).toMatchObject({ current: COUNT, resealed: 0 });
  });
});
