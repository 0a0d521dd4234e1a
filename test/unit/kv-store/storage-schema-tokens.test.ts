/**
 * docs/storage-schema.md against the code: API tokens, the marks that end access, and what is kept of security events.
 */
import { env } from "cloudflare:workers";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { reset } from "cloudflare:test";
import { type ApiToken, apiTokenId, ApiTokenStore } from "../../../src/kv-store/api-tokens.ts";
import { sha512 } from "../../../src/lib/key-ring.ts";
import { CredentialStore } from "../../../src/kv-store.ts";
import { LruCache } from "../../../src/isolate/lru-cache.ts";
import { Revocations, SecurityEventStore } from "../../../src/kv-store/revocations.ts";
import { storageKeys } from "../../../src/kv-store/key-names.ts";
import {
  accessToken,
  claimsOf,
  credential,
  DAY_SECONDS,
  example,
  expectMark,
  expectTtl,
  jsonExample,
  keyRing,
  kv,
  listedKey,
  NOW_MS,
  onlyKey,
  session,
  sessionKey,
} from "./fixtures-schema.ts";

const store = new CredentialStore(kv, new LruCache(10));
const revocations = new Revocations(kv);
const apiTokens = new ApiTokenStore(kv);
const securityEvents = new SecurityEventStore(kv);

const ID = (await apiTokenId(keyRing, example("api-token-secret"))) ?? "";
// The store checks its form when it reads it.
const apiToken = jsonExample("api-token") as ApiToken;
const JTI = "756E69717565206964656E746966696572";

beforeEach(() => reset());

// What is left would expire while another file compares what is stored.
afterAll(() => reset());

describe("marks are stored as documented", () => {
  test("a dead token: its hash and the time in plain text, for 180 days", async () => {
    await store.markDead(credential.refreshToken);
    expect((await onlyKey()).name).toBe(example("dead-token-key"));
    await expectMark("dead-token", 180 * DAY_SECONDS);
    expect(await store.isDead(credential.refreshToken)).toBe(true);
  });

  test("a dead token that Google names by its prefix, for 180 days", async () => {
    await store.markIdentifierDead("prefix", "1//0eExampleRefr");
    expect((await onlyKey()).name).toBe(example("dead-token-prefix-key"));
    await expectMark("dead-token-prefix", 180 * DAY_SECONDS);
    expect(await store.isDead(credential.refreshToken)).toBe(true);
  });

  test("a dead token that Google names by its hash, for 180 days", async () => {
    const inner = await sha512(new TextEncoder().encode(credential.refreshToken));
    await store.markIdentifierDead("hash_base64_sha512_sha512", (await sha512(inner)).toBase64());
    expect((await onlyKey()).name).toBe(example("dead-token-hash-key"));
    await expectMark("dead-token-hash", 180 * DAY_SECONDS);
    expect(await store.isDead(credential.refreshToken)).toBe(true);
  });

  test("a dead token that Google names by a hash of hexadecimal digits is found, too", async () => {
    const inner = await sha512(new TextEncoder().encode(credential.refreshToken));
    const outer = await sha512(new TextEncoder().encode(inner.toHex()));
    await store.markIdentifierDead("hash_base64_sha512_sha512", outer.toBase64());
    expect(await store.isDead(credential.refreshToken)).toBe(true);
    expect(await store.isDead("1//0eAnotherRefreshToken")).toBe(false);
  });

  test("an ended session: a mark, and when it ended first, for 366 days", async () => {
    await revocations.endSession(sessionKey);
    expect((await env.CREDENTIALS.list()).keys).toHaveLength(2);
    await expectMark("revoked-session", 366 * DAY_SECONDS);
    await expectMark("session-end", 366 * DAY_SECONDS);
    expect(await revocations.isSessionRevoked(sessionKey, session.signedInAtMs)).toBe(true);
  });

  test.each([
    ["user", "revoked-user"],
    ["consent", "revoked-user-consent"],
    ["event", "revoked-user-event"],
  ] as const)("a user revoked by %s: a mark for what began until then, for 366 days", async (by, name) => {
    await revocations.revokeUser(credential.sub, by);
    expect((await onlyKey()).name).toBe(example(`${name}-key`));
    await expectMark(name, 366 * DAY_SECONDS);
    expect(await revocations.isSessionRevoked(sessionKey, NOW_MS)).toBe(true);
    expect(await revocations.isSessionRevoked(sessionKey, NOW_MS + 1)).toBe(false);
  });

  test("a revoked user of an earlier time: just as long, counted from now", async () => {
    await revocations.revokeUser(credential.sub, "consent", NOW_MS - 1);
    expectTtl(await onlyKey(), 366 * DAY_SECONDS);
    expect(await revocations.isSessionRevoked(sessionKey, NOW_MS - 1)).toBe(true);
    expect(await revocations.isSessionRevoked(sessionKey, NOW_MS)).toBe(false);
  });

  test("a disabled account: a mark without a TTL, until it is enabled", async () => {
    await securityEvents.disable(credential.sub);
    expect(await onlyKey()).toEqual({ name: example("disabled-account-key") });
    expect(await env.CREDENTIALS.get(example("disabled-account-key"))).toBe(example("disabled-account"));
    expect(await securityEvents.isDisabled(credential.sub)).toBe(true);
    await securityEvents.enable(credential.sub);
    expect(await securityEvents.isDisabled(credential.sub)).toBe(false);
  });

  test("a security event: the hash of its jti, for 31 days", async () => {
    await securityEvents.markSeen(JTI);
    expect((await onlyKey()).name).toBe(example("security-event-key"));
    await expectMark("security-event", 31 * DAY_SECONDS);
    expect(await securityEvents.isSeen(JTI)).toBe(true);
  });
});

describe("API tokens are stored as documented", () => {
  const lifetimeSeconds = (apiToken.expiresAtMs - NOW_MS) / 1000;

  test("a new one: the record sealed under the hash of its secret, and its place in the user's list", async () => {
    const { version: _version, ...unversioned } = apiToken;
    const { secret, id } = await apiTokens.create(unversioned);
    expect(secret).toMatch(/^gmedge_[A-Za-z0-9_-]{63}$/);
    expect(await apiTokenId(keyRing, secret)).toBe(id);
    const [record, index] = [storageKeys.apiToken(id), storageKeys.apiTokenOf(credential.sub, id)];
    expect((await env.CREDENTIALS.list()).keys.map(({ name }) => name)).toEqual([index, record].toSorted());
    expect(await claimsOf(record)).toEqual({
      data: jsonExample("api-token"),
      aud: "api-token",
      sub: record,
      exp: apiToken.expiresAtMs / 1000,
    });
    expect((await listedKey(record)).metadata).toEqual(jsonExample("metadata"));
    expectTtl(await listedKey(record), lifetimeSeconds);
    expect((await listedKey(index)).metadata).toBeUndefined();
    expectTtl(await listedKey(index), lifetimeSeconds);
    expect(await env.CREDENTIALS.get(index)).toBe("");
    expect(await apiTokens.find(id)).toMatchObject({ token: apiToken, accessToken: null, lastUsedOn: null });
  });

  test("its access token: sealed, until that expires", async () => {
    await apiTokens.writeAccessToken(ID, accessToken);
    const stored = await onlyKey();
    expect(stored.name).toBe(example("api-token-access-key"));
    expect(stored.metadata).toEqual(jsonExample("metadata"));
    expectTtl(stored, (accessToken.expiresAtMs - NOW_MS) / 1000);
    expect(await claimsOf(stored.name)).toEqual({
      data: jsonExample("api-token-access"),
      aud: "access-token",
      sub: stored.name,
      exp: accessToken.expiresAtMs / 1000,
    });
  });

  test("its last use: the day in plain text, for as long as the token lasts", async () => {
    await apiTokens.markUsed(ID, apiToken, example("api-token-used"));
    expect((await onlyKey()).name).toBe(example("api-token-used-key"));
    await expectMark("api-token-used", lifetimeSeconds);
  });

  test("a revoked one: nothing is left but its mark, for as long as it would have lasted", async () => {
    const { version: _version, ...unversioned } = apiToken;
    const { id } = await apiTokens.create(unversioned);
    await apiTokens.writeAccessToken(id, accessToken);
    await apiTokens.markUsed(id, apiToken, "2026-11-22");
    expect(await apiTokens.revoke(credential.sub, id)).toBe(true);
    const mark = await onlyKey();
    expect(mark.name).toBe(storageKeys.revokedSession({ id }));
    expectTtl(mark, lifetimeSeconds);
  });
});
