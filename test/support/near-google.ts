/**
 * The local Google inside of the test's own runtime: many times quicker than through the outbound service, for runs of
 * thousands of cases. What a network would do for a caller is done here: time limits and redirects.
 */
import { createGoogleHub } from "../google/google.ts";

const hub = createGoogleHub();
const MAX_REDIRECTS = 5;

/** `fetch` to a Google that lives here. */
export const nearFetch: typeof fetch = async (input, init) => {
  let request = new Request(input, init);
  for (let redirects = 0; ; redirects += 1) {
    const body = request.body === null ? null : await request.arrayBuffer();
    const { method, headers } = request;
    const response = await untilAborted(hub(new Request(request.url, { method, headers, body })), init?.signal);
    const location = response.headers.get("location");
    if (request.redirect === "manual" || location === null || redirects >= MAX_REDIRECTS) return response;
    // Credentials follow as a careless client's would, so that a test can see it.
    request = new Request(new URL(location, request.url), { headers });
  }
};

/** Ends a call as the network does when its caller gives up. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | null | undefined): Promise<T> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const giveUp = (): void => reject(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
    if (signal.aborted) giveUp();
    signal.addEventListener("abort", giveUp);
    work.then(resolve, reject);
  });
}
