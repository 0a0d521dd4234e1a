/** What a month costs: quantities of a simulated day, times 30, at the prices of limits.ts. */
import { type Parameters } from "./assumptions.ts";
import { CPU_WORK, type CpuWork } from "./ledger.ts";
import { DAYS_PER_MONTH, LOG_EVENTS_PER_REQUEST, PLAN_PER_MONTH, priceOf, type PriceName, PRICES } from "./limits.ts";
import { STORED_BYTES } from "./paths.ts";
import type { Day } from "./simulation.ts";

/** CPU milliseconds of each kind of work. */
export type CpuMs = Readonly<Record<CpuWork, number>>;

/** Quantities of a month. */
export type Quantities = Readonly<Record<PriceName, number>>;

/** What a month uses. */
export function monthOf(day: Day, cpu: CpuMs, parameters: Parameters): Quantities {
  const { totals } = day;
  const cpuMs = CPU_WORK.reduce((sum, work) => sum + day.cpuWork[work] * cpu[work], 0);
  return {
    requests: totals.requests * DAYS_PER_MONTH,
    cpuMs: cpuMs * DAYS_PER_MONTH,
    kvKeysRead: totals.kvKeysRead * DAYS_PER_MONTH,
    kvWrites: totals.kvWrites * DAYS_PER_MONTH,
    kvDeletes: totals.kvDeletes * DAYS_PER_MONTH,
    kvLists: totals.kvLists * DAYS_PER_MONTH,
    kvStoredKilobytes: storedKilobytes(day, parameters),
    logEvents: totals.requests * LOG_EVENTS_PER_REQUEST * DAYS_PER_MONTH,
  };
}

/** What lies in KV, once marks come and go at the same rate. */
export function storedKilobytes(day: Day, parameters: Parameters): number {
  const records = recordsPerUser(day, parameters);
  const bytes = Object.entries(records).reduce((sum, [kind, count]) => sum + count * (STORED_BYTES[kind] ?? 0), 0);
  return (day.users * bytes) / 1_000;
}

/** Records of each kind in KV, per user. */
export function recordsPerUser(day: Day, parameters: Parameters): Readonly<Record<string, number>> {
  const { deadGrantsPerDay, securityEventsPerDay, tokenUserShare, crawlerShare } = parameters;
  const tokens = tokenUserShare + crawlerShare;
  const logouts = (day.kinds.get("logout")?.requests ?? 0) / day.users;
  return {
    credential: 1,
    address: 1,
    "revoked-user": 1,
    "api-token": tokens,
    "api-token-of": tokens,
    "api-token-access": tokens,
    "api-token-used": tokens,
    // By how long each kind of mark stays: docs/storage-schema.md.
    "revoked-session": logouts * 30,
    "dead-token": deadGrantsPerDay * 180,
    "security-event": securityEventsPerDay * 30,
  };
}

/** A month's bill, item by item. */
export type Bill = Readonly<Record<PriceName | "plan", number>>;

/** Prices a month, in US dollars. */
export function billOf(quantities: Quantities): Bill {
  const names = Object.keys(PRICES) as PriceName[];
  const items = Object.fromEntries(names.map((name) => [name, priceOf(PRICES[name], quantities[name])]));
  return { plan: PLAN_PER_MONTH, ...items } as Bill;
}

/** All items of a bill. */
export function totalOf(bill: Bill): number {
  return Object.values(bill).reduce((sum, dollars) => sum + dollars, 0);
}
