/**
 * The expected day of one user: how often each thing happens on average, times what it costs (paths.ts). The days of many
 * users are multiples of it.
 */
import type { Parameters } from "./assumptions.ts";
import { apiRows, type Cost, EXTRAS, mailboxPage, PATHS, serviceRows, sum } from "./paths.ts";

const PAGE_ROWS = 25;
const PROGRAM_ROWS = 50;
const CRAWLED_ROWS = 100;

/** Work by what its CPU time is measured of. */
export type CpuWork = "small" | "rowRequests" | "rows" | "signIns";

/** Something that happens. */
interface Act {
  /** Acts of a kind are shown together. */
  readonly kind: string;
  /** How often, a day and user. */
  readonly times: number;
  readonly cost: Cost;
  readonly cpu?: Partial<Record<CpuWork, number>>;
}

/** Averages of one user's day. */
export interface Day {
  readonly total: Cost;
  readonly kinds: ReadonlyMap<string, Cost>;
  readonly cpuWork: Readonly<Record<CpuWork, number>>;
  readonly unitsInBusiestMinute: number;
  readonly requestsInBusiestMinute: number;
}

const SMALL = { small: 1 };

/** Rows of a list that are not known: what has come since the last one, of so many a day. Who else lists the same is left out. */
function unknownOf(rows: number, listsPerDay: number, p: Parameters): number {
  return Math.min(rows, p.newMessagesPerDay / listsPerDay);
}

function withRows(rows: number): Partial<Record<CpuWork, number>> {
  return { rowRequests: 1, rows };
}

/** What people do with a browser, mostly while they are awake. */
function actsOfPeople(p: Parameters): Act[] {
  const visits = p.visitsPerDay;
  const consents = p.newUsersPerDay + p.deadGrantsPerDay;
  const signIns = 1 / p.cookieDays + visits * p.logoutShare;
  // Who has just signed in has an access token; any other visit comes later than the last one's has ended.
  const refreshes = Math.max(0, visits - consents - signIns);
  // Opening a message was not measured: the CPU time of 25 rows is a cautious guess.
  const messages = visits * p.messagesPerVisit;
  const frames = messages * p.htmlShare;
  // By its next page, a visit has changed no label.
  const nextPages = visits * Math.max(0, p.pagesPerVisit - 1);
  const unknown = unknownOf(PAGE_ROWS, p.visitsOfActive * p.pagesPerVisit, p);
  const firstPage = sum(mailboxPage(PAGE_ROWS, p.countedLabels, unknown), EXTRAS.awake);
  return [
    { kind: "page", times: visits, cost: firstPage, cpu: withRows(PAGE_ROWS) },
    { kind: "page", times: nextPages, cost: mailboxPage(PAGE_ROWS, 0, unknown), cpu: withRows(PAGE_ROWS) },
    { kind: "page", times: p.newUsersPerDay, cost: EXTRAS["first-rows"] },
    { kind: "page", times: refreshes, cost: EXTRAS.refresh },
    { kind: "message", times: messages, cost: PATHS.message, cpu: withRows(PAGE_ROWS) },
    { kind: "message", times: frames, cost: PATHS["message-frame"], cpu: withRows(PAGE_ROWS) },
    { kind: "sign-in", times: consents + signIns, cost: sum(PATHS.login, EXTRAS.jwks), cpu: { small: 1, signIns: 1 } },
    { kind: "sign-in", times: consents, cost: PATHS["callback-consent"] },
    { kind: "sign-in", times: signIns, cost: PATHS["callback-known"] },
    { kind: "leaving", times: visits * p.logoutShare, cost: PATHS.logout, cpu: SMALL },
    { kind: "leaving", times: p.disconnectsPerDay, cost: PATHS.disconnect, cpu: SMALL },
    { kind: "dead grant", times: p.deadGrantsPerDay, cost: PATHS["session-dead"], cpu: SMALL },
  ];
}

/** What programs do, day and night. An access token is the user's, in their object: whoever needs a new one gets it for all. */
function actsOfPrograms(p: Parameters): Act[] {
  const polls = p.tokenUserShare * p.tokenPollsPerDay;
  const crawls = p.crawlerShare * p.crawlerRequests;
  const refreshes = p.tokenUserShare * Math.min(p.tokenPollsPerDay, 86_400 / p.accessTokenSeconds);
  const runs = p.backgroundShare * p.backgroundRunsPerDay;
  const fresh = EXTRAS["service-refresh"];
  const polled = unknownOf(PROGRAM_ROWS, p.tokenPollsPerDay * p.tokenRowsShare, p);
  const ids = sum(PATHS["service-ids"], fresh);
  const event = p.securityEventsPerDay / 3;
  return [
    { kind: "program", times: polls * (1 - p.tokenRowsShare), cost: PATHS.ids, cpu: SMALL },
    {
      kind: "program",
      times: polls * p.tokenRowsShare,
      cost: sum(apiRows(PROGRAM_ROWS, polled), EXTRAS.awake),
      cpu: withRows(PROGRAM_ROWS),
    },
    { kind: "program", times: refreshes, cost: EXTRAS.refresh },
    { kind: "crawler", times: crawls, cost: apiRows(CRAWLED_ROWS, CRAWLED_ROWS), cpu: withRows(CRAWLED_ROWS) },
    { kind: "crawler", times: p.crawlerShare, cost: sum(EXTRAS.refresh, EXTRAS.awake) },
    { kind: "background", times: runs - p.backgroundShare, cost: ids, cpu: SMALL },
    {
      kind: "background",
      times: p.backgroundShare,
      cost: sum(serviceRows(PROGRAM_ROWS, unknownOf(PROGRAM_ROWS, 1, p)), EXTRAS.awake, fresh),
      cpu: withRows(PROGRAM_ROWS),
    },
    { kind: "security event", times: event, cost: PATHS["event-sessions-revoked"], cpu: SMALL },
    { kind: "security event", times: event, cost: PATHS["event-token-revoked"], cpu: SMALL },
    { kind: "security event", times: event, cost: PATHS["event-tokens-revoked"], cpu: SMALL },
  ];
}

/** One user's day, on average. */
export function dayOf(p: Parameters): Day {
  const [people, programs] = [actsOfPeople(p), actsOfPrograms(p)];
  const acts = [...people, ...programs];
  const names = [...new Set(acts.map(({ kind }) => kind))];
  const work = (name: CpuWork): number => acts.reduce((all, { times, cpu }) => all + times * (cpu?.[name] ?? 0), 0);
  const [awake, always] = [costOf(people), costOf(programs)];
  const inBusiestMinute = (counter: "requests" | "quotaUnits"): number =>
    (awake[counter] * p.busiestHourShare) / 60 + always[counter] / (24 * 60);
  return {
    total: costOf(acts),
    kinds: new Map(names.map((name) => [name, costOf(acts.filter(({ kind }) => kind === name))])),
    cpuWork: { small: work("small"), rowRequests: work("rowRequests"), rows: work("rows"), signIns: work("signIns") },
    unitsInBusiestMinute: inBusiestMinute("quotaUnits"),
    requestsInBusiestMinute: inBusiestMinute("requests"),
  };
}

function costOf(acts: readonly Act[]): Cost {
  return sum(...acts.map(({ times, cost }) => scaled(cost, times)));
}

function scaled(cost: Cost, times: number): Partial<Cost> {
  return Object.fromEntries(Object.entries(cost).map(([counter, count]) => [counter, count * times]));
}
