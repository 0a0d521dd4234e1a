/** Designs that lift a limit, by the expected day: what they save of quota and money, and what they cost. */
import type { Parameters } from "./assumptions.ts";
import type { Day } from "./day.ts";
import { DAYS_PER_MONTH, DESIGN_PRICES, LOG_EVENTS_PER_REQUEST, priceOf, PRICES } from "./limits.ts";
import { type Cost, sum } from "./paths.ts";

/** What a design changes. */
export interface Design {
  readonly name: string;
  /** Quota units a day and user that it saves. */
  readonly savedUnits: number;
  /** Dollars a month that it saves of today's bill. */
  readonly savedDollars: number;
  /** Dollars a month that it costs. */
  readonly dollars: number;
}

const HISTORY_UNITS = 2;
const WATCH_UNITS = 100;
const WATCH_DAYS = 7;
const GET_UNITS = 20;
/** Pub/Sub bills 1 kB a message at least, once in and once out. */
const KILOBYTES_PER_NOTIFICATION = 2;
const KEPT_LOG_SHARE = 0.1;

function times(users: number, cost: Cost): Partial<Cost> {
  return Object.fromEntries(Object.entries(cost).map(([counter, count]) => [counter, count * users]));
}

/** What so much less of something saves. */
function saving(price: (typeof PRICES)[keyof typeof PRICES], perDay: number, lessPerDay: number): number {
  const before = priceOf(price, perDay * DAYS_PER_MONTH);
  return before - priceOf(price, (perDay - lessPerDay) * DAYS_PER_MONTH);
}

/** All designs, for so many users. */
export function designsOf(users: number, day: Day, parameters: Parameters): Design[] {
  const kind = (name: string): Cost => sum(times(users, day.kinds.get(name) ?? sum()));
  const totals = sum(times(users, day.total));
  const watchedUsers = users * (parameters.tokenUserShare + parameters.backgroundShare);
  const programs = kind("program");
  const background = kind("background");

  const watchUnits = watchedUsers * (WATCH_UNITS / WATCH_DAYS + parameters.newMessagesPerDay * HISTORY_UNITS);
  const rowUnits = watchedUsers * parameters.newMessagesPerDay * GET_UNITS;
  const notifications = watchedUsers * parameters.newMessagesPerDay;

  return [
    {
      name: "`users.watch` and Pub/Sub in place of polling",
      savedUnits: (programs.quotaUnits + background.quotaUnits - watchUnits - rowUnits) / users,
      savedDollars: saving(PRICES.requests, totals.requests, programs.requests + background.requests - notifications),
      dollars: priceOf(DESIGN_PRICES.pubSubKilobytes, notifications * KILOBYTES_PER_NOTIFICATION * DAYS_PER_MONTH),
    },
    {
      name: "log of one request in ten (`head_sampling_rate`)",
      savedUnits: 0,
      savedDollars: saving(
        PRICES.logEvents,
        totals.requests * LOG_EVENTS_PER_REQUEST,
        totals.requests * LOG_EVENTS_PER_REQUEST * (1 - KEPT_LOG_SHARE),
      ),
      dollars: 0,
    },
  ];
}
