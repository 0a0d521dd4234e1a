/**
 * docs/storage-schema.md against the code: every example there is read with the store's own schemas, written through the
 * store, and found in KV as the page says.
 */
import { decodeProtectedHeader } from "jose";
import { env } from "cloudflare:workers";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { reset } from "cloudflare:test";
import { CredentialStore } from "../../../src/kv-store.ts";
import type { Cursor } from "../../../src/mailbox/pagination.ts";
import { openPageToken, sealPageToken } from "../../../src/mailbox/page-token.ts";
import { openSession, sealSession } from "../../../src/auth/session.ts";
import { sha256, sha512 } from "../../../src/lib/key-ring.ts";
import type { MessageMetadata } from "../../../src/gmail/message.ts";
import { Database } from "../../../src/object/database.ts";
import { KeptRows } from "../../../src/object/rows/kept-rows.ts";
import { RowKey } from "../../../src/object/rows/row-key.ts";
import { SecurityEventStore } from "../../../src/kv-store/security-events.ts";
import { storageKeys } from "../../../src/kv-store/key-names.ts";
import { openTransaction, sealTransaction, type Transaction } from "../../../src/auth/transaction.ts";
import {
  claimsOf,
  credential,
  DAY_SECONDS,
  example,
  expectMark,
  jsonExample,
  keyRing,
  kv,
  NOW_MS,
  onlyKey,
  overviewRows,
  session,
} from "./fixtures-schema.ts";
import { inObject } from "../object/fixtures.ts";

const store = new CredentialStore(kv);
const securityEvents = new SecurityEventStore(kv);
// `openTransaction` checks its form.
const transaction = jsonExample("transaction") as Transaction;

const JTI = "756E69717565206964656E746966696572";
const TOKEN_HASH = "BV9soPUV8emEycf9fQg3DBY/OWoo+IY3j8DHWr+mF3p2cRKb6ELjyxJyqNoS+A56VmGnbdNLnr0qc1zKBtigcA==";

/** The key or keys of each kind that fit the other examples, by what the document calls them. */
const keysOfExample: Record<keyof typeof storageKeys, Readonly<Record<string, string>>> = {
  credential: { credential: storageKeys.credential(credential.sub) },
  mailboxKey: { "mailbox-key": storageKeys.mailboxKey(credential.sub) },
  address: { address: await storageKeys.address(credential.email ?? "") },
  deadTokenIdentifier: {
    "dead-token-prefix": await storageKeys.deadTokenIdentifier("prefix", "1//0eExampleRefr"),
    "dead-token-hash": await storageKeys.deadTokenIdentifier("hash_base64_sha512_sha512", TOKEN_HASH),
  },
  probe: { probe: storageKeys.probe(example("probe")) },
  securityEvent: { "security-event": await storageKeys.securityEvent(JTI) },
};

// What is left would expire while another file compares what is stored.
afterAll(() => reset());

describe("every KV key has an example in docs/storage-schema.md", () => {
  const all = Object.values(keysOfExample).flatMap((keys) => Object.entries(keys));

  test.each(all)("%s", (documented, expected) => {
    expect(example(`${documented}-key`)).toBe(expected);
    expect(example(documented)).not.toBe("");
  });

  test("and a row in the overview, and no other key has", () => {
    const kinds = all.map(([, name]) => name.slice(0, name.indexOf(":") + 1));
    const documented = overviewRows().flatMap((row) => /^\| `([a-z-]+:)</.exec(row)?.slice(1) ?? []);
    expect(documented.toSorted()).toEqual(kinds.toSorted());
    expect(Object.keys(keysOfExample).toSorted()).toEqual(Object.keys(storageKeys).toSorted());
  });
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
    expect(await store.findCredential(credential.sub)).toEqual({ credential, isOutdated: false });
  });

  test("an address: its user, sealed, bound to its key, without a TTL, in whichever letters it is written", async () => {
    const email = credential.email ?? "";
    await store.writeAddress(email.toUpperCase(), credential.sub);
    expect(await onlyKey()).toEqual({ name: example("address-key"), metadata: jsonExample("metadata") });
    expect(await claimsOf(example("address-key"))).toEqual(jsonExample("claims-set"));
    expect(jsonExample("address")).toBe(credential.sub);
    expect(await store.readAddress(email)).toBe(credential.sub);
    await store.deleteAddress(email, "another-user");
    expect(await store.readAddress(email)).toBe(credential.sub);
    await store.deleteAddress(email, credential.sub);
    expect((await env.CREDENTIALS.list()).keys).toEqual([]);
  });

  test("a refresh token that Google has revoked: the time in plain text, for 180 days", async () => {
    const token = credential.refreshToken;
    expect(token.slice(0, 16)).toBe("1//0eExampleRefr");
    const bytes = new TextEncoder().encode(token);
    expect((await sha512(await sha512(bytes))).toBase64()).toBe(TOKEN_HASH);
    await store.markIdentifierDead("prefix", token.slice(0, 16));
    expect(await store.isNamedDead(token)).toBe(true);
    await expectMark("dead-token-prefix", 180 * DAY_SECONDS);
    await reset();
    await store.markIdentifierDead("hash_base64_sha512_sha512", TOKEN_HASH);
    expect(await store.isNamedDead(token)).toBe(true);
    await expectMark("dead-token-hash", 180 * DAY_SECONDS);
  });

  test("a delivery of security events: the time in plain text, for 31 days", async () => {
    expect(await securityEvents.isSeen(JTI)).toBe(false);
    await securityEvents.markSeen(JTI);
    expect(await securityEvents.isSeen(JTI)).toBe(true);
    await expectMark("security-event", 31 * DAY_SECONDS);
  });
});

function rowKeyOf(database: Database): RowKey {
  return new RowKey({ database, kv, dropRows: () => {}, warn: (detail) => expect.fail(detail) });
}

describe("rows are stored as documented", () => {
  const content = jsonExample("row-content") as Omit<MessageMetadata, "id" | "labelIds" | "unread">;
  const { message: id } = jsonExample("row-header") as { message: string };

  beforeEach(() => reset());

  test("a key: random, sealed, bound to its KV key, without a TTL; the object knows its hash", async () => {
    await inObject(async ({ storage }) => {
      const database = new Database(storage);
      await rowKeyOf(database).get(credential.sub);
      const name = example("mailbox-key-key");
      expect(await onlyKey()).toEqual({ name, metadata: jsonExample("metadata") });
      const { data, ...claims } = (await claimsOf(name)) as { data: { k: string } };
      expect(claims).toEqual({ aud: "mailbox-key", sub: name });
      expect(data).toEqual({ k: expect.stringMatching(/^[\w-]{43}$/) });
      expect(data).not.toEqual(jsonExample("mailbox-key"));
      expect(Object.keys(data)).toEqual(Object.keys(jsonExample("mailbox-key") as object));
      expect(JSON.parse(database.get("rows_key") ?? "")).toEqual({ id: await sha256(data.k), madeAtMs: NOW_MS });
    });
  });

  test("a row: sealed under the key, bound to its message, with version and labels beside it", async () => {
    await inObject(async ({ storage }) => {
      const database = new Database(storage);
      await kv.putSealed("mailbox-key", example("mailbox-key-key"), jsonExample("mailbox-key"));
      database.set("rows_key", example("rows-key"));
      const seal =
        (await rowKeyOf(database).get(credential.sub)) ?? expect.fail("The example of the key does not open.");
      expect(await seal.open(id, example("row-sealed"))).toEqual(content);
      expect(await seal.open("18c0000001a2b3c5", example("row-sealed"))).toBeNull();

      const kept = new KeptRows(database, () => NOW_MS);
      kept.begin("4711");
      const labelIds = ["INBOX", "UNREAD"];
      const row = { message: { id, labelIds, unread: true, ...content }, state: { version: "4710", labelIds } };
      (await kept.seal([row], seal))(({ state }) => state);
      const [stored, ...others] =
        database.rows<Record<"id" | "version" | "labels" | "sealed", string>>("SELECT * FROM rows");
      expect(others).toEqual([]);
      expect(stored).toEqual({ id, version: "4710", labels: JSON.stringify(labelIds), sealed: expect.any(String) });
      expect(decodeProtectedHeader(stored?.sealed ?? "")).toEqual(jsonExample("row-header"));
      const readable = [JSON.stringify(stored), atob(stored?.sealed.split(".")[0] ?? "")].join("\n");
      for (const text of Object.values(content).filter((value) => value !== id)) expect(readable).not.toContain(text);
      expect(await seal.open(id, stored?.sealed ?? "")).toEqual(content);
      expect(JSON.parse(database.get("history_position") ?? "")).toEqual(jsonExample("history-position"));
    });
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
