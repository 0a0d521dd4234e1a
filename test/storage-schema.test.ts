/**
 * docs/storage-schema.md against the code: every example there is read with the store's own schemas, written through the
 * store, and found in KV as the page says.
 */
import { base64url, decodeProtectedHeader, jwtDecrypt } from "jose";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { reset } from "cloudflare:test";
import document from "../docs/storage-schema.md?raw";
import { KeyRing, type TokenKey } from "../src/keys.ts";
import { AccessTokenSchema, CredentialSchema, CredentialStore, type SessionKey, storageKeys } from "../src/kv-store.ts";
import type { Cursor } from "../src/listing.ts";
import { openPageToken, sealPageToken } from "../src/page-token.ts";
import { openSession, sealSession, type Session, SESSION_TTL_SECONDS, sessionExpiresAtMs } from "../src/session.ts";
import { Trace } from "../src/trace.ts";
import { openTransaction, sealTransaction, type Transaction } from "../src/transaction.ts";

/** Noon of the examples. */
const NOW_MS = Date.parse("2026-11-22T12:00:00Z");
const DAY_SECONDS = 24 * 60 * 60;
/** KV counts from its own clock. */
const CLOCK_TOLERANCE_SECONDS = 5;

/** The text of each fenced block that has a name: "```json credential" is `credential`. */
const blocks = new Map(
  [...document.matchAll(/^```(?:json|text) ([\w-]+)\n([\s\S]*?)\n```$/gm)].map(([, name = "", text = ""]) => [
    name,
    text,
  ]),
);

function example(name: string): string {
  const text = blocks.get(name);
  if (text === undefined) throw new Error(`docs/storage-schema.md has no example "${name}"`);
  return text;
}

function jsonExample(name: string): unknown {
  return JSON.parse(example(name));
}

const credential = CredentialSchema.parse(jsonExample("credential"));
const accessToken = AccessTokenSchema.parse(jsonExample("access-token"));
// `openSession` and `openTransaction` check the form of these two.
const session = jsonExample("session") as Session;
const transaction = jsonExample("transaction") as Transaction;

const sessionKey: SessionKey = { id: session.id, sub: session.identity.sub };

const header = decodeHeader(jsonExample("protected-header"));
const key: TokenKey = { kty: "oct", kid: header.kid, k: base64url.encode(new Uint8Array(32).fill(7)) };
const keyRing = new KeyRing([key]);
const store = new CredentialStore({
  kv: env.CREDENTIALS,
  keyRing,
  trace: new Trace(() => NOW_MS),
  now: () => NOW_MS,
  sleep: async () => {},
});

function decodeHeader(value: unknown): { kid: string } {
  expect(value).toEqual({ alg: "dir", enc: "A256GCM", kid: expect.any(String) });
  return value as { kid: string };
}

async function onlyKey() {
  const { keys } = await env.CREDENTIALS.list();
  expect(keys).toHaveLength(1);
  return keys[0];
}

async function claimsOf(name: string): Promise<unknown> {
  const sealed = (await env.CREDENTIALS.get(name)) ?? "";
  expect(decodeProtectedHeader(sealed)).toEqual(jsonExample("protected-header"));
  const { payload } = await jwtDecrypt(sealed, base64url.decode(key.k), { currentDate: new Date(NOW_MS) });
  return payload;
}

function secondsFromNow(expiration: number | undefined): number {
  return (expiration ?? 0) - Date.now() / 1000;
}

function expectAbout(seconds: number, expected: number): void {
  expect(Math.abs(seconds - expected)).toBeLessThan(CLOCK_TOLERANCE_SECONDS);
}

type PrefixName = "accessTokens";

/** The key of each kind that fits the other examples. */
const keyOfExample: Record<Exclude<keyof typeof storageKeys, PrefixName>, string> = {
  credential: storageKeys.credential(credential.sub),
  accessToken: storageKeys.accessToken(sessionKey),
  address: await storageKeys.address(credential.email ?? ""),
  deadToken: await storageKeys.deadToken(credential.refreshToken),
  revokedSession: storageKeys.revokedSession(sessionKey),
  revokedUser: storageKeys.revokedUser(credential.sub),
};

/** Not keys, but how several keys begin; the examples of those keys must begin so. */
const prefixOfExample: Record<PrefixName, string> = { accessTokens: storageKeys.accessTokens(credential.sub) };

describe("every KV key has an example in docs/storage-schema.md", () => {
  test.each(Object.entries(keyOfExample))("%s", (name, expected) => {
    const documented = name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    expect(example(`${documented}-key`)).toBe(expected);
    expect(example(documented)).not.toBe("");
  });

  test.each(Object.values(prefixOfExample))("%s", (prefix) => {
    expect([...blocks.values()].filter((text) => text.startsWith(prefix))).toHaveLength(1);
  });

  test("and no kind of key is left out here", () => {
    const known = [...Object.keys(keyOfExample), ...Object.keys(prefixOfExample)];
    expect(known.toSorted()).toEqual(Object.keys(storageKeys).toSorted());
  });
});

describe("KV records are stored as documented", () => {
  beforeEach(() => reset());

  test("a credential: sealed, bound to its key, without a TTL", async () => {
    expect(credential).toEqual(jsonExample("credential"));
    await store.writeCredential(credential);
    expect(await onlyKey()).toEqual({ name: example("credential-key") });
    expect(await claimsOf(example("credential-key"))).toEqual({
      data: credential,
      aud: "credential",
      sub: example("credential-key"),
    });
    expect(await store.readCredential(credential.sub)).toEqual(credential);
  });

  test("an address: its user, sealed, bound to its key, without a TTL, in whichever letters it is written", async () => {
    const email = credential.email ?? "";
    await store.writeAddress(email.toUpperCase(), credential.sub);
    expect(await onlyKey()).toEqual({ name: example("address-key") });
    expect(await claimsOf(example("address-key"))).toEqual({
      data: jsonExample("address"),
      aud: "address",
      sub: example("address-key"),
    });
    expect(jsonExample("address")).toBe(credential.sub);
    expect(await store.readAddress(email)).toBe(credential.sub);
    await store.deleteAddress(email, "another-user");
    expect(await store.readAddress(email)).toBe(credential.sub);
    await store.deleteAddress(email, credential.sub);
    expect((await env.CREDENTIALS.list()).keys).toEqual([]);
  });

  test("an access token: the documented claims set, until it expires", async () => {
    expect(accessToken).toEqual(jsonExample("access-token"));
    await store.writeAccessToken(sessionKey, accessToken);
    const stored = await onlyKey();
    expect(stored?.name).toBe(example("access-token-key"));
    expectAbout(secondsFromNow(stored?.expiration), (accessToken.expiresAtMs - NOW_MS) / 1000);
    expect(await claimsOf(example("access-token-key"))).toEqual(jsonExample("claims-set"));
    expect(await store.readAccessToken(sessionKey)).toEqual(accessToken);
  });

  test("an access token that is about to expire: KV's least TTL of 60 seconds", async () => {
    await store.writeAccessToken(sessionKey, { ...accessToken, expiresAtMs: NOW_MS + 1_000 });
    expectAbout(secondsFromNow((await onlyKey())?.expiration), 60);
  });

  test("a dead token: its hash and the time in plain text, for 180 days", async () => {
    await store.markDead(credential.refreshToken);
    const stored = await onlyKey();
    expect(stored?.name).toBe(example("dead-token-key"));
    expectAbout(secondsFromNow(stored?.expiration), 180 * DAY_SECONDS);
    expect(await env.CREDENTIALS.get(example("dead-token-key"))).toBe(example("dead-token"));
    expect(await store.isDead(credential.refreshToken)).toBe(true);
  });

  test("a revoked session: a mark until the session would have ended", async () => {
    await store.revokeSession(sessionKey, sessionExpiresAtMs(session));
    const stored = await onlyKey();
    expect(stored?.name).toBe(example("revoked-session-key"));
    expectAbout(secondsFromNow(stored?.expiration), 30 * DAY_SECONDS);
    expect(await env.CREDENTIALS.get(example("revoked-session-key"))).toBe(example("revoked-session"));
    expect(await store.isRevoked({ ...sessionKey, signedInAtMs: session.signedInAtMs })).toBe(true);
  });

  test("a revoked user: a mark for sessions that began until then", async () => {
    await store.revokeSessions(credential.sub, SESSION_TTL_SECONDS);
    const stored = await onlyKey();
    expect(stored?.name).toBe(example("revoked-user-key"));
    expectAbout(secondsFromNow(stored?.expiration), 30 * DAY_SECONDS);
    expect(await env.CREDENTIALS.get(example("revoked-user-key"))).toBe(example("revoked-user"));
    expect(await store.isRevoked({ ...sessionKey, signedInAtMs: NOW_MS })).toBe(true);
    expect(await store.isRevoked({ ...sessionKey, signedInAtMs: NOW_MS + 1 })).toBe(false);
  });
});

describe("cookies and page tokens hold what is documented", () => {
  test("a session opens for 30 days, on its origin", async () => {
    const origin = "https://mail.example.com";
    const value = await sealSession(keyRing, origin, session);
    const open = (from: string, afterMs: number) =>
      openSession(keyRing, { origin: from, value, nowMs: session.signedInAtMs + afterMs });
    expect(await open(origin, 30 * DAY_SECONDS * 1000 - 1_000)).toEqual(session);
    expect(await open(origin, 30 * DAY_SECONDS * 1000 + 1_000)).toBeNull();
    expect(await open("https://other.example.com", 0)).toBeNull();
  });

  test("a transaction opens for 10 minutes, with its state", async () => {
    const state = "a-state";
    const value = await sealTransaction(keyRing, { state, nowMs: NOW_MS }, transaction);
    const open = (from: string, afterMs: number) =>
      openTransaction(keyRing, { state: from, value, nowMs: NOW_MS + afterMs });
    expect(await open(state, 599_000)).toEqual(transaction);
    expect(await open(state, 601_000)).toBeNull();
    expect(await open("another-state", 0)).toBeNull();
  });

  test("a page token opens for its user and filters, in whichever order", async () => {
    const cursor = jsonExample("page-token") as Cursor;
    const filter = { q: "from:ana", labelIds: ["INBOX", "UNREAD"], includeSpamTrash: false };
    const value = await sealPageToken(keyRing, { sub: credential.sub, filter }, cursor);
    const token = { value, nowMs: NOW_MS };
    const reordered = { ...filter, labelIds: ["UNREAD", "INBOX", "INBOX"] };
    expect(await openPageToken(keyRing, { sub: credential.sub, filter: reordered }, token)).toEqual(cursor);
    const other = { sub: credential.sub, filter: { ...filter, q: "" } };
    await expect(openPageToken(keyRing, other, token)).rejects.toMatchObject({ reason: "INVALID_ARGUMENT" });
  });
});
