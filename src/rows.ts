/**
 * Reading rows: schedules batches of one page's messages within the concurrency that Gmail lets through and the
 * request's budgets, tries again what was refused, and hands the rows out in the list's order as soon as they and
 * those before them are known.
 */
import type { ConcurrencyLimit } from "./concurrency-limit.ts";
import { type ErrorStatus, type Reason, toErrorStatus } from "./errors.ts";
import { backoffMs, type BatchResult, type Gmail, MAX_BATCH_PARTS, type MessageRef, type UserAccess } from "./gmail.ts";
import type { GmailFailure } from "./gmail-errors.ts";
import { BudgetSpentError, CALL_TIMEOUT_MS, type Upstream } from "./http.ts";
import type { MessageMetadata } from "./message.ts";
import { GET_UNITS } from "./quota.ts";
import type { Trace } from "./trace.ts";

/** Batches at once: with a list call and a refresh beside them, 5 of a Worker's 6 connections. */
const MAX_BATCHES = 3;
/** A batch is worth its call from this size on. */
const MIN_BATCH_PARTS = 4;
/** Tries of one message, the first included. Under a refusal rate of 10 %, one in ten million fails. */
const MAX_ATTEMPTS = 7;
/** Batches that may fail as a whole, one after another, before the endpoint counts as down. */
const MAX_FAILED_BATCHES = 3;
/** Calls kept back from rows for a refresh, its replay, and the list call that may run beside them. */
const RESERVED_CALLS = 3;

/** A row that could not be read stands in its place with its error. */
export type MetadataRow = MessageMetadata | (MessageRef & { readonly error: ErrorStatus });

export interface RowReaderOptions {
  readonly gmail: Gmail;
  readonly access: UserAccess;
  readonly upstream: Upstream;
  readonly trace: Trace;
  /** Quota units that the request may spend. */
  readonly quotaBudget: number;
  /** How many parts of this user may be in flight. */
  readonly concurrency: ConcurrencyLimit;
  readonly now: () => number;
}

/** A message that is still to be read. */
interface Task {
  readonly ref: MessageRef;
  readonly index: number;
  attempts: number;
  /** Epoch milliseconds before which Gmail does not want to be asked again. */
  notBeforeMs: number;
}

/** These concern the request as a whole; any other error concerns the one message. */
const REASONS_OF_THE_WHOLE: ReadonlySet<Reason> = new Set<Reason>(["CONSENT_REQUIRED", "SCOPE_REQUIRED", "INTERNAL"]);

/** Reads the rows of a request, page after page. */
export class RowReader {
  readonly #options: RowReaderOptions;
  /** Whether any row of the request was read: until then, an error is the answer and not a row. */
  #hasRead = false;
  #failedBatches = 0;
  /** No call is left: nothing more will be read. */
  #isSpent = false;

  constructor(options: RowReaderOptions) {
    this.#options = options;
  }

  /**
   * Yields the rows of a page in order, in runs. Ends before the last where a budget is nearly spent.
   *
   * @throws AppError for what concerns the whole request: no consent, Gmail down, a rate limit before the first row
   */
  async *read(refs: readonly MessageRef[]): AsyncGenerator<readonly MetadataRow[], void> {
    const page = new PageOfRows(refs);
    const running = new Set<Promise<void>>();
    const failures: unknown[] = [];
    while (page.emitted < refs.length) {
      for (
        let tasks = this.#nextBatch(page, running.size);
        tasks !== null;
        tasks = this.#nextBatch(page, running.size)
      ) {
        const batch: Promise<void> = this.#runBatch(page, tasks)
          .catch((error: unknown) => void failures.push(error))
          .finally(() => running.delete(batch));
        running.add(batch);
      }
      if (running.size > 0) await Promise.race(running);
      else if (!(await this.#waitForTasks(page))) return;
      if (failures.length > 0) throw failures[0];
      const run = page.takeRun();
      if (run.length > 0) yield run;
    }
  }

  /** Takes the messages of the next batch from the page; null where none should start now. */
  #nextBatch(page: PageOfRows, runningBatches: number): readonly Task[] | null {
    const { concurrency, trace, quotaBudget, now } = this.#options;
    // Fewer batches where few parts may be in flight: a call for two rows would not be worth its price.
    const batches = Math.max(1, Math.min(MAX_BATCHES, Math.floor(concurrency.limit / MIN_BATCH_PARTS)));
    if (!this.#canRead() || runningBatches >= batches) return null;
    // A request with nothing under way goes on, even where others of the same user fill the limit.
    const allowed = runningBatches === 0 ? Math.max(1, concurrency.available) : concurrency.available;
    const affordable = Math.floor((quotaBudget - trace.quotaUnits) / GET_UNITS);
    const size = Math.min(Math.ceil(concurrency.limit / batches), allowed, affordable, MAX_BATCH_PARTS);
    return size > 0 ? page.takeTasks(size, now()) : null;
  }

  /** Whether calls, units and time allow another batch, however small. */
  #canRead(): boolean {
    const { upstream, trace, quotaBudget } = this.#options;
    const hasCalls = !this.#isSpent && upstream.remainingCalls > RESERVED_CALLS;
    return hasCalls && trace.quotaUnits + GET_UNITS <= quotaBudget && upstream.remainingMs > CALL_TIMEOUT_MS / 2;
  }

  /** Waits until a message may be asked for again. @returns false where nothing more will be read in this request */
  async #waitForTasks(page: PageOfRows): Promise<boolean> {
    const { upstream, now } = this.#options;
    const waitMs = page.nextTaskAtMs() - now();
    if (!this.#canRead() || waitMs > upstream.remainingMs) return false;
    if (waitMs > 0) await upstream.sleep(waitMs);
    return true;
  }

  async #runBatch(page: PageOfRows, tasks: readonly Task[]): Promise<void> {
    const { concurrency, gmail, access, trace } = this.#options;
    const parts = tasks.length;
    const inFlightAtSend = concurrency.send(parts);
    const generation = access.generation;
    let refused: number | null = null;
    let result: BatchResult;
    try {
      result = await trace.time("hydrate", () => gmail.readMetadata(tasks.map((task) => task.ref.id)));
      refused = countRefused(result, parts);
    } catch (error) {
      if (!(error instanceof BudgetSpentError)) throw error;
      this.#isSpent = true;
      for (const task of tasks) page.giveBack(task);
      return;
    } finally {
      if (refused === null) concurrency.release(parts);
      else concurrency.settle({ parts, inFlightAtSend, refused });
    }
    if (result.kind === "failed") return this.#batchFailed(page, tasks, result.failure);
    // Refused beside others that got through: too many at once, which the lower limit mends. Refused alone: too fast.
    const isCongestion = (refused ?? 0) < inFlightAtSend;
    this.#failedBatches = 0;
    let isUnauthorized = false;
    for (const task of tasks) {
      const part = result.results.get(task.ref.id);
      if (part?.kind === "message") {
        this.#hasRead = true;
        page.put(task.index, part.message);
      } else if (part?.kind === "failed") {
        this.#partFailed(page, task, part.failure, isCongestion);
      } else {
        isUnauthorized = true;
        page.giveBack(task);
      }
    }
    if (isUnauthorized) await access.renew(generation);
  }

  #batchFailed(page: PageOfRows, tasks: readonly Task[], failure: GmailFailure): void {
    this.#failedBatches += 1;
    const waitMs = this.#retryWaitMs(failure, this.#failedBatches, false);
    if (waitMs === null || this.#failedBatches > MAX_FAILED_BATCHES) throw failure.error;
    for (const task of tasks) {
      task.notBeforeMs = this.#options.now() + waitMs;
      page.giveBack(task);
    }
  }

  #partFailed(page: PageOfRows, task: Task, failure: GmailFailure, isCongestion: boolean): void {
    task.attempts += 1;
    const isRateLimit = failure.error.reason === "RATE_LIMITED";
    const waitMs = this.#retryWaitMs(failure, task.attempts, isCongestion && isRateLimit);
    if (waitMs !== null && task.attempts < MAX_ATTEMPTS) {
      task.notBeforeMs = this.#options.now() + waitMs;
      page.giveBack(task);
      return;
    }
    if (REASONS_OF_THE_WHOLE.has(failure.error.reason) || (isRateLimit && !this.#hasRead)) throw failure.error;
    const error = toErrorStatus(failure.error, { requestId: this.#options.trace.requestId });
    page.put(task.index, { ...task.ref, error });
  }

  /** Milliseconds until the next try; null where there is to be none, or it would come too late for this request. */
  #retryWaitMs({ retry }: GmailFailure, attempt: number, isCongestion: boolean): number | null {
    if (retry === null) return null;
    // The first time, a free place is all that is missing.
    const ownWaitMs = isCongestion ? (attempt === 1 ? 0 : backoffMs(attempt - 3)) : backoffMs(attempt);
    const waitMs = Math.max(retry.afterMs ?? 0, ownWaitMs);
    return waitMs + CALL_TIMEOUT_MS / 2 < this.#options.upstream.remainingMs ? waitMs : null;
  }
}

/** How many parts Gmail refused by a limit; null where the batch failed for another reason and tells nothing of it. */
function countRefused(result: BatchResult, parts: number): number | null {
  if (result.kind === "failed") return result.failure.error.reason === "RATE_LIMITED" ? parts : null;
  return [...result.results.values()].filter(
    (part) => part.kind === "failed" && part.failure.error.reason === "RATE_LIMITED",
  ).length;
}

/** The messages of a page: which are still to be read, which are known, and how far they are handed out. */
class PageOfRows {
  readonly #tasks: Task[];
  readonly #rows: (MetadataRow | undefined)[];
  #emitted = 0;

  constructor(refs: readonly MessageRef[]) {
    this.#tasks = refs.map((ref, index) => ({ ref, index, attempts: 0, notBeforeMs: 0 }));
    this.#rows = refs.map(() => undefined);
  }

  /** Rows handed out. */
  get emitted(): number {
    return this.#emitted;
  }

  put(index: number, row: MetadataRow): void {
    this.#rows[index] = row;
  }

  /** Puts a message back, in front of later ones: the rows behind it wait for it. */
  giveBack(task: Task): void {
    const position = this.#tasks.findIndex((other) => other.index > task.index);
    this.#tasks.splice(position === -1 ? this.#tasks.length : position, 0, task);
  }

  /** Takes up to `size` messages that may be asked for now, in order; null for none. */
  takeTasks(size: number, nowMs: number): readonly Task[] | null {
    const taken: Task[] = [];
    for (let position = 0; position < this.#tasks.length && taken.length < size;) {
      const task = this.#tasks[position];
      if (task === undefined || task.notBeforeMs > nowMs) position += 1;
      else taken.push(...this.#tasks.splice(position, 1));
    }
    return taken.length === 0 ? null : taken;
  }

  /** Epoch milliseconds at which the next message may be asked for. */
  nextTaskAtMs(): number {
    return Math.min(...this.#tasks.map((task) => task.notBeforeMs));
  }

  /** The rows that are known and follow those handed out without a gap. */
  takeRun(): readonly MetadataRow[] {
    const start = this.#emitted;
    while (this.#rows[this.#emitted] !== undefined) this.#emitted += 1;
    return this.#rows.slice(start, this.#emitted).filter((row) => row !== undefined);
  }
}
