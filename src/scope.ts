/**
 * What every handler works with: the services of the isolate, the scope of one request, and the types that Hono
 * carries them in.
 */
import type { Context } from "hono";
import { ConcurrencyLimits } from "./concurrency-limit.ts";
import { AccessTokenCache } from "./access-token-cache.ts";
import type { Config } from "./config.ts";
import type { Grant } from "./grant.ts";
import { CALL_TIMEOUT_MS, Upstream } from "./http.ts";
import { KeyRing } from "./keys.ts";
import { CredentialStore } from "./kv-store.ts";
import type { Session } from "./session.ts";
import { Trace } from "./trace.ts";

/** What the world outside gives, so that tests can give something else. */
export interface World {
  readonly fetch: typeof fetch;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** @param ms milliseconds */
  readonly sleep: (ms: number) => Promise<void>;
  /** Milliseconds that one upstream call may take. */
  readonly callTimeoutMs: number;
}

export const REAL_WORLD: World = {
  // Read at each call: a bare reference to the global would lose its `this`.
  fetch: (input, init) => fetch(input, init),
  now: () => Date.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  callTimeoutMs: CALL_TIMEOUT_MS,
};

/** Lives as long as the isolate. */
export interface Services {
  readonly config: Config;
  readonly keyRing: KeyRing;
  readonly world: World;
  /** What was found of Gmail's limits. */
  readonly concurrency: ConcurrencyLimits;
  readonly accessTokens: AccessTokenCache;
}

export function createServices(config: Config, world: World): Services {
  return {
    config,
    keyRing: new KeyRing(config.tokenKeys),
    world,
    concurrency: new ConcurrencyLimits(),
    accessTokens: new AccessTokenCache(),
  };
}

/** One request's share of the services. */
export interface RequestScope extends Services {
  readonly trace: Trace;
  readonly upstream: Upstream;
  readonly store: CredentialStore;
  /** The external origin: `PUBLIC_URL`, or the request's own. */
  readonly origin: string;
}

/** @param requestUrl null for a call that is no HTTP request: it has no origin, so nothing for a browser comes of it */
export function createRequestScope(services: Services, requestUrl: string | null): RequestScope {
  const { config, keyRing, world } = services;
  const trace = new Trace(world.now);
  return {
    ...services,
    trace,
    upstream: new Upstream({ ...world, maxCalls: config.subrequestBudget, trace }),
    store: new CredentialStore({ ...world, kv: config.credentials, keyRing, trace }),
    origin: config.publicOrigin ?? (requestUrl === null ? "null" : new URL(requestUrl).origin),
  };
}

/** A signed-in caller. */
export interface Caller {
  readonly session: Session;
  readonly grant: Grant;
  /** Whether the session was ended elsewhere: read beside everything else, and known before anything is answered. */
  readonly isRevoked: Promise<PromiseSettledResult<boolean>>;
}

/** The types of the Hono app. */
export interface AppEnv {
  Variables: {
    scope: RequestScope;
    /** Set by authentication, where the request was found to be somebody's. */
    caller?: Caller;
  };
}

export type AppContext = Context<AppEnv>;
