/**
 * When a failed Gmail call is tried again: the one place that decides it, for single calls, batches and their parts. Calls
 * under `/gmail/v1/` and `/batch/` are not retried.
 * {@link processGmailError} says whether later may help, and what Gmail itself asks for.
 *
 * https://developers.google.com/workspace/gmail/api/guides/handle-errors
 */
import type { GmailFailure } from "./errors.ts";
import { CALL_TIMEOUT_MS } from "../lib/upstream.ts";

interface Policy {
  /** Tries in all, the first included. */
  readonly maxTries: number;
  /** The wait after the first failed try; it doubles. */
  readonly firstWaitMs: number;
  /** What must be left of the request's time after the wait. */
  readonly reserveMs: number;
}

const FIRST_WAIT_MS = 1_000;
const ROW = { firstWaitMs: FIRST_WAIT_MS, reserveMs: CALL_TIMEOUT_MS / 2 };

const POLICIES = {
  call: { maxTries: 3, firstWaitMs: FIRST_WAIT_MS, reserveMs: FIRST_WAIT_MS },
  /** What the answer can do without. */
  extra: { maxTries: 1, firstWaitMs: FIRST_WAIT_MS, reserveMs: FIRST_WAIT_MS },
  /** A round of batches that failed or was refused as a whole. */
  round: { ...ROW, maxTries: 4 },
  /** A part of a batch. Under a refusal rate of 10 %, one in ten million fails. */
  part: { ...ROW, maxTries: 7 },
  /** A part that was refused because too many were in flight. The first time, a free place is all that is missing. */
  crowdedPart: { ...ROW, maxTries: 7, firstWaitMs: FIRST_WAIT_MS / 8 },
  /** A part with status 200 and no usable message. Cut off by chance, it is whole the next time; else it stays as it is. */
  malformedPart: { ...ROW, maxTries: 3, firstWaitMs: FIRST_WAIT_MS / 8 },
} as const satisfies Record<string, Policy>;

/** What was tried. */
export type Tried = keyof typeof POLICIES;

/**
 * Milliseconds to wait before the next try; null where there is to be none, or it would come too late for the request.
 *
 * @param tries how often it was tried
 * @param remainingMs what is left of the request's time
 */
export function retryWaitMs(
  { retry }: GmailFailure,
  { tried, tries, remainingMs }: { tried: Tried; tries: number; remainingMs: number },
): number | null {
  const { maxTries, firstWaitMs, reserveMs } = POLICIES[tried];
  if (retry === null || tries >= maxTries) return null;
  // Jitter: callers that failed together do not return together.
  const backoffMs = firstWaitMs * 2 ** (tries - 1) * (0.5 + Math.random() / 2);
  const ownWaitMs = tried === "crowdedPart" && tries === 1 ? 0 : backoffMs;
  const waitMs = Math.max(retry.afterMs ?? 0, ownWaitMs);
  return waitMs + reserveMs < remainingMs ? waitMs : null;
}
