/**
 * Answers in Google's own shapes, from its documentation: OAuth errors, the API error envelope, and the sign-in page's errors.
 */
import type { NamedFault } from "./protocol.ts";

const ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo";

/** A JSON answer as Google sends it. */
export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body, null, 2), {
    status,
    headers: { "content-type": "application/json; charset=UTF-8", ...headers },
  });
}

/** An error of the token or revocation endpoint (RFC 6749, 5.2). */
export function oauthError(error: string, description: string, status = 400, subtype?: string): Response {
  const extra = subtype === undefined ? {} : { error_subtype: subtype };
  return json({ error, error_description: description, ...extra }, status, { "cache-control": "no-store" });
}

/** An error that stays on Google's page and never comes back to the client. */
export function signInPageError(status: number, error: string, why: string): Response {
  const html = `<!doctype html><title>Error ${status}: ${error}</title><h1>Access blocked: authorization error</h1><p>${why}</p>`;
  return new Response(html, {
    status,
    headers: { "content-type": "text/html; charset=utf-8", "x-double-page-error": error },
  });
}

export interface ApiErrorSpec {
  readonly code: number;
  readonly status: string;
  readonly message: string;
  readonly reason: string;
  readonly domain?: string;
  /** `reason` of the ErrorInfo detail, for those errors that carry one. */
  readonly detail?: string;
  readonly headers?: Record<string, string>;
}

/** An error of a Google API, old and new fields together. */
export function apiError(spec: ApiErrorSpec): Response {
  const details =
    spec.detail === undefined
      ? {}
      : {
          details: [
            {
              "@type": ERROR_INFO,
              reason: spec.detail,
              domain: "googleapis.com",
              metadata: { service: "gmail.googleapis.com" },
            },
          ],
        };
  const errors = [{ message: spec.message, domain: spec.domain ?? "global", reason: spec.reason }];
  return json(
    { error: { code: spec.code, message: spec.message, errors, status: spec.status, ...details } },
    spec.code,
    spec.headers,
  );
}

/** 401 for a missing, expired, revoked or unknown access token. */
export function authError(): Response {
  return apiError({
    code: 401,
    status: "UNAUTHENTICATED",
    message:
      "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.",
    reason: "authError",
    headers: { "www-authenticate": 'Bearer realm="https://accounts.google.com/", error="invalid_token"' },
  });
}

/** 403 for a token that lacks the scope. */
export function scopeError(): Response {
  return apiError({
    code: 403,
    status: "PERMISSION_DENIED",
    message: "Request had insufficient authentication scopes.",
    reason: "insufficientPermissions",
    detail: "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
  });
}

const forbidden = (reason: string, message: string, domain = "usageLimits"): ApiErrorSpec => ({
  code: 403,
  status: "PERMISSION_DENIED",
  reason,
  message,
  domain,
});

const API_FAULTS = {
  rateLimitExceeded: forbidden("rateLimitExceeded", "Rate Limit Exceeded"),
  userRateLimitExceeded: forbidden("userRateLimitExceeded", "User Rate Limit Exceeded"),
  dailyLimitExceeded: forbidden("dailyLimitExceeded", "Daily Limit Exceeded"),
  domainPolicy: forbidden("domainPolicy", "The domain administrators have disabled Gmail apps.", "global"),
  accessNotConfigured: forbidden(
    "accessNotConfigured",
    "Gmail API has not been used in project 1234567890 before or it is disabled.",
  ),
  insufficientPermissions: forbidden("insufficientPermissions", "Insufficient Permission", "global"),
  failedPrecondition: {
    code: 400,
    status: "FAILED_PRECONDITION",
    reason: "failedPrecondition",
    message: "Mail service not enabled",
  },
  notFound: { code: 404, status: "NOT_FOUND", reason: "notFound", message: "Requested entity was not found." },
  backendError: { code: 500, status: "INTERNAL", reason: "backendError", message: "Internal error encountered." },
  unavailable: {
    code: 503,
    status: "UNAVAILABLE",
    reason: "backendError",
    message: "The service is currently unavailable.",
  },
} satisfies Partial<Record<NamedFault, ApiErrorSpec>>;

type Answer = (detail: string | undefined, atMs: number) => Response;

/** Errors that are no plain {@link ApiErrorSpec}. */
const OTHER_FAULTS: Record<Exclude<NamedFault, keyof typeof API_FAULTS>, Answer> = {
  invalid_grant: (subtype) =>
    subtype === undefined
      ? oauthError("invalid_grant", "Token has been expired or revoked.")
      : oauthError("invalid_grant", "reauth related error", 400, subtype),
  invalid_client: () => oauthError("invalid_client", "The OAuth client was not found.", 401),
  invalid_request: () => oauthError("invalid_request", "Bad Request"),
  invalid_token: () => oauthError("invalid_token", "Token expired or revoked"),
  authError,
  ACCESS_TOKEN_SCOPE_INSUFFICIENT: scopeError,
  tooManyRequests: (seconds) =>
    tooMany("Too many concurrent requests for user.", seconds === undefined ? {} : { "retry-after": seconds }),
  tooManyRequestsWithTime: (seconds = "1", atMs) => {
    const until = new Date(atMs + Number(seconds) * 1000).toISOString();
    return tooMany(`User-rate limit exceeded.  Retry after ${until}`, {});
  },
};

function isPlain(named: NamedFault): named is keyof typeof API_FAULTS {
  return named in API_FAULTS;
}

/** Google's answer for an error by name. `detail` is its subtype, or the seconds to wait. */
export function namedError(named: NamedFault, detail: string | undefined, atMs: number): Response {
  return isPlain(named) ? apiError(API_FAULTS[named]) : OTHER_FAULTS[named](detail, atMs);
}

function tooMany(message: string, headers: Record<string, string>): Response {
  return apiError({
    code: 429,
    status: "RESOURCE_EXHAUSTED",
    reason: "rateLimitExceeded",
    domain: "usageLimits",
    message,
    headers,
  });
}
