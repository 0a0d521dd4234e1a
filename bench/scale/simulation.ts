/**
 * One day of N users, simulated: each user of a sample does on the day what people and programs do, request after
 * request, and each request costs what paths.ts says. What a sample does is multiplied up. The same seed gives the same day.
 */
import { type Parameters, parameters as defaultParameters } from "./assumptions.ts";
import { type Fleet, fleetFor } from "./isolates.ts";
import { type CpuWork, type KindTotal, Ledger } from "./ledger.ts";
import type { Cost } from "./paths.ts";
import { browse, type Stage } from "./people.ts";
import { crawl, deliver, poll, serve } from "./programs.ts";
import { mulberry32 } from "../lib/random.ts";

export const SEED = 20_261_122;
/** Users that are simulated one by one; more are a multiple of these. */
export const SAMPLE_USERS = 100_000;
/** A sample's minutes are noisy, and many times as many users are not: its curve is averaged over so many minutes. */
const SMOOTHED_MINUTES = 15;
/** Users of the trial run that tells how many requests there are, which is what the number of isolates depends on. */
const TRIAL_USERS = 2_000;

/** What a user does, and what is done for them. */
const ACTS: readonly ((stage: Stage) => void)[] = [browse, poll, crawl, serve, deliver];

/** A day of all users. */
export interface Day {
  readonly users: number;
  readonly sampleUsers: number;
  readonly fleet: Fleet;
  readonly totals: Cost;
  readonly cpuWork: Readonly<Record<CpuWork, number>>;
  readonly kinds: ReadonlyMap<string, KindTotal>;
  /** By minute of the day (UTC). */
  readonly byMinute: Readonly<Record<"requests" | "quotaUnits" | "kvWrites" | "token", readonly number[]>>;
  readonly usersAboveLimit: number;
  readonly peakUnitsOfUserAndMinute: number;
  readonly peakWritesOfKeyAndSecond: number;
}

export interface SimulationOptions {
  readonly users: number;
  readonly seed?: number;
  readonly sampleUsers?: number;
  readonly parameters?: Parameters;
}

/** Simulates a day. */
export function simulateDay(options: SimulationOptions): Day {
  const { users, seed = SEED, parameters = defaultParameters() } = options;
  const sampleUsers = Math.min(users, options.sampleUsers ?? SAMPLE_USERS);
  const trialUsers = Math.min(TRIAL_USERS, sampleUsers);
  const trial = run(trialUsers, seed, parameters, fleetFor(trialUsers, 1, parameters));
  const fleet = fleetFor(users, trial.totals.requests / trialUsers, parameters);
  const ledger = run(sampleUsers, seed, parameters, fleet);
  const factor = users / sampleUsers;
  const curve = (minutes: Float64Array): number[] => {
    const scaled = Array.from(minutes, (count) => count * factor);
    return factor === 1 ? scaled : smoothed(scaled);
  };
  const { byMinute } = ledger;
  return {
    users,
    sampleUsers,
    fleet,
    totals: scaledBy(factor, ledger.totals),
    cpuWork: scaledBy(factor, ledger.cpuWork),
    kinds: new Map([...ledger.kinds].map(([kind, total]) => [kind, scaledBy(factor, total)])),
    byMinute: {
      requests: curve(byMinute.requests),
      quotaUnits: curve(byMinute.quotaUnits),
      kvWrites: curve(byMinute.kvWrites),
      token: curve(byMinute.token),
    },
    usersAboveLimit: ledger.usersAboveLimit * factor,
    peakUnitsOfUserAndMinute: ledger.peakUnitsOfUserAndMinute,
    peakWritesOfKeyAndSecond: ledger.peakWritesOfKeyAndSecond,
  };
}

function run(users: number, seed: number, parameters: Parameters, fleet: Fleet): Ledger {
  const ledger = new Ledger();
  for (let user = 0; user < users; user += 1) {
    for (const [position, act] of ACTS.entries()) {
      // Random numbers of its own: where one thing happens more often, the others stay as they were.
      const random = mulberry32(seed + (user * ACTS.length + position) * 7_919);
      act({ random, parameters, fleet, ledger });
    }
    ledger.endUser();
  }
  return ledger;
}

function scaledBy<T extends Readonly<Record<keyof T, number>>>(factor: number, counts: T): T {
  return Object.fromEntries(
    Object.entries<number>(counts as Record<string, number>).map(([name, count]) => [name, count * factor]),
  ) as T;
}

/** Each minute as the average of those around it; the day before and after are the same. */
function smoothed(minutes: readonly number[]): number[] {
  const half = Math.floor(SMOOTHED_MINUTES / 2);
  const at = (minute: number): number => minutes[(minute + minutes.length) % minutes.length] ?? 0;
  return minutes.map((_, minute) => {
    let around = 0;
    for (let other = minute - half; other <= minute + half; other += 1) around += at(other);
    return around / (2 * half + 1);
  });
}
