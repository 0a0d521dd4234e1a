/**
 * How new the kept rows are: brings them up to date with Gmail's history. What this says of a moment is all that makes a kept
 * row exact: docs/architecture.md, "Rows".
 */
import { AppError } from "../../errors.ts";
import type { Gmail } from "../../gmail.ts";
import { HistoryIdSchema, isLater, type MessageChange } from "../../gmail/history.ts";
import { settle } from "../../lib/settle.ts";
import type { KeptRows } from "./kept-rows.ts";

/** Of an object's six connections, batches of rows take the other four. */
const MAX_CALLS = 2;
/** So many changes have come meanwhile that reading the rows is no dearer. */
const MAX_PAGES = 20;

export interface HistoryParts {
  readonly kept: KeptRows;
  /** Hears of changes before the kept rows have them. */
  readonly onChanges: (changes: readonly MessageChange[]) => void;
  /** Forgets the kept rows, because their history is gone. */
  readonly onReset: () => void;
}

/** What reads history: a user's Gmail with somebody's access. */
export type HistoryReader = Pick<Gmail, "getProfile" | "listHistory">;

export class RowHistory {
  readonly #parts: HistoryParts;
  readonly #running = new Set<Promise<unknown>>();
  /** Not sent yet: who comes meanwhile shares it. */
  #next: Promise<void> | null = null;
  /** Grows when the kept rows are forgotten: what was asked before says nothing of those that come. */
  #epoch = 0;

  constructor(parts: HistoryParts) {
    this.#parts = parts;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** To be called when the kept rows are forgotten. */
  forget(): void {
    this.#epoch += 1;
  }

  /**
   * Brings the kept rows up to date: to some moment after this was called. A call in progress may have been answered
   * before: the next one is shared, two at once at most.
   *
   * @throws AppError where Gmail does not tell
   */
  async sync(reader: HistoryReader): Promise<void> {
    if (this.#next !== null) return this.#next;
    if (this.#running.size < MAX_CALLS) return this.#start(reader);
    this.#next = this.#startLater(reader);
    return this.#next;
  }

  async #startLater(reader: HistoryReader): Promise<void> {
    const epoch = this.#epoch;
    await Promise.race([...this.#running].map(settle));
    this.#next = null;
    // Everything may have ended meanwhile; rows that are kept since are newer than the request.
    if (epoch !== this.#epoch) return;
    return this.#start(reader);
  }

  async #start(reader: HistoryReader): Promise<void> {
    const running = this.#run(reader).finally(() => this.#running.delete(running));
    this.#running.add(running);
    return running;
  }

  async #run(reader: HistoryReader): Promise<void> {
    const epoch = this.#epoch;
    const { position } = this.#parts.kept;
    if (position === null) return this.#begin(reader, epoch);
    const since = await readSince(reader, position);
    // Rows that are kept since the others were forgotten were read after this call was asked for.
    if (epoch !== this.#epoch) return;
    if (since !== null) {
      this.#parts.onChanges(since.changes);
      this.#parts.kept.apply(since.changes, since.historyId);
      return;
    }
    this.#parts.onReset();
    await this.#begin(reader, this.#epoch);
  }

  /** Finds out where history is now. */
  async #begin(reader: HistoryReader, epoch: number): Promise<void> {
    const profile = await reader.getProfile();
    const historyId = HistoryIdSchema.safeParse(profile.historyId).data;
    // Another call may have been answered first: rows may be kept since its moment, which this one must not pass over.
    if (epoch !== this.#epoch || this.#parts.kept.position !== null || historyId === undefined) return;
    this.#parts.kept.begin(historyId);
  }
}

/** Gmail has forgotten the position, or does not take it for one. */
function isOfPosition({ reason }: AppError): boolean {
  return reason === "NOT_FOUND" || reason === "INVALID_ARGUMENT" || reason === "FAILED_PRECONDITION";
}

/** What came after a position; null where Gmail has forgotten it, it is too much, or cannot be read. */
async function readSince(
  reader: HistoryReader,
  position: string,
): Promise<{ changes: MessageChange[]; historyId: string } | null> {
  const changes: MessageChange[] = [];
  let historyId: string | null = null;
  let pageToken: string | null = null;
  for (let pages = 0; pages < MAX_PAGES; pages += 1) {
    try {
      const page = await reader.listHistory(position, pageToken);
      // The same would come again.
      if (page === null) return null;
      for (const change of page.changes) changes.push(change);
      // What changes between two pages may be on none of them: it is asked for the next time.
      historyId ??= page.historyId;
      pageToken = page.nextPageToken;
    } catch (error) {
      if (error instanceof AppError && isOfPosition(error)) return null;
      throw error;
    }
    // A history ID that goes back is of another mailbox, or of none.
    if (pageToken === null) return isLater(position, historyId) ? null : { changes, historyId };
  }
  return null;
}
