/**
 * Messages that are being read: who comes while one is on its way waits for it, and each hears of what changes meanwhile.
 * Gmail's answer may be from before or after a change; the message's version tells which.
 */
import type { MessageChange } from "../../gmail/history.ts";
import type { MessageMetadata } from "../../gmail/message.ts";
import { changed, type ReadRow, type RowState } from "./kept-rows.ts";

/** A message that is being read, or was read and is not kept yet. */
export class Reading {
  readonly messageId: string;
  /** Of the history that its changes are from. */
  readonly epoch: number;
  /** Who waits for it, beside the one who reads. */
  readonly #waiting = new Set<() => void>();
  readonly #changes: MessageChange[] = [];
  readonly #ended = Promise.withResolvers<void>();
  readonly #onLeft: () => void;
  #row: ReadRow | null = null;
  #isEnded = false;

  /** @param onLeft called when somebody no longer waits for it */
  constructor(messageId: string, epoch: number, onLeft: () => void) {
    this.messageId = messageId;
    this.epoch = epoch;
    this.#onLeft = onLeft;
  }

  /** Nobody reads it any more. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  get row(): ReadRow | null {
    return this.#row;
  }

  get isAwaited(): boolean {
    return this.#waiting.size > 0;
  }

  /** Takes note of a change that the row may be older than. */
  hear(change: MessageChange): void {
    this.#changes.push(change);
  }

  /** The row as it is now; null where it is not there, or the changes have no order. */
  get state(): RowState | null {
    return this.#row === null ? null : changed(this.#row.state, this.#changes);
  }

  /** @param message as Gmail answered. @param version null where Gmail does not say: then it is of no use to others */
  read(message: MessageMetadata, version: string | null): void {
    if (version !== null) this.#row = { message, state: { version, labelIds: message.labelIds } };
    this.end();
  }

  /** Nobody reads it any more. */
  end(): void {
    this.#isEnded = true;
    this.#ended.resolve();
  }

  /** Waits until it was read, or nobody reads it any more. @returns what stops waiting */
  wait(): { readonly ended: Promise<void>; readonly leave: () => void } {
    const leave = (): void => {
      if (this.#waiting.delete(leave)) this.#onLeft();
    };
    this.#waiting.add(leave);
    return { ended: this.#ended.promise, leave };
  }
}
