/**
 * A user's mailbox: messages listed with the user's grant, as one object or line by line. What the API, the page and
 * the service binding have in common; knows nothing of how they are called.
 */
import type { ErrorStatus } from "../errors.ts";
import { Gmail, type MessageFilter } from "../gmail.ts";
import type { Grant } from "../object/access.ts";
import { type Delivery, type ListChunk, listMessages, type ListRequest, type Row } from "./pagination.ts";
import type { KeyRing } from "../lib/key-ring.ts";
import type { ListOptions } from "./options.ts";
import { openPageToken, sealPageToken } from "./page-token.ts";
import { ObjectRows, rowsBudget } from "./object-rows.ts";
import type { RequestScope } from "../context.ts";

/** What calls Gmail. */
export type GmailServices = Pick<RequestScope, "clientSignal" | "config" | "trace" | "upstream" | "world">;

/** What lists messages. */
export type ListServices = GmailServices & Pick<RequestScope, "acting" | "keyRing" | "stream">;

/** Whose mailbox, and the grant to read it with. */
export interface MailboxUser {
  readonly sub: string;
  readonly email: string | null;
  readonly grant: Grant;
}

/** What `GET /api/messages` answers. */
export interface MessagesAnswer {
  readonly messages: Row[];
  /** There is more. */
  readonly nextPageToken?: string;
  /** The user's quota of this minute is spent: so long until there is more to be had. */
  readonly retryAfterSeconds?: number;
  /** Gmail's guess of how many match in all. */
  readonly resultSizeEstimate: number;
}

/** Lists messages as one object. @throws AppError */
export async function collectMessages(
  scope: ListServices,
  user: MailboxUser,
  options: ListOptions,
): Promise<MessagesAnswer> {
  const request = await toRequest(scope, user, options, "whole");
  const chunks = await Array.fromAsync(openListing(scope, user, request).chunks);
  const last = chunks.at(-1) ?? null;
  return {
    messages: chunks.flatMap((chunk) => chunk.rows),
    ...(await nextPage(scope.keyRing, user, options.filter, last)),
    resultSizeEstimate: chunks[0]?.resultSizeEstimate ?? 0,
  };
}

/** Messages that are being listed: rows as they are read, and what to ask with for those after them. */
export interface OpenMessages {
  /** The first chunk comes as soon as Gmail has listed the first page, without rows. */
  readonly chunks: AsyncGenerator<ListChunk, void>;
  /** How many messages are unread under labels; one that could not be read is missing. @throws AppError */
  readonly countUnread: ObjectRows["countUnread"];
  /** The page token for what follows a chunk; null at the end. */
  readonly nextPageToken: (chunk: ListChunk) => Promise<string | null>;
}

/** Lists messages piece by piece. @throws AppError for a page token that is not this user's */
export async function openMessages(
  scope: ListServices,
  user: MailboxUser,
  options: ListOptions,
): Promise<OpenMessages> {
  const request = await toRequest(scope, user, options, "streamed");
  const { chunks, rows } = openListing(scope, user, request);
  return {
    chunks,
    countUnread: (labelIds) => rows().countUnread(labelIds),
    nextPageToken: async (chunk) => (await nextPage(scope.keyRing, user, options.filter, chunk)).nextPageToken ?? null,
  };
}

/**
 * Lists messages as NDJSON: a line per message, as soon as it and those before it are known, and a last line that
 * counts them or says what went wrong. A reader that stops ends the calls to Gmail.
 *
 * @param describeError the error of the last line
 * @throws AppError for what goes wrong before the first line
 */
export async function streamMessages(
  scope: ListServices,
  user: MailboxUser,
  options: ListOptions,
  describeError: (error: unknown) => ErrorStatus,
): Promise<ReadableStream<Uint8Array>> {
  const gone = new AbortController();
  const request = await toRequest(scope, user, options, "streamed");
  const lines = ndjsonLines(scope, user, request, { describeError, signal: gone.signal });
  const first = await lines.next();
  return scope.stream.open(startingWith(first, lines), () => gone.abort());
}

async function* startingWith(
  first: IteratorResult<string, void>,
  rest: AsyncGenerator<string, void>,
): AsyncGenerator<string, void> {
  if (!first.done) yield first.value;
  yield* rest;
}

async function* ndjsonLines(
  scope: ListServices,
  user: MailboxUser,
  request: ListRequest,
  end: { describeError: (error: unknown) => ErrorStatus; signal: AbortSignal },
): AsyncGenerator<string, void> {
  const { upstream, trace } = scope;
  let last: ListChunk | null = null;
  let count = 0;
  try {
    for await (const chunk of openListing(scope, user, request, end.signal).chunks) {
      last = chunk;
      count += chunk.rows.length;
      if (chunk.rows.length === 0) continue;
      yield chunk.rows.map(toLine).join("");
      // The answer has begun: what follows has its own time.
      upstream.restartDeadline();
    }
    yield toLine({
      ...(await nextPage(scope.keyRing, user, request.filter, last)),
      count,
      quotaUnits: trace.quotaUnits,
    });
  } catch (error) {
    if (count === 0) throw error;
    yield toLine({ error: end.describeError(error) });
  }
}

function toLine(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

async function toRequest(
  scope: ListServices,
  { sub }: MailboxUser,
  { filter, limit, view, pageToken }: ListOptions,
  delivery: Delivery,
): Promise<ListRequest> {
  const token = pageToken === null ? null : { value: pageToken, nowMs: scope.world.now() };
  const from = token === null ? null : await openPageToken(scope.keyRing, { sub, filter }, token);
  return { filter, limit, view, from, delivery };
}

function openListing(
  scope: ListServices,
  { grant, ...user }: MailboxUser,
  request: ListRequest,
  readerSignal: AbortSignal | null = null,
): { readonly chunks: AsyncGenerator<ListChunk, void>; readonly rows: () => ObjectRows } {
  const { acting, clientSignal, config, trace, upstream } = scope;
  const signal = readerSignal === null ? clientSignal : AbortSignal.any([clientSignal, readerSignal]);
  const isStreamed = request.delivery === "streamed";
  let opened: ObjectRows | null = null;
  const rows = (): ObjectRows => {
    opened ??= new ObjectRows({ acting: acting.current, config, grant, isStreamed, signal, trace, upstream, user });
    return opened;
  };
  const gmail = gmailOf(scope, grant, signal);
  const quotaBudget = request.view === "metadata" ? rowsBudget(config) : config.quotaBudget;
  const chunks = listMessages({ gmail, openRows: rows, upstream, trace, quotaBudget }, request);
  return { chunks, rows };
}

/** A user's Gmail. @param signal ends its calls; by default, when the client disconnects */
export function gmailOf(scope: GmailServices, access: Grant, signal: AbortSignal = scope.clientSignal): Gmail {
  const { config, trace, upstream, world } = scope;
  return new Gmail({ apiUrl: config.gmailApiUrl, access, upstream, trace, now: world.now, signal });
}

/** Where to go on behind a chunk, and when. */
async function nextPage(
  keyRing: KeyRing,
  { sub }: MailboxUser,
  filter: MessageFilter,
  last: ListChunk | null,
): Promise<{ nextPageToken?: string; retryAfterSeconds?: number }> {
  if (last === null || last.next === null) return {};
  const { next, retryAfterSeconds } = last;
  return {
    nextPageToken: await sealPageToken(keyRing, { sub, filter }, next),
    ...(retryAfterSeconds === null ? {} : { retryAfterSeconds }),
  };
}
