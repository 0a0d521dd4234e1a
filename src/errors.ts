/**
 * The error vocabulary: every reason that the Worker can answer, in one table, and the one error class that
 * carries a reason from where something failed to the response. Knows nothing of HTTP frameworks,
 * Google or storage, and must not import from any other module.
 */

interface ReasonInfo {
  /** HTTP status code. */
  readonly code: number;
  /** Canonical status of google.rpc.Code, as Google's clients expect it beside the code. */
  readonly status: string;
  /** What a person reads as the headline of the error page. */
  readonly title: string;
  /** What a person reads below it: who caused it, and what helps. */
  readonly advice: string;
}

/** All that is said of a reason: pages, the API's description and docs/errors.md take it from here. */
export const REASONS = {
  // Who is calling
  SIGN_IN_REQUIRED: {
    code: 401,
    status: "UNAUTHENTICATED",
    title: "Please sign in",
    advice: "You are not signed in here, or your session has ended.",
  },
  CONSENT_REQUIRED: {
    code: 401,
    status: "UNAUTHENTICATED",
    title: "Google needs your consent again",
    advice:
      "This app's access to your mail has ended. You may have removed it, changed your password or not used it for long. Sign in to give access again.",
  },
  SCOPE_REQUIRED: {
    code: 403,
    status: "PERMISSION_DENIED",
    title: "A permission is missing",
    advice: "On Google's page, tick every box that this site asks for.",
  },
  ACCOUNT_NOT_ALLOWED: {
    code: 403,
    status: "PERMISSION_DENIED",
    title: "You cannot use this account here",
    advice: "Only some accounts are allowed here. Choose another account, or ask whoever runs this site.",
  },
  ACCESS_BLOCKED: {
    code: 403,
    status: "PERMISSION_DENIED",
    title: "Google blocks this access",
    advice: "Trying again will not help until this is changed. Nothing of yours was lost.",
  },
  // The authorization flow
  INVALID_STATE: {
    code: 400,
    status: "INVALID_ARGUMENT",
    title: "This sign-in can no longer be finished",
    advice: "This happens when a sign-in takes longer than ten minutes, or its page is opened twice.",
  },
  INVALID_ISSUER: {
    code: 400,
    status: "INVALID_ARGUMENT",
    title: "This answer does not come from Google",
    advice: "Somebody may be interfering with your sign-in. Nothing was stored. Start again from the start page.",
  },
  CONSENT_DENIED: {
    code: 403,
    status: "PERMISSION_DENIED",
    title: "You did not give access",
    advice: "Nothing was stored. If you change your mind, sign in again.",
  },
  AUTHORIZATION_FAILED: {
    code: 400,
    status: "FAILED_PRECONDITION",
    title: "Google did not authorize the sign-in",
    advice: "Google stopped this sign-in. Try once more, then ask your organization's administrator to allow this app.",
  },
  CODE_EXCHANGE_FAILED: {
    code: 400,
    status: "FAILED_PRECONDITION",
    title: "Google refused the sign-in code",
    advice: "You did nothing wrong. Wait a minute, then sign in again.",
  },
  INVALID_ID_TOKEN: {
    code: 400,
    status: "INVALID_ARGUMENT",
    title: "Your identity could not be verified",
    advice: "What Google sent could not be verified. Nothing was stored.",
  },
  NO_USER_ID: {
    code: 400,
    status: "FAILED_PRECONDITION",
    title: "Google did not say who you are",
    advice: "Google's answer was wrong or incomplete. Nothing was stored. Sign in again.",
  },
  NO_REFRESH_TOKEN: {
    code: 403,
    status: "PERMISSION_DENIED",
    title: "Google gave no lasting access",
    advice: "Remove this app at myaccount.google.com/permissions, then sign in again.",
  },
  // Outages
  RATE_LIMITED: {
    code: 429,
    status: "RESOURCE_EXHAUSTED",
    title: "Too many requests",
    advice: "You reached a limit of Google or of this site. Wait, then try again.",
  },
  UPSTREAM_UNAVAILABLE: {
    code: 502,
    status: "UNAVAILABLE",
    title: "We could not load this from Google",
    advice: "This usually passes soon. Nothing of yours was lost.",
  },
  STORAGE_UNAVAILABLE: {
    code: 503,
    status: "UNAVAILABLE",
    title: "Our storage cannot be reached",
    advice: "This usually passes soon. Nothing of yours was lost.",
  },
  INTERNAL: {
    code: 500,
    status: "INTERNAL",
    title: "Something went wrong here",
    advice: "This is our fault, not yours.",
  },
  // The request itself; the canonical codes that Google's own errors are passed on with
  INVALID_ARGUMENT: {
    code: 400,
    status: "INVALID_ARGUMENT",
    title: "Something in the address or form is wrong",
    advice: "Go back to the start and try again from there.",
  },
  FAILED_PRECONDITION: {
    code: 400,
    status: "FAILED_PRECONDITION",
    title: "This cannot be done right now",
    advice: "Follow the advice above, then try again.",
  },
  PERMISSION_DENIED: {
    code: 403,
    status: "PERMISSION_DENIED",
    title: "This is not permitted",
    advice: "Nothing was changed. Go back to the start and try again from there.",
  },
  NOT_FOUND: {
    code: 404,
    status: "NOT_FOUND",
    title: "There is nothing here",
    advice: "It may have been moved or deleted.",
  },
  METHOD_NOT_ALLOWED: {
    code: 405,
    status: "UNIMPLEMENTED",
    title: "This address does not work like this",
    advice: "Go back to the start and use the buttons there.",
  },
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

/** Google says that the grant lacks a scope: asking for consent again may add it. */
export function scopeMissing(options: AppErrorOptions = {}): AppError {
  const words = "You have not given a permission that this needs. Sign in again and tick all boxes.";
  return new AppError("SCOPE_REQUIRED", words, { signInAgain: { prompt: "consent" }, ...options });
}

/** KV or the user's object. */
export function storageUnavailable(cause: unknown): AppError {
  return new AppError("STORAGE_UNAVAILABLE", "Our storage cannot be reached. Try again in a moment.", { cause });
}

/** Gmail's limit for a user, as Gmail says or as their object reckons. @param retryAfterSeconds until there is more to be had */
export function rateLimited(retryAfterSeconds: number): AppError {
  const words = "You have reached Gmail's limit for your account. Try again later.";
  return new AppError("RATE_LIMITED", words, { retryAfterSeconds });
}

/** Nobody is signed in, or not any more. */
export function signInRequired(): AppError {
  const words = "You are not signed in. Sign in with Google, or send an API token.";
  return new AppError("SIGN_IN_REQUIRED", words, { signInAgain: {} });
}

/** The grant is gone. @param loginHint address or `sub` of its user */
export function consentRequired(loginHint: string): AppError {
  return new AppError("CONSENT_REQUIRED", "Google no longer grants access to this mailbox. Give consent again.", {
    signInAgain: { prompt: "consent", loginHint },
  });
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
