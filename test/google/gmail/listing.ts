/**
 * `messages.list` and `threads.list`: pages whose token only fits the filters that it was made for, and every oddity that
 * Gmail's pages have.
 */
import { apiError } from "../errors.ts";
import type { Message } from "../mail/mailbox.ts";
import { parseSearch } from "../search.ts";
import { nowMs } from "../state.ts";
import { BadArgument, type GmailCall, readToken, writeToken } from "./call.ts";

const DEFAULT_PAGE = 100;
const LARGEST_PAGE = 500;

export function listMessages(call: GmailCall): object | Response {
  const filter = readFilter(call, "messages");
  if (filter instanceof Response) return filter;
  const { matches, binding } = filter;
  const { absentWhenEmpty, emptyPages, overlap, resultSizeEstimate, shortBy } = call.instance.config.listing;
  const asked = pageSize(call, "messages.list");
  const { from, page } = readToken(call.query.get("pageToken"), binding);
  const isEmpty = emptyPages.includes(page);
  // A page falls short of what was asked, but not so far that the last messages come one by one.
  const short = asked > 2 * shortBy ? asked - shortBy : Math.max(1, Math.min(asked, LARGEST_PAGE - shortBy));
  const messages: Message[] = [];
  let next: number | null = null;
  for (const message of call.mailbox.messages(from)) {
    if (!isEmpty && !matches(message)) continue;
    next = message.n;
    if (isEmpty || messages.length === short) break;
    messages.push(message);
    next = null;
  }
  if (isEmpty) next = from;
  const again = messages[messages.length - Math.min(overlap, messages.length - 1)]?.n;
  if (next !== null && overlap > 0) next = again ?? next;
  return {
    ...(messages.length === 0 && absentWhenEmpty
      ? {}
      : { messages: messages.map(({ id, threadId }) => ({ id, threadId })) }),
    ...(next === null ? {} : { nextPageToken: writeToken({ from: next, page: page + 1 }, binding) }),
    resultSizeEstimate: messages.length === 0 && !isEmpty ? 0 : resultSizeEstimate,
  };
}

/** `GET threads`: by their newest message that matches. */
export function listThreads(call: GmailCall): object | Response {
  const filter = readFilter(call, "threads");
  if (filter instanceof Response) return filter;
  const size = pageSize(call, "threads.list");
  const { from, page } = readToken(call.query.get("pageToken"), filter.binding);
  const newest = new Map<string, Message>();
  for (const message of call.mailbox.messages()) {
    if (filter.matches(message) && !newest.has(message.threadId)) newest.set(message.threadId, message);
  }
  const rest = [...newest.values()].filter(({ n }) => n <= from);
  const threads = rest.slice(0, size).map((message) => {
    return { id: message.threadId, snippet: message.content().snippet, historyId: String(message.historyId) };
  });
  const next = rest[size];
  return {
    ...(threads.length === 0 ? {} : { threads }),
    ...(next === undefined ? {} : { nextPageToken: writeToken({ from: next.n, page: page + 1 }, filter.binding) }),
    resultSizeEstimate: threads.length === 0 ? 0 : call.instance.config.listing.resultSizeEstimate,
  };
}

interface Filter {
  readonly matches: (message: Message) => boolean;
  /** What a page token is bound to. */
  readonly binding: object;
}

function readFilter({ instance, caller, mailbox, query }: GmailCall, list: string): Filter | Response {
  const { user, scopes } = caller;
  const q = query.get("q") ?? "";
  const labelIds = query.getAll("labelIds");
  const includeSpamTrash = query.get("includeSpamTrash") === "true";
  if (q !== "" && scopes.every((scope) => scope.endsWith("gmail.metadata") || !/gmail\.|mail\.google/.test(scope))) {
    return apiError(403, "forbidden", "Metadata scope does not support 'q' parameter");
  }
  const search = parseSearch(q, { email: user.email, labels: mailbox.labels, nowMs: nowMs(instance) });
  const seesAll = includeSpamTrash || search.isAnywhere || labelIds.includes("SPAM") || labelIds.includes("TRASH");
  return {
    matches: (message) =>
      (seesAll || !(message.labelIds.includes("SPAM") || message.labelIds.includes("TRASH"))) &&
      labelIds.every((label) => message.labelIds.includes(label)) &&
      search.matches(message),
    binding: { list, sub: user.sub, q, labelIds, includeSpamTrash },
  };
}

/** `maxResults` as Gmail takes it. @throws BadArgument */
export function pageSize({ instance, query }: GmailCall, what: string): number {
  const maxResults = query.get("maxResults") ?? String(DEFAULT_PAGE);
  const size = /^\d{1,4}$/.test(maxResults) ? Number(maxResults) : 0;
  if (size >= 1 && size <= LARGEST_PAGE) return size;
  instance.violations.push(`${what}: maxResults ${maxResults}`);
  throw new BadArgument("Invalid value at 'max_results'");
}
