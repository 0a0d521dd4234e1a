/** The tables of docs/scale.md. Prose is written by hand around them. */
import { type AssumptionName, ASSUMPTIONS, type Parameters, parameters as defaultParameters } from "./assumptions.ts";
import { type Day, dayOf } from "./day.ts";
import { designsOf } from "./designs.ts";
import {
  DAYS_PER_MONTH,
  FREE_CPU_MS,
  FREE_KV_KILOBYTES,
  FREE_PER_DAY,
  GMAIL,
  LOG_EVENTS_PER_REQUEST,
  type PriceName,
  PRICES,
  UNVERIFIED_USERS,
} from "./limits.ts";
import { billOf, type CpuMs, quantitiesOf, storedKilobytes } from "./month.ts";
import { apiRows, type Cost, EXTRAS, GOOGLE_CALLS, mailboxPage, type PathName, PATHS, serviceRows } from "./paths.ts";
import { amount, dollars, percent, table } from "./table.ts";

const SIZES = [1_000, 1_000_000, 100_000_000];
const HEADS = SIZES.map((users) => `${amount(users)} users`);

export function assumptionsSection(): string {
  const rows = Object.values(ASSUMPTIONS).map(({ what, value, why }) => [
    what,
    value.toLocaleString("en-US", { maximumFractionDigits: 6 }),
    why,
  ]);
  return table([["what", "value", "why"], ...rows]);
}

/** What the paths and extras are called in the document. */
const TITLES: Readonly<Record<PathName | keyof typeof EXTRAS, string>> = {
  login: "`GET /auth/login`",
  "callback-consent": "callback, a new consent",
  "callback-known": "callback, consented before",
  ids: "`GET /api/messages`, IDs",
  message: "`GET /message/{id}`",
  "message-frame": "its frame, of a message with HTML",
  logout: "`POST /auth/logout`",
  disconnect: "`POST /auth/disconnect`",
  "make-token": "`POST /api/tokens`",
  "session-dead": "session whose grant has ended",
  "service-ids": "service binding, IDs",
  "service-dead": "service binding, grant known to be dead",
  "event-sessions-revoked": "event `sessions-revoked`",
  "event-token-revoked": "event `token-revoked`",
  "event-tokens-revoked": "event `tokens-revoked`",
  refresh: "+ a refresh",
  "service-refresh": "+ a refresh, service binding",
  "first-rows": "+ the first rows of a user: a call less of `history.list`",
  awake: "+ rows, where the object was asleep",
  jwks: "+ Google's keys, once an hour and isolate",
};

const CALL_NAMES: Readonly<Record<(typeof GOOGLE_CALLS)[number], string>> = {
  token: "token",
  userinfo: "userinfo",
  jwks: "keys",
  revoke: "revoke",
  list: "`messages.list`",
  history: "`history.list`",
  profile: "`getProfile`",
  labels: "`labels.list`",
  get: "`messages.get`",
  batch: "batch",
};

/** A line of the table of paths. */
function pathRow(name: string, cost: Cost): string[] {
  const calls = GOOGLE_CALLS.filter((call) => cost[call] > 0).map((call) => `${cost[call]} ${CALL_NAMES[call]}`);
  const reads = cost.kvKeysRead === 0 ? "0" : `${cost.kvReadOperations} of ${cost.kvKeysRead}`;
  const counts = [cost.kvWrites, cost.kvDeletes].map(String);
  return [name, String(cost.objectRequests), reads, ...counts, calls.join(", ") || "none", String(cost.quotaUnits)];
}

export function pathsSection(parameters: Parameters): string {
  const named = (costs: Readonly<Record<string, Cost>>): string[][] =>
    Object.entries(costs).map(([name, cost]) => pathRow(TITLES[name as keyof typeof TITLES], cost));
  return table([
    ["path", "object requests", "KV reads, of keys", "writes", "deletes", "calls to Google", "units"],
    pathRow(`\`GET /\`, 25 rows and ${parameters.countedLabels} counts`, mailboxPage(25, parameters.countedLabels, 25)),
    pathRow("the same again", mailboxPage(25, 0, 0)),
    pathRow("`GET /api/messages`, 100 rows", apiRows(100, 100)),
    pathRow("the same again, with 2 new rows", apiRows(100, 2)),
    pathRow("service binding, 50 rows", serviceRows(50, 50)),
    ...named(PATHS),
    ...named(EXTRAS),
  ]);
}

const row = (head: string, cells: readonly string[]): string[] => [head, ...cells];

const line = (what: string, perUser: number): string[] => [
  what,
  amount(perUser),
  ...SIZES.map((users) => amount(users * perUser)),
];

const shareOf = (what: string, perUser: number, limit: number): string[] => [
  what,
  "",
  ...SIZES.map((users) => percent((users * perUser) / limit)),
];

export function daySection(day: Day, parameters: Parameters): string {
  const { total } = day;
  return table([
    ["on a day", "per user", ...HEADS],
    line("requests", total.requests),
    line("requests a second, busiest minute", day.requestsInBusiestMinute / 60),
    line("object requests", total.objectRequests),
    line("KV keys read", total.kvKeysRead),
    line("KV writes", total.kvWrites),
    line("KV deletes and lists", total.kvDeletes + total.kvLists),
    line("KV storage, kB", storedKilobytes(parameters)),
    line("calls of the token endpoint", total.token),
    line("calls of userinfo and keys, at most", total.userinfo + total.jwks),
    line(
      "calls of Gmail, a batch as one",
      total.list + total.history + total.profile + total.labels + total.get + total.batch,
    ),
    line("quota units", total.quotaUnits),
    shareOf("of Gmail's units of a day", total.quotaUnits, GMAIL.unitsPerDay),
    line("quota units in the busiest minute", day.unitsInBusiestMinute),
    shareOf("of Gmail's units of a minute", day.unitsInBusiestMinute, GMAIL.unitsPerMinute),
  ]);
}

/** Who spends the quota. */
export function unitsSection({ kinds, total }: Day): string {
  const counters = ["requests", "quotaUnits", "token", "kvWrites"] as const;
  const sorted = [...kinds].sort(([, one], [, other]) => other.quotaUnits - one.quotaUnits);
  return table([
    ["what", "requests", "quota units", "token calls", "KV writes"],
    ...sorted.map(([kind, cost]) => [kind].concat(counters.map((counter) => percent(cost[counter] / total[counter])))),
  ]);
}

const free = (limit: number, perUser: number, what: string): [number, string, string] => [
  limit / perUser,
  `${limit.toLocaleString("en-US")} ${what} a day`,
  "Workers Free",
];

const included = (name: PriceName, perUser: number): [number, string, string] => {
  const { includedPerMonth, what } = PRICES[name];
  const limit = `${includedPerMonth / 1e6} million ${what} a month are used up, and more cost money`;
  return [includedPerMonth / DAYS_PER_MONTH / perUser, limit, "Workers Paid"];
};

/** At how many users each limit is reached, the first to be reached first. */
export function limitsSection(day: Day, parameters: Parameters): string {
  const { total } = day;
  const logEvents = total.requests * LOG_EVENTS_PER_REQUEST;
  const limits: [number, string, string][] = [
    [UNVERIFIED_USERS, `${UNVERIFIED_USERS} users of an app that is not verified`, "Google"],
    free(FREE_PER_DAY.objectRequests, total.objectRequests, "object requests"),
    free(FREE_PER_DAY.kvWrites, total.kvWrites, "KV writes"),
    free(FREE_PER_DAY.kvKeysRead, total.kvKeysRead, "KV keys read"),
    free(FREE_PER_DAY.requests, total.requests, "requests"),
    free(FREE_PER_DAY.logEvents, logEvents, "log events"),
    [FREE_KV_KILOBYTES / storedKilobytes(parameters), "1 GB in KV", "Workers Free"],
    included("objectRequests", total.objectRequests),
    included("kvKeysRead", total.kvKeysRead),
    included("kvWrites", total.kvWrites),
    included("requests", total.requests),
    included("logEvents", logEvents),
    [
      GMAIL.unitsPerDay / total.quotaUnits,
      `${GMAIL.unitsPerDay.toLocaleString("en-US")} quota units a day: above it, use is billed in the Scaled tier`,
      "Gmail, project",
    ],
    [
      GMAIL.unitsPerMinute / day.unitsInBusiestMinute,
      `${GMAIL.unitsPerMinute.toLocaleString("en-US")} quota units in the busiest minute`,
      "Gmail, project",
    ],
  ];
  const sorted = limits.sort(([one], [other]) => one - other);
  return table([
    ["users", "limit", "of"],
    ...sorted.map(([users, limit, of]) => [amount(Number(users.toPrecision(2))), limit, of]),
  ]);
}

export function cpuSection(cpu: CpuMs): string {
  const works: readonly (readonly [string, number])[] = [
    ["a listing of IDs, and each request that is smaller", cpu.small],
    ...[25, 50, 100].map((rows) => [`${rows} rows`, cpu.rowRequests + rows * cpu.rows] as const),
    ["the callback of a sign-in", cpu.signIns],
  ];
  return table([
    ["work", "CPU ms", `of ${FREE_CPU_MS} ms on Workers Free`],
    ...works.map(([what, ms]) => [what, amount(ms), percent(ms / FREE_CPU_MS)]),
  ]);
}

export function costSection(day: Day, parameters: Parameters, cpu: CpuMs): string {
  const months = SIZES.map((users) => {
    const quantities = quantitiesOf(users, day, parameters, cpu);
    const bill = billOf(quantities);
    return { users, quantities, bill, total: [...bill.values()].reduce((all, one) => all + one, 0) };
  });
  const names = Object.keys(PRICES) as PriceName[];
  return table([
    ["a month", ...HEADS],
    ["plan", ...months.map(({ bill }) => dollars(bill.get("plan") ?? 0))],
    ...names.map((name) =>
      row(
        PRICES[name].what,
        months.map(({ bill, quantities }) => `${dollars(bill.get(name) ?? 0)} for ${amount(quantities[name])}`),
      ),
    ),
    ["**in all**", ...months.map(({ total }) => `**${dollars(total)}**`)],
    ["a user", ...months.map(({ users, total }) => `$${amount(total / users)}`)],
  ]);
}

export function designsSection(day: Day, parameters: Parameters): string {
  const columns = SIZES.map((users) => designsOf(users, day, parameters));
  const [first = []] = columns;
  return table([
    ["design", "units saved", ...HEADS.map((head) => `${head}: costs, saves`)],
    ...first.map(({ name, savedUnits }, position) =>
      [name, percent(savedUnits / day.total.quotaUnits)].concat(
        columns.map((designs) => {
          const { dollars: costs = 0, savedDollars = 0 } = designs[position] ?? {};
          return `${dollars(costs)}, ${dollars(savedDollars)}`;
        }),
      ),
    ),
  ]);
}

/** What is changed to see which assumptions matter. */
const CHANGES: readonly (readonly [what: string, name: AssumptionName])[] = [
  ["twice as many visits", "visitsPerDay"],
  ["twice as many pages in a visit", "pagesPerVisit"],
  ["twice as many messages opened", "messagesPerVisit"],
  ["twice as many programs with API tokens", "tokenUserShare"],
  ["programs that ask for rows twice as often", "tokenRowsShare"],
  ["twice as many crawlers", "crawlerShare"],
  ["twice as many users served by service binding", "backgroundShare"],
  ["twice as many new users", "newUsersPerDay"],
];

export function sensitivitySection(day: Day): string {
  const counters = ["requests", "quotaUnits", "objectRequests", "kvKeysRead", "token"] as const;
  return table([
    ["change", "requests", "quota units", "object requests", "KV keys read", "token calls"],
    ...CHANGES.map(([what, name]) => {
      const { total } = dayOf(defaultParameters({ [name]: 2 * ASSUMPTIONS[name].value }));
      return [what].concat(counters.map((counter) => signed(total[counter] / day.total[counter] - 1)));
    }),
  ]);
}

function signed(share: number): string {
  const rounded = Math.round(share * 100);
  return rounded === 0 ? "0 %" : `${rounded > 0 ? "+" : "-"}${Math.abs(rounded)} %`;
}
