/**
 * Rows at rest in the object's SQLite: by message ID, with Gmail's version and labels in plain text, and everything else
 * sealed. A message's content never changes under its ID; its labels do, and history tells.
 */
import * as z from "zod/mini";
import { isLater, type MessageChange } from "../../gmail/history.ts";
import type { MessageMetadata } from "../../gmail/message.ts";
import { LruCache } from "../../isolate/lru-cache.ts";
import type { Database } from "../database.ts";
import type { RowSeal } from "./row-key.ts";

/** Rows of a user. Message IDs grow with time, so that the smallest are the oldest. */
const MAX_ROWS = 5_000;
/** So many come before the oldest are dropped: all are looked through for that, and Cloudflare bills each row that is read. */
const ROWS_BETWEEN_DROPS = 250;
/** Contents that are remembered opened. */
const MAX_OPENED = 1_000;
/** A position that is older is written although nothing has changed: Gmail forgets old ones. */
const POSITION_AGE_MS = 60 * 60 * 1000;

/**
 * In `meta`, as JSON: the history ID that the rows' labels are as new as, and when it was written; rows that have come since the
 * oldest were dropped, and the oldest that was left.
 */
const META_POSITION = "history_position";

/** What changes with history. */
export interface RowState {
  readonly version: string;
  readonly labelIds: readonly string[];
}

/** What a row shows beside its ID and its labels. */
const ContentSchema = z.object({
  threadId: z.string(),
  snippet: z.string(),
  date: z.nullable(z.string()),
  from: z.nullable(z.string()),
  to: z.nullable(z.string()),
  subject: z.nullable(z.string()),
});

type Content = z.infer<typeof ContentSchema>;

/** A row that was read from Gmail. */
export interface ReadRow {
  readonly message: MessageMetadata;
  readonly state: RowState;
}

export class KeptRows {
  readonly #database: Database;
  readonly #now: () => number;
  #opened = new LruCache<Content>(MAX_OPENED);
  #position: string | null;
  #positionAtMs: number;
  #added: number;
  /** Older ones are not kept. */
  #oldest: string | null;

  /** @param now epoch milliseconds */
  constructor(database: Database, now: () => number) {
    this.#database = database;
    this.#now = now;
    const [position = null, atMs = 0, added = 0, oldest = null] = JSON.parse(database.get(META_POSITION) ?? "[]");
    this.#position = position;
    this.#positionAtMs = atMs;
    this.#added = added;
    this.#oldest = oldest;
  }

  /** The history ID that all rows here are as new as; null where none are kept. */
  get position(): string | null {
    return this.#position;
  }

  /** Rows by ID, as far as they are kept and open. */
  async find(ids: readonly string[], seal: RowSeal): Promise<Map<string, MessageMetadata>> {
    const found = this.#database.rows<{ id: string; labels: string; sealed: string }>(
      "SELECT id, labels, sealed FROM rows WHERE id IN (SELECT value FROM json_each(?))",
      JSON.stringify(ids),
    );
    const rows = new Map<string, MessageMetadata>();
    for (const { id, labels, sealed } of found) {
      const content = this.#opened.get(id) ?? ContentSchema.safeParse(await seal.open(id, sealed)).data;
      if (content === undefined) continue;
      this.#opened.set(id, content);
      rows.set(id, toRow(id, content, JSON.parse(labels)));
    }
    return rows;
  }

  /** Begins to keep rows: those that are read from now on, as new as `historyId`. */
  begin(historyId: string): void {
    this.#database.transaction(() => {
      // Some may have been left where forgetting them failed.
      this.#database.run("DELETE FROM rows");
      this.#added = 0;
      this.#oldest = null;
      this.#writePosition(historyId);
    });
    this.#position = historyId;
  }

  /** Brings the rows to a later position. @param changes oldest first, those after the position at least */
  apply(changes: readonly MessageChange[], historyId: string): void {
    const position = this.#position === null || isLater(historyId, this.#position) ? historyId : this.#position;
    const isDue = position !== this.#position && this.#now() - this.#positionAtMs > POSITION_AGE_MS;
    if (changes.length === 0 && !isDue) {
      this.#position = position;
      return;
    }
    this.#database.transaction(() => {
      const byMessage = Map.groupBy(changes, ({ messageId }) => messageId);
      const before = this.#database.rows<{ id: string; version: string; labels: string }>(
        "SELECT id, version, labels FROM rows WHERE id IN (SELECT value FROM json_each(?))",
        JSON.stringify([...byMessage.keys()]),
      );
      for (const { id, version, labels } of before) {
        const state: RowState = { version, labelIds: JSON.parse(labels) };
        const after = changed(state, byMessage.get(id) ?? []);
        if (after === null) this.#database.run("DELETE FROM rows WHERE id = ?", id);
        else if (after !== state) {
          const values = [after.version, JSON.stringify(after.labelIds), id];
          this.#database.run("UPDATE rows SET version = ?, labels = ? WHERE id = ?", ...values);
        }
      }
      this.#writePosition(position);
    });
    this.#position = position;
  }

  /** Seals rows. @returns keeps them, in one transaction, as far as `stateOf` says how they are by now */
  async seal(rows: readonly ReadRow[], seal: RowSeal): Promise<(stateOf: (row: ReadRow) => RowState | null) => void> {
    const sealed = new Map<ReadRow, string>();
    for (const row of rows) {
      const { id, labelIds: _, unread: __, ...content } = row.message;
      sealed.set(row, await seal.seal(id, content));
      this.#opened.set(id, content);
    }
    return (stateOf) => {
      this.#database.transaction(() => {
        for (const [row, text] of sealed) {
          const state = stateOf(row);
          if (state === null || (this.#oldest !== null && isOlder(row.message.id, this.#oldest))) continue;
          const values = [row.message.id, state.version, JSON.stringify(state.labelIds), text];
          this.#database.run(
            "INSERT OR REPLACE INTO rows (id, version, labels, sealed) VALUES (?, ?, ?, ?)",
            ...values,
          );
          this.#added += 1;
        }
        if (this.#added >= ROWS_BETWEEN_DROPS) this.#dropOldest();
        if (this.#position !== null) this.#writePosition(this.#position);
      });
    };
  }

  /** Leaves room for those that come until the next time. */
  #dropOldest(): void {
    const left = MAX_ROWS - ROWS_BETWEEN_DROPS;
    const [oldest] = this.#database.rows<{ id: string }>(
      "SELECT id FROM rows ORDER BY length(id) DESC, id DESC LIMIT 1 OFFSET ?",
      left - 1,
    );
    this.#added = 0;
    this.#oldest = oldest?.id ?? null;
    if (oldest === undefined) return;
    const isOlderRow = "length(id) < length(?1) OR (length(id) = length(?1) AND id < ?1)";
    this.#database.run(`DELETE FROM rows WHERE ${isOlderRow}`, oldest.id);
  }

  /** Forgets all rows, and how new they were. */
  clear(): void {
    this.#database.transaction(() => {
      this.#database.run("DELETE FROM rows");
      this.#database.set(META_POSITION, null);
    });
    // Only now: had that failed, the rows would be taken for as new as the next position.
    this.#position = null;
    this.#added = 0;
    this.#oldest = null;
    this.#opened = new LruCache(MAX_OPENED);
  }

  #writePosition(position: string): void {
    this.#positionAtMs = this.#now();
    this.#database.set(META_POSITION, JSON.stringify([position, this.#positionAtMs, this.#added, this.#oldest]));
  }
}

function toRow(id: string, content: Content, labelIds: string[]): MessageMetadata {
  const { threadId, snippet, date, from, to, subject } = content;
  return { id, threadId, labelIds, snippet, date, from, to, subject, unread: labelIds.includes("UNREAD") };
}

/** Message IDs are numbers in hexadecimal. */
function isOlder(id: string, than: string): boolean {
  return id.length === than.length ? id < than : id.length < than.length;
}

/** A row with other labels. */
export function withLabels(row: MessageMetadata, labelIds: readonly string[]): MessageMetadata {
  return { ...row, labelIds: [...labelIds], unread: labelIds.includes("UNREAD") };
}

/**
 * What changes make of a row, as far as they are later than it.
 *
 * @param changes of this message, oldest first
 * @returns null where it is gone, or has to be read again; the same object where nothing has changed
 */
export function changed(state: RowState, changes: readonly MessageChange[]): RowState | null {
  let now = state;
  for (const { historyId, kind, labelsAdded, labelsRemoved } of changes) {
    if (!isLater(historyId, now.version)) continue;
    if (kind !== "labels") return null;
    const added = [...labelsAdded].filter((label) => !now.labelIds.includes(label));
    now = { version: historyId, labelIds: [...now.labelIds.filter((label) => !labelsRemoved.has(label)), ...added] };
  }
  return now;
}
