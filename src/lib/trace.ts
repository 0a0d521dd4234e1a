/**
 * What one request did: its ID, the upstream calls and Gmail quota units it spent, and where its time went.
 * Holds numbers only, so that it can be logged and sent as headers without a second thought.
 */

/** The phases of `Server-Timing`. */
export type Phase = "storage" | "refresh" | "list" | "hydrate";

export class Trace {
  readonly requestId = crypto.randomUUID();
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

  /** @param now epoch milliseconds */
  constructor(now: () => number) {
    this.#now = now;
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
    const phases: readonly Phase[] = ["storage", "refresh", "list", "hydrate"];
    return phases.map((phase) => `${phase};dur=${this.#phases.get(phase)?.ms ?? 0}`).join(", ");
  }
}
