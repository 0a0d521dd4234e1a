/**
 * Gmail's REST API: listing messages, and reading them in batches. Knows no OAuth and no web framework: the user's
 * access is passed in.
 *
 * https://developers.google.com/workspace/gmail/api/reference/rest
 */
import { base64url } from "jose";
import * as z from "zod/mini";
import { type BatchReply, composeBatch, parseBatch, parseHeaders, readingCall } from "./gmail/batch.ts";
import { AppError } from "./errors.ts";
import { GMAIL, type GmailFailure, processGmailError } from "./gmail/errors.ts";
import {
  AnswerTooLargeError,
  type CallOptions,
  parseJsonOrNull,
  readJson,
  unexpectedAnswer,
  type Upstream,
} from "./lib/upstream.ts";
import { MESSAGE_FIELDS, type MessageMetadata, MessageMetadataSchema, ROW_HEADERS } from "./gmail/message.ts";
import { GET_UNITS, quotaUnits } from "./gmail/quota.ts";
import type { Trace } from "./lib/trace.ts";

/** Tries of a list call in all, the first included, where Gmail says "later" or fails. */
const MAX_ATTEMPTS = 3;
/** First wait between tries; it doubles. https://developers.google.com/workspace/gmail/api/guides/handle-errors */
const FIRST_BACKOFF_MS = 1_000;
/** Most that a page may hold, by `messages.list`. */
export const MAX_PAGE_SIZE = 500;

/** The user's access to Google during one request. */
export interface UserAccess {
  /** Makes a call with the access token; 401 is answered by one refresh and one replay, then `CONSENT_REQUIRED`. */
  fetch(input: string, init: RequestInit & { headers?: Headers }, options: CallOptions): Promise<Response>;
  /** Which access token is in use: changes with each refresh. */
  readonly generation: number;
  /** Replaces the access token of that generation, because a part of a batch answered 401. */
  renew(generation: number): Promise<void>;
}

export interface GmailOptions {
  /** Origin of the API, no trailing slash. */
  readonly apiUrl: string;
  readonly access: UserAccess;
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

/** A part of a message, as Gmail describes it. */
interface MessagePart {
  readonly partId?: string;
  readonly mimeType?: string;
  readonly filename?: string;
  readonly headers?: { readonly name: string; readonly value: string }[];
  readonly body?: { readonly attachmentId?: string; readonly size: number; readonly data?: string };
  readonly parts?: MessagePart[];
}

/** A message as `users.messages.get` answers it; which members are there depends on the format. Passed on as it is. */
export interface GmailMessage {
  readonly id: string;
  readonly threadId: string;
  readonly labelIds?: string[];
  readonly snippet?: string;
  readonly historyId?: string;
  readonly internalDate?: string;
  readonly sizeEstimate?: number;
  readonly raw?: string;
  readonly payload?: MessagePart;
}

/** What `users.getProfile` answers. Passed on as it is. */
export interface GmailProfile {
  readonly emailAddress: string;
  readonly messagesTotal: number;
  readonly threadsTotal: number;
  readonly historyId: string;
}

const GmailMessageSchema = z.custom<GmailMessage>((value) => MessageRefSchema.safeParse(value).success);

const GmailProfileSchema = z.custom<GmailProfile>(
  (value) => z.object({ emailAddress: z.string() }).safeParse(value).success,
);

const AttachmentSchema = z.pipe(
  z.object({ data: z._default(z.string().check(z.regex(/^[\w=-]*$/)), "") }),
  z.transform(({ data }) => base64url.decode(data)),
);

/** Which messages to list; the same on every page. */
export interface MessageFilter {
  /** Gmail's search syntax, unchanged; empty for none. */
  readonly q: string;
  /** All of them must match. */
  readonly labelIds: readonly string[];
  readonly includeSpamTrash: boolean;
}

/** What became of one message of a batch. */
export type MetadataResult =
  | { readonly kind: "message"; readonly message: MessageMetadata }
  | { readonly kind: "unauthorized" }
  | { readonly kind: "failed"; readonly failure: GmailFailure };

/** What became of a batch: a result for each ID, or a failure of them all. */
export type BatchResult =
  | { readonly kind: "answered"; readonly results: ReadonlyMap<string, MetadataResult> }
  | { readonly kind: "failed"; readonly failure: GmailFailure };

/** One user's Gmail during one request. */
export class Gmail {
  readonly #options: GmailOptions;

  constructor(options: GmailOptions) {
    this.#options = options;
  }

  /**
   * One page of `users.messages.list`; tried again where Gmail says "later".
   *
   * @param page.maxResults 1 to {@link MAX_PAGE_SIZE}
   * @throws AppError as {@link processGmailError} and {@link UserAccess}, BudgetSpentError
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

  /** One message, as Gmail has it: `users.messages.get`. Throws as {@link listMessages}. */
  async getMessage(id: string, query: URLSearchParams): Promise<GmailMessage> {
    return this.#options.trace.time("hydrate", () =>
      this.#get(`messages/${encodeURIComponent(id)}`, query, GmailMessageSchema),
    );
  }

  /**
   * The bytes of a part that did not come with its message: `users.messages.attachments.get`. Throws as
   * {@link listMessages}.
   */
  async getAttachment(messageId: string, attachmentId: string): Promise<Uint8Array> {
    const path = `messages/${encodeURIComponent(messageId)}/attachments/${encodeURIComponent(attachmentId)}`;
    const query = new URLSearchParams({ fields: "data", prettyPrint: "false" });
    return this.#options.trace.time("hydrate", () => this.#get(path, query, AttachmentSchema));
  }

  /** `users.getProfile`: address, counts and history ID. Throws as {@link listMessages}. */
  async getProfile(): Promise<GmailProfile> {
    return this.#options.trace.time("list", () => this.#get("profile", new URLSearchParams(), GmailProfileSchema));
  }

  async #get<T>(resource: string, query: URLSearchParams, schema: z.ZodMiniType<T>): Promise<T> {
    const path = `/gmail/v1/users/me/${resource}`;
    for (let attempt = 1; ; attempt += 1) {
      this.#options.trace.quotaUnits += quotaUnits("GET", path);
      const response = await this.#fetch(`${this.#options.apiUrl}${path}?${query.toString()}`, {});
      if (response.status === 200) return readJson(response, schema, GMAIL);
      await this.#waitOrThrow(await processGmailError(response, this.#options.now()), attempt);
    }
  }

  /**
   * Reads what a row shows of each message, in one batch. Nothing is tried again here: what to do with what was
   * refused is the scheduler's to decide.
   *
   * @param ids 1 to `MAX_BATCH_PARTS`
   * @throws AppError `CONSENT_REQUIRED`, BudgetSpentError
   */
  async readMetadata(ids: readonly string[]): Promise<BatchResult> {
    const boundary = `batch_${crypto.randomUUID()}`;
    const calls = ids.map((id, index) => readingCall(`part-${index}`, metadataPath(id)));
    this.#options.trace.quotaUnits += GET_UNITS * ids.length;
    let response: Response;
    try {
      response = await this.#fetch(`${this.#options.apiUrl}/batch/gmail/v1`, {
        method: "POST",
        headers: new Headers({ "Content-Type": `multipart/mixed; boundary=${boundary}` }),
        body: composeBatch(calls, boundary),
      });
    } catch (error) {
      if (error instanceof AnswerTooLargeError) return this.#readInHalves(ids, error);
      if (!(error instanceof AppError) || error.reason !== "UPSTREAM_UNAVAILABLE") throw error;
      return { kind: "failed", failure: { error, retry: { afterMs: null } } };
    }
    if (response.status !== 200)
      return { kind: "failed", failure: await processGmailError(response, this.#options.now()) };
    // Not text(): the runtime warns of that for anything but text/*.
    const text = new TextDecoder().decode(await response.arrayBuffer());
    const replies = parseBatch(response.headers.get("Content-Type"), text);
    if (replies === null || replies.size === 0) return { kind: "failed", failure: nonsense(response.status) };
    const results = new Map<string, MetadataResult>();
    for (const [index, id] of ids.entries()) {
      results.set(id, await this.#readReply(id, replies.get(`part-${index}`) ?? null));
    }
    return { kind: "answered", results };
  }

  /** Finds the messages whose rows are too large; the others are read. */
  async #readInHalves(ids: readonly string[], error: AppError): Promise<BatchResult> {
    const [id, ...others] = ids;
    if (id === undefined || others.length === 0) {
      const result: MetadataResult = { kind: "failed", failure: { error, retry: null } };
      return { kind: "answered", results: new Map(ids.map((each) => [each, result])) };
    }
    const middle = Math.ceil(ids.length / 2);
    const results = new Map<string, MetadataResult>();
    for (const half of [ids.slice(0, middle), ids.slice(middle)]) {
      const read = await this.readMetadata(half);
      if (read.kind === "failed") return read;
      for (const [each, result] of read.results) results.set(each, result);
    }
    return { kind: "answered", results };
  }

  async #readReply(id: string, reply: BatchReply | null): Promise<MetadataResult> {
    if (reply === null) return { kind: "failed", failure: nonsense(200) };
    if (reply.status === 401) return { kind: "unauthorized" };
    if (reply.status !== 200) {
      const response = new Response(reply.body, {
        status: clampStatus(reply.status),
        headers: parseHeaders(reply.head),
      });
      return { kind: "failed", failure: await processGmailError(response, this.#options.now()) };
    }
    const body = parseJsonOrNull(reply.body);
    const message = MessageMetadataSchema.safeParse(body);
    // What is JSON has come whole, and will be the same again; what is not was cut off.
    if (!message.success && body !== null) return { kind: "failed", failure: { ...nonsense(200), retry: null } };
    if (!message.success || message.data.id !== id) return { kind: "failed", failure: nonsense(200) };
    return { kind: "message", message: message.data };
  }

  async #fetch(url: string, init: RequestInit & { headers?: Headers }): Promise<Response> {
    return this.#options.access.fetch(url, init, { endpoint: GMAIL, signal: this.#options.signal });
  }

  /** Waits before the next try, or throws where tries or time are at an end. */
  async #waitOrThrow(failure: GmailFailure, attempt: number): Promise<void> {
    if (failure.retry === null) throw failure.error;
    const waitMs = Math.max(failure.retry.afterMs ?? 0, backoffMs(attempt));
    const { upstream } = this.#options;
    const hasTime = waitMs + FIRST_BACKOFF_MS < upstream.remainingMs;
    if (attempt >= MAX_ATTEMPTS || !hasTime) throw failure.error;
    await upstream.sleep(waitMs);
  }
}

/** The wait after the nth failed try, in milliseconds. Jitter: callers that failed together do not return together. */
export function backoffMs(attempt: number): number {
  return FIRST_BACKOFF_MS * 2 ** (attempt - 1) * (0.5 + Math.random() / 2);
}

/** The same for every message. */
const METADATA_QUERY = new URLSearchParams([
  ["format", "metadata"],
  ...ROW_HEADERS.map((name) => ["metadataHeaders", name]),
  ["fields", MESSAGE_FIELDS],
  ["prettyPrint", "false"],
]).toString();

function metadataPath(id: string): string {
  return `/gmail/v1/users/me/messages/${encodeURIComponent(id)}?${METADATA_QUERY}`;
}

/** An answer, or a part of one, that is missing or cannot be read. It may come right when asked again. */
function nonsense(status: number): GmailFailure {
  return { error: unexpectedAnswer(GMAIL, status), retry: { afterMs: null } };
}

/** A Response cannot have the statuses that have no body, and none of them is an answer to a GET of a message. */
function clampStatus(status: number): number {
  return status >= 200 && status <= 599 && ![204, 205, 304].includes(status) ? status : 502;
}
