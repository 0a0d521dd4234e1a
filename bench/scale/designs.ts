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
const PAGE_UNITS_BEYOND_ROWS = 1 + HISTORY_UNITS;
/** A snapshot of a mailbox: 50 rows of some 600 bytes. */
const SNAPSHOT_KILOBYTES = 30;
/** An object has 128 MB for as long as it works. */
const OBJECT_GB = 0.128;
/** Seconds for a look at what is in memory. */
const LOOK_SECONDS = 0.005;
/** Pub/Sub bills 1 kB a message at least, once in and once out. */
const KILOBYTES_PER_NOTIFICATION = 2;
/** Visits a day of who visits at all. */
const VISITS_OF_ACTIVE = 3;
const KEPT_LOG_SHARE = 0.1;

function times(users: number, cost: Cost): Partial<Cost> {
  return Object.fromEntries(Object.entries(cost).map(([counter, count]) => [counter, count * users]));
}

/** Durable Objects: requests, time, rows, storage. */
function objects(
  day: { requests: number; seconds: number; rowsRead?: number; rowsWritten?: number },
  kilobytes: number,
): number {
  return (
    priceOf(PRICES.objectRequests, day.requests * DAYS_PER_MONTH) +
    priceOf(PRICES.objectGbSeconds, day.seconds * OBJECT_GB * DAYS_PER_MONTH) +
    priceOf(PRICES.rowsRead, (day.rowsRead ?? 0) * DAYS_PER_MONTH) +
    priceOf(PRICES.rowsWritten, (day.rowsWritten ?? 0) * DAYS_PER_MONTH) +
    priceOf(PRICES.objectStoredKilobytes, kilobytes)
  );
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
  const messages = kind("message").requests;
  const page = kind("page");
  const programs = kind("program");
  const background = kind("background");
  const activeUsers = users * Math.min(1, parameters.visitsPerDay / VISITS_OF_ACTIVE);

  const framed = (messages * parameters.htmlShare) / (1 + parameters.htmlShare);
  const newRows = parameters.newMessagesPerDay * GET_UNITS;
  const snapshotUnits = page.requests * (PAGE_UNITS_BEYOND_ROWS + parameters.countedLabels) + activeUsers * newRows;
  const watchUnits = watchedUsers * (WATCH_UNITS / WATCH_DAYS + parameters.newMessagesPerDay * HISTORY_UNITS);
  const rowUnits = watchedUsers * newRows;
  const notifications = watchedUsers * parameters.newMessagesPerDay;
  const gmailRequests = totals.list + messages;

  return [
    {
      name: "read a message once for page and frame",
      savedUnits: (framed * GET_UNITS) / users,
      savedDollars: 0,
      dollars: 0,
    },
    {
      name: "snapshot of a mailbox in the object, kept up by `history.list`",
      savedUnits: (page.quotaUnits - snapshotUnits) / users,
      savedDollars: 0,
      dollars: objects(
        {
          requests: page.requests,
          seconds: page.requests * LOOK_SECONDS,
          rowsRead: page.requests,
          rowsWritten: activeUsers * parameters.newMessagesPerDay,
        },
        users * SNAPSHOT_KILOBYTES,
      ),
    },
    {
      name: "`users.watch` and Pub/Sub in place of polling",
      savedUnits: (programs.quotaUnits + background.quotaUnits - watchUnits - rowUnits) / users,
      savedDollars: saving(PRICES.requests, totals.requests, programs.requests + background.requests - notifications),
      dollars: priceOf(DESIGN_PRICES.pubSubKilobytes, notifications * KILOBYTES_PER_NOTIFICATION * DAYS_PER_MONTH),
    },
    {
      name: "the object counts a user's units before each listing",
      savedUnits: 0,
      savedDollars: 0,
      dollars: objects({ requests: gmailRequests, seconds: gmailRequests * LOOK_SECONDS }, 0),
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
