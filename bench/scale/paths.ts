/**
 * What each path of the Worker costs: requests to the object of the user, KV operations, calls to Google, quota units. One table, which day.ts adds up
 * and test/unit/routes/path-costs.test.ts holds against the Worker itself.
 *
 * Parts are counted apart where a request may or may not have them: a refresh, an isolate that does not know the caller.
 */
import { GET_UNITS, LIST_UNITS } from "../../src/gmail/quota.ts";

/** What is counted. KV bills each key of a bulk read, and counts the read as one operation of an invocation. */
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
  /** The callback of a person who has just consented: a refresh token comes, and is stored. The object is woken first. */
  "callback-consent": sum(REQUEST, asked(2), CREDENTIAL, { kvWrites: 2, token: 1, userinfo: 1 }),
  /** The callback of a person who has consented before: the stored refresh token will do. */
  "callback-known": sum(REQUEST, asked(2), CREDENTIAL, DEAD_MARKS, { token: 1, userinfo: 1 }),
  /** `GET /api/messages?view=id`, one page of 500 IDs at most. */
  ids: sum(REQUEST, CALLER, IDS),
  /** `GET /message/{id}`; a message with HTML takes a second one, for the frame. */
  message: sum(REQUEST, CALLER, { get: 1, quotaUnits: GET_UNITS }),
  logout: sum(REQUEST, CHECK, asked()),
  disconnect: sum(REQUEST, CHECK, asked(), CREDENTIAL, read(), { kvDeletes: 2, revoke: 1 }),
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
  "event-tokens-revoked": sum(REQUEST, asked(), read(), CREDENTIAL, CREDENTIAL, read(), { kvWrites: 1, kvDeletes: 2 }),
} as const satisfies Record<string, Cost>;
export type PathName = keyof typeof PATHS;

/** `GET /`: a page of the mailbox. @param labels folders and own labels whose unread messages are counted */
export function mailboxPage(count: number, labels: number): Cost {
  const counted: Partial<Cost> = { labels: 1, batch: 1, quotaUnits: 1 + labels };
  return sum(REQUEST, CALLER, rows(count), counted);
}

/** `GET /api/messages?view=metadata`. */
export function apiRows(count: number): Cost {
  return sum(REQUEST, CALLER, rows(count));
}

/** `GmailService.listMessages` with rows, with an access token at hand. */
export function serviceRows(count: number): Cost {
  return sum(REQUEST, CALLER, rows(count));
}

/** What comes on top of a path. */
export const EXTRAS = {
  /** The access token has a minute or less to live. */
  refresh: sum(asked(), CREDENTIAL, DEAD_MARKS, { token: 1 }),
  /** The same for the service binding, whose first question is answered with an access token. */
  "service-refresh": sum(CREDENTIAL, DEAD_MARKS, { token: 1 }),
  /** Google's keys, once an hour and isolate. */
  jwks: sum({ jwks: 1 }),
} as const satisfies Record<string, Cost>;

/** Bytes of a record in KV at most, with key and metadata, by the beginning of the key. */
export const STORED_BYTES: Readonly<Record<string, number>> = {
  credential: 1_200,
  address: 400,
  "dead-token-prefix": 120,
  "security-event": 120,
};

/** Rows that a report writes, at most: the counts of an actor on a day. */
export const ROWS_WRITTEN_PER_REPORT = 1;
/** Rows of a sign-in: session, identity, access token, the credential until KV has it, and what is planned. */
export const ROWS_WRITTEN_PER_SIGN_IN = 8;
/** Rows that a question reads, at most. */
export const ROWS_READ_PER_QUESTION = 5;
/** A database of an object with its tables, and a user's sessions, tokens and counts of 30 days, in kilobytes: assumed. */
export const OBJECT_KILOBYTES = 30;
