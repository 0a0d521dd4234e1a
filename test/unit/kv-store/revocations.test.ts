import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { isFresh, latestEndMs, Revocations, type TokenOrigin } from "../../../src/kv-store/revocations.ts";
import { createSession } from "../../../src/auth/session.ts";
import { storageKeys, USER_MARK_WRITERS } from "../../../src/kv-store/key-names.ts";
import { appErrorOf, createKv, createWorld, failureOf, json, START_MS } from "../fixtures.ts";
import { DAY_MS } from "./fixtures-api-tokens.ts";
import { failAt } from "../auth/fixtures-grant.ts";

const world = createWorld(json({}));
const revocations = new Revocations(createKv(world));

function sessionOf(sub: string) {
  const identity = { sub, email: null, name: null, picture: null };
  const session = createSession({ identity, scopes: [], accessToken: null }, world.now());
  return { id: session.id, sub, signedInAtMs: session.signedInAtMs };
}

async function ttlSeconds(): Promise<number> {
  const { keys } = await env.CREDENTIALS.list();
  expect(keys).toHaveLength(1);
  return (keys[0]?.expiration ?? 0) - Date.now() / 1000;
}

beforeEach(async () => {
  await reset();
  world.clock.nowMs = START_MS;
});

// What is left would expire while another file compares what is stored.
afterAll(() => reset());

async function isRevoked(session: ReturnType<typeof sessionOf>): Promise<boolean> {
  return revocations.isSessionRevoked(session, session.signedInAtMs);
}

/** A token of user 1, made by a session so long after its sign-in. */
function tokenBy(session: ReturnType<typeof sessionOf>, afterMs: number): TokenOrigin {
  return { id: `token-${afterMs}`, createdAtMs: session.signedInAtMs + afterMs, session };
}

describe("ending one session", () => {
  test("ends that one, and no other of the same user", async () => {
    const [ended, other] = [sessionOf("1"), sessionOf("1")];
    await revocations.endSession(ended);
    expect(await isRevoked(ended)).toBe(true);
    expect(await isRevoked(other)).toBe(false);
  });

  test("ends the tokens that it makes from then on, and none that it made before", async () => {
    const session = sessionOf("1");
    world.clock.nowMs += 5_000;
    await revocations.endSession(session);
    const made = (afterMs: number) => revocations.isTokenRevoked("1", tokenBy(session, afterMs));
    expect([await made(4_999), await made(5_000), await made(5_001), await made(90_000)]).toEqual([
      false,
      true,
      true,
      true,
    ]);
    expect(await revocations.isTokenRevoked("1", tokenBy(sessionOf("1"), 9_000)), "another session's").toBe(false);
  });

  test("counts from its first end on, whoever ends it again, and is not written again", async () => {
    const session = sessionOf("1");
    await revocations.endSession(session);
    const before = await env.CREDENTIALS.get(storageKeys.revokedSession(session));
    world.clock.nowMs += 60_000;
    // A place that has cached that there was no mark.
    const { kv, puts } = missing(storageKeys.revokedSession(session));
    await new Revocations(createKv(world, { kv })).endSession(session);
    await revocations.endSession(session);
    expect(await env.CREDENTIALS.get(storageKeys.revokedSession(session))).toBe(before);
    expect(puts.filter((key) => key.startsWith("session-end:"))).toEqual([]);
    expect(await revocations.isTokenRevoked("1", tokenBy(session, 30_000))).toBe(true);
  });

  test("that failed half-way is made good by the next attempt", async () => {
    const session = sessionOf("1");
    const kv = failAt("put", "revoked-session:");
    await failureOf(new Revocations(createKv(world, { kv })).endSession(session));
    world.clock.nowMs += 5_000;
    await revocations.endSession(session);
    expect(await isRevoked(session)).toBe(true);
    expect(await revocations.isTokenRevoked("1", tokenBy(session, 1_000)), "made since the first attempt").toBe(true);
  });

  test("is remembered for longer than a token that it has made may last", async () => {
    const session = sessionOf("1");
    world.clock.nowMs += 10 * DAY_MS;
    await revocations.endSession(session);
    const { keys } = await env.CREDENTIALS.list();
    expect(keys.map(({ name }) => name)).toEqual([
      storageKeys.revokedSession(session),
      storageKeys.sessionEnd(session),
    ]);
    for (const { expiration = 0 } of keys) {
      expect(Math.abs(expiration - Date.now() / 1000 - (366 * DAY_MS) / 1000)).toBeLessThan(5);
    }
  });

  test("with a mark that is no time ends all of its tokens", async () => {
    const session = sessionOf("1");
    await env.CREDENTIALS.put(storageKeys.revokedSession(session), "x");
    expect(await revocations.isTokenRevoked("1", tokenBy(session, 0))).toBe(true);
  });
});

describe("ending all sessions of a user", () => {
  test.each(USER_MARK_WRITERS)("by %s ends those that began until then, and nobody else's", async (by) => {
    const sessions = [sessionOf("1"), sessionOf("1")];
    const stranger = sessionOf("2");
    world.clock.nowMs += 1_000;
    await revocations.revokeUser("1", by);
    for (const session of sessions) expect(await isRevoked(session)).toBe(true);
    expect(await isRevoked(stranger)).toBe(false);
  });

  test.each(USER_MARK_WRITERS)("by %s ends the tokens of those sessions, whenever they were made", async (by) => {
    const session = sessionOf("1");
    world.clock.nowMs += 1_000;
    await revocations.revokeUser("1", by);
    for (const afterMs of [0, 999, 1_000, 30_000]) {
      expect(await revocations.isTokenRevoked("1", tokenBy(session, afterMs)), String(afterMs)).toBe(true);
    }
    world.clock.nowMs += 1;
    expect(await revocations.isTokenRevoked("1", tokenBy(sessionOf("1"), 0)), "of a later session").toBe(false);
  });

  test("leaves one that begins later alone", async () => {
    await revocations.revokeUser("1", "user");
    world.clock.nowMs += 1;
    expect(await isRevoked(sessionOf("1"))).toBe(false);
  });

  test.each(USER_MARK_WRITERS.flatMap((late) => USER_MARK_WRITERS.map((early) => [late, early] as const)))(
    "by %s is not undone by an earlier end of %s that is written later",
    async (late, early) => {
      const session = sessionOf("1");
      world.clock.nowMs += 1_000;
      await revocations.revokeUser("1", late);
      await revocations.revokeUser("1", early, session.signedInAtMs - 1);
      expect(await isRevoked(session)).toBe(true);
    },
  );

  test.each(USER_MARK_WRITERS)("by %s is remembered for a year, as long as an API token may last", async (by) => {
    await revocations.revokeUser("1", by);
    expect(Math.abs((await ttlSeconds()) - 366 * 24 * 60 * 60)).toBeLessThan(5);
  });
});

describe("whether a session was ended", () => {
  test("is no as long as nothing is stored", async () => {
    expect(await revocations.isSessionRevoked(sessionOf("1"), world.now())).toBe(false);
  });

  test("cannot be said while storage is down: STORAGE_UNAVAILABLE", async () => {
    const kv = new Proxy(env.CREDENTIALS, {
      get: () => () => Promise.reject(new Error("down")),
    });
    const error = await appErrorOf(new Revocations(createKv(world, { kv })).isSessionRevoked(sessionOf("1"), START_MS));
    expect(error).toMatchObject({ reason: "STORAGE_UNAVAILABLE", code: 503 });
  });

  test("is yes where the mark of the user says so, although the session's own is missing, and the other way round", async () => {
    const session = sessionOf("1");
    await env.CREDENTIALS.put(storageKeys.revokedUser("1", "user"), new Date(START_MS).toISOString());
    expect(await revocations.isSessionRevoked(session, session.signedInAtMs)).toBe(true);
    await env.CREDENTIALS.put(storageKeys.revokedUser("1", "user"), new Date(START_MS - 1).toISOString());
    expect(await revocations.isSessionRevoked(session, session.signedInAtMs)).toBe(false);
    await env.CREDENTIALS.put(storageKeys.revokedSession(session), "x");
    expect(await revocations.isSessionRevoked(session, session.signedInAtMs)).toBe(true);
  });
});

test("a mark is fresh for five minutes, in which not every place may know it; none is not", () => {
  const endMs = latestEndMs([null, new Date(START_MS).toISOString(), new Date(START_MS - 1).toISOString(), "x"]);
  expect(endMs).toBe(START_MS);
  expect(isFresh(endMs, START_MS)).toBe(true);
  expect(isFresh(endMs, START_MS + 299_999)).toBe(true);
  expect(isFresh(endMs, START_MS + 300_000)).toBe(false);
  expect(isFresh(latestEndMs([null]), START_MS)).toBe(false);
});

/** The real local KV, at a place where one key seems to be missing; and what was written. */
function missing(absent: string): { kv: KVNamespace; puts: string[] } {
  const puts: string[] = [];
  const kv = new Proxy(env.CREDENTIALS, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return async (...input: unknown[]): Promise<unknown> => {
        if (name === "put") puts.push(String(input[0]));
        const found: unknown = await Reflect.apply(value, target, input);
        if (name === "get" && found instanceof Map) found.set(absent, null);
        return found;
      };
    },
  });
  return { kv, puts };
}
