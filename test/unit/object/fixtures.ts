/**
 * What the tests of an object share: the core of one over real SQLite storage, with a clock, a KV, a Google and an alarm of
 * the test's own.
 */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, vi } from "vitest";
import { createMailboxCore, REAL_WORLD } from "../../../src/context.ts";
import { LruCache } from "../../../src/isolate/lru-cache.ts";
import { sha256, KeyRing, type TokenKey } from "../../../src/lib/key-ring.ts";
import type { MailboxCore } from "../../../src/object/core.ts";
import type { EventTimes, NewToken, SignIn } from "../../../src/object/rpc.ts";
import { LaggingKv } from "../../support/lagging-kv.ts";
import { tokens } from "../auth/fixtures-grant.ts";
import { withoutAlarm } from "../fixtures-objects.ts";
import { configuration, createStore, createWorld, KEY_A, START_MS, type World } from "../fixtures.ts";

export const MINUTE_MS = 60_000;
export const DAY_MS = 24 * 60 * MINUTE_MS;
export const SUB = "1";
export const EMAIL = "ann@example.test";
export const READONLY = "https://www.googleapis.com/auth/gmail.readonly";
export const IDENTITY = { sub: SUB, email: EMAIL, name: "Ann", picture: null };

/** Who reads and writes KV beside the object. */
const ELSEWHERE = "elsewhere";

export interface Options {
  readonly keys?: readonly TokenKey[];
  readonly vars?: Record<string, unknown>;
}

/** An object under test. */
export interface TestObject {
  readonly core: MailboxCore;
  readonly storage: DurableObjectStorage;
  /** In hexadecimal. */
  readonly id: string;
  readonly kv: LaggingKv;
  readonly clock: { nowMs: number };
  /** What the token endpoint answers; by default fresh-1, fresh-2 … */
  readonly google: { refresh: (count: number) => Response | Promise<Response> };
  /** The refresh tokens that the token endpoint has got. */
  readonly sent: (string | null)[];
  /** When the alarm rings; null for never. */
  readonly alarmAtMs: () => number | null;
  /** Another life of the object over the same storage. */
  readonly evict: (options?: Options) => void;
  /** Moves the clock on, and rings the alarm whenever it is due. */
  readonly advance: (ms: number) => Promise<void>;
  /** Does what goes on beside the answers. */
  readonly afterwards: () => Promise<void>;
}

/** Lets a test work inside of a new object. */
export async function inObject(work: (object: TestObject) => Promise<void>, options: Options = {}): Promise<void> {
  const stub = env.MAILBOXES.get(env.MAILBOXES.newUniqueId());
  await runInDurableObject(stub, (_, state) => work(openObject(state, options)));
}

function openObject(state: DurableObjectState, options: Options): TestObject {
  const sent: (string | null)[] = [];
  const google: TestObject["google"] = { refresh: (count) => tokens(`fresh-${count}`) };
  const world = createWorld(({ body }) => {
    sent.push(new URLSearchParams(body).get("refresh_token"));
    return google.refresh(sent.length);
  });
  const { clock, fetch } = world;
  const kv = new LaggingKv({ now: world.now });
  const deferred: Promise<unknown>[] = [];
  const { alarm, storage } = withoutAlarm(state.storage);
  const open = ({ keys = [KEY_A], vars = {} }: Options = {}): MailboxCore =>
    createMailboxCore(
      {
        config: configuration({ CREDENTIALS: kv.at("the object"), ...vars }),
        keyRing: new KeyRing(keys),
        refusedTokens: new LruCache(100),
        world: { ...REAL_WORLD, fetch, now: world.now, sleep: world.sleep },
      },
      { id: state.id, storage, waitUntil: (promise) => void deferred.push(promise) },
    );
  let core = open(options);
  return {
    get core() {
      return core;
    },
    id: state.id.toString(),
    alarmAtMs: () => alarm.atMs,
    evict: (changes = options) => {
      core = open(changes);
    },
    advance: async (ms) => {
      const untilMs = clock.nowMs + ms;
      while (alarm.atMs !== null && alarm.atMs <= untilMs) {
        clock.nowMs = Math.max(clock.nowMs, alarm.atMs);
        alarm.atMs = null;
        await core.alarm();
      }
      clock.nowMs = Math.max(clock.nowMs, untilMs);
    },
    afterwards: async () => {
      while (deferred.length > 0) await deferred.shift();
    },
    storage,
    kv,
    clock,
    google,
    sent,
  };
}

/** A store of credentials as another place sees KV. */
export function elsewhere({ clock, kv }: TestObject, keys: readonly TokenKey[] = [KEY_A]) {
  const world: World = { ...createWorld(() => new Response()), now: () => clock.nowMs };
  return createStore(world, { kv: kv.at(`${ELSEWHERE} ${crypto.randomUUID()}`), keys });
}

let signIns = 0;

/** A sign-in with a new consent, now, or as the changes say. */
export function signInOf(nowMs: number, id: string, changes: Partial<SignIn> = {}): SignIn {
  signIns += 1;
  return {
    identity: IDENTITY,
    emailVerified: true,
    hostedDomain: null,
    session: { id, signedInAtMs: nowMs, device: "Firefox on Linux", place: null },
    scopes: ["openid", READONLY],
    accessToken: { value: `of-${id}`, expiresAtMs: nowMs + 3_600_000 },
    refreshToken: `refresh-${id}-${signIns}`,
    delegated: false,
    ends: null,
    previousSession: null,
    ...changes,
  };
}

/** The times of a security event that is about what there was when it was issued. */
export function at(ms: number): EventTimes {
  return { issuedAtMs: ms, untilMs: ms };
}

/** Signs in with a new consent. */
export async function signIn(object: TestObject, id: string, changes: Partial<SignIn> = {}) {
  return object.core.signIn(signInOf(object.clock.nowMs, id, changes));
}

export function newToken(changes: Partial<NewToken> = {}): NewToken {
  return { name: "a program", access: "read", scopes: ["openid"], expiresAtMs: START_MS + 30 * DAY_MS, ...changes };
}

/** Makes KV fail in some operations from now on. @returns what ends that */
export function breakKv({ kv }: TestObject, isHit: (kind: string, key: string) => boolean): () => void {
  kv.gate = async ({ kind, keys }, work) => {
    if (keys.some((key) => isHit(kind, key))) throw new Error("KV is down");
    return work();
  };
  return () => {
    kv.gate = null;
  };
}

/** Holds up the operations of KV that fit. @returns what lets them go, and how many have come */
export function holdKv({ kv }: TestObject, isHit: (kind: string, key: string) => boolean) {
  const { promise, resolve } = Promise.withResolvers<void>();
  let held = 0;
  kv.gate = async ({ kind, keys }, work) => {
    if (keys.some((key) => isHit(kind, key))) {
      held += 1;
      await promise;
    }
    return work();
  };
  return { release: resolve, arrived: () => vi.waitFor(() => void (held > 0 || fail())) };
}

function fail(): never {
  throw new Error("It has not come yet.");
}

/** Makes an API token. @returns its hash */
export async function makeToken({ core }: TestObject, sessionId: string, id = `of ${sessionId}`): Promise<string> {
  return sha256((await core.makeToken(sessionId, id, newToken())) ?? expect.fail("its session has ended"));
}

/** Which sessions and tokens are in force. */
export async function inForce({ core }: TestObject, sessions: readonly string[], hashes: readonly string[] = []) {
  return [
    ...(await Promise.all(sessions.map((id) => core.checkSession(id)))),
    ...(await Promise.all(hashes.map(async (hash) => (await core.openToken(hash)) !== null))),
  ];
}
