import { describe, expect, test } from "vitest";
import { KeyRing } from "../../../src/lib/key-ring.ts";
import {
  createSession,
  fitsInCookie,
  isRecentSignIn,
  openSession,
  sealSession,
  type Session,
  sessionExpiresAtMs,
} from "../../../src/auth/session.ts";
import { SESSION_TTL_SECONDS } from "../../../src/object/sessions.ts";
import { KEY_A, KEY_B, START_MS } from "../fixtures.ts";

const ORIGIN = "https://mail.example.test";
const ring = new KeyRing([KEY_A]);

const USER = {
  identity: { sub: "1", email: "ann@example.test", name: "Ann שרה 🌸", picture: "https://p.example.test/1" },
  scopes: ["openid"],
  accessToken: { value: "at", expiresAtMs: START_MS + 3_600_000 },
};

const SESSION = createSession(USER, START_MS);

function withToken(length: number): Session {
  return { ...SESSION, accessToken: { value: "x".repeat(length), expiresAtMs: START_MS } };
}

async function open(value: string, changes: { origin?: string; nowMs?: number; keys?: KeyRing } = {}) {
  const { origin = ORIGIN, nowMs = START_MS, keys = ring } = changes;
  return openSession(keys, { origin, value, nowMs });
}

describe("a new session", () => {
  test("begins now, with an ID that nobody can guess", () => {
    expect(SESSION).toMatchObject({ ...USER, signedInAtMs: START_MS });
    expect(SESSION.id).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(createSession(USER, START_MS).id).not.toBe(SESSION.id);
  });

  test("ends 30 days after sign-in", () => {
    expect(sessionExpiresAtMs(SESSION) - START_MS).toBe(30 * 24 * 60 * 60 * 1000);
    expect(SESSION_TTL_SECONDS).toBe(30 * 24 * 60 * 60);
  });
});

describe("a session cookie", () => {
  test("opens as it was sealed", async () => {
    expect(await open(await sealSession(ring, ORIGIN, SESSION))).toEqual(SESSION);
    const without: Session = { ...SESSION, accessToken: null };
    expect(await open(await sealSession(ring, ORIGIN, without))).toEqual(without);
  });

  test("opens until it ends, however often it is sealed anew, and not after", async () => {
    const value = await sealSession(ring, ORIGIN, SESSION);
    const endMs = sessionExpiresAtMs(SESSION);
    expect(await open(value, { nowMs: endMs - 1_000 })).toEqual(SESSION);
    expect(await open(value, { nowMs: endMs })).toBeNull();
    const refreshed = { ...SESSION, accessToken: { value: "newer", expiresAtMs: endMs } };
    expect(await open(await sealSession(ring, ORIGIN, refreshed), { nowMs: endMs })).toBeNull();
  });

  test("opens with an older key after rotation, and not once that is gone", async () => {
    const value = await sealSession(ring, ORIGIN, SESSION);
    expect(await open(value, { keys: new KeyRing([KEY_B, KEY_A]) })).toEqual(SESSION);
    expect(await open(value, { keys: new KeyRing([KEY_B]) })).toBeNull();
  });

  test.each(["http://mail.example.test", "https://mail.example.test:8443", "https://other.example.test"])(
    "does not open on %s",
    async (origin) => {
      expect(await open(await sealSession(ring, ORIGIN, SESSION), { origin })).toBeNull();
    },
  );

  test("does not open where it was changed, cut off, or is none", async () => {
    const value = await sealSession(ring, ORIGIN, SESSION);
    const values = ["", "x", value.slice(0, -5), `${value}x`, value.replace(/\.[^.]+$/, ".AAAAAAAAAAAAAAAAAAAAAA")];
    for (const bad of values) expect(await open(bad)).toBeNull();
  });

  test("of another purpose or an earlier form does not open", async () => {
    const transaction = await ring.seal({ purpose: "transaction", owner: ORIGIN }, SESSION);
    const { id: _, ...withoutId } = SESSION;
    const earlier = await ring.seal({ purpose: "session", owner: ORIGIN }, withoutId);
    for (const value of [transaction, earlier]) expect(await open(value)).toBeNull();
  });

  test("shows nothing of what is in it", async () => {
    const value = await sealSession(ring, ORIGIN, SESSION);
    expect(value).toMatch(/^[A-Za-z0-9._-]+$/);
    for (const part of value.split(".")) expect(part).not.toContain(btoa("ann@example.test").slice(0, 12));
  });
});

describe("the 4,096 bytes of a cookie (RFC 6265 §6.1)", () => {
  const attributes = "; Max-Age=2592000; Path=/; HttpOnly; Secure; SameSite=Lax";

  test("hold name, value and attributes of whatever fits", () => {
    let longest = 4096;
    while (!fitsInCookie("x".repeat(longest))) longest -= 1;
    expect(longest).toBeGreaterThan(3_500);
    expect(`__Host-gmail_edge_session=${attributes}`.length + longest).toBeLessThanOrEqual(4096);
  });

  test("leave 3,936 for the value, as docs/storage-schema.md says", () => {
    expect(fitsInCookie("x".repeat(3_936))).toBe(true);
    expect(fitsInCookie("x".repeat(3_937))).toBe(false);
  });

  test("hold a session with an access token of 1,024 characters, and not one of 4,096", async () => {
    expect(fitsInCookie(await sealSession(ring, ORIGIN, withToken(1_024)))).toBe(true);
    expect(fitsInCookie(await sealSession(ring, ORIGIN, withToken(4_096)))).toBe(false);
  });
});

test("a sign-in is recent for ten minutes", () => {
  const afterMs = [0, 600_000, 600_001];
  const answers = afterMs.map((ms) => isRecentSignIn({ signedInAtMs: START_MS }, START_MS + ms));
  expect(answers).toEqual([true, true, false]);
});
