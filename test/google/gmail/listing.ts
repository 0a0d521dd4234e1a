/**
 * `messages.list` and `threads.list`: pages whose token only fits the filters that it was made for, and every oddity that
 * Gmail's pages have.
 */
import { apiError } from "../errors.ts";
import type { Message } from "../mail/mailbox.ts";
import { parseSearch } from "../search.ts";
import { nowMs } from "../state.ts";
import { BadArgument, type GmailCall, type Position, readToken, writeToken } from "./call.ts";

const DEFAULT_PAGE = 100;
const LARGEST_PAGE = 500;

/** `GET messages`. */
export function listMessages(call: GmailCall): object | Response {
  const { instance, query } = call;
  const filter = readFilter(call);
  if (filter instanceof Response) return filter;
  const size = pageSize(call, "messages.list");
  const binding = { list: "messages", ...filter.binding };
  const start = readToken(query.get("pageToken"), binding);
  const { listing } = instance.config;
  if (listing.emptyPages.includes(start.page)) {
    const nextPageToken = writeToken({ from: start.from, page: start.page + 1 }, binding);
    const none = listing.absentWhenEmpty ? {} : { messages: [] };
    return { ...none, nextPageToken, resultSizeEstimate: listing.resultSizeEstimate };
  }
  const found = collect(call, { from: start.from, size: shortened(size, listing.shortBy), matches: filter.matches });
  const { messages } = found;
  const last = messages.length - 1 - Math.min(listing.overlap, messages.length - 1);
  const next = listing.overlap > 0 && found.next !== null ? (messages[last + 1]?.n ?? found.next) : found.next;
  return {
    ...(messages.length === 0 && listing.absentWhenEmpty
      ? {}
      : { messages: messages.map(({ id, threadId }) => ({ id, threadId })) }),
    ...(next === null ? {} : { nextPageToken: writeToken({ from: next, page: start.page + 1 }, binding) }),
    resultSizeEstimate: messages.length === 0 ? 0 : listing.resultSizeEstimate,
  };
}

/** `GET threads`: by their newest message that matches. */
export function listThreads(call: GmailCall): object | Response {
  const filter = readFilter(call);
  if (filter instanceof Response) return filter;
  const size = pageSize(call, "threads.list");
  const binding = { list: "threads", ...filter.binding };
  const start = readToken(call.query.get("pageToken"), binding);
  const seen = new Set<string>();
  const threads: object[] = [];
  let next: Position | null = null;
  for (const message of call.mailbox.messages()) {
    if (!filter.matches(message) || seen.has(message.threadId)) continue;
    seen.add(message.threadId);
    if (message.n > start.from) continue;
    if (threads.length === size) {
      next = { from: message.n, page: start.page + 1 };
      break;
    }
    const { snippet } = message.content();
    threads.push({ id: message.threadId, snippet, historyId: String(message.historyId) });
  }
  return {
    ...(threads.length === 0 ? {} : { threads }),
    ...(next === null ? {} : { nextPageToken: writeToken(next, binding) }),
    resultSizeEstimate: threads.length === 0 ? 0 : call.instance.config.listing.resultSizeEstimate,
  };
}

interface Filter {
  readonly matches: (message: Message) => boolean;
  /** What a page token is bound to. */
  readonly binding: object;
}

function readFilter({ instance, caller, mailbox, query }: GmailCall): Filter | Response {
  const q = query.get("q") ?? "";
  const labelIds = query.getAll("labelIds");
  const includeSpamTrash = query.get("includeSpamTrash") === "true";
  if (
    q !== "" &&
    caller.scopes.every((scope) => scope.endsWith("gmail.metadata") || !/gmail\.|mail\.google/.test(scope))
  ) {
    return apiError({ code: 403, reason: "forbidden", message: "Metadata scope does not support 'q' parameter" });
  }
  const context = { email: caller.user.email, labels: mailbox.labels, nowMs: nowMs(instance) };
  const search = q.trim() === "" ? null : parseSearch(q, context);
  const seesAll =
    includeSpamTrash || search?.isAnywhere === true || labelIds.some((label) => label === "SPAM" || label === "TRASH");
  return {
    matches: (message) =>
      (seesAll || !(message.labelIds.includes("SPAM") || message.labelIds.includes("TRASH"))) &&
      labelIds.every((label) => message.labelIds.includes(label)) &&
      (search === null || search.matches(message)),
    binding: { sub: caller.user.sub, q, labelIds, includeSpamTrash },
  };
}

/** A page falls short of what was asked, but not so far that the last messages come one by one. */
function shortened(size: number, shortBy: number): number {
  return size > 2 * shortBy ? size - shortBy : Math.max(1, Math.min(size, LARGEST_PAGE - shortBy));
}

interface Found {
  readonly messages: readonly Message[];
  /** The number of the next message that matches; `null` at the end. */
  readonly next: number | null;
}

function collect(
  { mailbox }: GmailCall,
  { from, size, matches }: { readonly from: number; readonly size: number; readonly matches: Filter["matches"] },
): Found {
  const messages: Message[] = [];
  for (const message of mailbox.messages(from)) {
    if (!matches(message)) continue;
    if (messages.length === size) return { messages, next: message.n };
    messages.push(message);
  }
  return { messages, next: null };
}

/** `maxResults` as Gmail takes it. @throws BadArgument */
export function pageSize({ instance, query }: GmailCall, what: string): number {
  const maxResults = query.get("maxResults");
  if (maxResults === null) return DEFAULT_PAGE;
  const size = /^\d{1,4}$/.test(maxResults) ? Number(maxResults) : 0;
  if (size >= 1 && size <= LARGEST_PAGE) return size;
  instance.violations.push(`${what}: maxResults ${maxResults}`);
  throw new BadArgument("Invalid value at 'max_results'");
}
