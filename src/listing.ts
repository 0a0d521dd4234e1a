/**
 * The pagination loop: walks `messages.list` page by page within the request's budgets, each message once, and reads
 * the rows of each page where they are asked for. Knows nothing of how the answer is written.
 */
import { AppError, type ErrorStatus, type Reason, toErrorStatus } from "./errors.ts";
import { type Gmail, MAX_PAGE_SIZE, type MessageFilter, type MessageMetadata, type MessageRef } from "./gmail.ts";
import { BudgetSpentError, CALL_TIMEOUT_MS, type Upstream } from "./http.ts";
import { GET_UNITS, LIST_UNITS } from "./quota.ts";
import type { Trace } from "./trace.ts";

/** `messages.get` calls at once: under the 6 connections that a Worker may have waiting. */
const CONCURRENT_READS = 5;
/** Calls kept back from a page's rows for a refresh, its replay and what is tried again. */
const RESERVED_CALLS = 4;

/** `id`: only what `messages.list` gives. `metadata`: what a mailbox shows of a message. */
export type View = "id" | "metadata";

/** A row that could not be read stands in its place with its error. */
export type Row = MessageRef | MessageMetadata | (MessageRef & { readonly error: ErrorStatus });

export interface ListRequest {
  readonly filter: MessageFilter;
  /** How many messages in all; Infinity for every one. */
  readonly limit: number;
  readonly view: View;
  /** Gmail's page token to begin with. */
  readonly pageToken: string | null;
  /** `all`: no message twice in the whole answer. `page`: checked against the page before, in flat memory. */
  readonly distinct: "all" | "page";
}

export interface ListPage {
  readonly rows: readonly Row[];
  readonly resultSizeEstimate: number;
  /** Gmail's token for what follows this page; null at the end of the mailbox. */
  readonly nextPageToken: string | null;
}

export interface ListOptions {
  readonly gmail: Gmail;
  readonly upstream: Upstream;
  readonly trace: Trace;
  /** Quota units that the request may spend. */
  readonly quotaBudget: number;
}

/**
 * Yields pages until `limit` is reached, the mailbox ends, or a budget (calls, quota units, time) is nearly spent;
 * the last page's `nextPageToken` says where to go on. The first page is always tried.
 *
 * @throws AppError as {@link Gmail.listMessages}
 */
export async function* listPages(options: ListOptions, request: ListRequest): AsyncGenerator<ListPage, void> {
  const seen = new RecentIds(request.distinct);
  let remaining = request.limit;
  let pageToken = request.pageToken;
  for (let isFirst = true; isFirst || canAffordPage(options, request.view); isFirst = false) {
    const maxResults = Math.max(1, Math.min(MAX_PAGE_SIZE, remaining, affordableRows(options, request.view)));
    const list = await fetchPage(options, request.filter, { maxResults, pageToken }, isFirst);
    if (list === null) return;
    if (list.nextPageToken !== null && list.nextPageToken === pageToken) throw loopingPages();
    const refs = list.messages.filter((message) => seen.add(message.id));
    seen.endPage();
    pageToken = list.nextPageToken;
    remaining -= refs.length;
    const rows = request.view === "id" ? refs : await readRows(options, refs);
    yield { rows, resultSizeEstimate: list.resultSizeEstimate, nextPageToken: pageToken };
    if (remaining <= 0 || pageToken === null) return;
  }
}

/** @returns null where the budget ran out on a later page: the one before said where to go on */
async function fetchPage(
  { gmail }: ListOptions,
  filter: MessageFilter,
  page: { maxResults: number; pageToken: string | null },
  isFirst: boolean,
) {
  try {
    return await gmail.listMessages(filter, page);
  } catch (error) {
    if (error instanceof BudgetSpentError && !isFirst) return null;
    throw error;
  }
}

function canAffordPage(options: ListOptions, view: View): boolean {
  const { upstream, trace, quotaBudget } = options;
  const hasTime = upstream.remainingMs > CALL_TIMEOUT_MS;
  const hasUnits = trace.quotaUnits + LIST_UNITS <= quotaBudget;
  return hasTime && hasUnits && upstream.remainingCalls > 0 && affordableRows(options, view) > 0;
}

/** How many rows of a further page the budgets allow, its own list call paid. */
function affordableRows({ upstream, trace, quotaBudget }: ListOptions, view: View): number {
  if (view === "id") return MAX_PAGE_SIZE;
  const byCalls = upstream.remainingCalls - 1 - RESERVED_CALLS;
  const byUnits = Math.floor((quotaBudget - trace.quotaUnits - LIST_UNITS) / GET_UNITS);
  return Math.min(byCalls, byUnits);
}

function loopingPages(): AppError {
  return new AppError("UPSTREAM_UNAVAILABLE", "Gmail's pages lead back to themselves. Try again later.");
}

/** IDs that were listed already: all of them, or those of this page and the one before. */
class RecentIds {
  readonly #scope: ListRequest["distinct"];
  #before = new Set<string>();
  #page = new Set<string>();

  constructor(scope: ListRequest["distinct"]) {
    this.#scope = scope;
  }

  /** @returns whether the ID is new */
  add(id: string): boolean {
    if (this.#page.has(id) || this.#before.has(id)) return false;
    this.#page.add(id);
    return true;
  }

  endPage(): void {
    // An empty page between two that overlap does not make the first forgotten.
    if (this.#scope === "all" || this.#page.size === 0) return;
    this.#before = this.#page;
    this.#page = new Set();
  }
}

/** These concern the request as a whole; any other error concerns the one message. */
const REASONS_OF_THE_WHOLE: ReadonlySet<Reason> = new Set([
  "CONSENT_REQUIRED",
  "SCOPE_REQUIRED",
  "ACCOUNT_NOT_ALLOWED",
  "STORAGE_UNAVAILABLE",
  "INTERNAL",
]);

async function readRows(options: ListOptions, refs: readonly MessageRef[]): Promise<Row[]> {
  const rows: Row[] = [...refs];
  const queue = refs.entries();
  const readNext = async (): Promise<void> => {
    for (const [index, ref] of queue) rows[index] = await readRow(options, ref);
  };
  await Promise.all(Array.from({ length: CONCURRENT_READS }, readNext));
  return rows;
}

async function readRow({ gmail, trace }: ListOptions, ref: MessageRef): Promise<Row> {
  try {
    return await gmail.getMetadata(ref.id);
  } catch (error) {
    const rowError = error instanceof BudgetSpentError ? notReadInTime() : error;
    if (!(rowError instanceof AppError) || REASONS_OF_THE_WHOLE.has(rowError.reason)) throw rowError;
    return { ...ref, error: toErrorStatus(rowError, { requestId: trace.requestId }) };
  }
}

function notReadInTime(): AppError {
  return new AppError("UPSTREAM_UNAVAILABLE", "This message could not be read within the request's budget. Ask again.");
}
