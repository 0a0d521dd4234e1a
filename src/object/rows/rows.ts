/**
 * The rows of one user: what is known is not read again. Answers a page of them from kept rows, from what others are
 * reading, and from Gmail, each message read once for all who want it.
 */
import { RowHistory, type HistoryReader } from "./history.ts";
import { type KeptRows, type ReadRow, withLabels } from "./kept-rows.ts";
import type { OpenedMessages } from "./opened-messages.ts";
import type { RowKey } from "./row-key.ts";
import { Reading } from "./readings.ts";
import { UnreadCounts } from "./unread-counts.ts";
import type { Gmail, MessageRef } from "../../gmail.ts";
import type { MessageChange } from "../../gmail/history.ts";
import type { MessageMetadata } from "../../gmail/message.ts";
import { LruCache } from "../../isolate/lru-cache.ts";
import type { StartTimer } from "../../lib/upstream.ts";
import { inTime, settle } from "../../lib/settle.ts";
import type { RowSource } from "./reader.ts";

/** History that takes longer is not waited for: reading the rows takes no longer. */
const MAX_WAIT_MS = 2_000;
/** Requests whose moment is remembered; more are never in progress at once. */
const MAX_MOMENTS = 500;

type UnreadReader = HistoryReader & Pick<Gmail, "countUnread">;

export interface RowsParts {
  readonly kept: KeptRows;
  readonly key: RowKey;
  readonly opened: OpenedMessages;
  /** Lets work go on beside the answer, and logs where it fails. */
  readonly defer: (work: Promise<unknown>) => void;
  readonly startTimer: StartTimer;
  /** Logs what an operator should know. */
  readonly warn: (detail: string) => void;
}

export class MailboxRows {
  readonly #parts: RowsParts;
  readonly #history: RowHistory;
  readonly #readings = new Map<string, Set<Reading>>();
  readonly #unread = new UnreadCounts();
  /** By the name of a request: whether the kept rows are as new as its beginning, once that is known. */
  readonly #moments = new LruCache<Promise<boolean>>(MAX_MOMENTS);

  constructor(parts: RowsParts) {
    this.#parts = parts;
    this.#history = new RowHistory({
      kept: parts.kept,
      onChanges: (changes) => this.#hear(changes),
      onReset: () => this.#forgetRows(),
    });
  }

  /**
   * Brings the kept rows up to date for a request that begins: what it gets of them is true of some moment since.
   * That Gmail does not tell is no error: the request reads its rows then.
   *
   * @param moment names the request
   */
  async sync(moment: string, sub: string, reader: HistoryReader): Promise<void> {
    await this.#isFresh(moment, sub, reader);
  }

  async #sync(sub: string, reader: HistoryReader): Promise<boolean> {
    const { defer, key, warn } = this.#parts;
    // Made, or read from KV, beside the calls to Gmail.
    defer(key.get(sub));
    const synced = await settle(this.#history.sync(reader));
    if (synced.status === "rejected") warn(`Kept rows are not used: ${String(synced.reason)}`);
    return synced.status === "fulfilled";
  }

  /**
   * The rows of a page, as far as they are known, and who reads the others.
   *
   * @param moment as for {@link sync}; null where nothing is kept
   * @param onUnwanted called when nobody waits for what is being read here any more, once the page was given up
   */
  async open(
    refs: readonly MessageRef[],
    request: { readonly moment: string | null; readonly sub: string; readonly reader: HistoryReader },
    onUnwanted: () => void,
  ): Promise<PageRows> {
    const { moment, reader, sub } = request;
    const { generation } = this.#parts.key;
    const page = { sub, generation, onUnwanted };
    if (moment === null) return new PageRows(this.#pageParts(new Map(), { ...page, isFresh: false }, false));
    const isFresh = await this.#isFresh(moment, sub, reader);
    // Without a position, rows may be left of which forgetting was undone.
    const isKnown = isFresh && this.#parts.kept.position !== null;
    const seal = isKnown ? await this.#parts.key.ofKept(sub, generation) : null;
    const ids = refs.map(({ id }) => id);
    const known = seal === null ? new Map<string, MessageMetadata>() : await this.#parts.kept.find(ids, seal);
    return new PageRows(this.#pageParts(known, { ...page, isFresh }, true));
  }

  /** Whether the kept rows are as new as the beginning of a request. */
  async #isFresh(moment: string, sub: string, reader: HistoryReader): Promise<boolean> {
    // Where it was asked before, the object may have been stopped since.
    const syncing = this.#moments.get(moment) ?? this.#sync(sub, reader);
    this.#moments.set(moment, syncing);
    return inTime(syncing, this.#parts.startTimer, MAX_WAIT_MS, () => false);
  }

  /**
   * How many messages are unread under labels.
   *
   * @param moment as for {@link open}
   * @returns a label that could not be read is missing
   * @throws AppError as `Gmail.countUnread`
   */
  async countUnread(
    labelIds: readonly string[],
    { moment, reader, sub }: { readonly moment: string | null; readonly sub: string; readonly reader: UnreadReader },
  ): Promise<Map<string, number>> {
    if (moment === null) return reader.countUnread(labelIds);
    const known = (await this.#isFresh(moment, sub, reader)) ? this.#unread.known(labelIds) : new Map<string, number>();
    const missing = labelIds.filter((id) => !known.has(id));
    if (missing.length === 0) return known;
    const read = (): Promise<Map<string, number>> => reader.countUnread(missing);
    // Without a history nothing would tell that they have changed.
    const isTold = this.#parts.kept.position !== null;
    return new Map([...known, ...(await (isTold ? this.#unread.read(read) : read()))]);
  }

  #pageParts(
    known: ReadonlyMap<string, MessageMetadata>,
    page: { sub: string; generation: number; isFresh: boolean; onUnwanted: () => void },
    isKept: boolean,
  ): PageParts {
    const { key, kept } = this.#parts;
    // Of a request from before everything was forgotten, nothing is kept.
    const isWanted = (): boolean => isKept && kept.position !== null && page.generation === key.generation;
    return {
      ...page,
      known,
      readings: this.#readings,
      epoch: () => (isWanted() ? this.#history.epoch : NEVER),
      keep: (readings) => this.#parts.defer(this.#keep(page, readings)),
    };
  }

  /** Forgets everything, for ever: the key as well. */
  forget(): void {
    this.#forgetRows();
    this.#parts.key.forget();
    this.#parts.opened.clear();
  }

  #forgetRows(): void {
    // First, for it may fail: then the rows are there still, and history has to go on from where it was.
    this.#parts.kept.clear();
    this.#history.forget();
    this.#unread.clear();
  }

  /** To be called where the rows cannot be opened any more. */
  readonly onKeyLost = (): void => this.#forgetRows();

  #hear(changes: readonly MessageChange[]): void {
    this.#unread.hear(changes);
    for (const { kind, messageId } of changes) if (kind === "deleted") this.#parts.opened.delete(messageId);
    for (const change of changes) {
      for (const reading of this.#readings.get(change.messageId) ?? []) reading.hear(change);
    }
  }

  /** Keeps what was read. Until then others find it among the readings. */
  async #keep(
    { generation, sub }: { readonly generation: number; readonly sub: string },
    readings: readonly Reading[],
  ): Promise<void> {
    try {
      const byRow = new Map<ReadRow, Reading>();
      for (const reading of readings) {
        if (reading.row !== null && reading.epoch === this.#history.epoch) byRow.set(reading.row, reading);
      }
      // Nor is a key made for what is forgotten.
      const seal = byRow.size === 0 ? null : await this.#parts.key.get(sub, generation);
      if (seal === null) return;
      const keep = await this.#parts.kept.seal([...byRow.keys()], seal);
      // Forgotten meanwhile, they stay so.
      keep((row) => {
        const reading = byRow.get(row);
        return reading?.epoch === this.#history.epoch ? reading.state : null;
      });
    } finally {
      for (const reading of readings) removeFrom(this.#readings, reading);
    }
  }
}

/** No history is known, or none is wanted: what is read is of no use to others. */
const NEVER = -1;

interface PageParts {
  readonly known: ReadonlyMap<string, MessageMetadata>;
  /** Whether all that is known here is as new as the request. */
  readonly isFresh: boolean;
  readonly readings: Map<string, Set<Reading>>;
  readonly epoch: () => number;
  readonly keep: (readings: readonly Reading[]) => void;
  readonly onUnwanted: () => void;
}

/** The rows of one page of one request. */
export class PageRows implements RowSource {
  readonly #parts: PageParts;
  readonly #mine = new Map<string, Reading>();
  readonly #joined = new Map<string, () => void>();
  #isGivenUp = false;
  #isOver = false;

  constructor(parts: PageParts) {
    this.#parts = parts;
  }

  find(id: string): MessageMetadata | Promise<void> | null {
    const known = this.#parts.known.get(id);
    if (known !== undefined) return known;
    this.#joined.get(id)?.();
    this.#joined.delete(id);
    // Who comes back from waiting when the page has ended reads nothing any more.
    if (this.#isOver) return null;
    const epoch = this.#parts.epoch();
    const others = this.#parts.isFresh && epoch !== NEVER ? (this.#parts.readings.get(id) ?? []) : [];
    for (const reading of others) {
      if (reading.epoch !== epoch) continue;
      const { row, state } = reading;
      if (row !== null && state !== null) return withLabels(row.message, state.labelIds);
      if (row === null && !reading.isEnded) return this.#join(reading);
    }
    const reading = new Reading(id, epoch, () => this.#checkWanted());
    this.#mine.set(id, reading);
    addTo(this.#parts.readings, reading);
    return null;
  }

  /** The rows, where all of them are known; else null. */
  allKnown(refs: readonly MessageRef[]): MessageMetadata[] | null {
    const rows = refs.map(({ id }) => this.#parts.known.get(id));
    return rows.every((row) => row !== undefined) ? rows : null;
  }

  read(message: MessageMetadata, version: string | null): void {
    this.#mine.get(message.id)?.read(message, version);
  }

  failed(id: string): void {
    const reading = this.#mine.get(id);
    if (reading === undefined) return;
    reading.end();
    removeFrom(this.#parts.readings, reading);
  }

  isAwaited(id: string): boolean {
    return this.#mine.get(id)?.isAwaited ?? false;
  }

  /** The client is gone: what others wait for is read to the end. @returns whether there is something */
  giveUp(): boolean {
    this.#isGivenUp = true;
    this.#leave();
    return this.#isWanted;
  }

  end(): void {
    this.#isOver = true;
    this.#leave();
    const kept: Reading[] = [];
    for (const reading of this.#mine.values()) {
      reading.end();
      if (reading.row === null || reading.epoch === NEVER) removeFrom(this.#parts.readings, reading);
      else kept.push(reading);
    }
    if (kept.length > 0) this.#parts.keep(kept);
  }

  #join(reading: Reading): Promise<void> {
    const { ended, leave } = reading.wait();
    this.#joined.set(reading.messageId, leave);
    return ended;
  }

  #leave(): void {
    for (const leave of this.#joined.values()) leave();
    this.#joined.clear();
  }

  #checkWanted(): void {
    if (this.#isGivenUp && !this.#isWanted) this.#parts.onUnwanted();
  }

  /** Whether others wait for what is read here. */
  get #isWanted(): boolean {
    return [...this.#mine.values()].some((reading) => reading.isAwaited);
  }
}

function addTo(readings: Map<string, Set<Reading>>, reading: Reading): void {
  const others = readings.get(reading.messageId) ?? new Set();
  readings.set(reading.messageId, others.add(reading));
}

function removeFrom(readings: Map<string, Set<Reading>>, reading: Reading): void {
  const others = readings.get(reading.messageId);
  others?.delete(reading);
  if (others?.size === 0) readings.delete(reading.messageId);
}
