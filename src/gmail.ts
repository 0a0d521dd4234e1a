/**
 * Gmail's REST API: listing messages, and reading them in batches. Knows no OAuth and no web framework: the user's
 * access is passed in.
 *
 * https://developers.google.com/workspace/gmail/api/reference/rest
 */
import { base64url } from "jose";
import * as z from "zod/mini";
import {
  type BatchReply,
  batchRequest,
  MAX_BATCH_PARTS,
  parseHeaders,
  readingCall,
  readReplies,
} from "./gmail/batch.ts";
import { AppError } from "./errors.ts";
import { callGmail, type GmailRequest } from "./gmail/call.ts";
import { openAttachmentBytes } from "./gmail/attachment.ts";
import { GMAIL, type GmailFailure, processGmailError } from "./gmail/errors.ts";
import { HISTORY_FIELDS, HistoryIdSchema, type HistoryPage, HistoryPageSchema } from "./gmail/history.ts";
import { type Label, LabelListSchema, UnreadCountSchema } from "./gmail/labels.ts";
import {
  AnswerTooLargeError,
  type CallOptions,
  parseJsonOrNull,
  readJson,
  readJsonOrNull,
  unexpectedAnswer,
  type Upstream,
} from "./lib/upstream.ts";
import {
  type GmailMessage,
  GmailMessageSchema,
  MESSAGE_FIELDS,
  type MessageMetadata,
  MessageMetadataSchema,
  ROW_HEADERS,
} from "./gmail/message.ts";
import { MAILBOX_PATH } from "./gmail/own-mailbox.ts";
import { GET_UNITS, LABEL_UNITS, quotaUnits } from "./gmail/quota.ts";
import { retryWaitMs, type Tried } from "./gmail/retry.ts";
import type { Trace } from "./lib/trace.ts";

/** Most that a page may hold, by `messages.list`. */
export const MAX_PAGE_SIZE = 500;

/** The user's access to Google during one request. */
export interface UserAccess {
  /** Makes a call with the access token; 401 is answered by one refresh and one replay, then `CONSENT_REQUIRED`. */
  fetch(input: string, init: RequestInit & { headers?: Headers }, options: CallOptions): Promise<Response>;
  /** To be called before a batch. @returns replaces the access token of then, because a part of the batch answered 401 */
  renewal(): () => Promise<void>;
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

const GmailProfileSchema = z.looseObject({
  emailAddress: z.string(),
  messagesTotal: z.optional(z.number()),
  threadsTotal: z.optional(z.number()),
  historyId: z.optional(z.string()),
});

/** What `users.getProfile` answers. Passed on as it is. */
export type GmailProfile = z.infer<typeof GmailProfileSchema>;

const AttachmentSchema = z.pipe(
  z.object({ data: z._default(z.string().check(z.regex(/^[\w=-]*$/)), "") }),
  z.transform(({ data }) => base64url.decode(data)),
);

const ATTACHMENT_QUERY = new URLSearchParams({ fields: "data", prettyPrint: "false" });

function attachmentPath(messageId: string, attachmentId: string): string {
  return `messages/${encodeURIComponent(messageId)}/attachments/${encodeURIComponent(attachmentId)}`;
}

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
  | {
      readonly kind: "message";
      readonly message: MessageMetadata;
      /** `historyId` of the message: when it changed last. Null where Gmail does not say. */
      readonly version: string | null;
    }
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
    const { trace } = this.#options;
    const list = await trace.time("list", () => this.#get("messages", query, MessageListSchema));
    trace.messagesListed += list.messages.length;
    return list;
  }

  /** One message, as Gmail has it: `users.messages.get`. Throws as {@link listMessages}. */
  async getMessage(id: string, query: URLSearchParams): Promise<GmailMessage> {
    const { trace } = this.#options;
    const path = `messages/${encodeURIComponent(id)}`;
    const message = await trace.time("hydrate", () => this.#get(path, query, GmailMessageSchema));
    trace.messagesRead += 1;
    return message;
  }

  /**
   * The bytes of an attachment: `users.messages.attachments.get`, decoded while they come. Throws as {@link listMessages}.
   *
   * @param attachmentId of the same message, as it was just read: Gmail gives another one each time
   */
  async openAttachment(messageId: string, attachmentId: string): Promise<ReadableStream<Uint8Array>> {
    const { trace, upstream } = this.#options;
    return trace.time("hydrate", async () => {
      const path = attachmentPath(messageId, attachmentId);
      const response = await this.#getResponse(path, ATTACHMENT_QUERY, { streaming: "ok" });
      return openAttachmentBytes(response, upstream);
    });
  }

  /** The bytes of a part that did not come with its message, as {@link openAttachment}, whole. Throws as {@link listMessages}. */
  async getAttachment(messageId: string, attachmentId: string): Promise<Uint8Array> {
    return this.#options.trace.time("hydrate", () =>
      this.#get(attachmentPath(messageId, attachmentId), ATTACHMENT_QUERY, AttachmentSchema),
    );
  }

  /** `users.getProfile`: address, counts and history ID. Throws as {@link listMessages}. */
  async getProfile(): Promise<GmailProfile> {
    return this.#options.trace.time("list", () => this.#get("profile", new URLSearchParams(), GmailProfileSchema));
  }

  /**
   * One page of `users.history.list`: what changed after `startHistoryId`. Rows can be read without it: so it is not tried
   * again. Throws as {@link listMessages}: `NOT_FOUND` where Gmail has forgotten what came after it.
   *
   * @returns null where it cannot be read
   */
  async listHistory(startHistoryId: string, pageToken: string | null): Promise<HistoryPage | null> {
    const query = new URLSearchParams({ startHistoryId, maxResults: "500", fields: HISTORY_FIELDS });
    if (pageToken !== null) query.set("pageToken", pageToken);
    query.set("prettyPrint", "false");
    const response = await this.#getResponse("history", query, { tried: "extra" });
    return HistoryPageSchema.safeParse(await readJsonOrNull(response)).data ?? null;
  }

  /** `users.labels.list`. The page waits for it, and can do without: so it is not tried again. Throws as {@link listMessages}. */
  async listLabels(): Promise<Label[]> {
    const query = new URLSearchParams({
      fields: "labels(id,name,type,color/backgroundColor,labelListVisibility,messageListVisibility)",
      prettyPrint: "false",
    });
    return this.#get("labels", query, LabelListSchema, "extra");
  }

  /**
   * How many messages are unread under each label, in one batch.
   *
   * @param ids only the first {@link MAX_BATCH_PARTS} are counted
   * @returns counts by label; a label that could not be read is missing
   * @throws AppError as {@link listLabels}
   */
  async countUnread(ids: readonly string[]): Promise<Map<string, number>> {
    const counts = new Map<string, number>();
    // Google refuses a batch of nothing.
    if (ids.length === 0) return counts;
    const counted = ids.slice(0, MAX_BATCH_PARTS);
    const response = await this.#batch(counted.map(labelPath), LABEL_UNITS);
    if (response.status !== 200) throw (await processGmailError(response, this.#options.now())).error;
    for (const reply of (await readReplies(response, counted.length)) ?? []) {
      const parsed = UnreadCountSchema.safeParse(parseJsonOrNull(reply?.body ?? ""));
      if (parsed.success) counts.set(parsed.data.id, parsed.data.messagesUnread);
    }
    return counts;
  }

  /**
   * Reads what a row shows of each message, in one batch, or in halves where the answer is too large. Nothing is tried
   * again here: what to do with what was refused is the scheduler's to decide.
   *
   * @param ids 1 to {@link MAX_BATCH_PARTS}
   * @throws AppError other than `UPSTREAM_UNAVAILABLE`, BudgetSpentError
   */
  async readMetadata(ids: readonly string[]): Promise<BatchResult> {
    let response: Response;
    try {
      response = await this.#batch(ids.map(metadataPath), GET_UNITS);
    } catch (error) {
      if (error instanceof AnswerTooLargeError) return this.#readInHalves(ids, error);
      if (!(error instanceof AppError) || error.reason !== "UPSTREAM_UNAVAILABLE") throw error;
      return { kind: "failed", failure: { error, retry: { afterMs: null } } };
    }
    if (response.status !== 200)
      return { kind: "failed", failure: await processGmailError(response, this.#options.now()) };
    const replies = await readReplies(response, ids.length);
    if (replies === null) return { kind: "failed", failure: nonsense(response.status) };
    const results = new Map<string, MetadataResult>();
    for (const [index, id] of ids.entries()) results.set(id, await this.#readReply(id, replies[index] ?? null));
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
    return { kind: "message", message: message.data, version: VersionSchema.safeParse(body).data?.historyId ?? null };
  }

  /** Reads a resource of the mailbox. */
  async #get<T>(resource: string, query: URLSearchParams, schema: z.ZodMiniType<T>, tried?: Tried): Promise<T> {
    return readJson(await this.#getResponse(resource, query, { tried }), schema, GMAIL);
  }

  /** The answer with status 200, tried again as {@link retryWaitMs} says. */
  async #getResponse(
    resource: string,
    query: URLSearchParams,
    { tried = "call", streaming = false }: { tried?: Tried | undefined; streaming?: CallOptions["streaming"] },
  ): Promise<Response> {
    const { now, upstream } = this.#options;
    const path = `${MAILBOX_PATH}${resource}`;
    for (let tries = 1; ; tries += 1) {
      const request = { path: `${path}?${query.toString()}`, units: quotaUnits("GET", path) };
      const response = await this.#call(request, { streaming });
      if (response.status === 200) return response;
      const failure = await processGmailError(response, now());
      const waitMs = retryWaitMs(failure, { tried, tries, remainingMs: upstream.remainingMs });
      if (waitMs === null) throw failure.error;
      await upstream.sleep(waitMs);
    }
  }

  /** Sends one batch of calls that read. @param units of quota that each costs */
  async #batch(paths: readonly string[], units: number): Promise<Response> {
    return this.#call({ ...batchRequest(paths.map(readingCall)), units: units * paths.length });
  }

  async #call(request: GmailRequest, options: Pick<CallOptions, "streaming"> = {}): Promise<Response> {
    return callGmail(this.#options, request, { ...options, signal: this.#options.signal });
  }
}

const VersionSchema = z.object({ historyId: HistoryIdSchema });

/** The same for every message. */
const METADATA_QUERY = new URLSearchParams([
  ["format", "metadata"],
  ...ROW_HEADERS.map((name) => ["metadataHeaders", name]),
  ["fields", MESSAGE_FIELDS],
  ["prettyPrint", "false"],
]).toString();

function metadataPath(id: string): string {
  return `${MAILBOX_PATH}messages/${encodeURIComponent(id)}?${METADATA_QUERY}`;
}

function labelPath(id: string): string {
  return `${MAILBOX_PATH}labels/${encodeURIComponent(id)}?fields=id,messagesUnread&prettyPrint=false`;
}

/** An answer, or a part of one, that is missing or cannot be read. It may come right when asked again. */
function nonsense(status: number): GmailFailure {
  return { error: unexpectedAnswer(GMAIL, status), retry: { afterMs: null, isMalformed: true } };
}

/** A Response cannot have the statuses that have no body, and none of them is an answer to a GET of a message. */
function clampStatus(status: number): number {
  return status >= 200 && status <= 599 && ![204, 205, 304].includes(status) ? status : 502;
}
