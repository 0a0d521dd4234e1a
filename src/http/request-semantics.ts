/**
 * Headers that change what a request means, on every route: what is not honoured is refused, with its name. Dropped, it
 * would be another request than the one that was meant.
 */
import { createMiddleware } from "hono/factory";
import { matchedRoutes } from "hono/route";
import { invalidArgument } from "../errors.ts";
import { meantMethod } from "../gmail/method-override.ts";
import type { AppEnv } from "./types.ts";

/** Marks a route that honours an override of the method. Stands before the route's handler. */
export const overridable = createMiddleware<AppEnv>((_, next) => next());

/** @throws AppError `INVALID_ARGUMENT` */
export const plainMeaning = createMiddleware<AppEnv>(async (c, next) => {
  // Where nothing is, there is nothing to mean: 404, or 405.
  if (!matchedRoutes(c).some((route) => route.method !== "ALL")) return next();
  const { headers, method } = c.req.raw;
  const isOverridable = matchedRoutes(c).some(({ handler }) => handler === overridable);
  if (meantMethod(method, headers) !== method && !isOverridable) {
    throw invalidArgument("X-HTTP-Method-Override", "X-HTTP-Method-Override is honoured below /gmail/v1/ only.");
  }
  // RFC 9110 §10.1.1: 100-continue is the server's to answer, and there is no other.
  requireOneOf(headers, "Expect", ["100-continue"]);
  // RFC 9112 §6.1: chunks are taken apart by the server.
  requireOneOf(headers, "Transfer-Encoding", ["chunked", "identity"]);
  return next();
});

function requireOneOf(headers: Headers, name: string, known: readonly string[]): void {
  const value = headers.get(name)?.trim().toLowerCase();
  if (value === undefined || known.includes(value)) return;
  throw invalidArgument(name, `${name} may only be ${known.join(" or ")}.`);
}
