/**
 * How people and programs are taken to use a deployment. Each number is assumed unless its line names a source: change
 * it here, and docs/scale.md is made anew with it.
 */

/** A parameter and where it comes from. */
export interface Assumption {
  readonly value: number;
  /** What it is, as a line of the table in docs/scale.md. */
  readonly what: string;
  /** A source, or why this number. */
  readonly why: string;
}

function assumed(value: number, what: string, why = "assumed"): Assumption {
  return { value, what, why };
}

export const ASSUMPTIONS = {
  activeShare: assumed(0.25, "share of users who open the page on a day"),
  sessionsPerDay: assumed(3, "visits a day of who does (one, and a Poisson number more)"),
  pagesPerVisit: assumed(2, "pages of 25 rows in a visit (one, and a Poisson number more)"),
  messagesPerVisit: assumed(2, "messages opened in a visit (Poisson)"),
  htmlShare: assumed(0.9, "share of messages with HTML, which take a second request for their frame"),
  secondsBetweenClicks: assumed(25, "seconds between two requests of a visit (exponential, on average)"),
  countedLabels: assumed(
    12,
    "folders and labels whose unread messages a page counts",
    "6 folders of the page, 6 labels",
  ),
  newUsersPerDay: assumed(0.003, "new consents a day, as a share of users", "assumed: a tenth more users a month"),
  deadGrantsPerDay: assumed(0.0005, "grants that end at Google a day (passwords, revocations), as a share of users"),
  cookieDays: assumed(30, "days that a session lasts at most", "docs/storage-schema.md"),
  logoutShare: assumed(0.03, "share of visits that end with a logout, so that the next begins with a sign-in"),
  disconnectsPerDay: assumed(0.0002, "disconnects a day, as a share of users"),
  tokenUserShare: assumed(0.02, "share of users with a program that has an API token"),
  tokenPollMinutes: assumed(15, "minutes between its requests, day and night: 100 IDs"),
  tokenRowsEvery: assumed(4, "every so many of them asks for 50 rows instead"),
  crawlerShare: assumed(
    0.001,
    "share of users with a program that reads rows as fast as it can, a quarter of an hour a day",
  ),
  crawlerRequestsPerMinute: assumed(4, "its requests a minute, 100 rows each"),
  crawlerParallel: assumed(4, "of which so many at once"),
  backgroundShare: assumed(0.1, "share of users for whom another Worker works, by service binding"),
  backgroundRunsPerDay: assumed(24, "its runs a day and user: one of 50 rows, the others of IDs"),
  backgroundDeadShare: assumed(0.02, "share of these users whose grant is dead, so that the run ends at storage"),
  securityEventsPerDay: assumed(0.0003, "security events a day, as a share of users"),
  accessTokenSeconds: assumed(3_599, "seconds that an access token lives", "Google's token response"),
  refreshMarginSeconds: assumed(60, "seconds before its end at which it is replaced", "src/auth/grant.ts"),
  places: assumed(300, "places of Cloudflare's that get requests, at most", "assumed; Cloudflare names 330 cities"),
  isolatesPerPlace: assumed(4, "isolates of the Worker at a place, at least (as soon as it has requests)"),
  requestsPerIsolate: assumed(20, "requests a second that one isolate takes before there is another"),
  isolateHours: assumed(3, "hours that an isolate lives"),
  rememberedPerIsolate: assumed(1_000, "API tokens, and users, that an isolate remembers", "src/context.ts"),
  newMessagesPerDay: assumed(40, "messages that a mailbox receives a day"),
  kvOperationMs: assumed(20, "milliseconds of a KV operation in the rotation walk, reads and writes alike"),
} as const satisfies Record<string, Assumption>;

export type AssumptionName = keyof typeof ASSUMPTIONS;

/** The numbers alone. */
export type Parameters = Readonly<Record<AssumptionName, number>>;

/** The assumptions as numbers. */
export function parameters(changes: Partial<Parameters> = {}): Parameters {
  const names = Object.keys(ASSUMPTIONS) as AssumptionName[];
  return Object.fromEntries(names.map((name) => [name, changes[name] ?? ASSUMPTIONS[name].value])) as Parameters;
}

/** Where users are: hours from UTC, and their share. Assumed, after the rough share of people online by continent. */
export const TIME_ZONES: readonly { readonly utcOffsetHours: number; readonly share: number }[] = [
  { utcOffsetHours: -8, share: 0.06 },
  { utcOffsetHours: -5, share: 0.12 },
  { utcOffsetHours: -3, share: 0.08 },
  { utcOffsetHours: 0, share: 0.08 },
  { utcOffsetHours: 1, share: 0.2 },
  { utcOffsetHours: 3, share: 0.1 },
  { utcOffsetHours: 5.5, share: 0.2 },
  { utcOffsetHours: 8, share: 0.11 },
  { utcOffsetHours: 9, share: 0.05 },
];

/** How much people read mail at each hour of their day, 0 to 23, relative to each other. Assumed: an office day. */
export const HOURS_OF_DAY: readonly number[] = [
  2, 1, 1, 1, 1, 2, 5, 9, 13, 15, 14, 13, 11, 12, 13, 12, 11, 10, 8, 8, 8, 7, 5, 3,
];
