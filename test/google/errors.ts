/**
 * Answers in Google's own words and shapes: the envelope of its APIs, the OAuth errors of RFC 6749, the page of its front end
 * for a failure behind it. Google's words for a 429 and a 5xx of the token endpoint are guessed: go by the status there.
 *
 * https://developers.google.com/workspace/gmail/api/guides/handle-errors
 */
const REALM = 'Bearer realm="https://accounts.google.com/"';
const HELP =
  "Expected OAuth 2 access token, login cookie or other valid authentication credential. " +
  "See https://developers.google.com/identity/sign-in/web/devconsole-project.";

/** The canonical name that goes with an HTTP status. */
// prettier-ignore
const STATUS_NAMES: Readonly<Record<number, string>> = {
  400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 409: "ABORTED",
  429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED",
};

/** What an error of a Google API has besides code, reason and message. */
interface More {
  /** `global` when left out. */
  readonly domain?: string;
  /** The canonical name, where it is not the usual one of the HTTP status. */
  readonly status?: string;
  /** The parameter or header where the fault lies. */
  readonly location?: readonly [type: string, name: string];
  /** What the old-style entry says, where that is not `message`. */
  readonly entryMessage?: string;
  /** `reason` of the ErrorInfo, for those errors that carry one. */
  readonly detail?: string;
  readonly headers?: Readonly<Record<string, string>>;
}
type ApiError = readonly [code: number, reason: string, message: string, more?: More];

/** A JSON answer as Google sends it. @param indent none with `prettyPrint=false` */
export function json(
  body: unknown,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
  indent = 2,
): Response {
  const text = JSON.stringify(body, null, indent);
  return new Response(text, { status, headers: { "content-type": "application/json; charset=UTF-8", ...headers } });
}

/** The answer for an error, with the old fields (`errors`) and the new ones (`status`, `details`). */
export function apiError(...[code, reason, message, more = {}]: ApiError): Response {
  const {
    location,
    detail,
    domain = "global",
    entryMessage = message,
    status = STATUS_NAMES[code] ?? "UNKNOWN",
  } = more;
  const place = location === undefined ? {} : { locationType: location[0], location: location[1] };
  const info = {
    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
    reason: detail,
    domain: "googleapis.com",
    metadata: { service: "gmail.googleapis.com" },
  };
  const errors = [{ message: entryMessage, domain, reason, ...place }];
  const details = detail === undefined ? {} : { details: [info] };
  return json({ error: { code, message, errors, status, ...details } }, code, more.headers);
}

/** Google's 400 for an argument that makes no sense. */
export function badRequest(message: string): Response {
  return apiError(400, "invalidArgument", message);
}

/** An error of the token or revocation endpoint (RFC 6749, 5.2). */
export function oauthError(error: string, description: string, status = 400, more: object = {}): Response {
  return json({ error, error_description: description, ...more }, status, { "cache-control": "no-store" });
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

/** More of what a 401, or a 403 for a scope, says. */
function challenge(parameter: string, more: More): More {
  return { headers: { "www-authenticate": REALM + parameter }, ...more };
}
const LIMIT = { domain: "usageLimits" };
const LOCATION = ["header", "Authorization"] as const;
const NO_LOGIN = challenge("", { entryMessage: "Login Required.", location: LOCATION });
const BAD_LOGIN = challenge(', error="invalid_token"', { entryMessage: "Invalid Credentials", location: LOCATION });
const BAD_SCOPE = challenge(', error="insufficient_scope"', {
  entryMessage: "Insufficient Permission",
  detail: "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
});
/** More of this user's requests are in flight than Gmail serves at once. */
const TOO_MANY: ApiError = [429, "rateLimitExceeded", "Too many concurrent requests for user", LIMIT];

// prettier-ignore
const API_ERRORS = {
  missingCredentials: [401, "required", `Request is missing required authentication credential. ${HELP}`, NO_LOGIN],
  authError: [401, "authError", `Request had invalid authentication credentials. ${HELP}`, BAD_LOGIN],
  ACCESS_TOKEN_SCOPE_INSUFFICIENT:
    [403, "insufficientPermissions", "Request had insufficient authentication scopes.", BAD_SCOPE],
  insufficientPermissions: [403, "insufficientPermissions", "Insufficient Permission"],
  tooManyRequests: TOO_MANY,
  tooManyRequestsWithTime: TOO_MANY,
  rateLimitExceeded: [403, "rateLimitExceeded", "Rate Limit Exceeded", LIMIT],
  userRateLimitExceeded: [403, "userRateLimitExceeded", "User Rate Limit Exceeded", LIMIT],
  dailyLimitExceeded: [403, "dailyLimitExceeded", "Daily Limit Exceeded", LIMIT],
  accessNotConfigured:
    [403, "accessNotConfigured", "Gmail API has not been used in project 1234567890 before or it is disabled.", LIMIT],
  domainPolicy: [403, "domainPolicy", "The domain administrators have disabled Gmail apps."],
  forbidden: [403, "forbidden", "The caller does not have permission"],
  badRequest: [400, "badRequest", "Request contains an invalid argument."],
  failedPrecondition: [400, "failedPrecondition", "Mail service not enabled", { status: "FAILED_PRECONDITION" }],
  notFound: [404, "notFound", "Requested entity was not found."],
  backendError: [500, "backendError", "Internal error encountered."],
  unavailable: [503, "backendError", "The service is currently unavailable."],
} as const satisfies Record<string, ApiError>;
type ApiErrorName = keyof typeof API_ERRORS;

/** Status and description of the OAuth errors (RFC 6749, section 5.2; RFC 7009, section 2.2.1). */
const OAUTH_ERRORS = {
  invalid_grant: [400, "Token has been expired or revoked."],
  invalid_client: [401, "The OAuth client was not found."],
  invalid_request: [400, "Bad Request"],
  invalid_token: [400, "Token expired or revoked"],
  unauthorized_client: [401, "Unauthorized"],
  admin_policy_enforced: [400, "Access to your account data is restricted by policies within your organization."],
  rate_limit_exceeded: [429, "Rate limit exceeded."],
  internal_failure: [500, "Backend Error"],
} as const;

/** Errors that Google is known to answer, by the names that its documentation uses. */
export type ErrorName = ApiErrorName | keyof typeof OAUTH_ERRORS;
export const ERROR_NAMES = Object.keys({ ...API_ERRORS, ...OAUTH_ERRORS }) as ErrorName[];

/** An error that is no fault of a test, but Google's own judgement. */
export function refusal(name: ApiErrorName): Response {
  const error: ApiError = API_ERRORS[name];
  return apiError(...error);
}

/** What a fault wants otherwise than usual. */
interface Changes {
  readonly detail?: string;
  readonly status?: number;
  readonly retryAfter?: number;
}

/** Google's answer for an error by name. @param atMs Google's clock */
export function namedError(name: ErrorName, { detail, status, retryAfter }: Changes, atMs: number): Response {
  const seconds = retryAfter ?? (name.startsWith("tooMany") && detail !== undefined ? Number(detail) : null);
  const isInMessage = name === "tooManyRequestsWithTime";
  let answer: Response;
  if (name in OAUTH_ERRORS) {
    const [usual, words] = OAUTH_ERRORS[name as keyof typeof OAUTH_ERRORS];
    const isReauth = name === "invalid_grant" && detail !== undefined;
    const description = isReauth ? "reauth related error" : words;
    answer = oauthError(name, description, status ?? usual, isReauth ? { error_subtype: detail } : {});
  } else {
    const [code, reason, usual, more]: ApiError = API_ERRORS[name as ApiErrorName];
    const until = new Date(atMs + (seconds ?? 1) * 1000).toISOString();
    const message = isInMessage ? `User-rate limit exceeded.  Retry after ${until}` : usual;
    answer = apiError(status ?? code, reason, message, more);
  }
  if (seconds !== null && !isInMessage) answer.headers.set("retry-after", String(seconds));
  return answer;
}
