/**
 * Who waits for the answer, a person or a program, and the address of the sign-in that leads a person back.
 */
import { accepts } from "hono/accepts";
import type { SignInAgain } from "../errors.ts";
import { type Reader, toReader } from "../pages/dates.ts";
import { safeReturnTo } from "../auth/return-to.ts";
import type { AppContext } from "./types.ts";

/** Whether a person waits for a page: a navigation, or without Fetch Metadata an `Accept` that prefers HTML. */
export function isNavigation(c: AppContext): boolean {
  // No browser sends a token when it navigates; some programs' default `Accept` begins with HTML.
  if (c.req.header("Authorization") !== undefined) return false;
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

/** Who reads the page that is asked for. */
export function readerOf(c: AppContext): Reader {
  return toReader({
    acceptLanguage: c.req.header("Accept-Language") ?? null,
    timeZone: c.req.raw.cf?.timezone,
    nowMs: c.var.scope.world.now(),
  });
}

/** The URL of our sign-in that leads back to where the person is. */
export function signInUrl(c: AppContext, again: SignInAgain): string {
  return new URL(signInPath({ ...again, returnTo: again.returnTo ?? currentPage(c) ?? "/" }), c.var.scope.origin).href;
}

/** The path of our sign-in. Without `returnTo` it leads to the start. */
export function signInPath({ returnTo, loginHint, prompt }: SignInAgain): string {
  const query = new URLSearchParams();
  const target = safeReturnTo(returnTo ?? null);
  if (target !== "/") query.set("return_to", target);
  if (loginHint !== undefined) query.set("login_hint", loginHint);
  if (prompt !== undefined) query.set("prompt", prompt);
  return query.size === 0 ? "/auth/login" : `/auth/login?${query.toString()}`;
}

/** The page that a person looks at: the one they ask for, or the one of ours whose script or form asks. */
function currentPage(c: AppContext): string | null {
  const shown = c.req.method === "GET" && isNavigation(c) ? c.req.url : c.req.header("Referer");
  if (shown === undefined || !URL.canParse(shown)) return null;
  const { origin, pathname, search } = new URL(shown);
  const isOurs = origin === c.var.scope.origin || shown === c.req.url;
  return isOurs ? pathname + search : null;
}
