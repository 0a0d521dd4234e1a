/**
 * Gmail's REST API: listing and reading messages, what its errors mean, when to try again and what each method costs.
 * Knows no OAuth and no web framework: authorized calls are passed in.
 *
 * https://developers.google.com/workspace/gmail/api/reference/rest
 */
import { decodeWords } from "postal-mime";
import * as z from "zod/mini";
import { AppError, type Reason } from "./errors.ts";
import {
  type CallOptions,
  parseDateMs,
  parseRetryAfterMs,
  toRetryAfterSeconds,
  readJson,
  readJsonOrNull,
  unexpectedAnswer,
  type Upstream,
} from "./http.ts";
import { quotaUnits } from "./quota.ts";
import type { Trace } from "./trace.ts";

const GMAIL = "Gmail";

/** Tries in all, the first included, where Gmail says "later" or fails. */
const MAX_ATTEMPTS = 3;
/** First wait between tries; it doubles. https://developers.google.com/workspace/gmail/api/guides/handle-errors */
const FIRST_BACKOFF_MS = 1_000;
/** What `Retry-After` says where Gmail names no time: its quota is counted by the minute. */
const DEFAULT_RETRY_AFTER_MS = 30_000;
/** Most that a page may hold, by `messages.list`. */
export const MAX_PAGE_SIZE = 500;

/** A call with the user's access token; answers 401 only as `CONSENT_REQUIRED`. */
export type AuthorizedFetch = (
  input: string,
  init: RequestInit & { headers?: Headers },
  options: CallOptions,
) => Promise<Response>;

export interface GmailOptions {
  /** Origin of the API, no trailing slash. */
  readonly apiUrl: string;
  readonly authorizedFetch: AuthorizedFetch;
  readonly upstream: Upstream;
  readonly trace: Trace;
  readonly now: () => number;
  readonly signal?: AbortSignal | undefined;
}

const MessageRefSchema = z.object({ id: z.string(), threadId: z.string() });

/** A message as `messages.list` names it. */
export type MessageRef = z.infer<typeof MessageRefSchema>;

const MessageListSchema = z.pipe(
  z.object({
    // Absent on a page without messages, which may still have a next one.
    messages: z.optional(z.array(MessageRefSchema)),
    nextPageToken: z.optional(z.string()),
    resultSizeEstimate: z.optional(z.number()),
  }),
  z.transform((body) => ({
    messages: body.messages ?? [],
    nextPageToken: body.nextPageToken || null,
    resultSizeEstimate: body.resultSizeEstimate ?? 0,
  })),
);

export type MessageList = z.infer<typeof MessageListSchema>;

/** Which messages to list; the same on every page. */
export interface MessageFilter {
  /** Gmail's search syntax, unchanged; empty for none. */
  readonly q: string;
  /** All of them must match. */
  readonly labelIds: readonly string[];
  readonly includeSpamTrash: boolean;
}

const HEADERS_OF_A_ROW = ["From", "To", "Subject"];

const MessageMetadataSchema = z.pipe(
  z.object({
    id: z.string(),
    threadId: z.string(),
    labelIds: z.optional(z.array(z.string())),
    snippet: z.optional(z.string()),
    internalDate: z.string().check(z.regex(/^-?\d{1,15}$/)),
    payload: z.optional(z.object({ headers: z.optional(z.array(z.object({ name: z.string(), value: z.string() }))) })),
  }),
  z.transform((message) => {
    const header = (name: string): string | null => {
      const found = message.payload?.headers?.find((candidate) => candidate.name.toLowerCase() === name);
      return found === undefined ? null : decodeWords(found.value);
    };
    const labelIds = message.labelIds ?? [];
    return {
      id: message.id,
      threadId: message.threadId,
      labelIds,
      /** As Gmail gives it: HTML entities and all. */
      snippet: message.snippet ?? "",
      date: new Date(Number(message.internalDate)).toISOString(),
      from: header("from"),
      to: header("to"),
      subject: header("subject"),
      unread: labelIds.includes("UNREAD"),
    };
  }),
);

/** What a row of a mailbox shows. */
export type MessageMetadata = z.infer<typeof MessageMetadataSchema>;

/** One user's Gmail during one request. */
export class Gmail {
  readonly #options: GmailOptions;

  constructor(options: GmailOptions) {
    this.#options = options;
  }

  /**
   * One page of `users.messages.list`.
   *
   * @param page.maxResults 1 to {@link MAX_PAGE_SIZE}
   * @throws AppError as {@link gmailError}, BudgetSpentError
   */
  async listMessages(
    filter: MessageFilter,
    page: { maxResults: number; pageToken: string | null },
  ): Promise<MessageList> {
    const query = new URLSearchParams({ maxResults: String(page.maxResults) });
    if (page.pageToken !== null) query.set("pageToken", page.pageToken);
    if (filter.q !== "") query.set("q", filter.q);
    if (filter.includeSpamTrash) query.set("includeSpamTrash", "true");
    for (const labelId of filter.labelIds) query.append("labelIds", labelId);
    query.set("fields", "messages(id,threadId),nextPageToken,resultSizeEstimate");
    query.set("prettyPrint", "false");
    return this.#options.trace.time("list", () => this.#get("messages", query, MessageListSchema));
  }

  /** What a row shows of one message: `users.messages.get` with `format=metadata`. Throws as {@link listMessages}. */
  async getMetadata(id: string): Promise<MessageMetadata> {
    const query = new URLSearchParams({ format: "metadata" });
    for (const name of HEADERS_OF_A_ROW) query.append("metadataHeaders", name);
    query.set("fields", "id,threadId,labelIds,snippet,internalDate,payload/headers");
    query.set("prettyPrint", "false");
    return this.#options.trace.time("hydrate", () =>
      this.#get(`messages/${encodeURIComponent(id)}`, query, MessageMetadataSchema),
    );
  }

  async #get<T>(resource: string, query: URLSearchParams, schema: z.ZodMiniType<T>): Promise<T> {
    const path = `/gmail/v1/users/me/${resource}`;
    for (let attempt = 1; ; attempt += 1) {
      this.#options.trace.quotaUnits += quotaUnits("GET", path);
      const response = await this.#options.authorizedFetch(
        `${this.#options.apiUrl}${path}?${query.toString()}`,
        {},
        { endpoint: GMAIL, signal: this.#options.signal },
      );
      if (response.status === 200) return readJson(response, schema, GMAIL);
      const failure = await processGmailError(response, this.#options.now());
      if (failure.retry === null) throw failure.error;
      await this.#waitOrThrow(failure, attempt);
    }
  }

  /** Waits before the next try, or throws where tries or time are at an end. */
  async #waitOrThrow(failure: GmailFailure, attempt: number): Promise<void> {
    // Full jitter over the upper half: callers that failed together do not return together.
    const backoffMs = FIRST_BACKOFF_MS * 2 ** (attempt - 1) * (0.5 + Math.random() / 2);
    const waitMs = Math.max(failure.retry?.afterMs ?? 0, backoffMs);
    const { upstream } = this.#options;
    const hasTime = waitMs + FIRST_BACKOFF_MS < upstream.remainingMs;
    if (attempt >= MAX_ATTEMPTS || !hasTime) throw failure.error;
    await upstream.sleep(waitMs);
  }
}

/** What a failed Gmail call means. */
export interface GmailFailure {
  readonly error: AppError;
  /** Whether the same call may succeed later, and after how many milliseconds if Gmail said so. */
  readonly retry: { readonly afterMs: number | null } | null;
}

const GoogleErrorSchema = z.object({
  error: z.object({
    message: z.optional(z.string()),
    status: z.optional(z.string()),
    errors: z.optional(z.array(z.object({ reason: z.optional(z.string()) }))),
    details: z.optional(z.array(z.object({ reason: z.optional(z.string()) }))),
  }),
});

/** 403 by these reasons means "later". The other limits (`dailyLimitExceeded`) last too long for that. */
const RATE_LIMIT_REASONS = new Set(["rateLimitExceeded", "userRateLimitExceeded"]);
const SCOPE_REASONS = new Set(["insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"]);

/**
 * Reads an error answer of Gmail's.
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
    return rateLimited(waitMs);
  }
  if (response.status < 400 || response.status >= 500 || !body.success) {
    const retryAfter = waitMs === null ? undefined : toRetryAfterSeconds(waitMs);
    const canRetry = response.status >= 500;
    return {
      error: unexpectedAnswer(GMAIL, response.status, retryAfter),
      retry: canRetry ? { afterMs: waitMs } : null,
    };
  }
  if (reasons.some((reason) => SCOPE_REASONS.has(reason))) return { error: scopeRequired(), retry: null };
  return { error: passedOn(response.status, status, message), retry: null };
}

function rateLimited(waitMs: number | null): GmailFailure {
  const error = new AppError("RATE_LIMITED", "Gmail limits how much this account may ask for. Try again later.", {
    retryAfterSeconds: toRetryAfterSeconds(waitMs ?? DEFAULT_RETRY_AFTER_MS),
  });
  return { error, retry: { afterMs: waitMs } };
}

function scopeRequired(): AppError {
  return new AppError("SCOPE_REQUIRED", "Google says that a permission is missing. Sign in again and tick all boxes.", {
    signInAgain: { prompt: "consent" },
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

/** Google's own 4xx: its status, code and words. */
function passedOn(code: number, status: string, message: string): AppError {
  const reason = PASSED_ON[status] ?? BY_CODE[code] ?? "FAILED_PRECONDITION";
  return new AppError(reason, message || "Gmail refused the request.", { code, ...(status === "" ? {} : { status }) });
}

/** The time to wait, where Gmail hides it in words: `Retry after 2026-11-22T12:57:51.196Z`. */
function parseRetryAfterMessageMs(message: string, nowMs: number): number | null {
  const [, time] = /Retry after (\d{4}-\d\d-\d\dT[\d:.]+Z)/i.exec(message) ?? [];
  return time === undefined ? null : parseDateMs(time, nowMs);
}
