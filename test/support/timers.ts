/**
 * The Worker's timers. They run in real time, but for a call that Google leaves hanging: once nothing else is under way,
 * the clock moves on to the next timer, so that time limits are tested as they are and nobody waits for them.
 */
import type { StartTimer } from "../../src/lib/upstream.ts";

/** Between two looks whether all that is left hangs. */
const LOOK_MS = 2;

interface Timer {
  readonly dueMs: number;
  readonly fire: () => void;
}

export class Timers {
  readonly #now: () => number;
  readonly #advance: (ms: number) => Promise<void>;
  readonly #waiting = new Set<Timer>();
  #calls = 0;
  #hanging = 0;
  #isElapsing = false;

  /** @param advance moves the clock of `now`, and Google's */
  constructor(now: () => number, advance: (ms: number) => Promise<void>) {
    this.#now = now;
    this.#advance = advance;
  }

  readonly start: StartTimer = (ms, onTime) => {
    const stop = (): void => {
      clearTimeout(handle);
      this.#waiting.delete(timer);
    };
    const fire = (): void => {
      stop();
      onTime();
    };
    const timer: Timer = { dueMs: this.#now() + ms, fire };
    const handle = setTimeout(fire, ms);
    this.#waiting.add(timer);
    return stop;
  };

  /** Makes a call to Google, of which is known here that it is under way. */
  async during<T>(call: () => Promise<T>): Promise<T> {
    this.#calls += 1;
    try {
      return await call();
    } finally {
      this.#calls -= 1;
    }
  }

  /** A call, within {@link during}, that is never answered: ends when it is given up. */
  async hang(signal: AbortSignal): Promise<never> {
    this.#hanging += 1;
    try {
      for (let looks = 0; !signal.aborted; looks = this.#calls === this.#hanging ? looks + 1 : 0) {
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
        // Twice: what has just been answered may lead to another call.
        if (looks > 1) await this.#elapse();
      }
      throw signal.reason;
    } finally {
      this.#hanging -= 1;
    }
  }

  async #elapse(): Promise<void> {
    const next = Math.min(...Array.from(this.#waiting, ({ dueMs }) => dueMs));
    if (this.#isElapsing || next === Infinity) return;
    this.#isElapsing = true;
    try {
      const ms = next - this.#now();
      if (ms > 0) await this.#advance(ms);
      for (const timer of this.#waiting) if (timer.dueMs <= next) timer.fire();
    } finally {
      this.#isElapsing = false;
    }
  }
}
