/**
 * docs/storage-schema.md against the code: every example there is read with the store's own schemas, written through the
 * store, and found in KV as the page says. Keys, the records of a grant, cookies and page tokens; the rest is in
 * test/unit/kv-store/storage-schema-tokens.test.ts.
 */
import { env } from "cloudflare:workers";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { reset } from "cloudflare:test";
import { apiTokenId } from "../../../src/kv-store/api-tokens.ts";
import { CredentialStore } from "../../../src/kv-store.ts";
import { LruCache } from "../../../src/isolate/lru-cache.ts";
import type { Cursor } from "../../../src/mailbox/pagination.ts";
import { openPageToken, sealPageToken } from "../../../src/mailbox/page-token.ts";
import { openSession, sealSession } from "../../../src/auth/session.ts";
import { storageKeys } from "../../../src/kv-store/key-names.ts";
import { openTransaction, sealTransaction, type Transaction } from "../../../src/auth/transaction.ts";
import {
  accessToken,
  claimsOf,
  credential,
  DAY_SECONDS,
  example,
  examples,
  expectTtl,
  jsonExample,
  keyRing,
  kv,
  NOW_MS,
  onlyKey,
  overviewRows,
  session,
  sessionKey,
} from "./fixtures-schema.ts";

const store = new CredentialStore(kv, new LruCache(10));
// `openTransaction` checks its form.
const transaction = jsonExample("transaction") as Transaction;

type PrefixName = "accessTokens" | "apiTokensOf";

const API_TOKEN_ID = (await apiTokenId(keyRing, example("api-token-secret"))) ?? "";

/** What the examples of dead tokens are about. */
const deadTokenKeys = {
  "dead-token-prefix": await storageKeys.deadTokenIdentifier("prefix", "1//0eExampleRefr"),
  "dead-token-hash": await storageKeys.deadTokenIdentifier(
    "hash_base64_sha512_sha512",
    "BV9soPUV8emEycf9fQg3DBY/OWoo+IY3j8DHWr+mF3p2cRKb6ELjyxJyqNoS+A56VmGnbdNLnr0qc1zKBtigcA==",
  ),
};

/** The key or keys of each kind that fit the other examples, by what the document calls them. */
const keysOfExample: Record<Exclude<keyof typeof storageKeys, PrefixName>, Readonly<Record<string, string>>> = {
  credential: { credential: storageKeys.credential(credential.sub) },
  accessToken: { "access-token": storageKeys.accessToken(sessionKey) },
  address: { address: await storageKeys.address(credential.email ?? "") },
  deadToken: { "dead-token": await storageKeys.deadToken(credential.refreshToken) },
  deadTokenIdentifier: deadTokenKeys,
  revokedSession: { "revoked-session": storageKeys.revokedSession(sessionKey) },
  sessionEnd: { "session-end": storageKeys.sessionEnd(sessionKey) },
  revokedUser: {
    "revoked-user": storageKeys.revokedUser(credential.sub, "user"),
    "revoked-user-consent": storageKeys.revokedUser(credential.sub, "consent"),
    "revoked-user-event": storageKeys.revokedUser(credential.sub, "event"),
  },
  disabledAccount: { "disabled-account": storageKeys.disabledAccount(credential.sub) },
  apiToken: { "api-token": storageKeys.apiToken(API_TOKEN_ID) },
  apiTokenAccess: { "api-token-access": storageKeys.apiTokenAccess(API_TOKEN_ID) },
  apiTokenUsed: { "api-token-used": storageKeys.apiTokenUsed(API_TOKEN_ID) },
  apiTokenOf: { "api-token-of": storageKeys.apiTokenOf(credential.sub, API_TOKEN_ID) },
  probe: { probe: storageKeys.probe(example("probe")) },
  securityEvent: { "security-event": await storageKeys.securityEvent("756E69717565206964656E746966696572") },
};

/** Kinds of keys whose value is empty, so that there is no example of it. */
const WITHOUT_VALUE = new Set(["api-token-of"]);

/** Not keys, but how several keys begin; the examples of those keys must begin so. */
const prefixOfExample: Record<PrefixName, string> = {
  accessTokens: storageKeys.accessTokens(credential.sub),
  apiTokensOf: storageKeys.apiTokensOf(credential.sub),
};

// What is left would expire while another file compares what is stored.
afterAll(() => reset());

describe("every KV key has an example in docs/storage-schema.md", () => {
  test.each(Object.values(keysOfExample).flatMap((keys) => Object.entries(keys)))("%s", (documented, expected) => {
    expect(example(`${documented}-key`)).toBe(expected);
    if (!WITHOUT_VALUE.has(documented)) expect(example(documented)).not.toBe("");
  });

  test.each(Object.values(prefixOfExample))("%s", (prefix) => {
    expect(examples().filter((text) => text.startsWith(prefix))).toHaveLength(1);
  });

  test("and no kind of key is left out here", () => {
    const known = [...Object.keys(keysOfExample), ...Object.keys(prefixOfExample)];
    expect(known.toSorted()).toEqual(Object.keys(storageKeys).toSorted());
  });

  test.each(Object.values(keysOfExample).flatMap((keys) => Object.values(keys)))(
    "%s has a row in the overview",
    (name) => {
      const kind = name.slice(0, name.indexOf(":") + 1);
      expect(overviewRows().filter((row) => row.startsWith(`| \`${kind}<`))).toHaveLength(1);
    },
  );
});

describe("KV records are stored as documented", () => {
  beforeEach(() => reset());

  test("a credential: sealed, bound to its key, without a TTL", async () => {
    expect(credential).toEqual(jsonExample("credential"));
    await store.writeCredential(credential);
    expect(await onlyKey()).toEqual({ name: example("credential-key"), metadata: jsonExample("metadata") });
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
    expect(await onlyKey()).toEqual({ name: example("address-key"), metadata: jsonExample("metadata") });
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
    expect(stored.name).toBe(example("access-token-key"));
    expect(stored.metadata).toEqual(jsonExample("metadata"));
    expectTtl(stored, (accessToken.expiresAtMs - NOW_MS) / 1000);
    expect(await claimsOf(example("access-token-key"))).toEqual(jsonExample("claims-set"));
    expect(await store.readAccessToken(sessionKey)).toEqual(accessToken);
  });

  test("an access token that is about to expire: KV's least TTL of 60 seconds", async () => {
    await store.writeAccessToken(sessionKey, { ...accessToken, expiresAtMs: NOW_MS + 1_000 });
    expectTtl(await onlyKey(), 60);
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
