/**
 * The pagination loop: walks `messages.list` page by page within the request's budgets, each message once, and reads
 * the rows of each page where they are asked for. Knows nothing of how the answer is written.
 */
import { AppError } from "../errors.ts";
import { type Gmail, MAX_PAGE_SIZE, type MessageFilter, type MessageRef } from "../gmail.ts";
import { BudgetSpentError, CALL_TIMEOUT_MS, type Upstream } from "../lib/upstream.ts";
import { GET_UNITS, LIST_UNITS } from "../gmail/quota.ts";
import type { MetadataRow } from "../object/rows/queue.ts";
import type { ObjectRows } from "./object-rows.ts";
import { handled } from "../lib/settle.ts";
import type { Trace } from "../lib/trace.ts";

/** `id`: only what `messages.list` gives. `metadata`: what a mailbox shows of a message. */
export type View = "id" | "metadata";

export type Row = MessageRef | MetadataRow;

/**
 * `whole`: at once, when all is there, no message twice. `streamed`: row by row, the first as soon as possible, in flat
 * memory, so that "twice" is checked against the page before.
 */
export type Delivery = "whole" | "streamed";

/** A row boundary of the list: what to ask Gmail for, and what of the answer is known already. */
export interface Cursor {
  /** Gmail's token for the page; null for the first one. */
  readonly pageToken: string | null;
  /** Messages of that page that were handed out. */
  readonly skip: number;
  /** The last of them, which says where to go on even where new mail has moved it; null for none. */
  readonly afterId: string | null;
}

const START: Cursor = { pageToken: null, skip: 0, afterId: null };

export interface ListRequest {
  readonly filter: MessageFilter;
  /** How many messages in all; Infinity for every one. */
  readonly limit: number;
  readonly view: View;
  /** Where an earlier answer stopped; null for the newest message. */
  readonly from: Cursor | null;
  readonly delivery: Delivery;
}

/** Rows that follow each other, and where to go on behind them. */
export interface ListChunk {
  readonly rows: readonly Row[];
  readonly resultSizeEstimate: number;
  /** Null at the end of the mailbox. */
  readonly next: Cursor | null;
  /** Where the user's quota of this minute ends the list here: until there is more to be had. */
  readonly retryAfterSeconds: number | null;
}

export interface ListOptions {
  readonly gmail: Gmail;
  /** Begins to read rows; called where rows are wanted, before the first list call. */
  readonly openRows: () => Pick<ObjectRows, "end" | "read" | "retryAfterSeconds">;
  readonly upstream: Upstream;
  readonly trace: Trace;
  /** Quota units that the request may spend. */
  readonly quotaBudget: number;
}

/**
 * Yields rows until `limit` is reached, the mailbox ends, or a budget (calls, quota units, time) is nearly spent; the
 * last chunk's `next` says where to go on. The first page is always tried, and yields even without rows.
 *
 * @throws AppError as {@link Gmail.listMessages} and {@link ObjectRows.read}
 */
export async function* listMessages(options: ListOptions, request: ListRequest): AsyncGenerator<ListChunk, void> {
  const rows = request.view === "metadata" ? options.openRows() : null;
  try {
    yield* walkPages(options, request, rows);
  } finally {
    await rows?.end();
  }
}

async function* walkPages(
  options: ListOptions,
  request: ListRequest,
  reader: ReturnType<ListOptions["openRows"]> | null,
): AsyncGenerator<ListChunk, void> {
  const walk = new PageWalk(options, request);
  let page: Page | null = await walk.first();
  for (let pages = 1; page !== null; pages += 1) {
    const current: Page = page;
    const { refs, resultSizeEstimate } = current;
    // While the rows of this page are read and written, the next one is already on its way. But the IDs of one page are
    // there at once, and may be all that is taken.
    const upcoming = reader !== null || pages > 1 ? handled(walk.after(current)) : null;
    let emitted = 0;
    yield { rows: [], resultSizeEstimate, next: cursorAfter(current, emitted), retryAfterSeconds: null };
    const runs: AsyncIterable<readonly Row[]> | Iterable<readonly Row[]> = reader?.read(refs) ?? [refs];
    for await (const rows of runs) {
      emitted += rows.length;
      yield { rows, resultSizeEstimate, next: cursorAfter(current, emitted), retryAfterSeconds: null };
    }
    if (emitted < refs.length) {
      const retryAfterSeconds = reader?.retryAfterSeconds ?? null;
      yield { rows: [], resultSizeEstimate, next: cursorAfter(current, emitted), retryAfterSeconds };
      return;
    }
    // A stream whose rows were taken has its whole time again: what there was too little for then may be done now.
    page = (await upcoming) ?? (await walk.after(current, 0));
  }
}

/** A page of the list, without what was handed out before. */
interface Page {
  readonly cursor: Cursor;
  readonly refs: readonly MessageRef[];
  /** All that Gmail listed, in its order. */
  readonly listed: readonly MessageRef[];
  /** Whether `limit` ends within this page. */
  readonly isCut: boolean;
  readonly resultSizeEstimate: number;
  readonly nextPageToken: string | null;
}

/** The row boundary behind the first `emitted` messages of a page. */
function cursorAfter(page: Page, emitted: number): Cursor | null {
  if (emitted === page.refs.length && !page.isCut) {
    return page.nextPageToken === null ? null : { ...START, pageToken: page.nextPageToken };
  }
  const last = page.refs[emitted - 1];
  if (last === undefined) return page.cursor;
  const skip = page.listed.findIndex((message) => message.id === last.id) + 1;
  return { pageToken: page.cursor.pageToken, skip, afterId: last.id };
}

/** Fetches page after page within limit and budgets. */
class PageWalk {
  readonly #options: ListOptions;
  readonly #request: ListRequest;
  readonly #seen: RecentIds;
  #remaining: number;

  constructor(options: ListOptions, request: ListRequest) {
    this.#options = options;
    this.#request = request;
    this.#seen = new RecentIds(request.delivery);
    this.#remaining = request.limit;
  }

  async first(): Promise<Page> {
    return this.#fetch(this.#request.from ?? START, Math.max(1, this.#affordableRows(0)));
  }

  /**
   * The page after `page`; null where none is wanted, left or affordable.
   *
   * @param pending rows of `page` that may still have to be paid
   */
  async after(page: Page, pending = page.refs.length): Promise<Page | null> {
    const { upstream } = this.#options;
    const rows = this.#affordableRows(pending);
    const isWanted = this.#remaining > 0 && page.nextPageToken !== null;
    if (!isWanted || rows < 1 || upstream.remainingCalls < 1 || upstream.remainingMs < CALL_TIMEOUT_MS) return null;
    try {
      return await this.#fetch({ ...START, pageToken: page.nextPageToken }, rows);
    } catch (error) {
      if (error instanceof BudgetSpentError) return null;
      throw error;
    }
  }

  async #fetch(cursor: Cursor, affordableRows: number): Promise<Page> {
    const { gmail } = this.#options;
    const wanted = Math.min(MAX_PAGE_SIZE, this.#remaining, affordableRows);
    // Within a page, new mail may have moved the place: a whole page costs no more, and the place is in it.
    const maxResults = cursor.afterId === null ? wanted : MAX_PAGE_SIZE;
    const list = await gmail.listMessages(this.#request.filter, { maxResults, pageToken: cursor.pageToken });
    if (list.nextPageToken !== null && list.nextPageToken === cursor.pageToken) throw loopingPages();
    const fresh = list.messages.slice(resumeAt(list.messages, cursor)).filter((message) => this.#seen.add(message.id));
    this.#seen.endPage();
    const refs = fresh.slice(0, wanted);
    this.#remaining -= refs.length;
    const { resultSizeEstimate, nextPageToken } = list;
    return {
      cursor,
      refs,
      listed: list.messages,
      isCut: refs.length < fresh.length,
      resultSizeEstimate,
      nextPageToken,
    };
  }

  /** How many rows of a further page the quota allows, once `pending` rows are read and the page itself is paid. */
  #affordableRows(pending: number): number {
    const { trace, quotaBudget } = this.#options;
    const units = quotaBudget - trace.quotaUnits - LIST_UNITS;
    if (this.#request.view === "id") return units >= 0 ? MAX_PAGE_SIZE : 0;
    return Math.floor((units - pending * GET_UNITS) / GET_UNITS);
  }
}

/**
 * Where in a page to go on. New mail moves the last message down, so its ID counts; if it is gone, the place where it
 * was does, and a message that was not seen is never passed over.
 */
function resumeAt(messages: readonly MessageRef[], { skip, afterId }: Cursor): number {
  if (afterId === null) return 0;
  const position = messages.findIndex((message) => message.id === afterId);
  return position === -1 ? skip - 1 : position + 1;
}

function loopingPages(): AppError {
  return new AppError("UPSTREAM_UNAVAILABLE", "Gmail listed the same page twice, so we stopped. Try again later.");
}

/** IDs that were listed already: all of them, or those of this page and the one before. */
class RecentIds {
  readonly #delivery: Delivery;
  #before = new Set<string>();
  #page = new Set<string>();

  constructor(delivery: Delivery) {
    this.#delivery = delivery;
  }

  /** @returns whether the ID is new */
  add(id: string): boolean {
    const isNew = !this.#page.has(id) && !this.#before.has(id);
    // Also what was there before: the next page may repeat it once more.
    this.#page.add(id);
    return isNew;
  }

  endPage(): void {
    // An empty page between two that overlap does not make the first forgotten.
    if (this.#delivery === "whole" || this.#page.size === 0) return;
    this.#before = this.#page;
    this.#page = new Set();
  }
}
