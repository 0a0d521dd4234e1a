/**
 * Where to go after signing in: a path on this origin, or `/`. The one defence against open redirects.
 */

/** Longer ones would not fit in the transaction cookie. */
const MAX_LENGTH = 2_000;

/** The default: the page. */
export const HOME = "/";

/**
 * Makes `value` a path on this origin outside `/auth/`; anything else becomes `/`.
 *
 * @param value what came in `return_to`, or null
 * @returns path, query and fragment, normalized, in ASCII
 */
export function safeReturnTo(value: string | null): string {
  if (value === null || !value.startsWith("/")) return HOME;
  // Any origin serves: what counts is whether `value` leaves it.
  const base = "https://return-to.invalid";
  if (!URL.canParse(value, base)) return HOME;
  const url = new URL(value, base);
  const path = `${url.pathname}${url.search}${url.hash}`;
  // `/\host` and `//host` leave the origin; `/.//host` does so only once it is normalized.
  if (url.origin !== base || path.startsWith("//") || path.length > MAX_LENGTH) return HOME;
  return isUnderAuth(url.pathname) ? HOME : path;
}

/** Routes are matched on the decoded path, so that is what must not be under `/auth`. */
function isUnderAuth(pathname: string): boolean {
  let decoded: string;
  try {
    decoded = decodeURIComponent(pathname);
  } catch {
    return true;
  }
  return /^\/+auth(\/|$)/i.test(decoded);
}
