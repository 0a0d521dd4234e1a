import { describe, expect, test } from "vitest";
import { KeyRing, randomToken } from "../../../src/lib/key-ring.ts";
import {
  beginAgain,
  openTransaction,
  sealTransaction,
  type Transaction,
  transactionId,
  TRANSACTION_TTL_SECONDS,
} from "../../../src/auth/transaction.ts";
import { KEY_A, KEY_B, START_MS } from "../fixtures.ts";

const ring = new KeyRing([KEY_A]);
const STATE = randomToken();

const TRANSACTION: Transaction = {
  codeVerifier: "verifier",
  nonce: "nonce",
  returnTo: "/?q=in%3Ainbox",
  loginHint: "ann@example.test",
  prompt: "consent",
  codeRetried: false,
  identityOnly: false,
  consentForced: true,
};

async function seal(transaction = TRANSACTION): Promise<string> {
  return sealTransaction(ring, { state: STATE, nowMs: START_MS }, transaction);
}

async function open(value: string, changes: { state?: string; nowMs?: number; keys?: KeyRing } = {}) {
  const { state = STATE, nowMs = START_MS, keys = ring } = changes;
  return openTransaction(keys, { state, value, nowMs });
}

describe("a transaction", () => {
  test("opens as it was sealed, also without hint and prompt", async () => {
    expect(await open(await seal())).toEqual(TRANSACTION);
    const bare = { ...TRANSACTION, loginHint: null, prompt: null };
    expect(await open(await seal(bare))).toEqual(bare);
  });

  test("lasts 10 minutes, and no second longer", async () => {
    expect(TRANSACTION_TTL_SECONDS).toBe(600);
    const value = await seal();
    expect(await open(value, { nowMs: START_MS + 599_000 })).toEqual(TRANSACTION);
    expect(await open(value, { nowMs: START_MS + 600_000 })).toBeNull();
  });

  test("opens for its whole state only, although the cookie's name shows but a part (RFC 6749 §10.12)", async () => {
    const value = await seal();
    const sameName = transactionId(STATE) + randomToken().slice(16);
    expect(transactionId(sameName)).toBe(transactionId(STATE));
    for (const state of [sameName, randomToken(), "", transactionId(STATE)]) {
      expect(await open(value, { state })).toBeNull();
    }
  });

  test("of two flows have different cookies", () => {
    expect(transactionId(randomToken())).not.toBe(transactionId(randomToken()));
    expect(transactionId(STATE)).toMatch(/^[A-Za-z0-9_-]{16}$/);
  });

  test("opens after rotation, and not once its key is gone", async () => {
    const value = await seal();
    expect(await open(value, { keys: new KeyRing([KEY_B, KEY_A]) })).toEqual(TRANSACTION);
    expect(await open(value, { keys: new KeyRing([KEY_B]) })).toBeNull();
  });

  test("that was changed, is for something else, or has an earlier form does not open", async () => {
    const value = await seal();
    const session = await ring.seal({ purpose: "session", owner: STATE }, TRANSACTION);
    const earlier = await ring.seal({ purpose: "transaction", owner: STATE }, { codeVerifier: "v" });
    for (const bad of ["", "x", value.slice(1), session, earlier]) expect(await open(bad)).toBeNull();
  });
});

describe("beginning again", () => {
  test("leads to the same place with the same account, and forces nothing", () => {
    expect(beginAgain(TRANSACTION)).toEqual({ returnTo: "/?q=in%3Ainbox", loginHint: "ann@example.test" });
    expect(beginAgain({ ...TRANSACTION, loginHint: null })).toEqual({ returnTo: "/?q=in%3Ainbox" });
  });
});
