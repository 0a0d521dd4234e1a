/**
 * Orders of events: a flow is held up in front of one of its steps, another flow is played, and the first one goes on. A step
 * is a question to an object, its answer, an operation of KV or a call to Google.
 */

/** Between two looks. By polling: who waits may be an object, which has I/O of its own. */
const LOOK_MS = 2;
/** A flow that has taken no step for so long waits for the one that is held up. */
const QUIET_MS = 150;

/** What became of two flows. */
export interface Played<A, B> {
  readonly answer: A;
  readonly otherAnswer: B;
  /** Steps of the first flow that were let through before the other one began. */
  readonly before: readonly string[];
  /** The other flow has ended before the first one went on; else it had to wait for it. */
  readonly isOver: boolean;
}

export class Steps {
  #taken: string[] | null = null;
  #heldBefore: number | null = null;
  #isHeld = false;
  #lastAtMs = 0;
  #fails: ((nth: number) => boolean) | null = null;
  #stored = 0;

  /** Stands in front of each step. */
  readonly before = async (step: string): Promise<void> => {
    this.#lastAtMs = Date.now();
    if (!step.startsWith("call ")) this.#fail();
    if (this.#taken === null) return;
    if (this.#taken.length !== this.#heldBefore) {
      this.#taken.push(step);
      return;
    }
    // From here on, it is the other flow that takes steps.
    this.#taken = null;
    this.#isHeld = true;
    while (this.#isHeld) await look();
  };

  /** Stands behind an operation of KV, as the step of an answer does behind a question. */
  readonly behind = async (): Promise<void> => this.#fail();

  /** Plays a flow while steps to storage fail, or their answers are lost. @param fails the first is 1 */
  async failing<T>(fails: (nth: number) => boolean, flow: () => Promise<T>): Promise<{ result: T; count: number }> {
    [this.#fails, this.#stored] = [fails, 0];
    const result = await flow();
    this.#fails = null;
    return { result, count: this.#stored };
  }

  #fail(): void {
    if (this.#fails === null) return;
    this.#stored += 1;
    if (this.#fails(this.#stored)) throw new Error("Storage is out of reach.");
  }

  /** The steps of a flow. */
  async of(flow: () => Promise<unknown>): Promise<string[]> {
    const taken: string[] = [];
    this.#taken = taken;
    await flow();
    this.#taken = null;
    return taken;
  }

  /** Plays `other` while `flow` is held up. @param index of the step in front of which it is */
  async play<A, B>(index: number, flow: () => Promise<A>, other: () => Promise<B>): Promise<Played<A, B>> {
    const before: string[] = [];
    [this.#taken, this.#heldBefore] = [before, index];
    const running = watched(flow());
    while (!this.#isHeld && !running.isOver()) await look();
    this.#lastAtMs = Date.now();
    const others = watched(other());
    while (!others.isOver() && Date.now() - this.#lastAtMs < QUIET_MS) await look();
    const isOver = others.isOver();
    [this.#taken, this.#heldBefore, this.#isHeld] = [null, null, false];
    return { answer: await running.result, otherAnswer: await others.result, before, isOver };
  }
}

function watched<T>(result: Promise<T>): { result: Promise<T>; isOver: () => boolean } {
  let isOver = false;
  const end = (): void => {
    isOver = true;
  };
  result.then(end, end);
  return { result, isOver: () => isOver };
}

function look(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, LOOK_MS));
}
