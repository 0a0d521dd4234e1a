/**
 * Error answers in Google's own words and shapes: the envelope of its APIs, the OAuth errors of RFC
 * 6749, and the page of its front end for a failure behind it.
 *
 * https://developers.google.com/workspace/gmail/api/guides/handle-errors
 */

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
  return json(
    {
      error: {
        code,
        message,
        errors: [entry],
        status: error.status ?? STATUS_NAMES[code] ?? "UNKNOWN",
        ...(error.detail === undefined ? {} : { details: [details] }),
      },
    },
    { status: code, ...(error.headers === undefined ? {} : { headers: error.headers }) },
  );
}

/** 401: the token is unknown, expired or revoked. */
export const INVALID_CREDENTIALS: ApiError = {
  code: 401,
  message: `Request had invalid authentication credentials. ${HELP}`,
  entryMessage: "Invalid Credentials",
  reason: "authError",
  location: ["header", "Authorization"],
  headers: { "WWW-Authenticate": `${REALM}, error="invalid_token"` },
};

/** 401: there is no token. */
export const MISSING_CREDENTIALS: ApiError = {
  code: 401,
  message: `Request is missing required authentication credential. ${HELP}`,
  entryMessage: "Login Required.",
  reason: "required",
  location: ["header", "Authorization"],
  headers: { "WWW-Authenticate": REALM },
};

/** 403: the token's scopes do not cover this call. */
export const INSUFFICIENT_SCOPE: ApiError = {
  code: 403,
  message: "Request had insufficient authentication scopes.",
  entryMessage: "Insufficient Permission",
  reason: "insufficientPermissions",
  detail: "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
  headers: { "WWW-Authenticate": `${REALM}, error="insufficient_scope"` },
};

/** 404: nothing has this ID, or this path. */
export const NOT_FOUND: ApiError = { code: 404, message: "Requested entity was not found.", reason: "notFound" };

/** 429: more of this user's requests are in flight than Gmail serves at once. */
export const TOO_MANY_CONCURRENT: ApiError = {
  code: 429,
  message: "Too many concurrent requests for user",
  reason: "rateLimitExceeded",
  domain: "usageLimits",
};

/** 400 in these words. */
export function badRequest(message: string): ApiError {
  return { code: 400, message, reason: "badRequest" };
}

/** An error of the token or revocation endpoint (RFC 6749, section 5.2). */
export function oauthError(error: string, description: string, init: ResponseInit): Response {
  return json({ error, error_description: description }, init);
}

/** What Google's front end shows when it gets no answer from behind it: a page, and no JSON. */
export function frontEndError(status: number, headers: Readonly<Record<string, string>> = {}): Response {
  const page = `<!DOCTYPE html>
<html lang=en>
  <title>Error ${status} (Server Error)!!1</title>
  <p><b>${status}.</b> <ins>That’s an error.</ins>
  <p>The server encountered a temporary error and could not complete your request. <ins>That’s all we know.</ins>
`;
  return new Response(page, { status, headers: { "Content-Type": "text/html; charset=UTF-8", ...headers } });
}

function json(body: unknown, init: ResponseInit): Response {
  const headers = new Headers(init.headers);
  headers.set("Content-Type", "application/json; charset=UTF-8");
  return new Response(JSON.stringify(body, null, 2), { ...init, headers });
}
