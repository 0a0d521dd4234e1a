/** How people and programs are taken to use a deployment: change a number here, and docs/scale.md follows. */

/** A parameter and where it comes from. */
interface Assumption {
  readonly value: number;
  /** Its line in docs/scale.md. */
  readonly what: string;
  readonly why: string;
}

function assumed(value: number, what: string, why = "assumed"): Assumption {
  return { value, what, why };
}

export const ASSUMPTIONS = {
  visitsPerDay: assumed(0.75, "visits a day and user", "assumed: a quarter of the users, three times a day each"),
  visitsOfActive: assumed(3, "of who visits at all, a day"),
  pagesPerVisit: assumed(2, "pages of 25 rows in a visit"),
  messagesPerVisit: assumed(2, "messages opened in a visit"),
  htmlShare: assumed(0.9, "share of messages with HTML, which take a second request for their frame"),
  countedLabels: assumed(12, "folders and labels whose unread messages a page counts", "6 folders, 6 labels"),
  busiestHourShare: assumed(
    0.055,
    "share of a day's visits in its busiest hour",
    "assumed: office days from UTC−8 to UTC+9",
  ),
  newUsersPerDay: assumed(0.003, "new consents a day and user", "assumed: a tenth more users a month"),
  deadGrantsPerDay: assumed(0.0005, "grants that end at Google, a day and user"),
  cookieDays: assumed(30, "days that a session lasts at most", "docs/storage-schema.md"),
  logoutShare: assumed(0.03, "share of visits that end with a logout"),
  disconnectsPerDay: assumed(0.0002, "disconnects a day and user"),
  tokenUserShare: assumed(0.02, "share of users with a program that has an API token"),
  tokenPollsPerDay: assumed(96, "its requests a day: 100 IDs each", "assumed: every quarter of an hour"),
  tokenRowsShare: assumed(0.25, "share of these requests that ask for 50 rows instead"),
  crawlerShare: assumed(0.001, "share of users with a program that reads rows as fast as it can, once a day"),
  crawlerRequests: assumed(60, "its requests, 100 rows each", "assumed: four a minute for a quarter of an hour"),
  backgroundShare: assumed(0.1, "share of users for whom another Worker works, by service binding"),
  backgroundRunsPerDay: assumed(24, "its runs a day and user: one of 50 rows, the others of IDs"),
  securityEventsPerDay: assumed(0.0003, "security events a day and user"),
  accessTokenSeconds: assumed(3_539, "seconds that an access token is used", "Google's 3,599, less a minute"),
  newMessagesPerDay: assumed(
    40,
    "messages that a mailbox receives a day: the rows that a page, a poll or a run has to read",
    "assumed; a crawler reads all of its rows anew",
  ),
} as const satisfies Record<string, Assumption>;

export type AssumptionName = keyof typeof ASSUMPTIONS;
export type Parameters = Readonly<Record<AssumptionName, number>>;

/** The assumptions as numbers, some of them changed. */
export function parameters(changes: Partial<Parameters> = {}): Parameters {
  const names = Object.keys(ASSUMPTIONS) as AssumptionName[];
  return Object.fromEntries(names.map((name) => [name, changes[name] ?? ASSUMPTIONS[name].value])) as Parameters;
}
