/**
 * Reading rows: schedules batches of one page's messages within the concurrency that Gmail lets through and the
 * request's budgets, tries again what was refused, and hands the rows out in the list's order as soon as they and
 * those before them are known.
 */
import { MAX_BATCH_PARTS } from "../../gmail/batch.ts";
import type { ConcurrencyLimit } from "./concurrency-limit.ts";
import { type AppError, type Reason, toErrorStatus } from "../../errors.ts";
import type { BatchResult, Gmail, MessageRef, MetadataResult, UserAccess } from "../../gmail.ts";
import type { GmailFailure } from "../../gmail/errors.ts";
import { retryWaitMs, type Tried } from "../../gmail/retry.ts";
import { BudgetSpentError, CALL_TIMEOUT_MS, type Upstream } from "../../lib/upstream.ts";
import { GET_UNITS } from "../../gmail/quota.ts";
import type { MessageMetadata } from "../../gmail/message.ts";
import { type MetadataRow, PageOfRows, type Task } from "./queue.ts";
import type { Trace } from "../../lib/trace.ts";

/** Batches at once, of all requests of a user: with two calls for history, all of an object's 6 connections. */
const MAX_BATCHES = 4;
/** The fourth is for those of whom Gmail reads so many at once: below, it would only add calls. */
const MIN_LIMIT_OF_MAX_BATCHES = 40;
/** A batch is worth its call from this size on. */
const MIN_BATCH_PARTS = 4;
/** Calls kept back from rows for a refresh, its replay, and the list call that may run beside them. */
const RESERVED_CALLS = 3;

/** Where rows come from that need not be read here. */
export interface RowSource {
  /**
   * A row that is known. A promise where somebody else reads it: then it is asked for again. Null where it is this reader's
   * to read.
   */
  find(id: string): MessageMetadata | Promise<void> | null;
  /** It was read. @param version null where Gmail does not say */
  read(message: MessageMetadata, version: string | null): void;
  /** It cannot be read. */
  failed(id: string): void;
  /** Whether somebody else waits for it. */
  isAwaited(id: string): boolean;
}

export interface RowReaderOptions {
  readonly gmail: Gmail;
  readonly access: UserAccess;
  readonly upstream: Upstream;
  readonly trace: Trace;
  /** Quota units that the request may spend. */
  readonly quotaBudget: number;
  /** Quota units that the user may spend now. */
  readonly minuteUnits: () => number;
  /** Whether rows of the request were read before: until then, an error is the answer and not a row. */
  readonly hasRead: boolean;
  readonly source: RowSource;
  /** How many parts of this user may be in flight. */
  readonly concurrency: ConcurrencyLimit;
  /** Rows are streamed, so the first batch is small and the first row arrives sooner. */
  readonly isStreamed: boolean;
  readonly now: () => number;
  /** Aborted when nobody waits for the rows any more. */
  readonly signal: AbortSignal;
}

/** These concern the request as a whole; any other error concerns the one message. */
export const REASONS_OF_THE_WHOLE: ReadonlySet<Reason> = new Set<Reason>([
  "CONSENT_REQUIRED",
  "SCOPE_REQUIRED",
  "ACCESS_BLOCKED",
  "INTERNAL",
]);

/** Reads the rows of a page. */
export class RowReader {
  readonly #options: RowReaderOptions;
  /** Whether a batch was sent in this request. */
  #hasBegun = false;
  /** Whether any row of the request was read: until then, an error is the answer and not a row. */
  #hasRead: boolean;
  /** Grows when a round of batches fails as a whole: batches sent together count once. */
  #round = 0;
  #failedRounds = 0;
  /** Epoch milliseconds until which no batch is sent. */
  #pausedUntilMs = 0;
  #lastFailure: AppError | null = null;
  /** Parts that Gmail let through in this request. */
  #accepted = 0;
  /** No call is left: nothing more will be read. */
  #isSpent = false;
  /** Only what others wait for is read any more. */
  #isGivenUp = false;

  constructor(options: RowReaderOptions) {
    this.#options = options;
    this.#hasRead = options.hasRead;
  }

  /**
   * Yields the rows of a page in order, in runs. Ends before the last where a budget is nearly spent.
   *
   * @throws AppError for what concerns the whole request: no consent, Gmail down, a rate limit before the first row
   */
  async *read(refs: readonly MessageRef[]): AsyncGenerator<readonly MetadataRow[], void> {
    const { concurrency } = this.#options;
    const page = new PageOfRows(refs);
    const running = new Set<Promise<void>>();
    const waiting = new Set<Promise<void>>();
    const failures: unknown[] = [];
    for (const task of page.takeTasks(refs.length, this.#options.now()) ?? []) this.#place(page, task, waiting);
    while (page.emitted < refs.length) {
      if (failures.length === 0) this.#fill(page, running, failures);
      // Before any wait: batches may have ended while the reader of the rows was slow.
      const run = page.takeRun();
      if (run.length > 0) yield run;
      else if (failures.length > 0) throw failures[0];
      else if (running.size > 0) await Promise.race([...running, ...waiting]);
      else if (this.#canRead() && page.waiting > 0 && concurrency.batches >= MAX_BATCHES)
        await Promise.race([concurrency.ended(), ...waiting]);
      else if (waiting.size > 0) {
        if (!(await this.#waitForOthers(page, waiting))) break;
      } else if (!(await this.#waitForTasks(page))) break;
    }
    // A budget may be spent. Where it bought no row at all, what was in the way is the answer.
    if (!this.#hasRead && this.#lastFailure !== null) throw this.#lastFailure;
  }

  /** Nobody wants the rows any more but those who wait for the same messages. */
  giveUp(): void {
    this.#isGivenUp = true;
  }

  /** Finds a row, waits for who reads it, or leaves it to be read here. */
  #place(page: PageOfRows, task: Task, waiting: Set<Promise<void>>): void {
    const found = this.#options.source.find(task.ref.id);
    if (found === null) return page.giveBack(task);
    if (!(found instanceof Promise)) {
      this.#hasRead = true;
      this.#options.trace.rowsKnown += 1;
      return page.put(task.index, found);
    }
    const placeAgain = async (): Promise<void> => {
      await found;
      waiting.delete(wait);
      this.#place(page, task, waiting);
    };
    const wait = placeAgain();
    waiting.add(wait);
  }

  /** Sends as many batches as may be sent now. */
  #fill(page: PageOfRows, running: Set<Promise<void>>, failures: unknown[]): void {
    for (let tasks = this.#nextBatch(page, running.size); tasks !== null; tasks = this.#nextBatch(page, running.size)) {
      const batch: Promise<void> = this.#runBatch(page, tasks)
        .catch((error: unknown) => void failures.push(error))
        .finally(() => running.delete(batch));
      running.add(batch);
    }
  }

  /** Takes the messages of the next batch from the page; null where none should start now. */
  #nextBatch(page: PageOfRows, runningBatches: number): readonly Task[] | null {
    const { concurrency, minuteUnits, trace, quotaBudget, now } = this.#options;
    const batches = this.#maxBatches();
    if (!this.#canRead() || runningBatches >= batches || now() < this.#pausedUntilMs) return null;
    if (concurrency.batches >= MAX_BATCHES) return null;
    if (this.#isGivenUp) page.keepTasks(({ ref }) => this.#options.source.isAwaited(ref.id));
    // A request with nothing in progress continues, even where others of the same user fill the limit, or have left it so.
    const allowed = runningBatches === 0 ? Math.max(MIN_BATCH_PARTS, concurrency.available) : concurrency.available;
    const affordable = Math.floor(Math.min(quotaBudget - trace.quotaUnits, minuteUnits()) / GET_UNITS);
    // What is left is split evenly, too, so that the last batches end together.
    const evenShare = Math.ceil(Math.min(concurrency.limit / batches, page.waiting / (batches - runningBatches)));
    const isFirst = this.#options.isStreamed && !this.#hasBegun && !this.#hasRead;
    const share = isFirst ? MIN_BATCH_PARTS : evenShare;
    const size = Math.min(Math.max(share, MIN_BATCH_PARTS), allowed, affordable, MAX_BATCH_PARTS);
    return size > 0 ? page.takeTasks(size, now()) : null;
  }

  /** Batches at once: fewer where few parts may be in flight, and one to find out whether Gmail is back. */
  #maxBatches(): number {
    if (this.#failedRounds > 0) return 1;
    const { limit } = this.#options.concurrency;
    const most = limit >= MIN_LIMIT_OF_MAX_BATCHES ? MAX_BATCHES : MAX_BATCHES - 1;
    return Math.max(1, Math.min(most, Math.floor(limit / MIN_BATCH_PARTS)));
  }

  /** Whether calls, units and time allow another batch, however small. */
  #canRead(): boolean {
    const { minuteUnits, signal, upstream, trace, quotaBudget } = this.#options;
    const hasCalls = !this.#isSpent && !signal.aborted && upstream.remainingCalls > RESERVED_CALLS;
    const hasUnits = trace.quotaUnits + GET_UNITS <= quotaBudget && minuteUnits() >= GET_UNITS;
    return hasCalls && hasUnits && upstream.remainingMs > CALL_TIMEOUT_MS / 2;
  }

  /** Waits for those who read what is missing. @returns false where there is no time left, or nobody who wants it */
  async #waitForOthers(page: PageOfRows, waiting: ReadonlySet<Promise<void>>): Promise<boolean> {
    const { signal, source, upstream } = this.#options;
    if (this.#isGivenUp || signal.aborted || upstream.remainingMs <= 0) return false;
    // What will not be read here is left to those who wait for it: else two could wait for each other.
    if (!this.#canRead()) for (const { ref } of page.takeTasks(Infinity, Infinity) ?? []) source.failed(ref.id);
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = upstream.startTimer(upstream.remainingMs, resolve);
    const onAbort = (): void => resolve();
    signal.addEventListener("abort", onAbort);
    try {
      await Promise.race([...waiting, promise]);
    } finally {
      stop();
      signal.removeEventListener("abort", onAbort);
    }
    return true;
  }

  /** Waits until a message may be asked for again. @returns false where nothing more will be read in this request */
  async #waitForTasks(page: PageOfRows): Promise<boolean> {
    const { upstream, now } = this.#options;
    const waitMs = Math.max(page.nextTaskAtMs(), this.#pausedUntilMs) - now();
    if (!this.#canRead() || waitMs > upstream.remainingMs) return false;
    if (waitMs > 0) await upstream.sleep(waitMs);
    return true;
  }

  async #runBatch(page: PageOfRows, tasks: readonly Task[]): Promise<void> {
    const { access, concurrency, source } = this.#options;
    const parts = tasks.length;
    const renew = access.renewal();
    const round = this.#round;
    const acceptedBefore = this.#accepted;
    const result = await this.#ask(tasks);
    if (result === null) {
      for (const task of tasks) page.giveBack(task);
      return;
    }
    if (result.kind === "failed") return this.#roundFailed(page, tasks, result.failure, round);
    this.#accepted += parts - (countRefused(result, parts) ?? 0);
    // Refused beside others that are or were being read: too many at once, which the lower limit fixes. Refused alone:
    // too fast, unless they are so few that it may be chance.
    const isBesideOthers = this.#accepted > acceptedBefore || concurrency.inFlight > 0;
    const isCongestion = isBesideOthers || (this.#hasRead && parts < MIN_BATCH_PARTS);
    const refusal = firstRefusal(result.results);
    const isShutOut = refusal !== null && !isCongestion;
    if (isShutOut && !this.#hasRead) return this.#roundFailed(page, tasks, refusal, round);
    this.#failedRounds = 0;
    this.#hasRead ||= [...result.results.values()].some((part) => part.kind === "message");
    // First the new token, then the parts that need it: a free place would ask for them with the old one.
    if (hasUnauthorized(result.results)) await renew();
    for (const task of tasks) {
      const part = result.results.get(task.ref.id);
      if (part?.kind === "message") {
        source.read(part.message, part.version);
        this.#options.trace.rowsRead += 1;
        page.put(task.index, part.message);
      } else if (part?.kind === "failed") {
        this.#partFailed(page, task, part.failure, isCongestion);
      } else {
        page.giveBack(task);
      }
    }
    if (isShutOut) this.#pausedUntilMs = Math.max(...tasks.map((task) => task.notBeforeMs));
  }

  /** Asks Gmail for a batch; its result adjusts the limit. @returns null where no call is left */
  async #ask(tasks: readonly Task[]): Promise<BatchResult | null> {
    const { concurrency, gmail, signal, trace } = this.#options;
    const flight = concurrency.send(tasks.length);
    this.#hasBegun = true;
    let refused: number | null = null;
    // Of a request whose client is gone the runtime runs what hears of that, and nothing that comes after an await.
    const abandon = (): void => concurrency.release(flight);
    signal.addEventListener("abort", abandon);
    try {
      const result = await trace.time("hydrate", () => gmail.readMetadata(tasks.map((task) => task.ref.id)));
      refused = countRefused(result, tasks.length);
      return result;
    } catch (error) {
      if (!(error instanceof BudgetSpentError)) throw error;
      this.#isSpent = true;
      return null;
    } finally {
      signal.removeEventListener("abort", abandon);
      if (refused === null) concurrency.release(flight);
      else concurrency.settle(flight, refused);
    }
  }

  /** Nothing of a batch got through: everything waits, and only so often. */
  #roundFailed(page: PageOfRows, tasks: readonly Task[], failure: GmailFailure, round: number): void {
    this.#lastFailure = failure.error;
    if (round === this.#round) {
      this.#round += 1;
      this.#failedRounds += 1;
    }
    const waitMs = this.#retryWaitMs(failure, "round", this.#failedRounds);
    if (waitMs === null) throw failure.error;
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, this.#options.now() + waitMs);
    for (const task of tasks) page.giveBack(task);
  }

  #partFailed(page: PageOfRows, task: Task, failure: GmailFailure, isCongestion: boolean): void {
    task.attempts += 1;
    const isRateLimit = failure.error.reason === "RATE_LIMITED";
    const crowded = isCongestion && isRateLimit ? "crowdedPart" : "part";
    const waitMs = this.#retryWaitMs(failure, failure.retry?.isMalformed ? "malformedPart" : crowded, task.attempts);
    if (waitMs !== null) {
      task.notBeforeMs = this.#options.now() + waitMs;
      page.giveBack(task);
      return;
    }
    if (REASONS_OF_THE_WHOLE.has(failure.error.reason) || (isRateLimit && !this.#hasRead)) throw failure.error;
    const error = toErrorStatus(failure.error, { requestId: this.#options.trace.requestId });
    this.#options.source.failed(task.ref.id);
    page.put(task.index, { ...task.ref, error });
  }

  #retryWaitMs(failure: GmailFailure, tried: Tried, tries: number): number | null {
    return retryWaitMs(failure, { tried, tries, remainingMs: this.#options.upstream.remainingMs });
  }
}

/** How many parts Gmail refused by a limit; null where the batch failed for another reason and tells nothing of it. */
function countRefused(result: BatchResult, parts: number): number | null {
  if (result.kind === "failed") return result.failure.error.reason === "RATE_LIMITED" ? parts : null;
  return [...result.results.values()].filter(
    (part) => part.kind === "failed" && part.failure.error.reason === "RATE_LIMITED",
  ).length;
}

function hasUnauthorized(results: ReadonlyMap<string, MetadataResult>): boolean {
  return [...results.values()].some((part) => part.kind === "unauthorized");
}

/** What the first refused part of a batch said. */
function firstRefusal(results: ReadonlyMap<string, MetadataResult>): GmailFailure | null {
  for (const part of results.values()) {
    if (part.kind === "failed" && part.failure.error.reason === "RATE_LIMITED") return part.failure;
  }
  return null;
}
