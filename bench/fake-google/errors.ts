/** Google's error bodies, as its APIs answer them. https://developers.google.com/workspace/gmail/api/guides/handle-errors */

/** What the fake answers. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

const JSON_TYPE = "application/json; charset=UTF-8";

/** A JSON answer. @param body a text or what becomes one */
export function json(body: string | object, status = 200): Answer {
  return { status, contentType: JSON_TYPE, body: typeof body === "string" ? body : JSON.stringify(body) };
}

/** An error of the OAuth endpoints (RFC 6749 §5.2). */
export function oauthError(error: string, description: string, status = 400): Answer {
  return json({ error, error_description: description }, status);
}

export const UNAUTHENTICATED = json(
  {
    error: {
      code: 401,
      message:
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
      errors: [
        {
          message: "Invalid Credentials",
          domain: "global",
          reason: "authError",
          location: "Authorization",
          locationType: "header",
        },
      ],
      status: "UNAUTHENTICATED",
    },
  },
  401,
);

export const TOO_MANY = json(
  {
    error: {
      code: 429,
      message: "Too many concurrent requests for user.",
      errors: [{ message: "Too many concurrent requests for user.", domain: "global", reason: "rateLimitExceeded" }],
      status: "RESOURCE_EXHAUSTED",
    },
  },
  429,
);

export const UNAVAILABLE = json(
  {
    error: {
      code: 503,
      message: "The service is currently unavailable.",
      errors: [{ message: "The service is currently unavailable.", domain: "global", reason: "backendError" }],
      status: "UNAVAILABLE",
    },
  },
  503,
);

export const NOT_FOUND = json(
  {
    error: {
      code: 404,
      message: "Requested entity was not found.",
      errors: [{ message: "Requested entity was not found.", domain: "global", reason: "notFound" }],
      status: "NOT_FOUND",
    },
  },
  404,
);
