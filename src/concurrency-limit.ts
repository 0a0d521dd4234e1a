/**
 * How many batch parts of one user may be in flight. Gmail limits requests at once per mailbox, over all apps, by a
 * number that it does not tell, so the number is found: it doubles while all goes well, falls to what was let through
 * when parts are refused, and then feels its way up again, ever more slowly near the level that was refused.
 *
 * After TCP's slow start and congestion avoidance (RFC 5681 §3.1); but a refusal says exactly how many were too many,
 * so the limit falls to that instead of to a half.
 */
import { LruCache } from "./lru-cache.ts";

/** Where to begin: batches of 25 mostly pass, batches of 100 do not. */
const INITIAL_LIMIT = 18;
/** Three batches of Gmail's largest size. */
const MAX_LIMIT = 300;
/** Fewer would be one after another; refusals at that level are not about concurrency. */
const MIN_LIMIT = 4;
/** Accepted parts, in multiples of the limit, before it is tried one higher. Bounds refusals to a few in a hundred. */
const PROBE_AFTER_LIMITS = 3;
/** After that many probes that went well, the level must have risen: then it doubles again. */
const PROBES_UNTIL_SLOW_START = 1;

/** One user's limit, shared by the requests of an isolate. Plain numbers: nobody waits on anybody. */
export class ConcurrencyLimit {
  #limit = INITIAL_LIMIT;
  #inFlight = 0;
  #isSlowStart = true;
  #acceptedSinceProbe = 0;
  #goodProbes = 0;

  /** Parts that may be in flight. */
  get limit(): number {
    return this.#limit;
  }

  /** Parts that may be added now. */
  get available(): number {
    return this.#limit - this.#inFlight;
  }

  /** Counts parts as sent. @returns how many are in flight with them: what {@link settle} wants to know */
  send(parts: number): number {
    this.#inFlight += parts;
    return this.#inFlight;
  }

  /**
   * Takes note of what became of a batch.
   *
   * @param inFlightAtSend what {@link send} returned
   * @param refused parts that answered 429 or 403 rate limit
   */
  settle(batch: { parts: number; inFlightAtSend: number; refused: number }): void {
    this.#inFlight -= batch.parts;
    const accepted = batch.parts - batch.refused;
    if (batch.refused > 0) this.#shrink(batch.inFlightAtSend - batch.refused);
    // A limit that was not made use of was not tested either: RFC 7661 §4.3.
    else if (batch.inFlightAtSend * 2 >= this.#limit) this.#grow(accepted);
  }

  /** Takes back what {@link send} counted, for a batch that came to nothing and so tells nothing of the limit. */
  release(parts: number): void {
    this.#inFlight -= parts;
  }

  #shrink(letThrough: number): void {
    this.#isSlowStart = false;
    this.#acceptedSinceProbe = 0;
    this.#goodProbes = 0;
    this.#limit = Math.max(MIN_LIMIT, Math.min(this.#limit, letThrough));
  }

  #grow(accepted: number): void {
    this.#acceptedSinceProbe += accepted;
    if (this.#isSlowStart) {
      this.#limit = Math.min(MAX_LIMIT, this.#limit + accepted);
    } else if (this.#acceptedSinceProbe >= PROBE_AFTER_LIMITS * this.#limit) {
      this.#isSlowStart = this.#goodProbes >= PROBES_UNTIL_SLOW_START;
      this.#goodProbes += 1;
      this.#acceptedSinceProbe = 0;
      this.#limit = Math.min(MAX_LIMIT, this.#limit + 1);
    }
  }
}

/** Users whose limit an isolate remembers; the one unused for longest is forgotten first. */
const MAX_USERS = 1_000;

/** The limits of the users of an isolate. */
export class ConcurrencyLimits {
  readonly #byUser = new LruCache<ConcurrencyLimit>(MAX_USERS);

  of(sub: string): ConcurrencyLimit {
    const limit = this.#byUser.get(sub) ?? new ConcurrencyLimit();
    this.#byUser.set(sub, limit);
    return limit;
  }
}
