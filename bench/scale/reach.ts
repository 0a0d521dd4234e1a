/** At how many users each limit is reached, by what one user does on the simulated day of a million. */
import type { Parameters } from "./assumptions.ts";
import { storedKilobytes } from "./bill.ts";
import {
  DAYS_PER_MONTH,
  FREE_KV_KILOBYTES,
  FREE_PER_DAY,
  GMAIL,
  type PriceName,
  PRICES,
  UNVERIFIED_USERS,
} from "./limits.ts";
import { rotationOf } from "./rotation.ts";
import type { Day } from "./simulation.ts";

/** A limit, and the number of users at which it is reached. */
export interface Reach {
  readonly users: number;
  readonly limit: string;
  /** Whose limit: a plan, or Google. */
  readonly of: string;
}

/** All limits that depend on the number of users, the first to be reached first. */
export function reachOf(day: Day, parameters: Parameters): Reach[] {
  const per = (count: number): number => count / day.users;
  const { totals, byMinute, fleet } = day;
  const logEvents = totals.requests * 2;
  const free = (limit: number, count: number, what: string): Reach => ({
    users: limit / per(count),
    limit: `${limit.toLocaleString("en-US")} ${what} a day`,
    of: "Workers Free",
  });
  const included = (name: PriceName, count: number): Reach => ({
    users: PRICES[name].includedPerMonth / per(count * DAYS_PER_MONTH),
    limit: `${(PRICES[name].includedPerMonth / 1e6).toLocaleString("en-US")} million ${PRICES[name].what} a month are used up, and more cost money`,
    of: "Workers Paid",
  });
  const pollsPerIsolate = fleet.isolatesPerPlace * parameters.tokenPollMinutes * 60;
  const reaches: Reach[] = [
    { users: UNVERIFIED_USERS, limit: `${UNVERIFIED_USERS} users of an app that is not verified`, of: "Google" },
    free(FREE_PER_DAY.kvWrites, totals.kvWrites, "KV writes"),
    free(FREE_PER_DAY.kvKeysRead, totals.kvKeysRead, "KV keys read"),
    free(FREE_PER_DAY.requests, totals.requests, "requests"),
    free(FREE_PER_DAY.logEvents, logEvents, "log events"),
    { users: FREE_KV_KILOBYTES / per(storedKilobytes(day, parameters)), limit: "1 GB in KV", of: "Workers Free" },
    included("kvKeysRead", totals.kvKeysRead),
    included("kvWrites", totals.kvWrites),
    included("requests", totals.requests),
    included("logEvents", logEvents),
    {
      users: GMAIL.unitsPerDay / per(totals.quotaUnits),
      limit: `${GMAIL.unitsPerDay.toLocaleString("en-US")} quota units a day`,
      of: "Gmail, project",
    },
    {
      users: GMAIL.unitsPerMinute / per(Math.max(...byMinute.quotaUnits)),
      limit: `${GMAIL.unitsPerMinute.toLocaleString("en-US")} quota units in the busiest minute`,
      of: "Gmail, project",
    },
    {
      users: (day.users * fleet.secondsRemembered) / pollsPerIsolate,
      limit: `${parameters.rememberedPerIsolate.toLocaleString("en-US")} API tokens that an isolate remembers`,
      of: "this Worker",
    },
    {
      users: (DAYS_PER_MONTH * 86_400) / rotationOf(1, parameters).seconds,
      limit: "a month for a walk of `npm run rotate`",
      of: "this Worker",
    },
  ];
  return reaches.sort((one, other) => one.users - other.users);
}
