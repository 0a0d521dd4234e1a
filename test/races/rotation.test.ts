/** Sealing anew beside what users do at the same time: nothing that was deleted comes back, nothing newer is lost. */
import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { forgetUser } from "../../src/auth/leave.ts";
import { storageKeys } from "../../src/kv-store/key-names.ts";
import { KEY_A, KEY_B } from "../unit/fixtures.ts";
import { credentialOf, kidsOf, scopeWith, storeEverything, walk, watchedKv } from "../unit/operator/fixtures.ts";

const KEYS = [KEY_B, KEY_A];
const MINUTE_MS = 60_000;
const before = scopeWith([KEY_A]);
const elsewhere = scopeWith(KEYS);

beforeEach(async () => {
  await reset();
  // What another file's Worker still wrote beside its last answers would be found by the walk, too.
  for (const { name } of (await env.CREDENTIALS.list()).keys) await env.CREDENTIALS.delete(name);
});

async function sealedNames(): Promise<string[]> {
  const { keys } = await env.CREDENTIALS.list();
  return keys.filter(({ metadata }) => metadata !== undefined).map(({ name }) => name);
}

/** KV at a place that still reads what was stored until now. */
async function staleKv(): Promise<KVNamespace> {
  const { keys } = await env.CREDENTIALS.list();
  const old = new Map<string, string | null>();
  for (const { name } of keys) old.set(name, await env.CREDENTIALS.get(name));
  return new Proxy(env.CREDENTIALS, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      if (name !== "get") return value.bind(target);
      return async (asked: string | string[], ...rest: unknown[]): Promise<unknown> => {
        if (typeof asked === "string") return old.get(asked) ?? value.call(target, asked, ...rest);
        const found: Map<string, string | null> = await value.call(target, asked, ...rest);
        return new Map(asked.map((key) => [key, old.get(key) ?? found.get(key) ?? null]));
      };
    },
  });
}

describe("a user who disconnects while the walk is at a record", () => {
  test.each(["credential", "address", "access-token", "api-token"] as const)("%s: does not come back", async (kind) => {
    const { keys } = await storeEverything(before, "1");
    let isDone = false;
    const { kv } = watchedKv(async (key) => {
      if (key !== keys[kind] || isDone) return;
      isDone = true;
      await forgetUser(elsewhere, { sub: "1", email: null }, elsewhere.world.now());
    });
    await walk(scopeWith(KEYS, { kv }));
    expect(isDone).toBe(true);
    // An API token's access token tells nobody's name; it lasts an hour at most.
    expect((await sealedNames()).filter((name) => !name.startsWith("api-token-access:"))).toEqual([]);
  });

  test("before it, at a place that still reads the old records: nothing comes back", async () => {
    await storeEverything(before, "1");
    const kv = await staleKv();
    const { keys } = await env.CREDENTIALS.list();
    await forgetUser(elsewhere, { sub: "1", email: null }, elsewhere.world.now());
    await elsewhere.revocations.revokeUser("1", "user");
    const listed = new Proxy(kv, {
      get: (target, name) =>
        name === "list" ? async () => ({ keys, list_complete: true }) : Reflect.get(target, name),
    });
    const { changing, dead } = await walk(scopeWith(KEYS, { kv: listed }));
    expect({ changing, dead }).toEqual({ changing: 3, dead: 1 });
    expect((await sealedNames()).filter((name) => !name.startsWith("api-token-access:"))).toEqual([]);
  });
});

describe("a user who consents anew", () => {
  test("keeps the newer grant, where the walk still reads the older one", async () => {
    await before.store.writeCredential(credentialOf("1"));
    const kv = await staleKv();
    const nowMs = Date.now();
    const newer = credentialOf("1", { refreshToken: "1//newer", createdAtMs: nowMs, updatedAtMs: nowMs });
    // As a place does that has the older ring yet, so that the listing shows an older key.
    await before.store.writeCredential(newer);
    await before.revocations.revokeUser("1", "consent", nowMs - 1);
    expect(await walk(scopeWith(KEYS, { kv }))).toMatchObject({ changing: 1, resealed: 0 });
    expect(await elsewhere.store.readCredential("1")).toEqual(newer);
  });

  test("has a grant that can be sealed anew at once, where it is read as it is", async () => {
    const nowMs = Date.now();
    await before.store.writeCredential(credentialOf("1", { updatedAtMs: nowMs }));
    await before.revocations.revokeUser("1", "consent", nowMs - 1);
    expect(await walk(elsewhere)).toMatchObject({ changing: 0, resealed: 1 });
  });
});

describe("a user who has ended all sessions", () => {
  test("keeps the grant; it waits some minutes, and is sealed anew then", async () => {
    await before.store.writeCredential(credentialOf("1"));
    await before.revocations.revokeUser("1", "user");
    expect(await walk(scopeWith(KEYS))).toMatchObject({ changing: 1, resealed: 0, left: {} });
    expect(await kidsOf(storageKeys.credential("1"))).toMatchObject({ header: "a" });
    const later = scopeWith(KEYS, { nowMs: Date.now() + 6 * MINUTE_MS });
    expect(await walk(later)).toMatchObject({ changing: 0, resealed: 1 });
    expect(await later.store.readCredential("1")).toEqual(credentialOf("1"));
  });

  test("in the very moment of the write keeps it, too", async () => {
    await before.store.writeCredential(credentialOf("1"));
    const { kv } = watchedKv(() => elsewhere.revocations.revokeUser("1", "user"));
    await walk(scopeWith(KEYS, { kv }));
    expect(await elsewhere.store.readCredential("1")).toEqual(credentialOf("1"));
  });
});

describe("a user who ends all sessions while the walk is at a record", () => {
  test.each([
    ["address", "keeps it: it is of the grant", true],
    ["access-token", "loses it: it is of a session that has ended", false],
    ["api-token", "loses it: it has ended, too", false],
  ] as const)("%s: %s", async (kind, _, isKept) => {
    const { keys } = await storeEverything(before, "1");
    const { kv } = watchedKv(async (key) => {
      if (key === keys[kind]) await elsewhere.revocations.revokeUser("1", "user");
    });
    await walk(scopeWith(KEYS, { kv }));
    expect((await env.CREDENTIALS.get(keys[kind])) !== null).toBe(isKept);
  });
});

describe("what is left of a user without a grant", () => {
  test("is of no use under any key: it stays as it is, and is counted as such", async () => {
    await storeEverything(before, "1");
    await env.CREDENTIALS.delete(storageKeys.credential("1"));
    const { kv, puts } = watchedKv();
    // The access token of an API token does not say whose it is, and goes within an hour.
    expect(await walk(scopeWith(KEYS, { kv }))).toMatchObject({ dead: 3, resealed: 1, left: {} });
    expect(puts.map((key) => key.split(":")[0])).toEqual(["api-token-access"]);
  });
});

describe("a grant whose refresh token is dead", () => {
  test("is of no use under any key: it stays as it is, and is counted as such", async () => {
    await before.store.writeCredential(credentialOf("1"));
    await before.store.markDead(credentialOf("1").refreshToken);
    expect(await walk(scopeWith(KEYS))).toMatchObject({ dead: 1, resealed: 0, left: {} });
    expect(await kidsOf(storageKeys.credential("1"))).toMatchObject({ header: "a" });
  });
});
