/** What a month costs: the expected day of a user, times users and 30, at the prices of limits.ts. */
import type { Results } from "../lib/results.ts";
import type { Parameters } from "./assumptions.ts";
import type { CpuWork, Day } from "./day.ts";
import { DAYS_PER_MONTH, LOG_EVENTS_PER_REQUEST, PLAN_PER_MONTH, priceOf, type PriceName, PRICES } from "./limits.ts";
import {
  OBJECT_KILOBYTES,
  ROWS_READ_PER_QUESTION,
  ROWS_WRITTEN_PER_REPORT,
  ROWS_WRITTEN_PER_SIGN_IN,
  STORED_BYTES,
} from "./paths.ts";

/** An object has 128 MB for as long as it works. */
const OBJECT_GB = 0.128;
/** Seconds that an object works for a refresh at Google, and for a question. */
const REFRESH_SECONDS = 0.15;
const LOOK_SECONDS = 0.005;

/** CPU milliseconds of each kind of work. */
export type CpuMs = Readonly<Record<CpuWork, number>>;

const SUBJECT = "F";

/** CPU time as the benchmark measured it. @throws Error that names the job whose CPU time is missing */
export function cpuFrom(results: Results): CpuMs {
  const [rows25, rows100] = [cpuMsOf(results, "rows-25"), cpuMsOf(results, "rows-100")];
  // A straight line through both: what a request with rows costs, and each row of it.
  const rows = Math.max(0, (rows100 - rows25) / (100 - 25));
  return {
    small: cpuMsOf(results, "ids-1"),
    rowRequests: Math.max(0, rows25 - 25 * rows),
    rows,
    signIns: cpuMsOf(results, "sign-in-warm"),
  };
}

function cpuMsOf(results: Results, id: string): number {
  const outcome = results.jobs.find((job) => job.id === id)?.outcomes[SUBJECT];
  const median = outcome !== undefined && "measures" in outcome ? outcome.measures["cpuMs"]?.median : undefined;
  if (median === undefined) throw new Error(`no CPU time of subject ${SUBJECT} in job ${id}`);
  return median;
}

/** Kilobytes in KV per user, once marks come and go at the same rate. Days are those of docs/storage-schema.md. */
export function storedKilobytes(p: Parameters): number {
  const records: Readonly<Record<string, number>> = {
    credential: 1,
    address: 1,
    "dead-token-prefix": (p.securityEventsPerDay / 3) * 180,
    "security-event": p.securityEventsPerDay * 30,
  };
  const bytes = Object.entries(records).map(([kind, count]) => count * (STORED_BYTES[kind] ?? 0));
  return bytes.reduce((all, one) => all + one, 0) / 1_000;
}

/** What so many users use in a month. */
export function quantitiesOf(users: number, day: Day, p: Parameters, cpu: CpuMs): Readonly<Record<PriceName, number>> {
  const month = users * DAYS_PER_MONTH;
  const { total, cpuWork } = day;
  const works = Object.entries(cpuWork) as [CpuWork, number][];
  return {
    requests: total.requests * month,
    cpuMs: works.reduce((all, [work, count]) => all + count * cpu[work], 0) * month,
    kvKeysRead: total.kvKeysRead * month,
    kvWrites: total.kvWrites * month,
    kvDeletes: total.kvDeletes * month,
    kvLists: total.kvLists * month,
    kvStoredKilobytes: storedKilobytes(p) * users,
    objectRequests: total.objectRequests * month,
    objectGbSeconds: (total.objectRequests * LOOK_SECONDS + total.token * REFRESH_SECONDS) * OBJECT_GB * month,
    rowsRead: total.objectRequests * ROWS_READ_PER_QUESTION * month,
    // Half of the questions are reports.
    rowsWritten:
      ((total.objectRequests / 2) * ROWS_WRITTEN_PER_REPORT + total.userinfo * ROWS_WRITTEN_PER_SIGN_IN + total.token) *
      month,
    objectStoredKilobytes: OBJECT_KILOBYTES * users,
    logEvents: total.requests * LOG_EVENTS_PER_REQUEST * month,
  };
}

/** Dollars a month, item by item, with the plan. */
export function billOf(quantities: Readonly<Record<PriceName, number>>): ReadonlyMap<PriceName | "plan", number> {
  const names = Object.keys(PRICES) as PriceName[];
  return new Map([
    ["plan", PLAN_PER_MONTH],
    ...names.map((name) => [name, priceOf(PRICES[name], quantities[name])] as const),
  ]);
}
