/**
 * What each path of the Worker costs: KV operations, calls to Google, quota units. One table, which day.ts adds up
 * and test/unit/routes/path-costs.test.ts holds against the Worker itself.
 *
 * Parts are counted apart where a request may or may not have them: a refresh, an isolate that does not know the caller.
 */
import { GET_UNITS, LIST_UNITS } from "../../src/gmail/quota.ts";

/** What is counted. KV bills each key of a bulk read, and counts the read as one operation of an invocation. */
export const COUNTERS = [
  "requests",
  "kvReadOperations",
  "kvKeysRead",
  "kvWrites",
  "kvDeletes",
  "kvLists",
  "token",
  "userinfo",
  "jwks",
  "revoke",
  "list",
  "labels",
  "get",
  "batch",
  "quotaUnits",
] as const;
export type Counter = (typeof COUNTERS)[number];

/** Calls to Google among the counters. */
export const GOOGLE_CALLS = [
  "token",
  "userinfo",
  "jwks",
  "revoke",
  "list",
  "labels",
  "get",
  "batch",
] as const satisfies readonly Counter[];

export type Cost = Readonly<Record<Counter, number>>;

const NOTHING: Cost = {
  requests: 0,
  kvReadOperations: 0,
  kvKeysRead: 0,
  kvWrites: 0,
  kvDeletes: 0,
  kvLists: 0,
  token: 0,
  userinfo: 0,
  jwks: 0,
  revoke: 0,
  list: 0,
  labels: 0,
  get: 0,
  batch: 0,
  quotaUnits: 0,
};

/** Adds costs up. */
export function sum(...costs: readonly Partial<Cost>[]): Cost {
  const total: Record<Counter, number> = { ...NOTHING };
  for (const cost of costs) {
    for (const counter of COUNTERS) total[counter] += cost[counter] ?? 0;
  }
  return total;
}

/** One bulk read, or a read of a single key. */
function read(keys = 1): Partial<Cost> {
  return { kvReadOperations: 1, kvKeysRead: keys };
}

const REQUEST: Partial<Cost> = { requests: 1 };
/** The three names by which a security event may call a refresh token dead. */
const DEAD_MARKS = read(3);
const CREDENTIAL = read();

/** Batches for so many rows while Gmail lets enough parts through: four at once is the most. An isolate that does not know that yet reads 25 rows by three. */
const BATCHES_WHEN_KNOWN = 4;

function rows(count: number): Partial<Cost> {
  return { list: 1, batch: BATCHES_WHEN_KNOWN, quotaUnits: LIST_UNITS + count * GET_UNITS };
}

const IDS: Partial<Cost> = { list: 1, quotaUnits: LIST_UNITS };

/** Requests and calls that always cost the same. */
export const PATHS = {
  /** `GET /auth/login`. */
  login: sum(REQUEST),
  /** The callback of a person who has just consented: a refresh token comes, and is stored with the address. */
  "callback-consent": sum(REQUEST, CREDENTIAL, { kvWrites: 2, token: 1, userinfo: 1 }),
  /** The callback of a person who has consented before: the stored refresh token will do. */
  "callback-known": sum(REQUEST, CREDENTIAL, DEAD_MARKS, { token: 1, userinfo: 1 }),
  /** `GET /api/messages?view=id`, one page of 500 IDs at most. */
  ids: sum(REQUEST, IDS),
  /** `GET /message/{id}`; a message with HTML takes a second one, for the frame. */
  message: sum(REQUEST, { get: 1, quotaUnits: GET_UNITS }),
  logout: sum(REQUEST),
  /** The address is read, for it may have gone to another user. */
  disconnect: sum(REQUEST, CREDENTIAL, read(), { kvDeletes: 2, revoke: 1 }),
  "make-token": sum(REQUEST),
  /** A request with a session whose grant has ended: the refresh is refused. */
  "session-dead": sum(REQUEST, CREDENTIAL, DEAD_MARKS, { token: 1 }),
  /** `GmailService.listMessages` by `sub`, IDs, with an access token at hand. */
  "service-ids": sum(REQUEST, CREDENTIAL, DEAD_MARKS, IDS),
  /** The same for a user whose grant is known to be dead. */
  "service-dead": sum(REQUEST, CREDENTIAL),
  "event-sessions-revoked": sum(REQUEST, read(), { kvWrites: 1 }),
  "event-token-revoked": sum(REQUEST, read(), { kvWrites: 2 }),
  /** The user has an address. */
  "event-tokens-revoked": sum(REQUEST, read(), CREDENTIAL, CREDENTIAL, read(), { kvWrites: 1, kvDeletes: 2 }),
} as const satisfies Record<string, Cost>;
export type PathName = keyof typeof PATHS;

/** `GET /`: a page of the mailbox. @param labels folders and own labels whose unread messages are counted */
export function mailboxPage(count: number, labels: number): Cost {
  const counted: Partial<Cost> = { labels: 1, batch: 1, quotaUnits: 1 + labels };
  return sum(REQUEST, rows(count), counted);
}

/** `GET /api/messages?view=metadata`. */
export function apiRows(count: number): Cost {
  return sum(REQUEST, rows(count));
}

/** `GmailService.listMessages` with rows, with an access token at hand. */
export function serviceRows(count: number): Cost {
  return sum(REQUEST, CREDENTIAL, DEAD_MARKS, rows(count));
}

/** What comes on top of a path. */
export const EXTRAS = {
  /** The access token has a minute or less to live. */
  refresh: sum(CREDENTIAL, DEAD_MARKS, { token: 1 }),
  /** Google's keys, once an hour and isolate. */
  jwks: sum({ jwks: 1 }),
} as const satisfies Record<string, Cost>;

/** Bytes of a record in KV at most, with key and metadata, by the beginning of the key. */
export const STORED_BYTES: Readonly<Record<string, number>> = {
  credential: 1_200,
  address: 400,
  "security-event": 120,
};
