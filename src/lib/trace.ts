/**
 * What one request did: its ID, the upstream calls and Gmail quota units it spent, and where its time went.
 * Holds numbers only, so that it can be logged and sent as headers without a second thought.
 */

/** The phases of `Server-Timing`. */
export type Phase = (typeof PHASES)[number];

const PHASES = ["storage", "refresh", "list", "hydrate", "object"] as const;

/** What was spent elsewhere. */
interface TraceCost {
  readonly units: number;
  readonly calls: number;
  readonly rowsKnown: number;
  readonly rowsRead: number;
}

export class Trace {
  readonly requestId: string;
  upstreamCalls = 0;
  /** `sub` of whose request it is; null for nobody's. */
  subject: string | null = null;
  /** Why the answer is an error; null where it is none. */
  reason: string | null = null;
  /** Gmail API quota units of every call and retry; a call that answered 401 cost none. https://developers.google.com/workspace/gmail/api/reference/quota */
  quotaUnits = 0;
  /** Messages that were listed, as IDs or rows. */
  messagesListed = 0;
  /** Messages whose text was read. */
  messagesRead = 0;
  readonly #now: () => number;
  readonly #phases = new Map<Phase, { ms: number; running: number; sinceMs: number }>();

  /** Rows that were known, and so not read. */
  rowsKnown = 0;
  /** Rows that were read from Gmail. */
  rowsRead = 0;
  /** Of {@link quotaUnits}, those that the user's object knows of. */
  #toldUnits = 0;

  readonly #onSpend: (units: number) => void;

  /**
   * @param now epoch milliseconds
   * @param request.requestId of the request that it is about
   * @param request.onSpend told of units before they are spent
   */
  constructor(
    now: () => number,
    request: { readonly requestId?: string | undefined; readonly onSpend?: ((units: number) => void) | undefined } = {},
  ) {
    this.#now = now;
    this.requestId = request.requestId ?? crypto.randomUUID();
    this.#onSpend = request.onSpend ?? (() => {});
  }

  /** Counts units of a call that is about to be made. */
  spend(units: number): void {
    this.quotaUnits += units;
    this.#onSpend(units);
  }

  /** Units that the user's object does not know of yet. They count as known from now on. */
  tellUnits(): number {
    const untold = this.quotaUnits - this.#toldUnits;
    this.#toldUnits = this.quotaUnits;
    return untold;
  }

  /** Adds what the object has spent for this request. */
  addCost({ units, calls, rowsKnown, rowsRead }: TraceCost): void {
    this.rowsKnown += rowsKnown;
    this.rowsRead += rowsRead;
    this.quotaUnits += units;
    this.#toldUnits += units;
    this.upstreamCalls += calls;
  }

  /** For the log line of the request. */
  summary() {
    const { requestId, reason, upstreamCalls, quotaUnits, rowsKnown, rowsRead } = this;
    const rows = rowsKnown + rowsRead === 0 ? {} : { rowsKnown, rowsRead };
    return { requestId, reason, upstreamCalls, quotaUnits, ...rows };
  }

  /** Runs `work` and counts its wall time for `phase`, whether it succeeds or not. What overlaps counts once. */
  async time<T>(phase: Phase, work: () => Promise<T>): Promise<T> {
    const entry = this.#phases.get(phase) ?? { ms: 0, running: 0, sinceMs: 0 };
    this.#phases.set(phase, entry);
    if (entry.running === 0) entry.sinceMs = this.#now();
    entry.running += 1;
    try {
      return await work();
    } finally {
      entry.running -= 1;
      if (entry.running === 0) entry.ms += this.#now() - entry.sinceMs;
    }
  }

  /** The `Server-Timing` header: every phase, in milliseconds, 0 where nothing was done. */
  serverTiming(): string {
    return PHASES.map((phase) => `${phase};dur=${this.#phases.get(phase)?.ms ?? 0}`).join(", ");
  }
}
