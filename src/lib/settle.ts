/**
 * Waiting for a promise later without leaving its rejection unhandled meanwhile.
 */

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
