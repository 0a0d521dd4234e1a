/**
 * What every handler works with: the services of the isolate, and one request's share of them.
 */
import { type ApiToken, ApiTokenStore } from "./kv-store/api-tokens.ts";
import { ConcurrencyLimits } from "./isolate/concurrency-limit.ts";
import type { Config } from "./config.ts";
import { DocumentCache, GoogleKeys } from "./oauth/google-documents.ts";
import { GrantMemory } from "./isolate/grant-memory.ts";
import { CALL_TIMEOUT_MS, type StartTimer, Upstream } from "./lib/upstream.ts";
import { KeyRing } from "./lib/key-ring.ts";
import { CredentialStore } from "./kv-store.ts";
import type { AccessToken } from "./identity.ts";
import { logBackgroundFailure, logRequest, reportError, type RequestSummary } from "./lib/log.ts";
import { LruCache } from "./isolate/lru-cache.ts";
import { Revocations, SecurityEventStore } from "./kv-store/revocations.ts";
import { SealedKv } from "./kv-store/sealed-kv.ts";
import type { RiscConfiguration } from "./oauth/security-event-token.ts";
import { TextStream } from "./lib/text-stream.ts";
import { TokensUnderWay } from "./isolate/tokens-under-way.ts";
import { Trace } from "./lib/trace.ts";

/** API tokens that an isolate remembers. */
const MAX_REMEMBERED = 1_000;

/** What the world outside gives, so that tests can give something else. */
export interface World {
  readonly fetch: typeof fetch;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** @param ms milliseconds */
  readonly sleep: (ms: number) => Promise<void>;
  /** Calls back after `ms` milliseconds, unless what it returns is called before. */
  readonly startTimer: StartTimer;
  /** Milliseconds that one upstream call may take. */
  readonly callTimeoutMs: number;
}

export const REAL_WORLD: World = {
  // Read at each call: a bare reference to the global would lose its `this`.
  fetch: (input, init) => fetch(input, init),
  now: () => Date.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  startTimer: (ms, onTime) => {
    const timer = setTimeout(onTime, ms);
    return () => clearTimeout(timer);
  },
  callTimeoutMs: CALL_TIMEOUT_MS,
};

/** Lives as long as the isolate. */
export interface Services {
  readonly config: Config;
  readonly keyRing: KeyRing;
  readonly world: World;
  /** What was found of Gmail's limits. */
  readonly concurrency: ConcurrencyLimits;
  readonly grantMemory: GrantMemory;
  /** API tokens that this isolate has seen, by their ID. */
  readonly knownApiTokens: LruCache<KnownApiToken>;
  readonly tokensUnderWay: TokensUnderWay;
  readonly googleKeys: GoogleKeys;
  readonly riscConfigurations: DocumentCache<RiscConfiguration>;
}

/** What an isolate remembers of an API token, so that a warm request calls Gmail without waiting for storage. */
export interface KnownApiToken {
  readonly token: ApiToken;
  readonly accessToken: AccessToken | null;
  /** `YYYY-MM-DD` in UTC; null for never. */
  readonly lastUsedOn: string | null;
}

export function createServices(config: Config, world: World): Services {
  return {
    config,
    keyRing: new KeyRing(config.tokenKeys),
    world,
    concurrency: new ConcurrencyLimits(world.now),
    grantMemory: new GrantMemory(),
    knownApiTokens: new LruCache(MAX_REMEMBERED),
    tokensUnderWay: new TokensUnderWay(),
    googleKeys: new GoogleKeys(),
    riscConfigurations: new DocumentCache(),
  };
}

/** One request's share of the services. */
export interface RequestScope extends Services {
  readonly trace: Trace;
  /** The answer, where it is streamed. */
  readonly stream: TextStream;
  readonly upstream: Upstream;
  readonly kv: SealedKv;
  readonly store: CredentialStore;
  readonly revocations: Revocations;
  readonly apiTokens: ApiTokenStore;
  readonly securityEvents: SecurityEventStore;
  /** Lets work go on beside the answer, and logs where it fails. */
  readonly defer: (work: Promise<unknown>) => void;
  /** The external origin: `PUBLIC_URL`, or the request's own. */
  readonly origin: string;
  /** Aborted when the client disconnects. */
  readonly clientSignal: AbortSignal;
}

/** What the platform says of one request. */
export interface RequestContext {
  /** Null for a service-binding call: it has no origin and makes nothing for a browser. */
  readonly url: string | null;
  readonly waitUntil: (work: Promise<unknown>) => void;
  /** Aborted when the client disconnects. */
  readonly clientSignal: AbortSignal;
}

export function createRequestScope(services: Services, { url, waitUntil, clientSignal }: RequestContext): RequestScope {
  const { config, keyRing, world } = services;
  const trace = new Trace(world.now);
  const kv = new SealedKv({ ...world, kv: config.credentials, keyRing, trace });
  return {
    ...services,
    trace,
    stream: new TextStream((error) => void reportError(trace, error)),
    upstream: new Upstream({ ...world, maxCalls: config.subrequestBudget, waitUntil, trace }),
    kv,
    store: new CredentialStore(kv, services.grantMemory.deadTokens),
    revocations: new Revocations(kv),
    apiTokens: new ApiTokenStore(kv),
    securityEvents: new SecurityEventStore(kv),
    defer: (work) => waitUntil(work.catch((error: unknown) => logBackgroundFailure(trace, error))),
    origin: config.publicOrigin ?? (url === null ? "null" : new URL(url).origin),
    clientSignal,
  };
}

/** Logs a request when its answer has ended: at once, or beside the stream that it is. */
export async function logAtEnd(
  { defer, stream, trace }: Pick<RequestScope, "defer" | "stream" | "trace">,
  describe: () => RequestSummary,
): Promise<void> {
  if (stream.ended === null) return logRequest(trace, describe());
  defer(stream.ended.then(() => logRequest(trace, describe())));
}
