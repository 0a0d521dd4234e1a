/**
 * Which requests get to a route at all, before any handler runs. Refuses plain HTTP except on loopback (pages get 308),
 * writes from another origin, and reads with the session cookie from another site, except navigation to a page. A write
 * with the cookie and without `Origin` and `Sec-Fetch-Site` counts as from another origin. A bearer token skips the origin
 * checks, which https://web.dev/articles/fetch-metadata calls a resource isolation policy.
 *
 * Which route a request is for is asked of the router, by the {@link page} marker, and never read from the URL again.
 */
import { createMiddleware } from "hono/factory";
import { matchedRoutes } from "hono/route";
import { isRead } from "../access.ts";
import { readSessionCookie } from "./cookies.ts";
import { AppError } from "../errors.ts";
import { isLoopback } from "../lib/origins.ts";
import type { AppContext, AppEnv } from "./types.ts";
import { bearerToken } from "./bearer.ts";

/** What browsers say of a load that nobody has asked for yet; the latter two are of older ones. */
const SPECULATION_HEADERS = ["Sec-Purpose", "Purpose", "X-Moz"];

/** Marks a route as a page: another site may lead a browser there. Stands before the route's handler. */
export const page = createMiddleware<AppEnv>((_, next) => next());

/** Lets a request on to its route, or refuses it. @throws AppError `PERMISSION_DENIED` */
export const isolate = createMiddleware<AppEnv>(async (c, next) => {
  const url = new URL(c.req.url);
  if (url.protocol === "http:" && !isLoopback(url.hostname)) return toHttps(c, url);
  // A token in a header is sent on purpose; only cookies are sent by themselves.
  if (bearerToken(c) === null) requireOwnSite(c);
  await next();
  return undefined;
});

/** Pages move to HTTPS. A program has sent its token in the clear, and should notice. */
function toHttps(c: AppContext, { host, pathname, search }: URL): Response {
  if (!isSafe(c) || !isPage(c)) {
    throw new AppError(
      "PERMISSION_DENIED",
      "Use https:// for this address. If you sent an API token, revoke it and make a new one: it was not encrypted.",
    );
  }
  const origin = c.var.scope.config.publicOrigin ?? `https://${host}`;
  return c.redirect(`${origin}${pathname}${search}`, 308);
}

/** Refuses what a page of another origin makes a browser send, for an answer that it could time or a change. */
function requireOwnSite(c: AppContext): void {
  const hasSession = readSessionCookie(c) !== null;
  const site = c.req.header("Sec-Fetch-Site");
  const isForeignSite = site !== undefined && site !== "same-origin" && site !== "none";
  if (isSafe(c)) {
    if (!hasSession || !isForeignSite || (isPage(c) && isTopLevelNavigation(c))) return;
    throw ledHere(c);
  }
  const origin = c.req.header("Origin");
  const isForeignOrigin = origin !== undefined && origin !== c.var.scope.origin;
  // `none`: the person did it, not a page. A browser that sends neither header cannot say so.
  const isUnknown = origin === undefined && site === undefined && hasSession;
  if (isForeignSite || isForeignOrigin || isUnknown) throw foreignRequest();
}

/**
 * Refuses a request whose `Origin` is not ours. Callers use it for writes with a session, which go on to Google.
 *
 * @throws AppError `PERMISSION_DENIED`
 */
export function requireOrigin(c: AppContext): void {
  if (c.req.header("Origin") !== c.var.scope.origin) throw foreignRequest();
}

/** Refuses a frame's document anywhere but in a frame. A browser that does not say is let through: a sandbox is left. */
export function requireFrame(c: AppContext): void {
  const destination = c.req.header("Sec-Fetch-Dest");
  if (destination === undefined || destination === "iframe") return;
  throw new AppError("PERMISSION_DENIED", "This is only a part of a message. Open the message from your mailbox.");
}

/** Whether a request changes nothing; a preflight does not, either. */
function isSafe({ req }: AppContext): boolean {
  return isRead(req.method) || req.method === "OPTIONS";
}

function isPage(c: AppContext): boolean {
  return matchedRoutes(c).some(({ handler }) => handler === page);
}

/** Whether there is a route of ours: middleware is there for every method and every path. */
function isRoute(c: AppContext): boolean {
  return matchedRoutes(c).some(({ method }) => method !== "ALL");
}

function isTopLevelNavigation(c: AppContext): boolean {
  const { req } = c;
  // A prefetch and a prerendering look like a navigation, and nobody has clicked: https://wicg.github.io/nav-speculation/
  const isSpeculative = SPECULATION_HEADERS.some((name) => req.header(name) !== undefined);
  return (
    !isSpeculative &&
    req.method === "GET" &&
    req.header("Sec-Fetch-Mode") === "navigate" &&
    req.header("Sec-Fetch-Dest") === "document"
  );
}

function foreignRequest(): AppError {
  return new AppError(
    "PERMISSION_DENIED",
    "This request did not come from a page of this site, so we refused it. Open this site and try again there.",
  );
}

/** Another site, or Google after consent, has led a person to what is not a page: a click of their own goes on. */
function ledHere(c: AppContext): AppError {
  if (!isTopLevelNavigation(c) || !isRoute(c)) return foreignRequest();
  const { pathname, search } = new URL(c.req.url);
  const words = "Another site sent you to data for programs. Use the link below if you want to open it.";
  return new AppError("PERMISSION_DENIED", words, {
    // Whole: a path that begins with two slashes would be another host.
    link: { href: c.var.scope.origin + pathname + search, text: "Open the address" },
  });
}
