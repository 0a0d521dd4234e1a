/**
 * What the fake Gmail does and what it measures: the words that the benchmark and the fake's process have in common.
 */

/** Milliseconds that every call takes. */
export const CALL_MS = 40;
/** Milliseconds that every part of a batch takes on top, one after another: else batching would look free. */
export const PART_MS = 4;
/** Gmail's largest page of `messages.list`. */
export const MAX_PAGE_SIZE = 500;
/** Gmail's largest batch. */
export const MAX_PARTS = 100;

/** Paths of the fake's own, outside of Gmail's: what the benchmark tells it and asks of it. */
export const CONTROL = { reset: "/control/reset", meters: "/control/meters" } as const;

/** How the fake behaves until the next reset. */
export interface Behaviour {
  readonly mailboxSize: number;
  /** Messages that may be read at once; those above it answer 429 at once. Null for no limit. */
  readonly hiddenLimit: number | null;
  /** Shares of batch parts that answer 429 and 503 whatever is in flight, by a seeded generator. */
  readonly refuse429: number;
  readonly fail503: number;
  readonly seed: number;
}

/** A Gmail that does nothing wrong. */
export const HEALTHY: Behaviour = { mailboxSize: 500, hiddenLimit: null, refuse429: 0, fail503: 0, seed: 1 };

/** One call as the fake saw it. Times are milliseconds of the same clock for all calls. */
export interface Span {
  readonly kind: "list" | "get" | "batch" | "token" | "other";
  readonly startMs: number;
  readonly endMs: number;
  readonly parts: number;
  /** Parts above the hidden limit. */
  readonly refused: number;
  /** Parts in flight at the start, those of this call that were let in included. */
  readonly inFlight: number;
}

/** What was measured since the reset. */
export interface Meters {
  readonly calls: number;
  /** Messages asked for, alone or as a part of a batch. */
  readonly parts: number;
  /** Of them, those above the hidden limit. */
  readonly refused: number;
  /** Of them, those that failed by chance. */
  readonly failed: number;
  /** Calls that waited for their answer at once. */
  readonly maxConcurrentCalls: number;
  readonly maxInFlight: number;
  /** The first {@link MAX_SPANS} calls. */
  readonly spans: readonly Span[];
}

export const MAX_SPANS = 2_000;

/** Milliseconds of a clock that two processes of this machine share. */
export function sharedClockMs(): number {
  return performance.timeOrigin + performance.now();
}
