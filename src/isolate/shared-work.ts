/**
 * Work that one request does for all requests of an isolate that need its result at the same time.
 *
 * A request must not await a promise of another one, because the runtime may end that one at any time. So work in
 * progress is plain data: a request that finds it looks again every few milliseconds, and does the work itself if there
 * is no result.
 * https://developers.cloudflare.com/workers/observability/errors/#cannot-perform-io-on-behalf-of-a-different-request
 */
import { AppError } from "../errors.ts";
import type { Upstream } from "../lib/upstream.ts";
import { LruCache } from "./lru-cache.ts";
import { settle, unwrap } from "../lib/settle.ts";

/** How soon a waiting request looks again whether the work of another one is done. */
const MIN_POLL_MS = 10;
/** The longer it has waited, the less often it looks: that costs a tenth of the time at most, and little CPU time. */
const POLLS_PER_WAIT = 10;
/** Entries of work in progress: a request that was ended by the runtime leaves its entry behind. */
const MAX_UNDER_WAY = 1_000;

interface Attempt<T> {
  /** Epoch milliseconds at which it can no longer succeed. */
  readonly endsAtMs: number;
  /** Null while it is in progress. */
  result: PromiseSettledResult<T> | null;
}

/** What one request brings to shared work. */
export interface SharedWorkOptions<T> {
  /** Epoch milliseconds. */
  readonly nowMs: number;
  /** What an earlier request has found, or null. Looked at before anything else, and again while waiting. */
  readonly find: () => T | null;
  /** Does the work, by one upstream call, and keeps the result where `find` looks. */
  readonly work: () => Promise<T>;
}

/** Work of one kind, by a key that says which. */
export class SharedWork<T> {
  readonly #underWay = new LruCache<Attempt<T>>(MAX_UNDER_WAY);

  /**
   * The result of work that one request does at a time. When that fails with an AppError, one of those who waited tries
   * once more. A second AppError ends the wait for all who have waited for both. Other failures (a spent budget) do not
   * count.
   *
   * @param upstream the request's own. It waits as long as it has time, and after that does the work itself. Its work
   *   continues when its client disconnects
   */
  async share(upstream: Upstream, key: string, { nowMs, find, work }: SharedWorkOptions<T>): Promise<T> {
    const limitMs = upstream.remainingMs;
    let waitedMs = 0;
    let failures = 0;
    let other: Attempt<T> | null = null;
    while (waitedMs < limitMs) {
      const known = find();
      if (known !== null) return known;
      if (other?.result) {
        if (isAboutTheWork(other.result)) failures += 1;
        if (other.result.status === "fulfilled" || failures > 1) return unwrap(other.result);
      }
      other = this.#underWay.get(key);
      const leftMs = other === null ? 0 : other.endsAtMs - nowMs - waitedMs;
      if (leftMs <= 0) break;
      const pollMs = Math.min(leftMs, Math.max(MIN_POLL_MS, Math.round(waitedMs / POLLS_PER_WAIT)));
      await upstream.pause(pollMs);
      waitedMs += pollMs;
    }
    const attempt: Attempt<T> = { endsAtMs: nowMs + waitedMs + upstream.callTimeMs, result: null };
    this.#underWay.set(key, attempt);
    const working = settle(work());
    upstream.outlive(working);
    attempt.result = await working;
    if (this.#underWay.get(key) === attempt) this.#underWay.delete(key);
    return unwrap(attempt.result);
  }
}

/** Any other failure is of the request that worked: its budget was spent. */
function isAboutTheWork(result: PromiseSettledResult<unknown>): boolean {
  return result.status === "rejected" && result.reason instanceof AppError;
}
