/**
 * Waiting for a promise later without leaving its rejection unhandled meanwhile.
 */
import type { StartTimer } from "./upstream.ts";

/** Marks a promise that is awaited later as handled. @returns the same */
export function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/** Turns a promise that may reject into one that never does. */
export async function settle<T>(promise: Promise<T>): Promise<PromiseSettledResult<T>> {
  const [result] = await Promise.allSettled([promise]);
  return result;
}

/** The value of a settled promise. Throws what it was rejected with. */
export function unwrap<T>(result: PromiseSettledResult<T>): T {
  if (result.status === "fulfilled") return result.value;
  throw result.reason;
}

/** Waits for work, but no longer than `limitMs` milliseconds: then it is what `onLate` gives, or throws. */
export async function inTime<T>(
  work: Promise<T>,
  startTimer: StartTimer,
  limitMs: number,
  onLate: () => T,
): Promise<T> {
  const late = Promise.withResolvers<typeof LATE>();
  const stop = startTimer(limitMs, () => late.resolve(LATE));
  try {
    const result = await Promise.race([work, late.promise]);
    return result === LATE ? onLate() : result;
  } finally {
    stop();
  }
}

const LATE = Symbol("late");
