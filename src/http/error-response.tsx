/**
 * How errors are answered: one shape for programs, pages and redirects for people. The one place that turns an error
 * into a response.
 */
import type { ErrorHandler, NotFoundHandler } from "hono";
import type { StatusCode } from "hono/utils/http-status";
import { scriptNonce } from "./content-policy.ts";
import { AppError, type ErrorStatus, toErrorStatus } from "../errors.ts";
import { reportError } from "../lib/log.ts";
import { ErrorPage } from "../pages/error.tsx";
import { isNavigation, signInUrl } from "./navigation.ts";
import type { AppContext, AppEnv } from "./types.ts";

/** The body of an error answer to a program. https://google.aip.dev/193 */
export function errorBody(c: AppContext, error: AppError): { error: ErrorStatus } {
  const authorizationUrl = authorizationUrlOf(c, error);
  return {
    error: toErrorStatus(error, {
      ...(authorizationUrl === null ? {} : { authorizationUrl }),
      requestId: c.var.scope.trace.requestId,
    }),
  };
}

/** Our sign-in, which leads back; null where signing in again does not help. */
export function authorizationUrlOf(c: AppContext, { signInAgain }: AppError): string | null {
  return signInAgain === null ? null : signInUrl(c, signInAgain);
}

/** `app.onError`: a redirect to sign-in or a page for a person, JSON for a program. */
export const handleError: ErrorHandler<AppEnv> = async (thrown, c) => {
  // Whatever the handler was about to answer, this is ours.
  c.set("contentPolicy", "page");
  const error = reportError(c.var.scope.trace, thrown);
  const isForPerson = isNavigation(c);
  if (isForPerson && error.code === 401 && error.signInAgain !== null && c.req.method === "GET") {
    return c.redirect(signInUrl(c, error.signInAgain));
  }
  // RFC 6750 §3: a caller with a token learns that it is not valid.
  const challenge = c.req.header("Authorization") === undefined ? "Bearer" : 'Bearer error="invalid_token"';
  if (error.code === 401) c.header("WWW-Authenticate", challenge);
  if (error.retryAfterSeconds !== null) c.header("Retry-After", String(error.retryAfterSeconds));
  c.status(toStatusCode(error.code));
  if (!isForPerson) return c.json(errorBody(c, error));
  const { requestId } = c.var.scope.trace;
  return c.html(
    <ErrorPage
      error={error}
      requestId={requestId}
      authorizationUrl={authorizationUrlOf(c, error)}
      nonce={scriptNonce(c)}
    />,
  );
};

/** `app.notFound`. */
export const handleNotFound: NotFoundHandler<AppEnv> = (c) => {
  const isUpload = /^\/(?:resumable\/)?upload\/gmail\//.test(new URL(c.req.url).pathname);
  return handleError(new AppError("NOT_FOUND", isUpload ? NO_UPLOAD : "There is nothing at this address."), c);
};

/** Google's clients choose this address by themselves where they are given a message as media. */
const NO_UPLOAD =
  "Gmail's upload endpoint is not passed on. Send the message below /gmail/v1/ as JSON, in the member raw, with 8 MiB at most.";

function toStatusCode(code: number): StatusCode {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Hono types the codes that it knows; all of ours are among them
  return code as StatusCode;
}
