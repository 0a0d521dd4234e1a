import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { isFresh, Revocations } from "../src/revocations.ts";
import { createSession, sessionExpiresAtMs } from "../src/session.ts";
import { storageKeys } from "../src/storage-keys.ts";
import { appErrorOf, createKv, createWorld, json, START_MS } from "./fixtures.ts";

const world = createWorld(json({}));
const revocations = new Revocations(createKv(world));

function sessionOf(sub: string) {
  const identity = { sub, email: null, name: null, picture: null };
  const session = createSession({ identity, scopes: [], accessToken: null }, world.now());
  return { id: session.id, sub, signedInAtMs: session.signedInAtMs, expiresAtMs: sessionExpiresAtMs(session) };
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

describe("ending one session", () => {
  test("ends that one, and no other of the same user", async () => {
    const [ended, other] = [sessionOf("1"), sessionOf("1")];
    await revocations.revokeSession(ended, ended.expiresAtMs);
    expect(await revocations.isSessionRevoked(ended, ended.signedInAtMs)).toBe(true);
    expect(await revocations.isSessionRevoked(other, other.signedInAtMs)).toBe(false);
  });

  test("is remembered for as long as the session would have lasted", async () => {
    const session = sessionOf("1");
    world.clock.nowMs += 10 * 24 * 60 * 60 * 1000;
    await revocations.revokeSession(session, session.expiresAtMs);
    expect(Math.abs((await ttlSeconds()) - 20 * 24 * 60 * 60)).toBeLessThan(5);
  });

  test("in its last seconds is remembered for KV's least of a minute", async () => {
    const session = sessionOf("1");
    world.clock.nowMs = session.expiresAtMs - 1_000;
    await revocations.revokeSession(session, session.expiresAtMs);
    expect(Math.abs((await ttlSeconds()) - 60)).toBeLessThan(5);
  });
});

describe("ending all sessions of a user", () => {
  test("ends those that began until then, and nobody else's", async () => {
    const sessions = [sessionOf("1"), sessionOf("1")];
    const stranger = sessionOf("2");
    world.clock.nowMs += 1_000;
    await revocations.revokeUser("1");
    for (const session of sessions)
      expect(await revocations.isSessionRevoked(session, session.signedInAtMs)).toBe(true);
    expect(await revocations.isSessionRevoked(stranger, stranger.signedInAtMs)).toBe(false);
  });

  test("leaves one that begins later alone", async () => {
    await revocations.revokeUser("1");
    world.clock.nowMs += 1;
    expect(await revocations.isSessionRevoked(sessionOf("1"), world.now())).toBe(false);
  });

  test("is remembered for a year, as long as an API token may last", async () => {
    await revocations.revokeUser("1");
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
    await env.CREDENTIALS.put(storageKeys.revokedUser("1"), new Date(START_MS).toISOString());
    expect(await revocations.isSessionRevoked(session, session.signedInAtMs)).toBe(true);
    await env.CREDENTIALS.put(storageKeys.revokedUser("1"), new Date(START_MS - 1).toISOString());
    expect(await revocations.isSessionRevoked(session, session.signedInAtMs)).toBe(false);
    await env.CREDENTIALS.put(storageKeys.revokedSession(session), "x");
    expect(await revocations.isSessionRevoked(session, session.signedInAtMs)).toBe(true);
  });
});

test("a mark is fresh for five minutes, in which not every place may know it; none is not", () => {
  const mark = new Date(START_MS).toISOString();
  expect(isFresh(mark, START_MS)).toBe(true);
  expect(isFresh(mark, START_MS + 299_999)).toBe(true);
  expect(isFresh(mark, START_MS + 300_000)).toBe(false);
  expect(isFresh(null, START_MS)).toBe(false);
});
