/**
 * Work of one object that must not meet other work of its kind while it waits: one after another, in the order of asking.
 */
import { settle } from "../lib/settle.ts";

export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Does the work once all that was asked for before is done, however that ended. */
  async take<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work);
    this.#last = settle(mine);
    return mine;
  }
}
