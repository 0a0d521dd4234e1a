/**
 * What every handler works with: the services of the isolate, and one request's share of them.
 */
import type { Config } from "./config.ts";
import { DocumentCache, GoogleKeys } from "./oauth/google-documents.ts";
import { CALL_TIMEOUT_MS, type StartTimer, Upstream } from "./lib/upstream.ts";
import { KeyRing } from "./lib/key-ring.ts";
import { CredentialStore } from "./kv-store.ts";
import {
  logBackgroundFailure,
  logRequest,
  logUnknownNames,
  logWarning,
  reportError,
  type RequestSummary,
} from "./lib/log.ts";
import { type CoreParts, MailboxCore } from "./object/core.ts";
import { LruCache } from "./isolate/lru-cache.ts";
import { inJurisdiction, type Mailbox, Mailboxes, type MailboxNamespace } from "./object/client.ts";
import type { Actor, OpenToken } from "./object/rpc.ts";
import { SecurityEventStore } from "./kv-store/security-events.ts";
import { SealedKv } from "./kv-store/sealed-kv.ts";
import type { RiscConfiguration } from "./oauth/security-event-token.ts";
import { TextStream } from "./lib/text-stream.ts";
import { Trace } from "./lib/trace.ts";

/** Tokens of a kind that an isolate remembers. */
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
  /** Null where the runtime refuses `JURISDICTION`. */
  readonly mailboxNamespace: MailboxNamespace | null;
  /**
   * API tokens that this isolate has seen, by the hash of their text, so that a warm request calls Gmail without waiting
   * for the object. Whether they are in force, the object says beside that call.
   */
  readonly knownApiTokens: LruCache<OpenToken>;
  /** Access tokens that Google has answered 401 to: none of them works again. */
  readonly refusedTokens: LruCache<true>;
  readonly googleKeys: GoogleKeys;
  readonly riscConfigurations: DocumentCache<RiscConfiguration>;
}

export function createServices(config: Config, world: World): Services {
  return {
    config,
    keyRing: new KeyRing(config.tokenKeys),
    world,
    mailboxNamespace: inJurisdiction(config, (detail) => logUnknownNames([detail])),
    knownApiTokens: new LruCache(MAX_REMEMBERED),
    refusedTokens: new LruCache(MAX_REMEMBERED),
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
  readonly securityEvents: SecurityEventStore;
  /** The objects of the users. */
  readonly mailboxes: Mailboxes;
  /** Who acts, to whose object the request is reported when its answer has ended. */
  readonly acting: { current: { readonly mailbox: Mailbox; readonly actor: Actor } | null };
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
    store: new CredentialStore(kv),
    securityEvents: new SecurityEventStore(kv),
    mailboxes: new Mailboxes({ namespace: services.mailboxNamespace, startTimer: world.startTimer, trace }),
    acting: { current: null },
    defer: (work) => waitUntil(work.catch((error: unknown) => logBackgroundFailure(trace, error))),
    origin: config.publicOrigin ?? (url === null ? "null" : new URL(url).origin),
    clientSignal,
  };
}

/** What an object is made with: its storage, and the services of the isolate that it lives in. */
export function createMailboxCore(
  { config, keyRing, refusedTokens, world }: Pick<Services, "config" | "keyRing" | "refusedTokens" | "world">,
  state: Pick<DurableObjectState, "id" | "storage" | "waitUntil">,
): MailboxCore {
  const waitUntil = (work: Promise<unknown>): void => state.waitUntil(work);
  const { now } = world;
  // What it logs is about no request of its own: the Worker's log line has that one.
  const trace = new Trace(now);
  const kv = new SealedKv({ ...world, kv: config.credentials, keyRing, trace });
  const openCalls: CoreParts["openCalls"] = ({ maxCalls = config.subrequestBudget, deadlineMs, ...request } = {}) => {
    const callTrace = new Trace(now, request);
    return {
      trace: callTrace,
      upstream: new Upstream({ ...world, maxCalls, waitUntil, trace: callTrace, deadlineMs }),
    };
  };
  return new MailboxCore({
    config,
    keyRing,
    kv,
    now,
    storage: state.storage,
    objectId: state.id.toString(),
    store: new CredentialStore(kv),
    openCalls,
    openUpstream: () => openCalls().upstream,
    refusedTokens,
    startTimer: world.startTimer,
    warn: (detail) => logWarning(trace, detail),
    defer: (work) => waitUntil(work.catch((error: unknown) => logBackgroundFailure(trace, error))),
  });
}

/** Logs a request when its answer has ended, and reports it to the object: at once, or beside the stream that it is. */
export async function logAtEnd(
  scope: Pick<RequestScope, "acting" | "defer" | "stream" | "trace">,
  describe: () => RequestSummary,
): Promise<void> {
  const { defer, stream, trace } = scope;
  const end = async (): Promise<void> => {
    await logRequest(trace, describe());
    report(scope);
  };
  if (stream.ended === null) return end();
  defer(stream.ended.then(end));
}

function report({ acting, defer, trace }: Pick<RequestScope, "acting" | "defer" | "trace">): void {
  if (acting.current === null) return;
  const { actor, mailbox } = acting.current;
  const { messagesListed, messagesRead, quotaUnits } = trace;
  defer(mailbox.ask("report", actor, { messagesListed, messagesRead, units: quotaUnits }, trace.tellUnits()));
}
