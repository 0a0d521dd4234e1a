/**
 * Reading a request: who sent it (a person's browser or a program), from which site, and where to lead them.
 */
import { accepts } from "hono/accepts";
import { AppError, invalidArgument, type SignInAgain } from "./errors.ts";
import { safeReturnTo } from "./return-to.ts";
import type { AppContext } from "./scope.ts";

/** Whether a person waits for a page: a navigation, or without Fetch Metadata an `Accept` that prefers HTML. */
export function isNavigation(c: AppContext): boolean {
  const mode = c.req.header("Sec-Fetch-Mode");
  if (mode !== undefined) return mode === "navigate";
  return prefers(c, "text/html", ["text/html", "application/json", "application/x-ndjson"]);
}

/** Whether the caller wants its messages line by line. */
export function wantsNdjson(c: AppContext): boolean {
  return prefers(c, "application/x-ndjson", ["application/json", "application/x-ndjson"]);
}

function prefers(c: AppContext, type: string, supports: string[]): boolean {
  return accepts(c, { header: "Accept", supports, default: "application/json" }) === type;
}

/**
 * Refuses what another site makes a browser send.
 *
 * @param originRequired false: a request that says nothing of its origin is a program's and passes
 * @throws AppError `PERMISSION_DENIED`
 */
export function requireSameOrigin(c: AppContext, { originRequired }: { originRequired: boolean }): void {
  const origin = c.req.header("Origin");
  const site = c.req.header("Sec-Fetch-Site");
  const isForeign = origin === undefined ? originRequired : origin !== c.var.scope.origin;
  // `none`: the person did it, not a page.
  if (isForeign || (site !== undefined && site !== "same-origin" && site !== "none")) {
    throw new AppError("PERMISSION_DENIED", "This request must come from a page of this site.");
  }
}

/** The URL of our sign-in that leads back to where the person is. */
export function signInUrl(c: AppContext, again: SignInAgain): string {
  const url = new URL("/auth/login", c.var.scope.origin);
  const returnTo = safeReturnTo(again.returnTo ?? currentPage(c));
  if (returnTo !== "/") url.searchParams.set("return_to", returnTo);
  if (again.loginHint !== undefined) url.searchParams.set("login_hint", again.loginHint);
  if (again.prompt !== undefined) url.searchParams.set("prompt", again.prompt);
  return url.href;
}

/** The page that a person looks at: the one they ask for, or the one of ours whose script or form asks. */
function currentPage(c: AppContext): string | null {
  const shown = c.req.method === "GET" && isNavigation(c) ? c.req.url : c.req.header("Referer");
  if (shown === undefined || !URL.canParse(shown)) return null;
  const { origin, pathname, search } = new URL(shown);
  const isOurs = origin === c.var.scope.origin || shown === c.req.url;
  return isOurs ? pathname + search : null;
}

/**
 * Refuses a path that a server behind us might read as another one. Dot segments are not looked for: the runtime
 * resolves them (raw and as `%2e`) before a route is chosen, so they lead nowhere that could not be asked for directly.
 *
 * @throws AppError `INVALID_ARGUMENT`
 */
export function requirePlainPath(requestUrl: string): void {
  if (!/%2f|%5c|%00/i.test(new URL(requestUrl).pathname)) return;
  throw invalidArgument("path", "The path must not hold encoded separators.");
}
