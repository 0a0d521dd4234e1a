/**
 * A user's mailbox: messages listed with the user's grant, as one object or line by line. What the API, the page and
 * the service binding have in common; knows nothing of how they are called.
 */
import type { ErrorStatus } from "../errors.ts";
import { Gmail, type MessageFilter } from "../gmail.ts";
import type { Grant } from "../auth/grant.ts";
import { type Cursor, type Delivery, type ListChunk, listMessages, type ListRequest, type Row } from "./walk.ts";
import type { ListOptions } from "./options.ts";
import { openPageToken, sealPageToken } from "./page-token.ts";
import { RowReader } from "./rows.ts";
import type { RequestScope } from "../context.ts";

/** Whose mailbox, and the grant to read it with. */
export interface MailboxUser {
  readonly sub: string;
  readonly grant: Grant;
}

/** What `GET /api/messages` answers. */
export interface MessagesAnswer {
  readonly messages: Row[];
  /** There is more. */
  readonly nextPageToken?: string;
  /** Gmail's guess of how many match in all. */
  readonly resultSizeEstimate: number;
}

/** Lists messages as one object. @throws AppError */
export async function collectMessages(
  scope: RequestScope,
  user: MailboxUser,
  options: ListOptions,
): Promise<MessagesAnswer> {
  const request = await toRequest(scope, user, options, "whole");
  const chunks = await Array.fromAsync(openListing(scope, user, request));
  return {
    messages: chunks.flatMap((chunk) => chunk.rows),
    ...(await nextPage(scope, user, options.filter, chunks.at(-1)?.next ?? null)),
    resultSizeEstimate: chunks[0]?.resultSizeEstimate ?? 0,
  };
}

/** Messages that are being listed: rows as they are read, and what to ask with for those after them. */
export interface OpenMessages {
  /** The first chunk comes as soon as Gmail has listed the first page, without rows. */
  readonly chunks: AsyncGenerator<ListChunk, void>;
  /** The page token for what follows a chunk; null at the end. */
  readonly nextPageToken: (chunk: ListChunk) => Promise<string | null>;
}

/** Lists messages piece by piece. @throws AppError for a page token that is not this user's */
export async function openMessages(
  scope: RequestScope,
  user: MailboxUser,
  options: ListOptions,
): Promise<OpenMessages> {
  const request = await toRequest(scope, user, options, "streamed");
  return {
    chunks: openListing(scope, user, request),
    nextPageToken: async ({ next }) => (await nextPage(scope, user, options.filter, next)).nextPageToken ?? null,
  };
}

/**
 * Lists messages as NDJSON: a line per message, as soon as it and those before it are known, and a last line that
 * counts them or says what went wrong. Pulled by whoever reads it, so that memory stays flat; whoever stops reading
 * stops the calls to Gmail.
 *
 * @param describeError the error of the last line
 * @returns the lines; the trace knows when they have ended, by whoever's will
 * @throws AppError for what goes wrong before the first line
 */
export async function streamMessages(
  scope: RequestScope,
  user: MailboxUser,
  options: ListOptions,
  describeError: (error: unknown) => ErrorStatus,
): Promise<ReadableStream<Uint8Array>> {
  const end = Promise.withResolvers<void>();
  const gone = new AbortController();
  const request = await toRequest(scope, user, options, "streamed");
  const lines = ndjsonLines(scope, user, request, { describeError, signal: gone.signal });
  let first: IteratorResult<string, void> | null = await lines.next();
  const encoder = new TextEncoder();
  // Of bytes, because that is what crosses a service binding.
  const source: UnderlyingByteSource = {
    type: "bytes",
    async pull(controller) {
      const { value, done } = first ?? (await lines.next());
      first = null;
      if (!done) return controller.enqueue(encoder.encode(value));
      controller.close();
      end.resolve();
    },
    cancel() {
      gone.abort();
      end.resolve();
    },
  };
  scope.trace.streamEnd = end.promise;
  return new ReadableStream(source);
}

async function* ndjsonLines(
  scope: RequestScope,
  user: MailboxUser,
  request: ListRequest,
  end: { describeError: (error: unknown) => ErrorStatus; signal: AbortSignal },
): AsyncGenerator<string, void> {
  const { upstream, trace } = scope;
  let next: Cursor | null = null;
  let count = 0;
  try {
    for await (const chunk of openListing(scope, user, request, end.signal)) {
      next = chunk.next;
      count += chunk.rows.length;
      if (chunk.rows.length === 0) continue;
      yield chunk.rows.map(toLine).join("");
      // The answer has begun: what follows has its own time.
      upstream.restartDeadline();
    }
    yield toLine({ ...(await nextPage(scope, user, request.filter, next)), count, quotaUnits: trace.quotaUnits });
  } catch (error) {
    if (count === 0) throw error;
    yield toLine({ error: end.describeError(error) });
  }
}

function toLine(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

async function toRequest(
  scope: RequestScope,
  { sub }: MailboxUser,
  { filter, limit, view, pageToken }: ListOptions,
  delivery: Delivery,
): Promise<ListRequest> {
  const token = pageToken === null ? null : { value: pageToken, nowMs: scope.world.now() };
  const from = token === null ? null : await openPageToken(scope.keyRing, { sub, filter }, token);
  return { filter, limit, view, from, delivery };
}

function openListing(
  scope: RequestScope,
  { sub, grant }: MailboxUser,
  request: ListRequest,
  readerSignal: AbortSignal | null = null,
): AsyncGenerator<ListChunk, void> {
  const { clientSignal, concurrency, config, trace, upstream, world } = scope;
  const signal = readerSignal === null ? clientSignal : AbortSignal.any([clientSignal, readerSignal]);
  const gmail = gmailOf(scope, grant, signal);
  const shared = { gmail, upstream, trace, quotaBudget: config.quotaBudget };
  const rowReader = new RowReader({
    ...shared,
    access: grant,
    concurrency: concurrency.of(sub),
    isStreamed: request.delivery === "streamed",
    now: world.now,
    signal,
  });
  return listMessages({ ...shared, rowReader }, request);
}

/** A user's Gmail. @param signal ends its calls; by default, when the client goes away */
export function gmailOf(scope: RequestScope, access: Grant, signal: AbortSignal = scope.clientSignal): Gmail {
  const { config, trace, upstream, world } = scope;
  return new Gmail({ apiUrl: config.gmailApiUrl, access, upstream, trace, now: world.now, signal });
}

async function nextPage(
  { keyRing }: RequestScope,
  { sub }: MailboxUser,
  filter: MessageFilter,
  cursor: Cursor | null,
): Promise<{ nextPageToken?: string }> {
  return cursor === null ? {} : { nextPageToken: await sealPageToken(keyRing, { sub, filter }, cursor) };
}
