/** The walk that seals what is stored under older keys anew: what it touches, what it leaves, and what it counts. */
import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { resealPage } from "../../../src/operator/rotation.ts";
import type { RequestScope } from "../../../src/context.ts";
import { storageKeys } from "../../../src/kv-store/key-names.ts";
import { appErrorOf, KEY_A, KEY_B, tokenKey } from "../fixtures.ts";
import { credentialOf, kidsOf, type ScopeOptions, scopeWith, storeEverything, walk, watchedKv } from "./fixtures.ts";

const RETIRED = tokenKey("retired", 9);
const before = scopeWith([KEY_A]);
const rotated = (options: ScopeOptions = {}): RequestScope => scopeWith([KEY_B, KEY_A], options);
const NOTHING = { current: 0, resealed: 0, dead: 0, left: {}, activeKid: "b", calls: 1 };

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
  test("is sealed anew, and then opens without that key, with the same content", async () => {
    const { keys, email } = await storeEverything(before, "1");
    for (const key of Object.values(keys)) expect(await kidsOf(key)).toEqual({ header: "a", metadata: "a" });
    expect(await walk(rotated())).toEqual({ ...NOTHING, resealed: 2 });
    for (const key of Object.values(keys)) expect(await kidsOf(key)).toEqual({ header: "b", metadata: "b" });
    const after = scopeWith([KEY_B]);
    expect((await after.store.findCredential("1"))?.credential).toEqual(credentialOf("1"));
    expect(await after.store.readAddress(email)).toBe("1");
    expect((await env.CREDENTIALS.list()).keys.map(({ expiration }) => expiration)).toEqual([undefined, undefined]);
  });

  test("is written once: the next walk finds everything current, and reads and writes no value", async () => {
    await storeEverything(before, "1");
    await walk(rotated());
    const { kv, puts, reads } = watchedKv();
    expect(await walk(rotated({ kv }))).toEqual({ ...NOTHING, current: 2 });
    expect([puts, reads]).toEqual([[], []]);
  });

  test("is found, too, where it was written before the kid was kept in metadata", async () => {
    const key = storageKeys.credential("1");
    const sealed = await before.keyRing.seal({ purpose: "credential", owner: key }, credentialOf("1"));
    await env.CREDENTIALS.put(key, sealed);
    expect(await walk(rotated())).toEqual({ ...NOTHING, resealed: 1 });
    expect(await kidsOf(key)).toEqual({ header: "b", metadata: "b" });
  });

  test("and was sealed anew since the listing is current, and not written again", async () => {
    const key = storageKeys.credential("1");
    const sealed = await rotated().keyRing.seal({ purpose: "credential", owner: key }, credentialOf("1"));
    await env.CREDENTIALS.put(key, sealed, { metadata: { kid: "a" } });
    const { kv, puts } = watchedKv();
    expect(await walk(rotated({ kv }))).toEqual({ ...NOTHING, current: 1 });
    expect(puts).toEqual([]);
  });

  test("and was deleted since the listing is nobody's loss", async () => {
    await storeEverything(before, "1");
    const { kv, puts } = watchedKv();
    const gone = new Proxy(kv, {
      get: (target, name) => (name === "list" ? listAndDelete : Reflect.get(target, name)),
    });
    expect(await walk(rotated({ kv: gone }))).toEqual(NOTHING);
    expect(puts).toEqual([]);
  });

  test("and belongs to nobody with a grant is dead, and stays as it is", async () => {
    await before.store.writeAddress("1@example.test", "1");
    expect(await walk(rotated())).toEqual({ ...NOTHING, dead: 1 });
    expect(await kidsOf(await storageKeys.address("1@example.test"))).toEqual({ header: "a", metadata: "a" });
  });

  test("and is listed still after a disconnect does not come back", async () => {
    const stage = crypto.randomUUID();
    const { keys, email } = await storeEverything(before, "1");
    const sealed = await Promise.all(Object.values(keys).map((key) => env.CREDENTIALS.get(key)));
    await rotated({ stage }).mailboxes.of("1").ask("disconnect", { sub: "1", email });
    for (const [index, key] of Object.values(keys).entries()) {
      await env.CREDENTIALS.put(key, sealed[index] ?? "", { metadata: { kid: "a" } });
    }
    expect(await walk(rotated({ stage }))).toEqual({ ...NOTHING, dead: 2 });
    for (const key of Object.values(keys)) expect(await kidsOf(key)).toEqual({ header: "a", metadata: "a" });
  });
});

test("marks are neither counted nor touched", async () => {
  await before.store.markIdentifierDead("prefix", "a-refresh-token");
  await before.securityEvents.markSeen("jti");
  await env.CREDENTIALS.put("credential", "no key of ours", { metadata: { kid: "a" } });
  const { kv, puts } = watchedKv();
  expect(await walk(rotated({ kv }))).toEqual(NOTHING);
  expect(puts).toEqual([]);
});

describe("what cannot be opened", () => {
  test("is counted by the kid that is missing, and stays as it is", async () => {
    await storeEverything(scopeWith([RETIRED]), "1");
    await storeEverything(before, "2");
    expect(await walk(rotated())).toEqual({ ...NOTHING, resealed: 2, left: { retired: 2 } });
    expect(await kidsOf(storageKeys.credential("1"))).toEqual({ header: "retired", metadata: "retired" });
    const withIt = scopeWith([KEY_B, KEY_A, RETIRED]);
    expect(await walk(withIt)).toEqual({ ...NOTHING, current: 2, resealed: 2 });
  });

  test("is counted where another key has taken the kid, or the record lies under another's key", async () => {
    await scopeWith([tokenKey("a", 9)]).store.writeCredential(credentialOf("1"));
    await before.store.writeCredential(credentialOf("2"));
    const moved = (await env.CREDENTIALS.get(storageKeys.credential("2"))) ?? "";
    await env.CREDENTIALS.put(storageKeys.credential("3"), moved, { metadata: { kid: "a" } });
    await env.CREDENTIALS.put(storageKeys.credential("4"), "not sealed", { metadata: { kid: "a" } });
    await env.CREDENTIALS.put(storageKeys.credential("5"), "not sealed, and without metadata");
    expect(await walk(rotated())).toEqual({ ...NOTHING, resealed: 1, left: { a: 3, unknown: 1 } });
  });

  test("is counted by whichever kid, also one that JavaScript has a meaning for", async () => {
    await scopeWith([tokenKey("__proto__", 9)]).store.writeCredential(credentialOf("1"));
    expect(Object.entries((await walk(rotated())).left)).toEqual([["__proto__", 1]]);
  });
});

describe("more than a page", { timeout: 120_000 }, () => {
  const COUNT = 120;
  const all = Array.from({ length: COUNT }, (_, index) => String(1_000 + index));

  async function storeMany(): Promise<void> {
    await Promise.all(all.map((sub) => before.store.writeCredential(credentialOf(sub))));
  }

  test("is walked by the cursor, and each record counted once", async () => {
    await storeMany();
    await scopeWith([RETIRED]).store.writeCredential(credentialOf("9999"));
    expect(await walk(rotated())).toEqual({ ...NOTHING, resealed: COUNT, left: { retired: 1 }, calls: 2 });
    expect(await walk(rotated())).toEqual({ ...NOTHING, current: COUNT, left: { retired: 1 }, calls: 2 });
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
    await resealPage(rotated({ kv }), null);
    expect(operations).toBeGreaterThan(100);
    expect(operations).toBeLessThanOrEqual(500);
  });

  test("goes on where an outage stopped it: the same call again does the rest", async () => {
    await storeMany();
    const first = await resealPage(rotated(), null);
    let writes = 0;
    const { kv } = watchedKv(async () => {
      writes += 1;
      if (writes > 5) throw new Error("KV PUT failed: 429 Too Many Requests");
    });
    const error = await appErrorOf(resealPage(rotated({ kv }), first.cursor));
    expect(error).toMatchObject({ reason: "STORAGE_UNAVAILABLE", code: 503 });
    const rest = await walk(rotated(), first.cursor);
    expect(rest).toMatchObject({ current: 5, resealed: COUNT - 105, left: {} });
    expect(await walk(rotated())).toMatchObject({ current: COUNT, resealed: 0 });
  });
});
