/**
 * What Gmail's error answers mean: which reason they become, and whether and when to try again.
 *
 * https://developers.google.com/workspace/gmail/api/guides/handle-errors
 */
import * as z from "zod/mini";
import { AppError, rateLimited, type Reason, scopeMissing } from "../errors.ts";
import {
  parseDateMs,
  parseRetryAfterMs,
  readJsonOrNull,
  toRetryAfterSeconds,
  unexpectedAnswer,
} from "../lib/upstream.ts";

/** What error messages call the API. */
export const GMAIL = "Gmail";

/** What `Retry-After` says where Gmail names no time: its quota is counted by the minute. */
const DEFAULT_RETRY_AFTER_MS = 30_000;

/** What a failed Gmail call means. */
export interface GmailFailure {
  readonly error: AppError;
  /**
   * Whether the same call may succeed later, and after how many milliseconds if Gmail said so. `isMalformed`: Gmail said 200,
   * and sent no usable message. That is mostly the same again.
   */
  readonly retry: { readonly afterMs: number | null; readonly isMalformed?: boolean } | null;
}

const GoogleErrorSchema = z.object({
  error: z.object({
    message: z.optional(z.string()),
    status: z.optional(z.string()),
    errors: z.optional(z.array(z.object({ reason: z.optional(z.string()) }))),
    details: z.optional(
      z.array(
        z.object({
          reason: z.optional(z.string()),
          metadata: z.optional(z.object({ consumer: z.optional(z.string()) })),
        }),
      ),
    ),
  }),
});

/** 403 by these reasons means "later". The other limits (`dailyLimitExceeded`) last too long for that. */
const RATE_LIMIT_REASONS = new Set(["rateLimitExceeded", "userRateLimitExceeded"]);
/** The Gmail API is not enabled in the project of the OAuth client. */
const DISABLED_REASONS = new Set(["accessNotConfigured", "SERVICE_DISABLED"]);
/** A Workspace administrator has decided. */
const POLICY_REASONS = new Set(["domainPolicy"]);
const SCOPE_REASONS = new Set(["insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"]);

/**
 * Parses a Gmail error.
 * https://developers.google.com/workspace/gmail/api/guides/handle-errors
 *
 * @param nowMs epoch milliseconds
 */
export async function processGmailError(response: Response, nowMs: number): Promise<GmailFailure> {
  const body = GoogleErrorSchema.safeParse(await readJsonOrNull(response));
  const { message = "", status = "", errors = [], details = [] } = body.data?.error ?? {};
  const reasons = [...errors, ...details].map((entry) => entry.reason ?? "");
  const waitMs =
    parseRetryAfterMs(response.headers.get("Retry-After"), nowMs) ?? parseRetryAfterMessageMs(message, nowMs);
  if (response.status === 429 || reasons.some((reason) => RATE_LIMIT_REASONS.has(reason))) {
    return limitReached(waitMs);
  }
  if (response.status < 400 || response.status >= 500 || !body.success) {
    const retryAfter = waitMs === null ? undefined : toRetryAfterSeconds(waitMs);
    const canRetry = response.status >= 500;
    return {
      error: unexpectedAnswer(GMAIL, response.status, retryAfter),
      retry: canRetry ? { afterMs: waitMs } : null,
    };
  }
  if (reasons.some((reason) => SCOPE_REASONS.has(reason))) return { error: scopeMissing(), retry: null };
  if (reasons.some((reason) => DISABLED_REASONS.has(reason))) {
    const consumer = details.map(({ metadata }) => metadata?.consumer ?? "").join(" ");
    return { error: apiDisabled(message, `${consumer} ${message}`), retry: null };
  }
  if (reasons.some((reason) => POLICY_REASONS.has(reason))) return { error: refusedByPolicy(message), retry: null };
  return { error: passedOn(response.status, status, message), retry: null };
}

function limitReached(waitMs: number | null): GmailFailure {
  const error = rateLimited(toRetryAfterSeconds(waitMs ?? DEFAULT_RETRY_AFTER_MS));
  return { error, retry: { afterMs: waitMs } };
}

/** Where the Gmail API is enabled. @param project ID or number; null: the console asks for it */
export function enablingUrl(project: string | null): string {
  const page = "https://console.cloud.google.com/apis/library/gmail.googleapis.com";
  return project === null ? page : `${page}?project=${project}`;
}

/** @param words in which Google may name the project: `projects/1234567890`, `project 1234567890` */
function apiDisabled(message: string, words: string): AppError {
  const [, project = null] = /\bprojects?[/ ](\d{5,20})\b/.exec(words) ?? [];
  const activationUrl = enablingUrl(project);
  const what = "The Gmail API is not enabled in this site's project at Google.";
  return new AppError("ACCESS_BLOCKED", `${what} Whoever runs this site can enable it.`, {
    programMessage: `${message === "" ? what : message} Whoever runs this site can enable it: ${activationUrl}`,
    metadata: { activationUrl },
    link: { href: activationUrl, text: "Enable the Gmail API" },
    logDetail: `accessNotConfigured: enable the Gmail API at ${activationUrl}`,
  });
}

function refusedByPolicy(message: string): AppError {
  const words = "The administrator of your organization does not let apps use Gmail. Ask them to allow this one.";
  return new AppError("ACCESS_BLOCKED", words, {
    ...(message === "" ? {} : { programMessage: `${message} ${words}` }),
    signInAgain: { prompt: "select_account" },
  });
}

/** Google's canonical statuses that have a reason of the same name here. */
const PASSED_ON: Readonly<Record<string, Reason>> = {
  INVALID_ARGUMENT: "INVALID_ARGUMENT",
  FAILED_PRECONDITION: "FAILED_PRECONDITION",
  PERMISSION_DENIED: "PERMISSION_DENIED",
  NOT_FOUND: "NOT_FOUND",
};
/** Older errors of Google's have no status. */
const BY_CODE: Readonly<Record<number, Reason>> = { 403: "PERMISSION_DENIED", 404: "NOT_FOUND" };

/** What people read in place of Google's words. */
const PASSED_ON_WORDS: Readonly<Partial<Record<Reason, string>>> = {
  INVALID_ARGUMENT: "Gmail could not understand this request. Check what you entered.",
  PERMISSION_DENIED: "Gmail does not let you do this.",
  NOT_FOUND: "Gmail cannot find this. You may have deleted it.",
};

/** Google's own 4xx: its status and code, and its words for programs. They may repeat what was in the address. */
function passedOn(code: number, status: string, message: string): AppError {
  const reason = PASSED_ON[status] ?? BY_CODE[code] ?? "FAILED_PRECONDITION";
  const words = "Gmail refused this request. If this account has no Gmail, sign in with another one.";
  return new AppError(reason, PASSED_ON_WORDS[reason] ?? words, {
    code,
    ...(status === "" ? {} : { status }),
    ...(message === "" ? {} : { programMessage: message }),
  });
}

/** The time to wait, where Gmail hides it in words: `Retry after 2026-11-22T12:57:51.196Z`. */
function parseRetryAfterMessageMs(message: string, nowMs: number): number | null {
  const [, time] = /Retry after (\d{4}-\d\d-\d\dT[\d:.]+Z)/i.exec(message) ?? [];
  return time === undefined ? null : parseDateMs(time, nowMs);
}
