/**
 * Answers in Google's own words and shapes: the envelope of its APIs, the OAuth errors of RFC 6749, the page of its front end
 * for a failure behind it. Google's words for a 429 and a 5xx of the token endpoint are guessed: go by the status there.
 *
 * https://developers.google.com/workspace/gmail/api/guides/handle-errors
 */
import type { Fault, NamedFault } from "./protocol.ts";

const REALM = 'Bearer realm="https://accounts.google.com/"';
const HELP =
  "Expected OAuth 2 access token, login cookie or other valid authentication credential. " +
  "See https://developers.google.com/identity/sign-in/web/devconsole-project.";

/** The canonical name that goes with an HTTP status. */
const STATUS_NAMES: Readonly<Record<number, string>> = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  429: "RESOURCE_EXHAUSTED",
  500: "INTERNAL",
  503: "UNAVAILABLE",
  504: "DEADLINE_EXCEEDED",
};

/** An error of a Google API. */
export interface ApiError {
  readonly code: number;
  readonly message: string;
  readonly reason: string;
  /** `global` when left out. */
  readonly domain?: string;
  /** The canonical name, where it is not the usual one of the HTTP status. */
  readonly status?: string;
  /** Where the fault lies, such as `["header", "Authorization"]`. */
  readonly location?: readonly [type: string, name: string];
  /** What the old-style entry says, where that is not `message`. */
  readonly entryMessage?: string;
  /** `reason` of the ErrorInfo, for those errors that carry one. */
  readonly detail?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A JSON answer as Google sends it. @param indent none with `prettyPrint=false` */
export function json(
  body: unknown,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
  indent = 2,
): Response {
  return new Response(JSON.stringify(body, null, indent), {
    status,
    headers: { "content-type": "application/json; charset=UTF-8", ...headers },
  });
}

/** The answer for an error, with the old fields (`errors`) and the new ones (`status`, `details`). */
export function apiError(error: ApiError): Response {
  const { code, message, location } = error;
  const entry = {
    message: error.entryMessage ?? message,
    domain: error.domain ?? "global",
    reason: error.reason,
    ...(location === undefined ? {} : { locationType: location[0], location: location[1] }),
  };
  const details = {
    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
    reason: error.detail,
    domain: "googleapis.com",
    metadata: { service: "gmail.googleapis.com" },
  };
  const status = error.status ?? STATUS_NAMES[code] ?? "UNKNOWN";
  const known = error.detail === undefined ? {} : { details: [details] };
  return json({ error: { code, message, errors: [entry], status, ...known } }, code, error.headers);
}

/** An error of the token or revocation endpoint (RFC 6749, 5.2). */
export function oauthError(error: string, description: string, status = 400, subtype?: string): Response {
  const extra = subtype === undefined ? {} : { error_subtype: subtype };
  return json({ error, error_description: description, ...extra }, status, { "cache-control": "no-store" });
}

/** What Google's front end shows for a failure behind it: a page, and no JSON. */
export function frontEndPage(status: number): Response {
  const page = `<!DOCTYPE html>
<html lang=en>
  <title>Error ${status} (Server Error)!!1</title>
  <p><b>${status}.</b> <ins>That’s an error.</ins>
  <p>The server encountered a temporary error and could not complete your request. <ins>That’s all we know.</ins>
`;
  return new Response(page, { status, headers: { "content-type": "text/html; charset=UTF-8" } });
}

/** 401: there is no token. */
export const MISSING_CREDENTIALS: ApiError = {
  code: 401,
  message: `Request is missing required authentication credential. ${HELP}`,
  entryMessage: "Login Required.",
  reason: "required",
  location: ["header", "Authorization"],
  headers: { "www-authenticate": REALM },
};

/** Google's 400 for an argument that makes no sense. */
export function badRequest(message: string): Response {
  return apiError({ code: 400, message, reason: "invalidArgument" });
}

const limit = (reason: string, message: string): ApiError => ({ code: 403, message, reason, domain: "usageLimits" });

/** 429: more of this user's requests are in flight than Gmail serves at once. */
const TOO_MANY: ApiError = {
  code: 429,
  message: "Too many concurrent requests for user",
  reason: "rateLimitExceeded",
  domain: "usageLimits",
};

const API_ERRORS = {
  authError: {
    code: 401,
    message: `Request had invalid authentication credentials. ${HELP}`,
    entryMessage: "Invalid Credentials",
    reason: "authError",
    location: ["header", "Authorization"],
    headers: { "www-authenticate": `${REALM}, error="invalid_token"` },
  },
  ACCESS_TOKEN_SCOPE_INSUFFICIENT: {
    code: 403,
    message: "Request had insufficient authentication scopes.",
    entryMessage: "Insufficient Permission",
    reason: "insufficientPermissions",
    detail: "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
    headers: { "www-authenticate": `${REALM}, error="insufficient_scope"` },
  },
  insufficientPermissions: { code: 403, message: "Insufficient Permission", reason: "insufficientPermissions" },
  tooManyRequests: TOO_MANY,
  tooManyRequestsWithTime: TOO_MANY,
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
  badRequest: { code: 400, message: "Request contains an invalid argument.", reason: "badRequest" },
  failedPrecondition: {
    code: 400,
    message: "Mail service not enabled",
    reason: "failedPrecondition",
    status: "FAILED_PRECONDITION",
  },
  notFound: { code: 404, message: "Requested entity was not found.", reason: "notFound" },
  backendError: { code: 500, message: "Internal error encountered.", reason: "backendError" },
  unavailable: { code: 503, message: "The service is currently unavailable.", reason: "backendError" },
  deadlineExceeded: { code: 504, message: "Deadline expired before operation could complete.", reason: "backendError" },
} satisfies Partial<Record<NamedFault, ApiError>>;

/** Status and description of the OAuth errors (RFC 6749, section 5.2; RFC 7009, section 2.2.1). */
const OAUTH_ERRORS: Record<Exclude<NamedFault, keyof typeof API_ERRORS | "badGateway">, readonly [number, string]> = {
  invalid_grant: [400, "Token has been expired or revoked."],
  invalid_client: [401, "The OAuth client was not found."],
  invalid_request: [400, "Bad Request"],
  invalid_token: [400, "Token expired or revoked"],
  unauthorized_client: [401, "Unauthorized"],
  admin_policy_enforced: [400, "Access to your account data is restricted by policies within your organization."],
  rate_limit_exceeded: [429, "Rate limit exceeded."],
  internal_failure: [500, "Backend Error"],
};

/** Names of the errors that an endpoint of a kind can answer. */
export const API_REASONS = Object.keys(API_ERRORS);
export const OAUTH_REASONS = Object.keys(OAUTH_ERRORS);

function isApiReason(name: NamedFault): name is keyof typeof API_ERRORS {
  return name in API_ERRORS;
}

/** An error that is no fault of a test, but Google's own judgement. */
export function refusal(named: keyof typeof API_ERRORS): Response {
  return apiError(API_ERRORS[named]);
}

type NamedError = Pick<Fault, "detail" | "status" | "retryAfter" | "retryAfterIn">;

/** Google's answer for an error by name, with what a fault wants otherwise. @param atMs Google's clock */
export function namedError(named: NamedFault, fault: NamedError, atMs: number): Response {
  if (named === "badGateway") return frontEndPage(502);
  const seconds = fault.retryAfter ?? (named.startsWith("tooMany") ? Number(fault.detail ?? Number.NaN) : Number.NaN);
  const inMessage = fault.retryAfterIn === "message" || named === "tooManyRequestsWithTime";
  const header = Number.isNaN(seconds) || inMessage ? {} : { "retry-after": String(seconds) };
  if (isApiReason(named)) {
    const error: ApiError = API_ERRORS[named];
    const until = new Date(atMs + (Number.isNaN(seconds) ? 1 : seconds) * 1000).toISOString();
    const message = `User-rate limit exceeded.  Retry after ${until}`;
    return apiError({
      ...error,
      code: fault.status ?? error.code,
      ...(inMessage ? { message, entryMessage: message } : {}),
      headers: { ...error.headers, ...header },
    });
  }
  const [status, description] = OAUTH_ERRORS[named];
  const isReauth = named === "invalid_grant" && fault.detail !== undefined;
  const words = isReauth ? "reauth related error" : description;
  const answer = oauthError(named, words, fault.status ?? status, fault.detail);
  for (const [name, value] of Object.entries(header)) answer.headers.set(name, value);
  return answer;
}
