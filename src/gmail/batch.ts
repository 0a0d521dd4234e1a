/**
 * Gmail's batch format: several API calls in one `multipart/mixed` body (RFC 2046 §5.1), each part an
 * `application/http` message, matched by Content-ID. Composes and parses text; makes no call.
 *
 * https://developers.google.com/workspace/gmail/api/guides/batch
 */

/** One call of a batch. */
export interface BatchCall {
  /** As the part's header has it, brackets included, unique in the batch; null for none. */
  readonly contentId: string | null;
  readonly method: string;
  /** Path and query, without origin. */
  readonly path: string;
  /** The origin, where a client has written a whole URL. Not sent on: the reader must check it. */
  readonly origin?: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Empty for none. */
  readonly body: string;
}

/** A call of a batch that only reads. {@link readReplies} finds its reply by its index. */
export function readingCall(path: string, index: number): BatchCall {
  return { contentId: `<part-${index}>`, method: "GET", path, headers: [], body: "" };
}

/** The answer to one part. */
export interface BatchReply {
  readonly status: number;
  /** Its header lines, unread: few replies are asked for one. {@link parseHeaders} reads them. */
  readonly head: string;
  readonly body: string;
}

const CRLF = "\r\n";
/** Most that a batch may hold, by Gmail. */
export const MAX_BATCH_PARTS = 100;
/** RFC 2046 §5.1.1. */
const MAX_BOUNDARY_CHARACTERS = 70;
/** Most of the header lines of a part, its request or status line among them. The longest URL has 16 KiB. */
export const MAX_HEAD_LINES = 100;
export const MAX_HEAD_CHARACTERS = 32 * 1024;

/** The request that carries a batch, without the access token. */
export interface BatchRequest {
  readonly path: string;
  readonly method: string;
  readonly headers: Headers;
  readonly body: string;
}

/** The request for a batch. Its Authorization header counts for every part. */
export function batchRequest(calls: readonly BatchCall[]): BatchRequest {
  // Long and random: no body can hold it.
  const boundary = `batch_${crypto.randomUUID()}`;
  const headers = new Headers({ "Content-Type": `multipart/mixed; boundary=${boundary}` });
  return { path: "/batch/gmail/v1", method: "POST", headers, body: composeBatch(calls, boundary) };
}

/** The body of a batch. */
export function composeBatch(calls: readonly BatchCall[], boundary: string): string {
  const lines = calls.flatMap(({ contentId, method, path, headers, body }) => [
    `--${boundary}`,
    "Content-Type: application/http",
    ...(contentId === null ? [] : [`Content-ID: ${contentId}`]),
    "",
    `${method} ${path} HTTP/1.1`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
    "",
    body,
  ]);
  return [...lines, `--${boundary}--`, ""].join(CRLF);
}

/**
 * Reads the answer to a batch of {@link readingCall}s.
 *
 * @returns a reply for each call, null for one that is unanswered; null where the answer is no batch
 */
export async function readReplies(response: Response, calls: number): Promise<(BatchReply | null)[] | null> {
  // Not text(): the runtime warns of that for anything but text/*.
  const text = new TextDecoder().decode(await response.arrayBuffer());
  const replies = parseBatch(response.headers.get("Content-Type"), text);
  if (replies === null || replies.size === 0) return null;
  return Array.from({ length: calls }, (_, index) => replies.get(`part-${index}`) ?? null);
}

/**
 * Reads a batch answer. Part order does not matter; lines end in CRLF or LF; parts that are cut off, carry no
 * Content-ID or make no sense are left out, so that their calls count as unanswered.
 *
 * @param contentType of the whole answer
 * @returns replies by the ID of their part; null where the answer is no batch at all
 */
export function parseBatch(contentType: string | null, text: string): Map<string, BatchReply> | null {
  const boundary = boundaryOf(contentType);
  if (boundary === null) return null;
  const replies = new Map<string, BatchReply>();
  for (const part of splitParts(text, boundary).parts) {
    const outer = splitHead(part);
    const inner = outer === null ? null : splitHead(skipLineBreaks(outer.body));
    if (outer === null || inner === null) continue;
    const id = replyId(outer.head);
    const [, status] = /^HTTP\/\d(?:\.\d)? (\d{3})/.exec(inner.head) ?? [];
    if (id === null || status === undefined) continue;
    replies.set(id, { status: Number(status), head: inner.head, body: inner.body });
  }
  return replies;
}

/** RFC 2045 §5.1: a token or a quoted string. A longer one than RFC 2046 permits counts as none: searching for it takes time. */
export function boundaryOf(contentType: string | null): string | null {
  if (contentType === null || !/^multipart\/mixed\s*;/i.test(contentType.trim())) return null;
  const [, quoted, token] = /;\s*boundary\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))/i.exec(contentType) ?? [];
  const boundary = quoted?.replaceAll(/\\(.)/g, "$1") ?? token ?? "";
  return boundary.length >= 1 && boundary.length <= MAX_BOUNDARY_CHARACTERS ? boundary : null;
}

/** What lies between the delimiter lines of a batch. */
interface Parts {
  /** One more than {@link MAX_BATCH_PARTS} at most: what follows that is not read. */
  readonly parts: readonly string[];
  /** Whether the delimiter that ends the last part was found. */
  readonly isClosed: boolean;
}

/** Splits a batch. What follows the last delimiter without another one was cut off, and is no part. */
export function splitParts(text: string, boundary: string): Parts {
  const parts: string[] = [];
  let start: number | null = null;
  for (const line of delimiterLines(text, boundary)) {
    if (start !== null) parts.push(text.slice(...withoutLineBreaks(text, start, line.start)));
    if (line.closes) return { parts, isClosed: true };
    if (parts.length > MAX_BATCH_PARTS) break;
    start = line.end;
  }
  return { parts, isClosed: false };
}

/** The line breaks around a part belong to the delimiters: RFC 2046 §5.1.1. */
function withoutLineBreaks(text: string, start: number, end: number): [start: number, end: number] {
  const first = start + lineBreakAt(text, start);
  if (first >= end) return [end, end];
  if (text[end - 1] !== "\n") return [first, end];
  return [first, text[end - 2] === "\r" && end - 2 >= first ? end - 2 : end - 1];
}

/** Length of the line break at an index: 0 for none. */
function lineBreakAt(text: string, index: number): number {
  if (text[index] === "\n") return 1;
  return text[index] === "\r" && text[index + 1] === "\n" ? 2 : 0;
}

/** Where the delimiter lines begin and end, without their line breaks, and whether they close the batch. */
function* delimiterLines(text: string, boundary: string): Generator<{ start: number; end: number; closes: boolean }> {
  const delimiter = `--${boundary}`;
  for (let start = text.indexOf(delimiter); start !== -1; start = text.indexOf(delimiter, start + delimiter.length)) {
    if (start > 0 && text[start - 1] !== "\n") continue;
    let end = start + delimiter.length;
    const closes = text.startsWith("--", end);
    if (closes) end += 2;
    // Not by a pattern: one that may have to go back remembers each of a million spaces.
    while (text[end] === " " || text[end] === "\t") end += 1;
    if (end === text.length || lineBreakAt(text, end) > 0) yield { start, end, closes };
  }
}

/**
 * Splits at the first empty line. A message without one is all head. A head is short, so what is done with one later
 * takes little memory: each line of it becomes an object.
 *
 * @returns null where the head has more than {@link MAX_HEAD_LINES} or {@link MAX_HEAD_CHARACTERS}
 */
export function splitHead(message: string): { head: string; body: string } | null {
  let start = 0;
  for (let lines = 0; lines <= MAX_HEAD_LINES && start <= MAX_HEAD_CHARACTERS; lines += 1) {
    const emptyLine = lineBreakAt(message, start);
    if (emptyLine > 0) {
      const [, end] = withoutLineBreaks(message, 0, start);
      return { head: message.slice(0, end), body: message.slice(start + emptyLine) };
    }
    const lineEnd = message.indexOf("\n", start);
    if (lineEnd === -1) return message.length > MAX_HEAD_CHARACTERS ? null : { head: message, body: "" };
    start = lineEnd + 1;
  }
  return null;
}

/** What follows the line breaks that a message begins with. */
export function skipLineBreaks(message: string): string {
  let start = 0;
  while (message[start] === "\r" || message[start] === "\n") start += 1;
  return message.slice(start);
}

export function parseHeaders(head: string): Headers {
  const headers = new Headers();
  for (const line of head.split(/\r?\n/)) {
    // The value is trimmed without a pattern: one that looks for spaces before the end takes quadratic time.
    const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):(.*)$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined && isFieldValue(value.trim())) headers.append(name, value.trim());
  }
  return headers;
}

/** What Headers takes: bytes without control characters. */
function isFieldValue(value: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(value);
}

/** The ID of a part, by its head: Google answers `<response-ID>` to our `<ID>`. */
function replyId(head: string): string | null {
  // Not by parseHeaders: an object of the runtime for each part costs more than all the rest.
  const [, contentId = ""] = /(?:^|\n)content-id:([^\r\n]*)/i.exec(head) ?? [];
  const [, id] = /^<?response-(.+?)>?$/.exec(contentId.trim()) ?? [];
  return id ?? null;
}
