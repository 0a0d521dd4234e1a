/**
 * A mailbox in memory that remembers how each message was at every moment, so that a test can tell whether a row was ever
 * true. Answers what the object asks of Gmail (profile, history, batches) as of the moment at which it is asked to.
 */
import type { MessageRef } from "../../../../src/gmail.ts";
import { googleError, type SentPart } from "../../gmail/fixtures-batch.ts";

/** Chance, the same for the same seed. */
export class Chance {
  readonly #random: () => number;

  /** @param random from 0 to 1 */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** A whole number below `end`. */
  below(end: number): number {
    return Math.floor(this.#random() * end);
  }

  /** True so often. */
  hits(probability: number): boolean {
    return this.#random() < probability;
  }

  pick<T>(list: readonly [T, ...T[]]): T;
  pick<T>(list: readonly T[]): T | undefined;
  pick<T>(list: readonly T[]): T | undefined {
    return list[this.below(list.length)];
  }

  /** Some of a list, in its order. */
  some<T>(list: readonly T[], probability: number): T[] {
    return list.filter(() => this.hits(probability));
  }
}

/** How something was from a moment on. */
interface Since<T> {
  readonly moment: number;
  readonly value: T;
}

/** How something was, moment by moment. */
class Past<T> {
  readonly #values: Since<T>[];

  /** @param first how it was at first */
  constructor(first: T) {
    this.#values = [{ moment: 0, value: first }];
  }

  get last(): T | undefined {
    return this.#values.at(-1)?.value;
  }

  set(moment: number, value: T): void {
    // What was in the midst of a change, nobody has seen.
    if (this.#values.at(-1)?.moment === moment) this.#values.pop();
    this.#values.push({ moment, value });
  }

  /** Whether it ever fitted from a moment on until now. */
  someSince(moment: number, fits: (value: T) => boolean): boolean {
    for (let index = this.#values.length - 1; index >= 0; index -= 1) {
      const since = this.#values[index];
      if (since === undefined) break;
      if (fits(since.value)) return true;
      if (since.moment <= moment) break;
    }
    return false;
  }
}

interface StoredMessage extends MessageRef {
  readonly number: number;
  /** In the order in which they came. */
  labels: readonly string[];
  historyId: bigint;
  isThere: boolean;
  /** Its labels, in one text; null where it is not there. */
  readonly past: Past<string | null>;
  /** By history ID: its labels then, in one text. */
  readonly versions: Map<string, string>;
}

type Member = "messagesAdded" | "messagesDeleted" | "labelsAdded" | "labelsRemoved";

interface Entry {
  readonly member: Member;
  readonly message: StoredMessage;
  readonly labelIds: readonly string[] | null;
  /** As the message had them then. */
  readonly shown: readonly string[];
}

interface HistoryRecord {
  readonly id: bigint;
  readonly entries: readonly Entry[];
}

/** Labels in one text, whatever their order. */
export function labelsKey(labels: readonly string[]): string {
  return labels.toSorted().join(" ");
}

export interface MailboxOptions {
  readonly messages: number;
  /** The first history ID. */
  readonly firstHistoryId: bigint;
  /** Records on a page of history. */
  readonly pageSize: number;
}

/** What a fake answers: a status and a body. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

const NOT_FOUND: Answer = { status: 404, body: { error: { code: 404, status: "NOT_FOUND", message: "Not there." } } };

export class FakeMailbox {
  readonly #chance: Chance;
  readonly #options: MailboxOptions;
  readonly #messages: StoredMessage[] = [];
  readonly #byId = new Map<string, StoredMessage>();
  #labels = ["INBOX", "UNREAD", "STARRED", "IMPORTANT", "Label_1", "Label_2", "Label_3"];
  #madeLabels = 3;
  #history: HistoryRecord[] = [];
  #historyId: bigint;
  /** What came until then is forgotten. */
  #forgottenId: bigint;
  /** Unread messages of each label. */
  readonly #unread = new Map<string, Past<number>>();
  /** Grows with every change. */
  moment = 0;
  /** How often a message was read. */
  readonly reads = new Map<string, number>();
  /** How often a message changed so that it must be read again. */
  readonly rereads = new Map<string, number>();

  constructor(chance: Chance, options: MailboxOptions) {
    this.#chance = chance;
    this.#options = options;
    this.#historyId = options.firstHistoryId;
    this.#forgottenId = this.#historyId;
    for (let count = 0; count < options.messages; count += 1) this.#arrive();
    this.#history = [];
    this.#forgottenId = this.#historyId;
  }

  get labels(): readonly string[] {
    return this.#labels;
  }

  /** What is there, the newest first. */
  get present(): readonly StoredMessage[] {
    return this.#messages.filter(({ isThere }) => isThere).toReversed();
  }

  get totalReads(): number {
    return this.reads.values().reduce((sum, count) => sum + count, 0);
  }

  /** Some messages, as a list answers them now: of a label, from some offset on. */
  list(limit: number): MessageRef[] {
    const label = this.#chance.hits(0.3) ? this.#chance.pick(this.#labels) : undefined;
    const found = this.present.filter(({ labels }) => label === undefined || labels.includes(label));
    const offset = this.#chance.hits(0.5) ? 0 : this.#chance.below(Math.max(1, found.length - 1));
    return found.slice(offset, offset + limit).map(({ id, threadId }) => ({ id, threadId }));
  }

  /** One change, whichever. */
  change(): void {
    const chance = this.#chance;
    const kind = chance.below(100);
    if (kind < 45) this.#relabel([this.#someone()]);
    else if (kind < 55) this.#relabel(chance.some(this.present, 0.1));
    else if (kind < 60) this.#addAndRemove(this.#someone());
    else if (kind < 65) this.#sameLabelTwice(this.#someone());
    else if (kind < 77) this.#arrive();
    else if (kind < 84) this.#delete(this.#someone());
    else if (kind < 91) this.#replaceDraft(this.#someone());
    else if (kind < 93) this.#deleteLabel();
    else if (kind < 96) this.#bump(this.#someone());
    else this.#leaveAGap();
  }

  /** Thousands of changes of labels. */
  changeMuch(): void {
    const messages = this.present;
    const count = 200 + this.#chance.below(2_000);
    for (let change = 0; change < count; change += 1) this.#relabel([messages[this.#chance.below(messages.length)]]);
  }

  /** Forgets what came until some moment. */
  forgetHistory(): void {
    const record = this.#chance.hits(0.5) ? null : this.#chance.pick(this.#history);
    this.#forgottenId = record?.id ?? this.#historyId;
    this.#history = this.#history.filter(({ id }) => id > this.#forgottenId);
    // The newest itself may still be asked for.
    if (this.#chance.hits(0.5)) this.#leaveAGap();
  }

  #someone(): StoredMessage | undefined {
    // Mostly the newest, which are listed most.
    const messages = this.present;
    return this.#chance.pick(this.#chance.hits(0.7) ? messages.slice(0, 10) : messages);
  }

  #nextId(): bigint {
    this.#historyId += BigInt(1 + (this.#chance.hits(0.3) ? this.#chance.below(1_000) : 0));
    this.moment += 1;
    return this.#historyId;
  }

  #leaveAGap(): void {
    this.#historyId += BigInt(this.#chance.below(100_000));
  }

  /** Notes a record, and how its messages are now. */
  #record(id: bigint, entries: readonly Omit<Entry, "shown">[]): void {
    for (const { message } of entries) this.#note(id, message);
    this.#history.push({ id, entries: entries.map((entry) => ({ ...entry, shown: entry.message.labels })) });
  }

  #note(id: bigint, message: StoredMessage): void {
    const labels = labelsKey(message.labels);
    message.historyId = id;
    message.past.set(this.moment, message.isThere ? labels : null);
    message.versions.set(String(id), labels);
  }

  #relabel(messages: readonly (StoredMessage | undefined)[]): void {
    const id = this.#nextId();
    const entries: Omit<Entry, "shown">[] = [];
    const label = this.#chance.pick(this.#labels) ?? "INBOX";
    for (const message of messages) {
      if (message === undefined) continue;
      const isOn = message.labels.includes(label);
      const added = isOn ? [] : [label];
      const removed = isOn ? [label] : [];
      // Another label in the same record.
      const other = this.#chance.hits(0.3) ? this.#chance.pick(this.#labels) : undefined;
      if (other !== undefined && other !== label) (message.labels.includes(other) ? removed : added).push(other);
      this.#setLabels(message, [...message.labels.filter((each) => !removed.includes(each)), ...added]);
      // One entry for all labels, or one for each.
      const groups = this.#chance.hits(0.5)
        ? [added, removed].map((labels) => labels.map((each) => [each]))
        : [[added], [removed]];
      for (const [index, member] of (["labelsAdded", "labelsRemoved"] as const).entries()) {
        for (const labelIds of groups[index] ?? [])
          if (labelIds.length > 0) entries.push({ member, message, labelIds });
      }
    }
    if (entries.length > 0) this.#record(id, entries);
  }

  /** A label that comes and goes, or goes and comes, in one record. */
  #addAndRemove(message: StoredMessage | undefined): void {
    const label = this.#chance.pick(this.#labels);
    if (message === undefined || label === undefined) return;
    const id = this.#nextId();
    const others = message.labels.filter((each) => each !== label);
    this.#setLabels(message, this.#chance.hits(0.5) ? others : [...others, label]);
    this.#mustBeRead(message);
    this.#record(id, [
      { member: "labelsAdded", message, labelIds: [label] },
      { member: "labelsRemoved", message, labelIds: [label] },
    ]);
  }

  /** A label that is on already is put on again. */
  #sameLabelTwice(message: StoredMessage | undefined): void {
    const label = this.#chance.pick(message?.labels ?? []);
    if (message === undefined || label === undefined) return;
    this.#record(this.#nextId(), [{ member: "labelsAdded", message, labelIds: [label] }]);
  }

  #arrive(entries: Omit<Entry, "shown">[] = []): void {
    const id = entries.length > 0 ? this.#historyId : this.#nextId();
    const number = this.#messages.length;
    const message: StoredMessage = {
      id: (0x19_0000_0000n + BigInt(number)).toString(16),
      threadId: (0x18_0000_0000n + BigInt(number - (number % 3))).toString(16),
      number,
      labels: [],
      historyId: 0n,
      isThere: true,
      past: new Past<string | null>(null),
      versions: new Map(),
    };
    this.#messages.push(message);
    this.#byId.set(message.id, message);
    this.#setLabels(message, this.#chance.some(this.#labels, 0.4));
    const added = this.#chance.hits(0.3) ? [{ member: "labelsAdded" as const, message, labelIds: message.labels }] : [];
    this.#record(id, [...entries, { member: "messagesAdded", message, labelIds: null }, ...added]);
  }

  #remove(message: StoredMessage): void {
    this.#count(message, -1);
    message.isThere = false;
    this.#mustBeRead(message);
  }

  #delete(message: StoredMessage | undefined): void {
    if (message === undefined || this.present.length < 5) return;
    const id = this.#nextId();
    this.#remove(message);
    this.#record(id, [{ member: "messagesDeleted", message, labelIds: null }]);
  }

  /** A draft that is written on has another ID. */
  #replaceDraft(message: StoredMessage | undefined): void {
    if (message === undefined) return;
    const id = this.#nextId();
    this.#remove(message);
    const deleted = { member: "messagesDeleted" as const, message, labelIds: null };
    if (this.#chance.hits(0.5)) return this.#arrive([deleted]);
    this.#record(id, [deleted]);
    this.#arrive();
  }

  /** A label that is deleted is off all its messages: in one record, or in one each. */
  #deleteLabel(): void {
    const label = this.#chance.pick(this.#labels.filter((each) => each.startsWith("Label_")));
    if (label === undefined) return;
    this.#labels = this.#labels.filter((each) => each !== label);
    this.#madeLabels += 1;
    this.#labels.push(`Label_${this.#madeLabels}`);
    const messages = this.present.filter(({ labels }) => labels.includes(label));
    const isOne = this.#chance.hits(0.5);
    let entries: Omit<Entry, "shown">[] = [];
    for (const message of messages) {
      if (!isOne || entries.length === 0) this.#nextId();
      this.#setLabels(
        message,
        message.labels.filter((each) => each !== label),
      );
      entries.push({ member: "labelsRemoved", message, labelIds: [label] });
      if (isOne) continue;
      this.#record(this.#historyId, entries);
      entries = [];
    }
    if (entries.length > 0) this.#record(this.#historyId, entries);
  }

  /** A message's version moves although history says nothing of it. */
  #bump(message: StoredMessage | undefined): void {
    if (message !== undefined) this.#note(this.#nextId(), message);
  }

  #setLabels(message: StoredMessage, labels: readonly string[]): void {
    this.#count(message, -1);
    message.labels = labels;
    this.#count(message, 1);
  }

  /** Counts an unread message under its labels, or not any more. */
  #count({ labels }: StoredMessage, by: number): void {
    if (!labels.includes("UNREAD")) return;
    for (const label of labels) {
      const past = this.#unread.get(label) ?? new Past<number>(0);
      this.#unread.set(label, past);
      past.set(this.moment, (past.last ?? 0) + by);
    }
  }

  #mustBeRead({ id }: StoredMessage): void {
    this.rereads.set(id, (this.rereads.get(id) ?? 0) + 1);
  }

  profile(): Answer {
    return { status: 200, body: { emailAddress: "ann@example.test", historyId: String(this.#historyId) } };
  }

  /** A page of history. The token of the next one may hold it to what there was when the first one was made. */
  historyPage(query: URLSearchParams): Answer {
    const chance = this.#chance;
    const start = BigInt(query.get("startHistoryId") ?? "0");
    if (start < this.#forgottenId) return NOT_FOUND;
    const [after, until] = (query.get("pageToken") ?? `${start}.`).split(".");
    const end = until === "" || until === undefined ? this.#historyId : BigInt(until);
    const first = this.#history.findLastIndex(({ id }) => id <= BigInt(after ?? "0")) + 1;
    const records = this.#history.slice(first).filter(({ id }) => id <= end);
    const page = records.slice(0, this.#options.pageSize);
    const nextPageToken =
      page.length < records.length ? `${page.at(-1)?.id}.${until || (chance.hits(0.5) ? this.#historyId : "")}` : null;
    return {
      status: 200,
      body: {
        ...(page.length > 0 ? { history: page.map((record) => this.#writeRecord(record)) } : {}),
        historyId: String(this.#historyId),
        ...(nextPageToken === null ? {} : { nextPageToken }),
      },
    };
  }

  /** Labels as of the record, or as of now, or none. */
  #writeRecord({ id, entries }: HistoryRecord): object {
    const how = this.#chance.below(3);
    const written: Partial<Record<Member, object[]>> = {};
    for (const { labelIds, member, message, shown } of entries) {
      const labels = how === 0 ? shown : message.labels;
      const entry = {
        message: { id: message.id, ...(how === 2 ? {} : { labelIds: labels }) },
        ...(labelIds === null ? {} : { labelIds }),
      };
      (written[member] ??= []).push(entry);
    }
    return { id: String(id), ...written };
  }

  /** What one part of a batch answers: a message, or how many are unread under a label. */
  part({ id, url }: SentPart): Answer {
    if (url.pathname.includes("/labels/")) {
      return { status: 200, body: { id, messagesUnread: this.#unread.get(id)?.last ?? 0 } };
    }
    const message = this.#byId.get(id);
    if (message === undefined || !message.isThere) return NOT_FOUND;
    this.reads.set(id, (this.reads.get(id) ?? 0) + 1);
    const { historyId, labels, number, threadId } = message;
    return {
      status: 200,
      body: {
        id,
        threadId,
        historyId: String(historyId),
        // Absent where there are none, as Gmail does.
        ...(labels.length > 0 ? { labelIds: labels } : {}),
        snippet: `Snippet of ${number}`,
        internalDate: String(number * 1_000),
        payload: {
          headers: [
            { name: "From", value: `f${number}@example.test` },
            { name: "Subject", value: `Subject of ${number}` },
          ],
        },
      },
    };
  }

  /** What is wrong with a row of a request that began at a moment; null where nothing is. */
  flawOf(row: Readonly<Record<string, unknown>>, since: number): string | null {
    const message = this.#byId.get(String(row["id"]));
    if (message === undefined) return "nobody's";
    const { id, number, past, threadId } = message;
    const { labelIds, ...content } = row;
    if (!isTexts(labelIds)) return "without labels";
    const expected = {
      id,
      threadId,
      snippet: `Snippet of ${number}`,
      date: new Date(number * 1_000).toISOString(),
      from: `f${number}@example.test`,
      to: null,
      subject: `Subject of ${number}`,
      unread: labelIds.includes("UNREAD"),
    };
    if (JSON.stringify(content) !== JSON.stringify(expected)) return "of other content";
    if (new Set(labelIds).size < labelIds.length) return "with a label twice";
    const key = labelsKey(labelIds);
    return past.someSince(since, (labels) => labels === key) ? null : "stale";
  }

  /** Whether a message was ever not there since a moment. */
  wasEverAbsent(id: string, since: number): boolean {
    return this.#byId.get(id)?.past.someSince(since, (labels) => labels === null) ?? true;
  }

  /** Whether a kept row is as its message was at the row's version. */
  wasAtVersion(id: string, version: string, labels: readonly string[]): boolean {
    return this.#byId.get(id)?.versions.get(version) === labelsKey(labels);
  }

  wasUnread(label: string, count: number, since: number): boolean {
    const past = this.#unread.get(label);
    return past === undefined ? count === 0 : past.someSince(since, (value) => value === count);
  }
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}

export function toResponse({ status, body }: Answer): Response {
  return status === 200 ? Response.json(body) : googleError(status);
}
