/**
 * The errors that a fault can answer, by HTTP status or by Google's own name, in Google's words. Those
 * of the token endpoint for a 429 and a 5xx are guessed: a client must go by the status there.
 */

import {
  apiError,
  badRequest,
  frontEndError,
  INSUFFICIENT_SCOPE,
  INVALID_CREDENTIALS,
  NOT_FOUND,
  oauthError,
  TOO_MANY_CONCURRENT,
  type ApiError,
} from "./google-errors.ts";

const limit = (reason: string, message: string): ApiError => ({ code: 403, message, reason, domain: "usageLimits" });

const API_ERRORS = {
  authError: INVALID_CREDENTIALS,
  insufficientPermissions: INSUFFICIENT_SCOPE,
  rateLimitExceeded: limit("rateLimitExceeded", "Rate Limit Exceeded"),
  userRateLimitExceeded: limit("userRateLimitExceeded", "User Rate Limit Exceeded"),
  dailyLimitExceeded: limit("dailyLimitExceeded", "Daily Limit Exceeded"),
  accessNotConfigured: limit(
    "accessNotConfigured",
    "Gmail API has not been used in project 1234567890 before or it is disabled.",
  ),
  domainPolicy: {
    code: 403,
    message: "The domain administrators have disabled Gmail apps.",
    reason: "domainPolicy",
  },
  forbidden: { code: 403, message: "The caller does not have permission", reason: "forbidden" },
  badRequest: badRequest("Request contains an invalid argument."),
  failedPrecondition: {
    code: 400,
    message: "Mail service not enabled",
    reason: "failedPrecondition",
    status: "FAILED_PRECONDITION",
  },
  notFound: NOT_FOUND,
  backendError: { code: 500, message: "Internal error encountered.", reason: "backendError" },
} satisfies Record<string, ApiError>;

/** Status and description of the OAuth errors (RFC 6749, section 5.2; RFC 7009, section 2.2.1). */
const OAUTH_ERRORS = {
  invalid_grant: [400, "Token has been expired or revoked."],
  invalid_client: [401, "The OAuth client was not found."],
  invalid_request: [400, "Bad Request"],
  invalid_token: [400, "Token expired or revoked"],
  rate_limit_exceeded: [429, "Rate limit exceeded."],
  internal_failure: [500, "Backend Error"],
} satisfies Record<string, readonly [number, string]>;

/** What an API answers with a status of which no more is said. A 502 comes from the front end. */
const ERRORS_OF_STATUS = {
  400: API_ERRORS.badRequest,
  401: API_ERRORS.authError,
  403: API_ERRORS.forbidden,
  404: API_ERRORS.notFound,
  429: TOO_MANY_CONCURRENT,
  500: API_ERRORS.backendError,
  502: null,
  503: { code: 503, message: "The service is currently unavailable.", reason: "backendError" },
  504: { code: 504, message: "Deadline expired before operation could complete.", reason: "backendError" },
} satisfies Record<number, ApiError | null>;

type ApiReason = keyof typeof API_ERRORS;
type OAuthReason = keyof typeof OAUTH_ERRORS;
type ErrorStatus = keyof typeof ERRORS_OF_STATUS;

export const API_REASONS = Object.keys(API_ERRORS) as ApiReason[];
export const OAUTH_REASONS = Object.keys(OAUTH_ERRORS) as OAuthReason[];
export const ERROR_STATUSES = Object.keys(ERRORS_OF_STATUS).map(Number) as ErrorStatus[];

/** Which error to answer. By its status alone, by its name, or by a name with another status than usual. */
export interface FaultError {
  readonly status?: ErrorStatus | undefined;
  readonly reason?: ApiReason | OAuthReason | undefined;
  /** When to try again, and whether a header says so or the message. */
  readonly retry?: { readonly in: "header" | "message"; readonly seconds: number; readonly nowMs: number } | undefined;
}

/** The error as one of Google's APIs answers it. */
export function apiFault({ status, reason, retry }: FaultError): Response {
  const named = reason !== undefined && isApiReason(reason) ? API_ERRORS[reason] : null;
  const error: ApiError | null = named ?? ERRORS_OF_STATUS[status ?? 500];
  const headers = retryHeaders(retry);
  if (error === null) return frontEndError(status ?? 502, headers);
  const until = new Date((retry?.nowMs ?? 0) + (retry?.seconds ?? 0) * 1000).toISOString();
  const message = `User-rate limit exceeded.  Retry after ${until}`;
  return apiError({
    ...error,
    code: status ?? error.code,
    ...(retry?.in === "message" ? { message, entryMessage: message } : {}),
    headers: { ...error.headers, ...headers },
  });
}

/** The error as the token or the revocation endpoint answers it. */
export function oauthFault({ status, reason, retry }: FaultError): Response {
  const name = reason !== undefined && !isApiReason(reason) ? reason : null;
  const code = status ?? (reason !== undefined && isApiReason(reason) ? API_ERRORS[reason].code : 500);
  const [usualCode, description] = OAUTH_ERRORS[name ?? oauthReasonOf(code)];
  const init = { status: name === null ? code : (status ?? usualCode), headers: retryHeaders(retry) };
  return oauthError(name ?? oauthReasonOf(code), description, init);
}

function oauthReasonOf(code: number): OAuthReason {
  if (code >= 500) return "internal_failure";
  if (code === 429) return "rate_limit_exceeded";
  return code === 401 ? "invalid_client" : "invalid_request";
}

function isApiReason(reason: ApiReason | OAuthReason): reason is ApiReason {
  return reason in API_ERRORS;
}

function retryHeaders(retry: FaultError["retry"]): Record<string, string> {
  return retry?.in === "header" ? { "Retry-After": String(retry.seconds) } : {};
}
