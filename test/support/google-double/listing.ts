/**
 * `messages.list`: pages whose token only fits the filters that it was made for, and every oddity that Gmail's pages have.
 */
import type { Caller } from "./bearer.ts";
import { applyFields } from "./fields.ts";
import { type Filter, matches, type Message, messageAt } from "./mailbox.ts";
import { apiError, json } from "./responses.ts";
import type { Incoming, Instance } from "./state.ts";

const DEFAULT_PAGE = 100;
const LARGEST_PAGE = 500;

interface Position {
  /** The next message is the newest one with this number or less. */
  readonly from: number;
  readonly page: number;
}

/** `GET /gmail/v1/users/{userId}/messages`. */
export function listMessages(instance: Instance, call: Incoming, caller: Caller): Response {
  const query = call.url.searchParams;
  const { mailbox } = caller.user;
  if (mailbox === null) throw new Error("an account without a mailbox has no list");
  const filter: Filter = {
    q: query.get("q") ?? "",
    labelIds: query.getAll("labelIds"),
    includeSpamTrash: query.get("includeSpamTrash") === "true",
  };
  if (
    filter.q !== "" &&
    !caller.scopes.some((scope) => !scope.endsWith("gmail.metadata") && /gmail\.|mail\.google/.test(scope))
  ) {
    return refuse(403, "PERMISSION_DENIED", "forbidden", "Metadata scope does not support 'q' parameter");
  }
  const size = pageSize(query.get("maxResults"));
  if (size === null) {
    instance.violations.push(`messages.list: maxResults ${query.get("maxResults")}`);
    return invalid("Invalid value at 'max_results'");
  }
  const start = readToken(query.get("pageToken"), { user: caller.user.sub, filter });
  if (start === null) return invalid("Invalid pageToken");
  const { listing } = instance.config;
  const key = (position: Position): string => writeToken(position, { user: caller.user.sub, filter });
  if (listing.emptyPages.includes(start.page)) {
    const token = key({ from: start.from, page: start.page + 1 });
    const none = listing.absentWhenEmpty ? {} : { messages: [] };
    return send({ ...none, nextPageToken: token, resultSizeEstimate: listing.resultSizeEstimate }, query);
  }
  const found = collect(
    start.from,
    (n) => messageAt(mailbox, n),
    filter,
    shortened(size, listing.shortBy),
    mailbox.messages,
  );
  const more = found.next !== null;
  const last = found.messages.at(-1 - Math.min(listing.overlap, found.messages.length - 1));
  const nextFrom = listing.overlap > 0 && last !== undefined ? numberBefore(last, found) : found.next;
  const body: Record<string, unknown> = {
    ...(found.messages.length === 0 && listing.absentWhenEmpty
      ? {}
      : { messages: found.messages.map(({ message }) => ({ id: message.id, threadId: message.threadId })) }),
    ...(more && nextFrom !== null ? { nextPageToken: key({ from: nextFrom, page: start.page + 1 }) } : {}),
    resultSizeEstimate: found.messages.length === 0 ? 0 : listing.resultSizeEstimate,
  };
  return send(body, query);
}

/** A page falls short of what was asked, but not so far that the last messages come one by one. */
function shortened(size: number, shortBy: number): number {
  return size > 2 * shortBy ? size - shortBy : Math.max(1, Math.min(size, 500 - shortBy));
}

interface Found {
  readonly messages: readonly { readonly n: number; readonly message: Message }[];
  /** The number of the next message that matches; `null` at the end. */
  readonly next: number | null;
}

function collect(from: number, at: (n: number) => Message, filter: Filter, size: number, newest: number): Found {
  const messages: { n: number; message: Message }[] = [];
  for (let n = Math.min(from, newest); n >= 1; n -= 1) {
    const message = at(n);
    if (!matches(message, filter)) continue;
    if (messages.length === size) return { messages, next: n };
    messages.push({ n, message });
  }
  return { messages, next: null };
}

/** Where the next page begins when it repeats the end of this one; it always gets on by one message at least. */
function numberBefore(last: Found["messages"][number], found: Found): number | null {
  const index = found.messages.indexOf(last);
  return found.messages[index + 1]?.n ?? found.next;
}

function pageSize(maxResults: string | null): number | null {
  if (maxResults === null) return DEFAULT_PAGE;
  if (!/^\d{1,4}$/.test(maxResults)) return null;
  const size = Number(maxResults);
  return size >= 1 && size <= LARGEST_PAGE ? size : null;
}

interface Binding {
  readonly user: string;
  readonly filter: Filter;
}

function writeToken(position: Position, binding: Binding): string {
  return btoa(JSON.stringify([position.from, position.page, fingerprint(binding)]));
}

function readToken(token: string | null, binding: Binding): Position | null {
  if (token === null) return { from: Number.MAX_SAFE_INTEGER, page: 0 };
  try {
    const parts: unknown = JSON.parse(atob(token));
    if (!Array.isArray(parts) || parts[2] !== fingerprint(binding)) return null;
    return { from: Number(parts[0]), page: Number(parts[1]) };
  } catch {
    return null;
  }
}

/** A short hash over user and filters (FNV-1a): enough to notice that they changed. */
function fingerprint(binding: Binding): number {
  const { user, filter } = binding;
  let hash = 0x811c_9dc5;
  for (const char of JSON.stringify([user, filter.q, filter.labelIds, filter.includeSpamTrash])) {
    hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x0100_0193) >>> 0;
  }
  return hash;
}

function send(body: Record<string, unknown>, query: URLSearchParams): Response {
  return json(applyFields(body, query.get("fields")));
}

function invalid(message: string): Response {
  return refuse(400, "INVALID_ARGUMENT", "invalidArgument", message);
}

function refuse(code: number, status: string, reason: string, message: string): Response {
  return apiError({ code, status, reason, message });
}
