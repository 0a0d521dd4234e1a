/**
 * Sends calls for Google's hosts to one origin, for libraries that have these hosts written into them. It replaces the
 * global `fetch`, and so is of no use to a library that brings its own HTTP client (gaxios does).
 */

const GOOGLE_ORIGINS: ReadonlySet<string> = new Set([
  "https://accounts.google.com",
  "https://oauth2.googleapis.com",
  "https://openidconnect.googleapis.com",
  "https://www.googleapis.com",
  "https://gmail.googleapis.com",
]);

/** From now on, `fetch` asks `googleUrl` for what is asked of Google, by the same path. Call it once. */
export function redirectGoogle(googleUrl: string): void {
  const originalFetch = globalThis.fetch;
  globalThis.fetch = async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    if (!GOOGLE_ORIGINS.has(url.origin)) return originalFetch(input, init);
    const target = `${googleUrl}${url.pathname}${url.search}`;
    return originalFetch(input instanceof Request ? new Request(target, input) : target, init);
  };
}
