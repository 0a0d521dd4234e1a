/**
 * One person's mail as it changes: what its source holds, what came since, labels as they are now, and the history of it all.
 */
import type { Content, StoredMessage } from "./content.ts";

export interface UserLabel {
  readonly id: string;
  readonly name: string;
  readonly color?: { readonly textColor: string; readonly backgroundColor: string };
  readonly messageListVisibility?: "show" | "hide";
  readonly labelListVisibility?: "labelShow" | "labelShowIfUnread" | "labelHide";
}

/** Where a mailbox's messages come from. They are numbered from 1, the oldest. */
export interface Source {
  readonly size: number;
  readonly labels: readonly UserLabel[];
  at(n: number): StoredMessage;
  numberOf(id: string): number | null;
  /** One more message that arrives, as number `n`. */
  next(n: number, atMs: number): StoredMessage;
}

/** A message as it is now. */
export interface Message extends StoredMessage {
  readonly n: number;
  readonly historyId: number;
}

export type ChangeKind = "messagesAdded" | "messagesDeleted" | "labelsAdded" | "labelsRemoved";

type HistoryMessage = Pick<StoredMessage, "id" | "threadId" | "labelIds">;

export interface HistoryRecord {
  readonly id: number;
  readonly kind: ChangeKind;
  readonly message: HistoryMessage;
  readonly labelIds: readonly string[];
}

/** History IDs begin above those of the messages that were always there, one each. */
const FIRST_HISTORY_ID = 1000;

export class Mailbox {
  readonly labels: UserLabel[];
  /** Is told of each change, with its record. */
  onChange: (record: HistoryRecord) => void = () => undefined;
  readonly #source: Source;
  /** What came since the source was opened. */
  readonly #arrived: StoredMessage[] = [];
  readonly #numbers = new Map<string, number>();
  /** Labels as they are now, by number; null of what is gone. */
  readonly #changes = new Map<number, Pick<Message, "labelIds" | "historyId"> | null>();
  #history: HistoryRecord[] = [];
  historyId: number;
  #forgottenUpTo = 0;

  constructor(source: Source) {
    this.#source = source;
    this.labels = [...source.labels];
    this.historyId = FIRST_HISTORY_ID + source.size;
  }

  get newest(): number {
    return this.#source.size + this.#arrived.length;
  }

  at(n: number): Message | null {
    const change = this.#changes.get(n);
    if (change === null) return null;
    const { size } = this.#source;
    const stored = n <= size ? this.#source.at(n) : this.#arrived[n - size - 1];
    if (stored === undefined) return null;
    const { labelIds, historyId } = change ?? { labelIds: stored.labelIds, historyId: FIRST_HISTORY_ID + n };
    let made: Content | null = null;
    const content = (): Content => {
      made ??= stored.content();
      return made;
    };
    return { ...stored, content, n, historyId, labelIds };
  }

  find(id: string): Message | null {
    const n = this.#numbers.get(id) ?? this.#source.numberOf(id);
    return n === null ? null : this.at(n);
  }

  get(id: string): Message {
    const message = this.find(id);
    if (message === null) throw new Error(`no message ${id}`);
    return message;
  }

  /** All messages, newest first. @param from the number to begin with */
  *messages(from = this.newest): Generator<Message> {
    for (let n = Math.min(from, this.newest); n >= 1; n -= 1) {
      const message = this.at(n);
      if (message !== null) yield message;
    }
  }

  receive(atMs: number): void {
    this.add(this.#source.next(this.newest + 1, atMs));
  }

  add(stored: StoredMessage): void {
    const n = this.newest + 1;
    this.#arrived.push(stored);
    this.#numbers.set(stored.id, n);
    this.#changes.set(n, { labelIds: stored.labelIds, historyId: this.#record("messagesAdded", stored) });
  }

  /** An ID that no message has yet, for one that is sent. */
  freshId(atMs: number): string {
    return this.#source.next(this.newest + 1, atMs).id;
  }

  /** Changes labels; what changes nothing leaves no record. */
  changeLabels(
    message: Message,
    { add = [], remove = [] }: { add?: readonly string[]; remove?: readonly string[] },
  ): void {
    const added = add.filter((label) => !message.labelIds.includes(label));
    const removed = remove.filter((label) => message.labelIds.includes(label) && !add.includes(label));
    if (added.length + removed.length === 0) return;
    const labelIds = [...message.labelIds.filter((label) => !removed.includes(label)), ...added];
    const now = { ...message, labelIds };
    let historyId = message.historyId;
    if (added.length > 0) historyId = this.#record("labelsAdded", now, added);
    if (removed.length > 0) historyId = this.#record("labelsRemoved", now, removed);
    this.#changes.set(message.n, { labelIds, historyId });
  }

  remove(message: Message): void {
    this.#record("messagesDeleted", message);
    this.#changes.set(message.n, null);
  }

  /** Records after an ID, oldest first; null where they are no longer there, or never were. */
  historySince(startHistoryId: number): readonly HistoryRecord[] | null {
    if (startHistoryId < this.#forgottenUpTo || startHistoryId > this.historyId) return null;
    return this.#history.filter(({ id }) => id > startHistoryId);
  }

  /** What Google does after a week, sometimes after hours. */
  forgetHistory(): void {
    this.#forgottenUpTo = this.#nextHistoryId();
    this.#history = [];
  }

  count(labelId: string): object {
    const labelled = [...this.messages()].filter(({ labelIds }) => labelIds.includes(labelId));
    const unread = labelled.filter(({ labelIds }) => labelIds.includes("UNREAD"));
    return {
      messagesTotal: labelled.length,
      messagesUnread: unread.length,
      threadsTotal: new Set(labelled.map(({ threadId }) => threadId)).size,
      threadsUnread: new Set(unread.map(({ threadId }) => threadId)).size,
    };
  }

  /** History IDs grow, and have gaps. */
  #nextHistoryId(): number {
    this.historyId += 1 + ((this.historyId * 7) % 5);
    return this.historyId;
  }

  #record(kind: ChangeKind, { id, threadId, labelIds: now }: HistoryMessage, labelIds: readonly string[] = []): number {
    const record = { id: this.#nextHistoryId(), kind, message: { id, threadId, labelIds: now }, labelIds };
    this.#history.push(record);
    this.onChange(record);
    return record.id;
  }
}
