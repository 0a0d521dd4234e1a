/** What happens on the simulated day, added up as it happens: by counter, by minute, by user. */
import { GMAIL } from "./limits.ts";
import { type Cost, type Counter, COUNTERS } from "./paths.ts";

export const DAY_SECONDS = 86_400;
const MINUTE_SECONDS = 60;
const DAY_MINUTES = DAY_SECONDS / MINUTE_SECONDS;

/** Work by what its CPU time is measured of. */
export const CPU_WORK = ["small", "rowRequests", "rows", "signIns"] as const;
export type CpuWork = (typeof CPU_WORK)[number];

/** Requests of one kind, such as "page", and what they cost together. */
export interface KindTotal {
  requests: number;
  quotaUnits: number;
  kvWrites: number;
  token: number;
}

const BY_KIND = ["requests", "quotaUnits", "kvWrites", "token"] as const;

/** One entry. */
export interface Entry {
  /** Second of the day; what lies outside of the day is not counted. */
  readonly atSecond: number;
  readonly kind: string;
  readonly cost: Cost;
  readonly cpu: Partial<Record<CpuWork, number>>;
}

export class Ledger {
  readonly totals = Object.fromEntries(COUNTERS.map((counter) => [counter, 0])) as Record<Counter, number>;
  readonly cpuWork: Record<CpuWork, number> = { small: 0, rowRequests: 0, rows: 0, signIns: 0 };
  readonly kinds = new Map<string, KindTotal>();
  readonly byMinute = {
    requests: new Float64Array(DAY_MINUTES),
    quotaUnits: new Float64Array(DAY_MINUTES),
    kvWrites: new Float64Array(DAY_MINUTES),
    token: new Float64Array(DAY_MINUTES),
  };
  usersAboveLimit = 0;
  peakUnitsOfUserAndMinute = 0;
  peakWritesOfKeyAndSecond = 0;
  readonly #unitsOfUser = new Map<number, number>();
  readonly #writesOfKey = new Map<number, number>();

  /** Enters something that the user at hand does. */
  enter({ atSecond, kind, cost, cpu }: Entry): void {
    if (atSecond < 0 || atSecond >= DAY_SECONDS) return;
    const minute = Math.floor(atSecond / MINUTE_SECONDS);
    for (const counter of COUNTERS) this.totals[counter] += cost[counter];
    for (const work of CPU_WORK) this.cpuWork[work] += cpu[work] ?? 0;
    for (const counter of BY_KIND) {
      this.byMinute[counter][minute] = (this.byMinute[counter][minute] ?? 0) + cost[counter];
    }
    const ofKind = this.kinds.get(kind) ?? { requests: 0, quotaUnits: 0, kvWrites: 0, token: 0 };
    for (const counter of BY_KIND) ofKind[counter] += cost[counter];
    this.kinds.set(kind, ofKind);
    this.#unitsOfUser.set(minute, (this.#unitsOfUser.get(minute) ?? 0) + cost.quotaUnits);
  }

  /** Notes a write to the one key of the user at hand that several isolates may write. */
  writeSharedKey(atSecond: number): void {
    const second = Math.floor(atSecond);
    if (second < 0 || second >= DAY_SECONDS) return;
    this.#writesOfKey.set(second, (this.#writesOfKey.get(second) ?? 0) + 1);
  }

  /** Closes the account of the user at hand; what comes is the next one's. */
  endUser(): void {
    const peakUnits = Math.max(0, ...this.#unitsOfUser.values());
    this.peakUnitsOfUserAndMinute = Math.max(this.peakUnitsOfUserAndMinute, peakUnits);
    if (peakUnits > GMAIL.unitsPerUserAndMinute) this.usersAboveLimit += 1;
    this.peakWritesOfKeyAndSecond = Math.max(this.peakWritesOfKeyAndSecond, ...this.#writesOfKey.values());
    this.#unitsOfUser.clear();
    this.#writesOfKey.clear();
  }
}
