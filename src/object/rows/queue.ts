/**
 * The rows of one page while they are being read: which are still to be read, which are known, and how far they are
 * handed out in the list's order.
 */
import type { ErrorStatus } from "../../errors.ts";
import type { MessageRef } from "../../gmail.ts";
import type { MessageMetadata } from "../../gmail/message.ts";

/** A row that could not be read stands in its place with its error. */
export type MetadataRow = MessageMetadata | (MessageRef & { readonly error: ErrorStatus });

/** A message that is still to be read. */
export interface Task {
  readonly ref: MessageRef;
  readonly index: number;
  attempts: number;
  /** Epoch milliseconds before which Gmail does not want to be asked again. */
  notBeforeMs: number;
}

export class PageOfRows {
  #tasks: Task[];
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

  /** Messages that are still to be asked for. */
  get waiting(): number {
    return this.#tasks.length;
  }

  put(index: number, row: MetadataRow): void {
    this.#rows[index] = row;
  }

  /** Forgets the messages that need not be read any more. */
  keepTasks(isWanted: (task: Task) => boolean): void {
    this.#tasks = this.#tasks.filter(isWanted);
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
