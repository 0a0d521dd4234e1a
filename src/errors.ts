/**
 * The error vocabulary: every reason that the Worker can answer, in one table, and the one error class that
 * carries a reason from where something went wrong to where it is told. Knows nothing of HTTP frameworks,
 * Google or storage, and must not import from any other module.
 */

interface ReasonInfo {
  /** HTTP status code. */
  readonly code: number;
  /** Canonical status of google.rpc.Code, as Google's clients expect it beside the code. */
  readonly status: string;
  /** What a person reads as the headline of the error page. */
  readonly title: string;
}

/** Reason → HTTP status, canonical status and headline. docs: README.md, "Errors". */
export const REASONS = {
  // Who is calling
  SIGN_IN_REQUIRED: { code: 401, status: "UNAUTHENTICATED", title: "Please sign in" },
  CONSENT_REQUIRED: { code: 401, status: "UNAUTHENTICATED", title: "Google needs your consent again" },
  SCOPE_REQUIRED: { code: 403, status: "PERMISSION_DENIED", title: "A permission is missing" },
  ACCOUNT_NOT_ALLOWED: { code: 403, status: "PERMISSION_DENIED", title: "This account may not be used here" },
  ACCESS_BLOCKED: { code: 403, status: "PERMISSION_DENIED", title: "Google blocks this access" },
  // The trip to Google and back
  INVALID_STATE: { code: 400, status: "INVALID_ARGUMENT", title: "This sign-in can no longer be finished" },
  INVALID_ISSUER: { code: 400, status: "INVALID_ARGUMENT", title: "This answer does not come from Google" },
  CONSENT_DENIED: { code: 403, status: "PERMISSION_DENIED", title: "You did not give access" },
  AUTHORIZATION_FAILED: { code: 400, status: "FAILED_PRECONDITION", title: "Google did not authorize the sign-in" },
  CODE_EXCHANGE_FAILED: { code: 400, status: "FAILED_PRECONDITION", title: "Google refused the sign-in code" },
  INVALID_ID_TOKEN: { code: 400, status: "INVALID_ARGUMENT", title: "Your identity could not be verified" },
  NO_USER_ID: { code: 400, status: "FAILED_PRECONDITION", title: "Google did not say who you are" },
  NO_REFRESH_TOKEN: { code: 403, status: "PERMISSION_DENIED", title: "Google gave no lasting access" },
  // Outages
  RATE_LIMITED: { code: 429, status: "RESOURCE_EXHAUSTED", title: "Too many requests to Gmail" },
  UPSTREAM_UNAVAILABLE: { code: 502, status: "UNAVAILABLE", title: "Google cannot be reached" },
  STORAGE_UNAVAILABLE: { code: 503, status: "UNAVAILABLE", title: "Our storage cannot be reached" },
  INTERNAL: { code: 500, status: "INTERNAL", title: "Something went wrong here" },
  // The request itself; the canonical codes that Google's own errors are passed on with
  INVALID_ARGUMENT: { code: 400, status: "INVALID_ARGUMENT", title: "Something in the request is not valid" },
  FAILED_PRECONDITION: { code: 400, status: "FAILED_PRECONDITION", title: "Google refused the request" },
  PERMISSION_DENIED: { code: 403, status: "PERMISSION_DENIED", title: "This is not permitted" },
  NOT_FOUND: { code: 404, status: "NOT_FOUND", title: "There is nothing here" },
  METHOD_NOT_ALLOWED: { code: 405, status: "UNIMPLEMENTED", title: "That is not possible here" },
} as const satisfies Record<string, ReasonInfo>;

export type Reason = keyof typeof REASONS;

/** How to lead the person back to Google; the answer turns it into a link to `/auth/login`. */
export interface SignInAgain {
  readonly prompt?: "consent" | "select_account";
  readonly loginHint?: string;
  /** Where to go after signing in; without it, the page that asked. */
  readonly returnTo?: string;
}

/** A link on the error page. */
export interface PageLink {
  readonly href: string;
  readonly text: string;
}

export interface AppErrorOptions {
  /** HTTP status, where it is not the reason's own (504 for a timeout, Google's own 4xx). */
  readonly code?: number;
  /** Canonical status, where it is not the reason's own (Google's own words for a 4xx). */
  readonly status?: string;
  /**
   * What programs read in place of the message: words that are not ours, such as Google's, which may repeat what
   * somebody has put into a link. No page shows them.
   */
  readonly programMessage?: string;
  /** Facts for programs. Never a secret, an address or search text. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly retryAfterSeconds?: number;
  readonly signInAgain?: SignInAgain;
  /** Where else a person may go on; shown on the page, and not told to programs. */
  readonly link?: PageLink;
  /** What the log may say and the answer must not, such as Google's OAuth error code. Never a secret. */
  readonly logDetail?: string;
  readonly cause?: unknown;
}

/**
 * An error with a reason of the table. Its message stands on pages, so it is in our own words, says what is wrong and
 * what to do, and holds nothing secret and nothing that a link could choose.
 */
export class AppError extends Error {
  override readonly name = "AppError";
  readonly reason: Reason;
  readonly code: number;
  readonly status: string;
  /** What programs read: {@link AppErrorOptions.programMessage}, or the message. */
  readonly programMessage: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly retryAfterSeconds: number | null;
  readonly signInAgain: SignInAgain | null;
  readonly link: PageLink | null;
  readonly logDetail: string | null;

  constructor(reason: Reason, message: string, options: AppErrorOptions = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.reason = reason;
    this.code = options.code ?? REASONS[reason].code;
    // google.rpc.Code has its own word for a timeout.
    this.status = options.status ?? (this.code === 504 ? "DEADLINE_EXCEEDED" : REASONS[reason].status);
    this.programMessage = options.programMessage ?? message;
    this.metadata = options.metadata ?? {};
    this.retryAfterSeconds = options.retryAfterSeconds ?? null;
    this.signInAgain = options.signInAgain ?? null;
    this.link = options.link ?? null;
    this.logDetail = options.logDetail ?? null;
  }
}

/** A bad parameter, named. @returns an `INVALID_ARGUMENT` error to throw. */
export function invalidArgument(parameter: string, message: string): AppError {
  return new AppError("INVALID_ARGUMENT", message, { metadata: { parameter } });
}

/** Google's error model as JSON: AIP-193, https://google.aip.dev/193 */
export interface ErrorStatus {
  readonly code: number;
  readonly status: string;
  readonly message: string;
  readonly details: readonly [
    {
      readonly "@type": "type.googleapis.com/google.rpc.ErrorInfo";
      readonly domain: "gmail-edge";
      readonly reason: Reason;
      readonly metadata: Readonly<Record<string, string>>;
    },
  ];
}

/** The `error` of an answer to a program. @param metadata facts that only the answer knows, such as the request ID */
export function toErrorStatus(error: AppError, metadata: Readonly<Record<string, string>>): ErrorStatus {
  return {
    code: error.code,
    status: error.status,
    message: error.programMessage,
    details: [
      {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        domain: "gmail-edge",
        reason: error.reason,
        metadata: { ...error.metadata, ...metadata },
      },
    ],
  };
}
