/**
 * The API tokens that requests of an isolate are making at this moment, so that many at once do not make more than a user
 * may have. Plain data: a request must not await a promise of another one.
 */
import { LruCache } from "./lru-cache.ts";

/** Users of whom an isolate knows. */
const MAX_USERS = 1_000;
/** A request that the runtime ended leaves its entry behind; no other one is in progress for that long. */
const MAX_AGE_MS = 60_000;

export class TokensUnderWay {
  /** When each was begun, in epoch milliseconds, by its ID and its user. */
  readonly #begunAtMs = new LruCache<Map<string, number>>(MAX_USERS);

  /** Notes that a token is being made. @returns the IDs of the user's others, begun in the last minute */
  begin(sub: string, id: string, nowMs: number): string[] {
    const begun = this.#begunAtMs.get(sub) ?? new Map<string, number>();
    for (const [other, atMs] of begun) if (nowMs - atMs > MAX_AGE_MS) begun.delete(other);
    const before = [...begun.keys()];
    this.#begunAtMs.set(sub, begun.set(id, nowMs));
    return before;
  }

  /** Forgets a token that was stored or given up. */
  end(sub: string, id: string): void {
    const begun = this.#begunAtMs.get(sub);
    begun?.delete(id);
    if (begun?.size === 0) this.#begunAtMs.delete(sub);
  }
}
