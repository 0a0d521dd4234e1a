/** The tables of docs/scale.md, made of simulated days. Prose is written by hand around them, and holds none of these numbers. */
import { type AssumptionName, ASSUMPTIONS, type Parameters } from "./assumptions.ts";
import { type Bill, billOf, type CpuMs, monthOf, storedKilobytes, totalOf } from "./bill.ts";
import { designsOf } from "./designs.ts";
import { DAYS_PER_MONTH, FREE_CPU_MS, GMAIL, KV_WRITES_PER_KEY_AND_SECOND, type PriceName, PRICES } from "./limits.ts";
import { apiRows, type Cost, EXTRAS, GOOGLE_CALLS, mailboxPage, type PathName, PATHS, serviceRows } from "./paths.ts";
import { reachOf } from "./reach.ts";
import { rotationOf } from "./rotation.ts";
import type { Day } from "./simulation.ts";
import { amount, dollars, duration, percent, table } from "./table.ts";

/** Shards of a walk that is done by many: the first character of what follows the kind of a key. */
const WALKERS = 64;

export function assumptionsSection(): string {
  const names = Object.keys(ASSUMPTIONS) as AssumptionName[];
  const rows = names.map((name) => {
    const { what, value, why } = ASSUMPTIONS[name];
    return [what, value.toLocaleString("en-US", { maximumFractionDigits: 6 }), why];
  });
  return table([["what", "value", "why"], ...rows]);
}

/** What the paths and extras are called in the document. */
const TITLES: Readonly<Record<PathName | keyof typeof EXTRAS, string>> = {
  login: "`GET /auth/login`",
  "callback-consent": "callback, a new consent",
  "callback-known": "callback, consented before",
  ids: "`GET /api/messages`, IDs",
  message: "`GET /message/{id}`, and as much for its frame",
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
  "previous-session": "+ the browser that signs in has a session",
  "api-token": "+ the caller has an API token",
  "unknown-token": "+ API token that the isolate does not know",
  "look-for-token-access": "+ access token of a known API token is too old",
  "keep-token-access": "+ refresh by an API token",
  "mark-token-used": "+ first use of an API token on a day",
  jwks: "+ Google's keys, once an hour and isolate",
};

const CALL_NAMES: Readonly<Record<(typeof GOOGLE_CALLS)[number], string>> = {
  token: "token",
  userinfo: "userinfo",
  jwks: "keys",
  revoke: "revoke",
  list: "`messages.list`",
  labels: "`labels.list`",
  get: "`messages.get`",
  batch: "batch",
};

/** A line of the table of paths. */
function pathRow(name: string, cost: Cost): string[] {
  const calls = GOOGLE_CALLS.filter((call) => cost[call] > 0).map((call) => `${cost[call]} ${CALL_NAMES[call]}`);
  const reads = cost.kvKeysRead === 0 ? "0" : `${cost.kvReadOperations} of ${cost.kvKeysRead}`;
  const counts = [cost.kvWrites, cost.kvDeletes, cost.kvLists].map(String);
  return [name, reads, ...counts, calls.join(", ") || "none", String(cost.quotaUnits)];
}

export function pathsSection(parameters: Parameters): string {
  const named = (costs: Readonly<Record<string, Cost>>): string[][] =>
    Object.entries(costs).map(([name, cost]) => pathRow(TITLES[name as keyof typeof TITLES], cost));
  return table([
    ["path", "KV reads, of keys", "writes", "deletes", "lists", "calls to Google", "units"],
    pathRow(`\`GET /\`, 25 rows and ${parameters.countedLabels} counts`, mailboxPage(25, parameters.countedLabels)),
    pathRow("`GET /api/messages`, 25 rows", apiRows(25)),
    pathRow("`GET /api/messages`, 100 rows", apiRows(100)),
    pathRow("service binding, 50 rows", serviceRows(50)),
    ...named(PATHS),
    ...named(EXTRAS),
  ]);
}

function busiest(minutes: readonly number[]): number {
  return Math.max(...minutes);
}

export function daySection(days: readonly Day[], parameters: Parameters): string {
  const per = days.find(({ users }) => users === 1e6) ?? days[0];
  const line = (what: string, of: (day: Day) => string, one = ""): string[] => [what, one, ...days.map(of)];
  const count = (what: string, of: (day: Day) => number): string[] =>
    line(what, (day) => amount(of(day)), per === undefined ? "" : amount(of(per) / per.users));
  return table([
    ["on a day", "per user", ...days.map(({ users }) => `${amount(users)} users`)],
    count("requests", ({ totals }) => totals.requests),
    line("requests a second, busiest minute", ({ byMinute }) => amount(busiest(byMinute.requests) / 60)),
    count("KV keys read", ({ totals }) => totals.kvKeysRead),
    count("KV writes", ({ totals }) => totals.kvWrites),
    count("KV deletes and lists", ({ totals }) => totals.kvDeletes + totals.kvLists),
    line(
      "writes of one key in a second, at most",
      (day) => `${day.peakWritesOfKeyAndSecond} (limit ${KV_WRITES_PER_KEY_AND_SECOND})`,
    ),
    count("KV storage, kB", (day) => storedKilobytes(day, parameters)),
    count("calls of the token endpoint", ({ totals }) => totals.token),
    count("calls of userinfo and keys", ({ totals }) => totals.userinfo + totals.jwks),
    count("calls of Gmail, a batch as one", ({ totals }) => totals.list + totals.labels + totals.get + totals.batch),
    count("quota units", ({ totals }) => totals.quotaUnits),
    line("of Gmail's units of a day", ({ totals }) => percent(totals.quotaUnits / GMAIL.unitsPerDay)),
    line("quota units in the busiest minute", ({ byMinute }) => amount(busiest(byMinute.quotaUnits))),
    line("of Gmail's units of a minute", ({ byMinute }) =>
      percent(busiest(byMinute.quotaUnits) / GMAIL.unitsPerMinute),
    ),
    line("users who want more than 6,000 units in a minute", (day) => percent(day.usersAboveLimit / day.users)),
  ]);
}

const COUNTED_BY_KIND = ["requests", "quotaUnits", "token", "kvWrites"] as const;

/** Who spends the quota. */
export function unitsSection(day: Day): string {
  const kinds = [...day.kinds].sort(([, one], [, other]) => other.quotaUnits - one.quotaUnits);
  return table([
    ["what", "requests", "quota units", "token calls", "KV writes"],
    ...kinds.map(([kind, total]) => {
      const shares = COUNTED_BY_KIND.map((counter) => percent(total[counter] / day.totals[counter]));
      return [kind].concat(shares);
    }),
  ]);
}

export function limitsSection(day: Day, parameters: Parameters): string {
  return table([
    ["users", "limit", "of"],
    ...reachOf(day, parameters).map(({ users, limit, of }) => [amount(Number(users.toPrecision(2))), limit, of]),
  ]);
}

export function cpuSection(cpu: CpuMs): string {
  const works: readonly (readonly [string, number])[] = [
    ["a listing of IDs, and each request that is smaller", cpu.small],
    ["25 rows", cpu.rowRequests + 25 * cpu.rows],
    ["50 rows", cpu.rowRequests + 50 * cpu.rows],
    ["100 rows", cpu.rowRequests + 100 * cpu.rows],
    ["the callback of a sign-in", cpu.signIns],
  ];
  return table([
    ["work", "CPU ms", `of ${FREE_CPU_MS} ms on Workers Free`],
    ...works.map(([what, ms]) => [what, amount(ms), percent(ms / FREE_CPU_MS)]),
  ]);
}

export function costSection(days: readonly Day[], cpu: CpuMs, parameters: Parameters): string {
  const months = days.map((day) => {
    const quantities = monthOf(day, cpu, parameters);
    return { day, quantities, bill: billOf(quantities) };
  });
  const line = (what: string, name: keyof Bill): string[] => [what, ...months.map(({ bill }) => dollars(bill[name]))];
  const names = Object.keys(PRICES) as PriceName[];
  return table([
    ["a month", ...days.map(({ users }) => `${amount(users)} users`)],
    line("plan", "plan"),
    ...names.map((name) =>
      [PRICES[name].what as string].concat(
        months.map(({ bill, quantities }) => `${dollars(bill[name])} for ${amount(quantities[name])}`),
      ),
    ),
    ["**in all**", ...months.map(({ bill }) => `**${dollars(totalOf(bill))}**`)],
    ["a user", ...months.map(({ bill, day }) => `$${amount(totalOf(bill) / day.users)}`)],
  ]);
}

export function designsSection(days: readonly Day[], parameters: Parameters): string {
  const columns = days.map((day) => designsOf(day, parameters));
  const [first = []] = columns;
  return table([
    ["design", "units saved", ...days.map(({ users }) => `${amount(users)} users: costs, saves`)],
    ...first.map(({ name }, position) => {
      // The share of units is that of the largest number of users: the smallest is a handful of programs.
      const savedUnits = columns.at(-1)?.[position]?.savedUnits ?? 0;
      const costs = columns.map((designs) => {
        const design = designs[position];
        return design === undefined ? "" : `${dollars(design.dollars)}, ${dollars(design.savedDollars)}`;
      });
      return [name, percent(savedUnits / (days.at(-1)?.totals.quotaUnits ?? 1))].concat(costs);
    }),
  ]);
}

/** Quota once the designs that save units are all there. */
export function quotaSection(days: readonly Day[], parameters: Parameters): string {
  const after = days.map((day) => {
    const savedUnits = designsOf(day, parameters).reduce((sum, design) => sum + design.savedUnits, 0);
    const kept = 1 - savedUnits / day.totals.quotaUnits;
    return { day, units: day.totals.quotaUnits * kept, peak: Math.max(...day.byMinute.quotaUnits) * kept };
  });
  return table([
    ["with all of them", ...days.map(({ users }) => `${amount(users)} users`)],
    ["quota units a day", ...after.map(({ units }) => amount(units))],
    ["of Gmail's units of a day", ...after.map(({ units }) => percent(units / GMAIL.unitsPerDay))],
    ["of Gmail's units of a minute", ...after.map(({ peak }) => percent(peak / GMAIL.unitsPerMinute))],
    [
      "reached at so many users: day, minute",
      ...after.map(({ day, units, peak }) => {
        const byDay = (GMAIL.unitsPerDay / units) * day.users;
        const byMinute = (GMAIL.unitsPerMinute / peak) * day.users;
        return [byDay, byMinute].map((users) => amount(Number(users.toPrecision(2)))).join(", ");
      }),
    ],
  ]);
}

export function rotationSection(days: readonly Day[], parameters: Parameters): string {
  const sizes = days.map(({ users }) => users);
  return table([
    ["a walk over all records", ...sizes.map((users) => `${amount(users)} users`)],
    ["calls of `/operator/rotate`", ...sizes.map((users) => amount(rotationOf(users, parameters).calls))],
    ["time, as it is", ...sizes.map((users) => duration(rotationOf(users, parameters).seconds))],
    [`time, ${WALKERS} at once`, ...sizes.map((users) => duration(rotationOf(users, parameters, WALKERS).seconds))],
    [
      `cost, beyond what a month of ${DAYS_PER_MONTH} days includes`,
      ...sizes.map((users) => dollars(rotationOf(users, parameters).dollars)),
    ],
  ]);
}
