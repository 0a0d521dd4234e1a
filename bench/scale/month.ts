/** What a month costs: the expected day of a user, times users and 30, at the prices of limits.ts. */
import type { Results } from "../lib/results.ts";
import type { Parameters } from "./assumptions.ts";
import type { CpuWork, Day } from "./day.ts";
import { DAYS_PER_MONTH, LOG_EVENTS_PER_REQUEST, PLAN_PER_MONTH, priceOf, type PriceName, PRICES } from "./limits.ts";
import {
  type Cost,
  KEPT_ROW_KILOBYTES,
  MAX_KEPT_ROWS,
  OBJECT_KILOBYTES,
  ROWS_READ_PER_QUESTION,
  ROWS_READ_PER_KEPT_ROW,
  ROWS_READ_PER_LISTED_ROW,
  ROWS_WRITTEN_PER_KEPT_ROW,
  ROWS_WRITTEN_PER_LIST,
  ROWS_WRITTEN_PER_REPORT,
  ROWS_WRITTEN_PER_SIGN_IN,
  STORED_BYTES,
} from "./paths.ts";

/** An object has 128 MB for as long as it works. */
const OBJECT_GB = 0.128;
/** Seconds that an object works for a refresh at Google, and for a question. */
const REFRESH_SECONDS = 0.15;
const LOOK_SECONDS = 0.005;
/** Seconds that it works for a call that tells how new its rows are, and for each row that it reads: four batches at once. */
const HISTORY_SECONDS = 0.1;
const READ_ROW_SECONDS = 0.01;

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
    "mailbox-key": usersWithRows(p),
    "dead-token-prefix": (p.securityEventsPerDay / 3) * 180,
    "security-event": p.securityEventsPerDay * 30,
  };
  const bytes = Object.entries(records).map(([kind, count]) => count * (STORED_BYTES[kind] ?? 0));
  return bytes.reduce((all, one) => all + one, 0) / 1_000;
}

/** Share of users whose rows are kept: who visits, or for whom a program lists rows. After 30 days unused they are dropped. */
function usersWithRows(p: Parameters): number {
  const active = Math.min(1, p.visitsPerDay / p.visitsOfActive);
  return 1 - [active, p.tokenUserShare, p.backgroundShare].reduce((none, share) => none * (1 - share), 1);
}

/** Seconds that the objects of a user work on a day. */
function objectSeconds({ history, objectRequests, profile, rowsRead, token }: Cost): number {
  const calls = (history + profile) * HISTORY_SECONDS + rowsRead * READ_ROW_SECONDS + token * REFRESH_SECONDS;
  return objectRequests * LOOK_SECONDS + calls;
}

/** The rows of an object's database that are written on a day. Each request is reported. */
function writtenRows({ history, requests, rowsRead, token, userinfo }: Cost): number {
  const kept = rowsRead * ROWS_WRITTEN_PER_KEPT_ROW + history * ROWS_WRITTEN_PER_LIST;
  return requests * ROWS_WRITTEN_PER_REPORT + userinfo * ROWS_WRITTEN_PER_SIGN_IN + token + kept;
}

/** Those that are read. */
function foundRows({ objectRequests, rowsListed, rowsRead: kept }: Cost): number {
  const found = rowsListed * ROWS_READ_PER_LISTED_ROW + kept * ROWS_READ_PER_KEPT_ROW;
  return objectRequests * ROWS_READ_PER_QUESTION + found;
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
    objectGbSeconds: objectSeconds(total) * OBJECT_GB * month,
    rowsRead: foundRows(total) * month,
    rowsWritten: writtenRows(total) * month,
    objectStoredKilobytes: (OBJECT_KILOBYTES + usersWithRows(p) * MAX_KEPT_ROWS * KEPT_ROW_KILOBYTES) * users,
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
