/**
 * What one request did: its ID, the upstream calls and Gmail quota units it spent, and where its time went.
 * Holds numbers only, so that it can be logged and sent as headers without a second thought.
 */

/** The phases of `Server-Timing`. */
export type Phase = "storage" | "refresh" | "list" | "hydrate";

export class Trace {
  readonly requestId = crypto.randomUUID();
  upstreamCalls = 0;
  /** Gmail API quota units of every call and retry; a call that answered 401 cost none. https://developers.google.com/workspace/gmail/api/reference/quota */
  quotaUnits = 0;
  readonly #now: () => number;
  readonly #phasesMs = new Map<Phase, number>();

  /** @param now epoch milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Runs `work` and adds its wall time to `phase`, whether it succeeds or not. */
  async time<T>(phase: Phase, work: () => Promise<T>): Promise<T> {
    const startMs = this.#now();
    try {
      return await work();
    } finally {
      this.#phasesMs.set(phase, (this.#phasesMs.get(phase) ?? 0) + this.#now() - startMs);
    }
  }

  /** The `Server-Timing` header: every phase, in milliseconds, 0 where nothing was done. */
  serverTiming(): string {
    const phases: readonly Phase[] = ["storage", "refresh", "list", "hydrate"];
    return phases.map((phase) => `${phase};dur=${this.#phasesMs.get(phase) ?? 0}`).join(", ");
  }
}
