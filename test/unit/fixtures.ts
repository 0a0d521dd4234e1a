/**
 * What the unit tests share: a ring of keys, a configuration, and a world whose network and clock are given by the test.
 */
import { env } from "cloudflare:workers";
import { expect } from "vitest";
import { type Config, parseConfig } from "../../src/config.ts";
import { AppError } from "../../src/errors.ts";
import { REAL_WORLD } from "../../src/context.ts";
import { Upstream, type UpstreamOptions } from "../../src/lib/upstream.ts";
import { KeyRing, type TokenKey } from "../../src/lib/key-ring.ts";
import { CredentialStore } from "../../src/kv-store.ts";
import { SealedKv } from "../../src/kv-store/sealed-kv.ts";
import { Trace } from "../../src/lib/trace.ts";

/** 2026-11-22T12:00:00Z: when every test begins. */
export const START_MS = Date.UTC(2026, 10, 22, 12);

/** A key whose 32 bytes are all `byte`. */
export function tokenKey(kid: string, byte: number): TokenKey {
  return { kty: "oct", kid, k: new Uint8Array(32).fill(byte).toBase64({ alphabet: "base64url", omitPadding: true }) };
}

export const KEY_A = tokenKey("a", 1);
export const KEY_B = tokenKey("b", 2);

export const CLIENT_ID = "client-id.apps.example.test";
export const CLIENT_SECRET = "client-secret-of-these-tests-0123456789";

/** The environment as wrangler.toml declares it, with secrets that pass. */
export function environment(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    ...env,
    GOOGLE_CLIENT_ID: CLIENT_ID,
    GOOGLE_CLIENT_SECRET: CLIENT_SECRET,
    TOKEN_KEYS: JSON.stringify({ keys: [KEY_A] }),
    ...changes,
  };
}

export function configuration(changes: Record<string, unknown> = {}): Config {
  return parseConfig(environment(changes));
}

/** Values that hardly any option or setting may have. */
export const ODD_VALUES: readonly unknown[] = [undefined, null, true, -1, 1.5, NaN, "", " ", [], [1], [null], [""], {}];

/** One call that our code made to the network. */
export interface Call {
  readonly url: URL;
  readonly method: string;
  readonly headers: Headers;
  readonly body: string;
  readonly init: RequestInit;
}

export type Network = (call: Call, index: number) => Response | Promise<Response>;

/** Of a client that stays. */
export const STAYING: AbortSignal = new AbortController().signal;

/** A request's world: what it calls is recorded, and sleeping moves its clock on at once. */
export interface World {
  readonly calls: Call[];
  readonly sleeps: number[];
  readonly clock: { nowMs: number };
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  readonly trace: Trace;
  readonly upstream: Upstream;
  readonly fetch: typeof fetch;
}

export function createWorld(network: Network, changes: Partial<UpstreamOptions> = {}): World {
  const calls: Call[] = [];
  const sleeps: number[] = [];
  const clock = { nowMs: START_MS };
  const now = (): number => clock.nowMs;
  const sleep = async (ms: number): Promise<void> => {
    sleeps.push(ms);
    clock.nowMs += ms;
  };
  const trace = new Trace(now);
  const fetch = async (input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> => {
    const request = new Request(input instanceof Request ? input.url : input, { ...init, signal: null });
    const call: Call = {
      url: new URL(request.url),
      method: request.method,
      headers: request.headers,
      body: new TextDecoder().decode(await request.arrayBuffer()),
      init,
    };
    calls.push(call);
    return network(call, calls.length - 1);
  };
  const { startTimer } = REAL_WORLD;
  const limits = { maxCalls: 50, callTimeoutMs: 10_000 };
  const upstream = new Upstream({ fetch, now, sleep, startTimer, trace, waitUntil: () => {}, ...limits, ...changes });
  return { calls, sleeps, clock, now, sleep, trace, upstream, fetch };
}

/** A network that answers one thing after another, and fails the test when there is nothing left. */
export function script(...answers: readonly (() => Response)[]): Network {
  return (call, index) => {
    const answer = answers[index];
    if (answer === undefined) throw new Error(`No answer is left for call ${index} to ${call.url.pathname}`);
    return answer();
  };
}

export function json(body: unknown, init: ResponseInit = {}): () => Response {
  return () => Response.json(body, init);
}

interface StorageChanges {
  readonly kv?: KVNamespace;
  readonly keys?: readonly TokenKey[];
}

/** Sealed storage over the real local KV, or over what stands in front of it. */
export function createKv(world: World, changes: StorageChanges = {}): SealedKv {
  return new SealedKv({
    kv: changes.kv ?? env.CREDENTIALS,
    keyRing: new KeyRing(changes.keys ?? [KEY_A]),
    trace: world.trace,
    now: world.now,
    sleep: world.sleep,
  });
}

/** A store of credentials over {@link createKv}. */
export function createStore(world: World, changes: StorageChanges = {}): CredentialStore {
  return new CredentialStore(createKv(world, changes));
}

/** What an error message looks like at least. */
export const SENTENCE = /^\w.* .*[.:]/;

/** What `work` is rejected with. */
export async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    (value) => expect.fail(`It was expected to fail, and gave ${JSON.stringify(value)}`),
    (error: unknown) => error,
  );
}

/** The AppError that `work` is rejected with. Its message is shown to people, so it must be a sentence. */
export async function appErrorOf(work: Promise<unknown>): Promise<AppError> {
  const error = await failureOf(work);
  if (!(error instanceof AppError)) throw new Error("It failed with something else", { cause: error });
  expect(error.message).toMatch(SENTENCE);
  return error;
}
