/** How the local Google behaves in a job, in words of the benchmark, and its own time for a call. */
import { latencyMs, type Pace } from "../../test/google/latency.ts";
import type { Endpoint } from "../../test/google/protocol.ts";

/** Milliseconds that each part of a batch takes, one after another: else batching would look free. */
export const PART_MS = 4;
/** Gmail's largest page of `messages.list`. */
export const MAX_PAGE_SIZE = 500;

/** How Google behaves until the next reset. Tokens that were issued outlive a reset. */
export interface Behaviour {
  /** Two resets with the same seed give the nth call of an endpoint the same latency. */
  readonly seed: number;
  /** Median latency of a list call in milliseconds; other calls have a multiple of it. 0: no latency at all. */
  readonly medianMs: number;
  readonly mailboxSize: number;
  /** Messages of one user that may be read at once; those above it answer 429 at once. */
  readonly hiddenLimit: number;
  /** Shares of message reads that answer 429 and 503 by chance. */
  readonly refuse429: number;
  readonly fail503: number;
  /** Of one user, enforced; null: metered and not limited. */
  readonly quotaUnitsPerMinute: number | null;
  /** `expires_in` of the access tokens that are issued. */
  readonly accessTokenSeconds: number;
}

/** A Google that does nothing wrong. */
export const HEALTHY: Behaviour = {
  seed: 1,
  medianMs: 50,
  mailboxSize: 1_000,
  hiddenLimit: 50,
  refuse429: 0,
  fail503: 0,
  quotaUnitsPerMinute: null,
  accessTokenSeconds: 3_599,
};

/** What latencies follow from. */
export function paceOf({ seed, medianMs }: Pick<Behaviour, "seed" | "medianMs">): Pace {
  return { seed, medianLatencyMs: medianMs, partMs: PART_MS };
}

/** Of calls that wait for each other, Google's own time in milliseconds. */
export function ownTimeMs(
  behaviour: Pick<Behaviour, "seed" | "medianMs">,
  calls: readonly { readonly endpoint: Endpoint; readonly number: number; readonly parts?: number }[],
): number {
  return calls.reduce((total, call) => total + latencyMs(paceOf(behaviour), call), 0);
}
