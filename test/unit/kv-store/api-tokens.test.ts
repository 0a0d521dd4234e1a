/** API tokens at rest: only a hash of the secret is kept, and what does not open for its owner is no token. */
import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { type ApiToken, apiTokenId, ApiTokenStore, newApiToken } from "../../../src/kv-store/api-tokens.ts";
import { CHECKSUM_CHARACTERS, KeyRing, type TokenKey } from "../../../src/lib/key-ring.ts";
import { Revocations } from "../../../src/kv-store/revocations.ts";
import { storageKeys } from "../../../src/kv-store/key-names.ts";
import { appErrorOf, createKv, createWorld, json, KEY_A, KEY_B, START_MS } from "../fixtures.ts";
import { apiTokenOf, DAY_MS } from "./fixtures-api-tokens.ts";

const world = createWorld(json({}));
const tokens = new ApiTokenStore(createKv(world));

function storeWith(...keys: TokenKey[]): ApiTokenStore {
  return new ApiTokenStore(createKv(world, { keys }));
}

function tokenOf(sub: string, changes: Partial<ApiToken> = {}): Omit<ApiToken, "version"> {
  return apiTokenOf(sub, world.now(), changes);
}

/** The real local KV, and what it was asked for. */
function observedKv(): { kv: KVNamespace; calls: string[] } {
  const calls: string[] = [];
  const kv = new Proxy(env.CREDENTIALS, {
    get: (target, name) => {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== "function") return method;
      return (...args: unknown[]): unknown => {
        calls.push(`${String(name)} ${String(args[0])}`);
        return Reflect.apply(method, target, args);
      };
    },
  });
  return { kv, calls };
}

async function everythingStored(): Promise<string> {
  const { keys } = await env.CREDENTIALS.list();
  const values = await Promise.all(keys.map(async ({ name }) => env.CREDENTIALS.get(name)));
  return JSON.stringify([keys, values]);
}

async function storedNames(): Promise<string[]> {
  const { keys } = await env.CREDENTIALS.list();
  return keys.map(({ name }) => name);
}

beforeEach(async () => {
  await reset();
  world.clock.nowMs = START_MS;
});

// What is left would expire while another file compares what is stored.
afterAll(() => reset());

describe("making a token", () => {
  test("gives a secret with a prefix, 256 random bits and a checksum, named by its SHA-256", async () => {
    const { secret, id } = await tokens.create(tokenOf("1"));
    expect(secret).toMatch(/^gmedge_[A-Za-z0-9_-]{63}$/);
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(secret));
    expect(id).toBe(new Uint8Array(digest).toBase64({ alphabet: "base64url", omitPadding: true }));
    expect((await tokens.create(tokenOf("1"))).secret).not.toBe(secret);
  });

  test("stores neither the secret nor, in plain text, whose it is and what it is called", async () => {
    const { secret, id } = await tokens.create(tokenOf("1", { name: "my backup script" }));
    await tokens.writeAccessToken(id, { value: "ya29.access", expiresAtMs: world.now() + 3_600_000 });
    await tokens.markUsed(id, { version: 2, ...tokenOf("1") }, "2026-11-22");
    const stored = await everythingStored();
    expect(stored).toContain(id);
    for (const hidden of [secret, secret.slice("gmedge_".length), "my backup script", "1@example.com", "ya29."]) {
      expect(stored).not.toContain(hidden);
    }
  });

  test("lists it first: a token that is in force and in no list could not be revoked", async () => {
    const { kv, calls } = observedKv();
    const { id } = await new ApiTokenStore(createKv(world, { kv })).create(tokenOf("1"));
    expect(calls).toEqual([`put ${storageKeys.apiTokenOf("1", id)}`, `put ${storageKeys.apiToken(id)}`]);
  });

  test("stores it for as long as it is in force", async () => {
    const { id } = await tokens.create(tokenOf("1", { expiresAtMs: START_MS + 7 * DAY_MS }));
    const { keys } = await env.CREDENTIALS.list();
    expect(keys.map(({ name }) => name)).toEqual([storageKeys.apiTokenOf("1", id), storageKeys.apiToken(id)]);
    for (const { expiration = 0 } of keys) {
      expect(Math.abs(expiration - Date.now() / 1000 - 7 * 24 * 60 * 60)).toBeLessThan(5);
    }
  });
});

describe("finding a token", () => {
  test("gives what it was made for, its access token and its last use, in one storage operation", async () => {
    const made = tokenOf("1");
    const { id } = await tokens.create(made);
    expect(await tokens.find(id)).toEqual({
      token: { version: 2, ...made },
      isOutdated: false,
      accessToken: null,
      lastUsedOn: null,
    });
    const accessToken = { value: "ya29.access", expiresAtMs: world.now() + 3_600_000 };
    await tokens.writeAccessToken(id, accessToken);
    await tokens.markUsed(id, { version: 2, ...made }, "2026-11-22");
    const { kv, calls } = observedKv();
    const found = await new ApiTokenStore(createKv(world, { kv })).find(id);
    expect(found).toMatchObject({ accessToken, lastUsedOn: "2026-11-22" });
    expect(await tokens.readAccessToken(id)).toEqual(accessToken);
    expect(calls).toHaveLength(1);
  });

  test("gives nothing for an ID that nobody has", async () => {
    expect(await tokens.find("a".repeat(43))).toBeNull();
  });

  test("gives nothing once it has expired, whatever KV still holds", async () => {
    const { id } = await tokens.create(tokenOf("1", { expiresAtMs: START_MS + DAY_MS }));
    world.clock.nowMs = START_MS + DAY_MS - 1_000;
    expect(await tokens.find(id)).not.toBeNull();
    world.clock.nowMs = START_MS + DAY_MS;
    expect(await tokens.find(id)).toBeNull();
  });

  test("gives nothing for a record that was changed", async () => {
    const { id } = await tokens.create(tokenOf("1"));
    const key = storageKeys.apiToken(id);
    const sealed = (await env.CREDENTIALS.get(key)) ?? "";
    const at = sealed.lastIndexOf(".") - 5;
    const changed = `${sealed.slice(0, at)}${sealed[at] === "A" ? "B" : "A"}${sealed.slice(at + 1)}`;
    for (const value of [changed, "", "garbage", JSON.stringify(tokenOf("1"))]) {
      await env.CREDENTIALS.put(key, value);
      expect(await tokens.find(id), value).toBeNull();
    }
  });

  test("gives nothing for another token's record, moved under this ID", async () => {
    const mine = await tokens.create(tokenOf("1"));
    const other = await tokens.create(tokenOf("2"));
    const sealed = (await env.CREDENTIALS.get(storageKeys.apiToken(other.id))) ?? "";
    await env.CREDENTIALS.put(storageKeys.apiToken(mine.id), sealed);
    expect(await tokens.find(mine.id)).toBeNull();
  });

  test("does without an access token that does not open", async () => {
    const { id } = await tokens.create(tokenOf("1"));
    const other = storeWith(KEY_B);
    for (const spoil of [
      () => env.CREDENTIALS.put(storageKeys.apiTokenAccess(id), "garbage"),
      () => other.writeAccessToken(id, { value: "ya29.access", expiresAtMs: world.now() + 3_600_000 }),
    ]) {
      await spoil();
      expect(await tokens.find(id)).toMatchObject({ accessToken: null, token: { identity: { sub: "1" } } });
    }
  });

  test("under a key that is gone is the operator's to mend: INTERNAL, and only the log names the key", async () => {
    const { id } = await storeWith(KEY_B).create(tokenOf("1"));
    const error = await appErrorOf(tokens.find(id));
    expect([error.reason, error.logDetail]).toEqual(["INTERNAL", expect.stringMatching(/^An API token .*kid b/)]);
    expect(error.message).not.toContain("kid");
  });

  test("under an older key says so, until it is sealed anew", async () => {
    const { id } = await tokens.create(tokenOf("1"));
    const rotated = storeWith(KEY_B, KEY_A);
    const found = await rotated.find(id);
    expect(found).toMatchObject({ isOutdated: true, token: { identity: { sub: "1" } } });
    if (found !== null) await rotated.reseal(id, found.token);
    expect(await rotated.find(id)).toEqual({ ...found, isOutdated: false });
    expect(await storeWith(KEY_B).find(id)).toEqual({ ...found, isOutdated: false });
  });
});

describe("the ID of a token", () => {
  const ring = new KeyRing([KEY_A]);

  test("is there for what was made under any of the keys", async () => {
    for (const keyRing of [ring, new KeyRing([KEY_B])]) {
      const { secret, id } = await newApiToken(keyRing);
      expect(await apiTokenId(new KeyRing([KEY_B, KEY_A]), secret)).toBe(id);
      expect(await apiTokenId(new KeyRing([KEY_A, KEY_B]), secret)).toBe(id);
    }
  });

  test("is null for what was made under another key, also one of the same kid", async () => {
    const { secret } = await newApiToken(ring);
    expect(await apiTokenId(new KeyRing([KEY_B]), secret)).toBeNull();
    expect(await apiTokenId(new KeyRing([{ ...KEY_B, kid: KEY_A.kid }]), secret)).toBeNull();
  });

  test("is null for a token with any one of its characters changed", async () => {
    const { secret } = await newApiToken(ring);
    for (let at = 0; at < secret.length; at += 1) {
      const changed = `${secret.slice(0, at)}${secret[at] === "A" ? "B" : "A"}${secret.slice(at + 1)}`;
      expect(await apiTokenId(ring, changed), String(at)).toBeNull();
    }
  });

  test.each<[string, (secret: string) => string]>([
    ["nothing", () => ""],
    ["its end", (secret) => secret.slice(1)],
    ["more than it", (secret) => `${secret}x`],
    ["its beginning", (secret) => secret.slice(0, -1)],
    ["it after a space", (secret) => ` ${secret}`],
    ["it before a line break", (secret) => `${secret}\n`],
    ["it in capitals", (secret) => secret.toUpperCase()],
    ["it without its checksum, as tokens once were", (secret) => secret.slice(0, -CHECKSUM_CHARACTERS)],
    ["it with the checksum of another one", (secret) => `${secret.slice(0, -CHECKSUM_CHARACTERS)}${"A".repeat(20)}`],
    ["letters that are none of base64url", (secret) => `${secret.slice(0, -1)}é`],
  ])("is null for %s", async (_, change) => {
    const { secret } = await newApiToken(ring);
    expect(await apiTokenId(ring, change(secret))).toBeNull();
  });
});

describe("revoking a token", () => {
  test("deletes everything of it, and leaves a mark that outlasts it", async () => {
    const made = tokenOf("1", { expiresAtMs: START_MS + 7 * DAY_MS });
    const { id } = await tokens.create(made);
    await tokens.writeAccessToken(id, { value: "ya29.access", expiresAtMs: world.now() + 3_600_000 });
    await tokens.markUsed(id, { version: 2, ...made }, "2026-11-22");
    expect(await tokens.revoke("1", id)).toBe(true);
    expect(await tokens.find(id)).toBeNull();
    const { keys } = await env.CREDENTIALS.list();
    expect(keys.map(({ name }) => name)).toEqual([storageKeys.revokedSession({ id })]);
    expect(Math.abs((keys[0]?.expiration ?? 0) - Date.now() / 1000 - 7 * 24 * 60 * 60)).toBeLessThan(5);
  });

  test("marks it before anything is deleted, and takes it off the list last", async () => {
    const { id } = await tokens.create(tokenOf("1"));
    const { kv, calls } = observedKv();
    await new ApiTokenStore(createKv(world, { kv })).revoke("1", id);
    const changes = calls.filter((call) => !call.startsWith("get"));
    expect(changes[0]).toBe(`put ${storageKeys.revokedSession({ id })}`);
    expect(changes[1]).toBe(`delete ${storageKeys.apiToken(id)}`);
    expect(changes.at(-1)).toBe(`delete ${storageKeys.apiTokenOf("1", id)}`);
  });

  test("holds where its record comes back from another place", async () => {
    const { id } = await tokens.create(tokenOf("1"));
    const found = await tokens.find(id);
    await tokens.revoke("1", id);
    if (found !== null) await tokens.reseal(id, found.token);
    expect(await tokens.find(id)).not.toBeNull();
    const revocations = new Revocations(createKv(world));
    expect(await revocations.isTokenRevoked("1", { ...tokenOf("1"), id })).toBe(true);
  });

  test.each(["2", "", "11"])("is not for user %j, whose it is not", async (sub) => {
    const { id } = await tokens.create(tokenOf("1"));
    const before = await storedNames();
    expect(await tokens.revoke(sub, id)).toBe(false);
    expect(await storedNames()).toEqual(before);
  });

  test.each(["", "x", "a".repeat(43), `${"a".repeat(42)}:`, "a".repeat(600), "../credential:1", "a".repeat(42) + "é"])(
    "with the ID %j finds none, and writes nothing",
    async (id) => {
      expect(await tokens.revoke("1", id)).toBe(false);
      expect(await storedNames()).toEqual([]);
    },
  );
});

test("the tokens of a user's sessions up to a time are deleted, and nobody else's", async () => {
  for (let n = 0; n < 3; n += 1) await tokens.create(tokenOf("1"));
  const others = [await tokens.create(tokenOf("2")), await tokens.create(tokenOf("11"))];
  await storeWith(KEY_B).create(tokenOf("1", { name: "does not open" }));
  const later = await tokens.create(tokenOf("1", { session: { id: "later", signedInAtMs: START_MS + 1 } }));
  await tokens.deleteUntil("1", START_MS);
  const kept = [later, ...others].map((other) => storageKeys.apiToken(other?.id ?? ""));
  const names = await storedNames();
  expect(names.filter((name) => name.startsWith("api-token:")).toSorted()).toEqual(kept.toSorted());
  expect(names).toHaveLength(6);
});
