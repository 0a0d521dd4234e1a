/**
 * What each path of the Worker costs: requests to the object of the user, KV operations, calls to Google, quota units. One table, which day.ts adds up
 * and test/unit/routes/path-costs.test.ts holds against the Worker itself.
 *
 * Parts are counted apart where a request may or may not have them: a refresh, an isolate that does not know the caller.
 */
import { GET_UNITS, HISTORY_UNITS, LIST_UNITS } from "../../src/gmail/quota.ts";

/**
 * What is counted. KV bills each key of a bulk read, and counts the read as one operation of an invocation. Of the rows that
 * are listed, those are read from Gmail that the object does not know; it keeps them.
 */
export const COUNTERS = [
  "requests",
  "objectRequests",
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
  "history",
  "profile",
  "labels",
  "get",
  "batch",
  "quotaUnits",
  "rowsListed",
  "rowsRead",
] as const;
export type Counter = (typeof COUNTERS)[number];

/** Calls to Google among the counters. */
export const GOOGLE_CALLS = [
  "token",
  "userinfo",
  "jwks",
  "revoke",
  "list",
  "history",
  "profile",
  "labels",
  "get",
  "batch",
] as const satisfies readonly Counter[];

export type Cost = Readonly<Record<Counter, number>>;

const NOTHING: Cost = {
  requests: 0,
  objectRequests: 0,
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
  history: 0,
  profile: 0,
  labels: 0,
  get: 0,
  batch: 0,
  quotaUnits: 0,
  rowsListed: 0,
  rowsRead: 0,
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
/** A question to the object of the user. */
function asked(questions = 1): Partial<Cost> {
  return { objectRequests: questions };
}

/** Whether the caller is in force, and what was done, once the answer has ended: of every request with a session or a token. */
const CALLER = asked(2);
/** Whether the caller is in force: of a request that ends it. */
const CHECK = asked();
/** The three names under which a security event may have marked a refresh token as dead. */
const DEAD_MARKS = read(3);
const CREDENTIAL = read();

/** Batches at once while Gmail lets enough parts through. An object that does not know that yet reads 25 rows by three. */
const MAX_BATCHES = 4;
/** Rows of a batch at least. */
const MIN_BATCH_ROWS = 4;

/** `getProfile`. */
const PROFILE_UNITS = 1;

/** Asks how new the kept rows are, beside the list, and then for the rows. @param unknown those that have to be read, or as many on average */
function rows(count: number, unknown: number): Cost {
  const batch = Math.min(MAX_BATCHES, Math.ceil(unknown / MIN_BATCH_ROWS), unknown);
  const quotaUnits = LIST_UNITS + HISTORY_UNITS + unknown * GET_UNITS;
  return sum(asked(2), { list: 1, history: 1, batch, quotaUnits, rowsListed: count, rowsRead: unknown });
}

const IDS: Partial<Cost> = { list: 1, quotaUnits: LIST_UNITS };

/** Requests and calls that always cost the same. */
export const PATHS = {
  /** `GET /auth/login`. */
  login: sum(REQUEST),
  /** The callback of a person who has just consented: a refresh token comes, and is stored. The object is woken first. */
  "callback-consent": sum(REQUEST, asked(2), CREDENTIAL, { kvWrites: 2, token: 1, userinfo: 1 }),
  /** The callback of a person who has consented before: the stored refresh token will do. */
  "callback-known": sum(REQUEST, asked(2), CREDENTIAL, DEAD_MARKS, { token: 1, userinfo: 1 }),
  /** `GET /api/messages?view=id`, one page of 500 IDs at most. */
  ids: sum(REQUEST, CALLER, IDS),
  /** `GET /message/{id}`: the object is told of what was read. */
  message: sum(REQUEST, CALLER, asked(), { get: 1, quotaUnits: GET_UNITS }),
  /** The frame of a message with HTML: the object knows it. */
  "message-frame": sum(REQUEST, CALLER, asked()),
  logout: sum(REQUEST, CHECK, asked()),
  disconnect: sum(REQUEST, CHECK, asked(), CREDENTIAL, read(), { kvDeletes: 3, revoke: 1 }),
  /** Making an API token. */
  "make-token": sum(REQUEST, CALLER, asked()),
  /** A request with a session whose grant has ended: the refresh is refused, and noted. */
  "session-dead": sum(REQUEST, CALLER, asked(), CREDENTIAL, DEAD_MARKS, { token: 1 }),
  /** `GmailService.listMessages` by `sub`, IDs, with an access token at hand. */
  "service-ids": sum(REQUEST, CALLER, IDS),
  /** The same for a user whose grant is known to be dead. */
  "service-dead": sum(REQUEST, CHECK, CREDENTIAL),
  "event-sessions-revoked": sum(REQUEST, asked(), read(), { kvWrites: 1 }),
  "event-token-revoked": sum(REQUEST, read(), { kvWrites: 2 }),
  /** The user has an address. */
  "event-tokens-revoked": sum(REQUEST, asked(), read(), CREDENTIAL, CREDENTIAL, read(), { kvWrites: 1, kvDeletes: 3 }),
} as const satisfies Record<string, Cost>;
export type PathName = keyof typeof PATHS;

/**
 * `GET /`: a page of the mailbox.
 *
 * @param labels folders and own labels whose unread messages are counted: those that have changed, and all of them where the
 *   object has just come to life
 */
export function mailboxPage(count: number, labels: number, unknown: number): Cost {
  const counted: Partial<Cost> = { labels: 1, batch: Math.min(1, labels), quotaUnits: 1 + labels };
  return sum(REQUEST, CALLER, asked(), rows(count, unknown), counted);
}

/** `GET /api/messages?view=metadata`. */
export function apiRows(count: number, unknown: number): Cost {
  return sum(REQUEST, CALLER, rows(count, unknown));
}

/** `GmailService.listMessages` with rows, with an access token at hand. */
export function serviceRows(count: number, unknown: number): Cost {
  return sum(REQUEST, CALLER, rows(count, unknown));
}

/** What comes on top of a path. */
export const EXTRAS = {
  /** The access token has a minute or less to live. */
  refresh: sum(asked(), CREDENTIAL, DEAD_MARKS, { token: 1 }),
  /** The same for the service binding, whose first question is answered with an access token. */
  "service-refresh": sum(CREDENTIAL, DEAD_MARKS, { token: 1 }),
  /** The first rows of a user: there is no history yet, and no key. */
  "first-rows": sum({ history: -1, profile: 1, kvWrites: 1, quotaUnits: PROFILE_UNITS - HISTORY_UNITS }),
  /** The first rows of an object that was asleep: it reads the key that they are sealed under. */
  awake: sum(read()),
  /** Google's keys, once an hour and isolate. */
  jwks: sum({ jwks: 1 }),
} as const satisfies Record<string, Cost>;

/** Bytes of a record in KV at most, with key and metadata, by the beginning of the key. */
export const STORED_BYTES: Readonly<Record<string, number>> = {
  credential: 1_200,
  address: 400,
  "mailbox-key": 400,
  "dead-token-prefix": 120,
  "security-event": 120,
};

/** Rows that a report writes, at most: the counts of an actor on a day. */
export const ROWS_WRITTEN_PER_REPORT = 1;
/** Rows of the database that are written for a row that is kept: it, its index, and the oldest that goes for it. */
export const ROWS_WRITTEN_PER_KEPT_ROW = 3;
/** And read: all 5,000 are looked through whenever 250 have come, for their order and for those that go. */
export const ROWS_READ_PER_KEPT_ROW = 60;
/** Rows of the database that are read to find a row that is listed. */
export const ROWS_READ_PER_LISTED_ROW = 3;
/** The database's rows that a list with new rows writes beside them: the position in history, and again. */
export const ROWS_WRITTEN_PER_LIST = 2;
/** Kilobytes of a kept row: what is sealed, its ID, version and labels. */
export const KEPT_ROW_KILOBYTES = 1;
/** Rows of a user that are kept at most. */
export const MAX_KEPT_ROWS = 5_000;
/** Rows of a sign-in: session, identity, access token, the credential until KV has it, and what is planned. */
export const ROWS_WRITTEN_PER_SIGN_IN = 8;
/** Rows that a question reads, at most. */
export const ROWS_READ_PER_QUESTION = 5;
/** A database of an object with its tables, and a user's sessions, tokens and counts of 30 days, in kilobytes: assumed. */
export const OBJECT_KILOBYTES = 30;
