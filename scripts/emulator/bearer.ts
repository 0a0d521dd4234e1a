/**
 * Access tokens at the door of the emulated APIs: only live ones pass, with a scope that opens Gmail
 * where that is asked for.
 */

import type { MiddlewareHandler } from "hono";
import { apiError, INSUFFICIENT_SCOPE, INVALID_CREDENTIALS, MISSING_CREDENTIALS } from "./google-errors.ts";
import type { Ledger } from "./ledger.ts";
import { allowsGmail } from "./scopes.ts";

/** Lets a request pass only with a live access token; `gmail: true` also asks for a Gmail scope. */
export function bearerGate(ledger: Ledger, options: { gmail: boolean }): MiddlewareHandler {
  return async (c, next) => {
    const token = bearerToken(c.req.header("Authorization"));
    if (token === null) return apiError(MISSING_CREDENTIALS);
    const access = ledger.openAccessToken(token);
    if (access === null) return apiError(INVALID_CREDENTIALS);
    if (options.gmail && !allowsGmail(access.scopes, c.req.method)) return apiError(INSUFFICIENT_SCOPE);
    return next();
  };
}

/** The token of an `Authorization` header, or null when there is none. */
export function bearerToken(header: string | undefined): string | null {
  return /^Bearer\s+(\S+)$/i.exec(header ?? "")?.[1] ?? null;
}
