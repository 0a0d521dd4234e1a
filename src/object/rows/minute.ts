/**
 * The Gmail quota of one user: what was spent in the last minute, and what may be spent now. Gmail counts by user and minute,
 * whichever program spends; a program leaves a tenth to the person.
 *
 * https://developers.google.com/workspace/gmail/api/reference/quota
 */
import type { Actor } from "../rpc.ts";

const MINUTE_MS = 60_000;
/** Kept back from rows, for the list calls that are made beside them. */
const LISTS_SHARE = 0.02;
/** Kept back from programs, for the person. */
const PERSONS_SHARE = 0.1;

export class MinuteQuota {
  readonly #limit: number;
  readonly #now: () => number;
  /** Oldest first. */
  #spent: { readonly atMs: number; units: number }[] = [];

  /** @param limit quota units a minute. @param now epoch milliseconds */
  constructor(limit: number, now: () => number) {
    this.#limit = limit;
    this.#now = now;
  }

  spend(units: number): void {
    if (units <= 0) return;
    const nowMs = this.#now();
    const last = this.#spent.at(-1);
    this.#forget(nowMs);
    if (last?.atMs === nowMs) last.units += units;
    else this.#spent.push({ atMs: nowMs, units });
  }

  #forget(nowMs: number): void {
    this.#spent = this.#spent.filter(({ atMs }) => atMs > nowMs - MINUTE_MS);
  }

  /** Units that rows may cost now. */
  available(kind: Actor["kind"]): number {
    this.#forget(this.#now());
    return this.#allowance(kind) - this.#spent.reduce((sum, { units }) => sum + units, 0);
  }

  /** Milliseconds until that many units are available; those of a minute at most. */
  waitMs(kind: Actor["kind"], units: number): number {
    let missing = units - this.available(kind);
    if (missing <= 0) return 0;
    for (const { atMs, units: freed } of this.#spent) {
      missing -= freed;
      if (missing <= 0) return atMs + MINUTE_MS - this.#now();
    }
    return MINUTE_MS;
  }

  #allowance(kind: Actor["kind"]): number {
    return this.#limit * (1 - LISTS_SHARE - (kind === "session" ? 0 : PERSONS_SHARE));
  }
}
