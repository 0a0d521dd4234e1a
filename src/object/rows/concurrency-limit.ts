/**
 * How many batch parts of one user may be in flight. Gmail limits requests at once per mailbox, over all apps, by a
 * number that it does not tell, so the number is found: it doubles while all goes well, falls to what was let through
 * when parts are refused, and then feels its way up again, ever more slowly near the level that was refused.
 *
 * After TCP's slow start and congestion avoidance (RFC 5681 §3.1); but a refusal says how many were let through, so the
 * limit falls to that instead of to a half. And after BBR, which believes the best of its recent samples: a part that is
 * refused while fewer are in flight than were let through a moment ago was refused by chance, and tells nothing.
 */

/** Where to begin: 25 at once mostly pass, 100 do not. */
const INITIAL_LIMIT = 25;
/** Three batches of Gmail's largest size. */
const MAX_LIMIT = 300;
/** Fewer would be one after another; refusals at that level are not about concurrency. */
const MIN_LIMIT = 4;
/** Batches whose best counts as what Gmail lets through: two rounds of them. */
const SAMPLES = 8;
/** Accepted parts, in multiples of the limit, before it is tried one higher. Bounds refusals to a few in a hundred. */
const PROBE_AFTER_LIMITS = 3;
/** After that many probes that went well, the level must have risen: then it doubles again. */
const PROBES_UNTIL_SLOW_START = 1;

/** What is in flight for longer was a request's that the runtime has ended: no call and replay take that long. */
const MAX_FLIGHT_MS = 30_000;

/** A batch on its way. */
export interface Flight {
  readonly parts: number;
  /** Epoch milliseconds. */
  readonly sentAtMs: number;
  /** In the order of sending. */
  readonly number: number;
  /** Parts in flight with it when it was sent, its own included, without those of which is known that they were refused. */
  letThrough: number;
}

/** One user's limit, shared by all their requests. */
export class ConcurrencyLimit {
  readonly #now: () => number;
  #limit = INITIAL_LIMIT;
  #sent = 0;
  readonly #flights = new Set<Flight>();
  #ended = Promise.withResolvers<void>();
  /** The latest that filled the limit. */
  #samples: readonly Flight[] = [];
  #isSlowStart = true;
  #acceptedSinceProbe = 0;
  #goodProbes = 0;

  /** @param now epoch milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Parts that may be in flight. */
  get limit(): number {
    return this.#limit;
  }

  /** Parts that are in flight. */
  get inFlight(): number {
    this.#forgetLost();
    let sum = 0;
    for (const { parts } of this.#flights) sum += parts;
    return sum;
  }

  /** Batches that are in flight. */
  get batches(): number {
    this.#forgetLost();
    return this.#flights.size;
  }

  #forgetLost(): void {
    const lostAtMs = this.#now() - MAX_FLIGHT_MS;
    for (const flight of this.#flights) if (flight.sentAtMs < lostAtMs) this.#flights.delete(flight);
  }

  /** Resolves when a batch has ended. */
  async ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Parts that may be added now. */
  get available(): number {
    return this.#limit - this.inFlight;
  }

  /** Counts parts as sent. @returns what {@link settle} or {@link release} wants to have when they are answered */
  send(parts: number): Flight {
    this.#sent += 1;
    const flight = { parts, sentAtMs: this.#now(), number: this.#sent, letThrough: this.inFlight + parts };
    this.#flights.add(flight);
    return flight;
  }

  /**
   * Takes note of what became of a batch.
   *
   * @param refused parts that answered 429 or 403 rate limit
   */
  settle(flight: Flight, refused: number): void {
    this.release(flight);
    const inFlight = flight.letThrough;
    // Batches that were sent while it was in progress have counted its parts as being read.
    for (const other of [flight, ...this.#flights, ...this.#samples]) {
      if (other.number >= flight.number) other.letThrough -= refused;
    }
    const isShutOut = refused >= MIN_LIMIT && refused * 2 > flight.parts;
    // A limit that was not made use of was not tested either: RFC 7661 §4.3.
    if (inFlight * 2 < this.#limit && !isShutOut) return;
    // No chance refuses most of a batch: the level has fallen, whatever went before.
    this.#samples = [...(isShutOut ? [] : this.#samples), flight].slice(-SAMPLES);
    const level = Math.max(...this.#samples.map(({ letThrough }) => letThrough));
    if (refused > 0 && level < this.#limit) this.#shrink(level);
    else this.#grow(flight.parts - refused);
  }

  /** Takes back what {@link send} counted, for a batch that came to nothing and so tells nothing of the limit. */
  release(flight: Flight): void {
    this.#flights.delete(flight);
    this.#ended.resolve();
    this.#ended = Promise.withResolvers();
  }

  #shrink(level: number): void {
    this.#isSlowStart = false;
    this.#acceptedSinceProbe = 0;
    this.#goodProbes = 0;
    this.#limit = Math.max(MIN_LIMIT, level);
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
