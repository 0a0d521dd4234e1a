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
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Empty for none. */
  readonly body: string;
}

/** A call that only reads. @param id unique in the batch; letters, digits and dashes */
export function readingCall(id: string, path: string): BatchCall {
  return { contentId: `<${id}>`, method: "GET", path, headers: [], body: "" };
}

/** The answer to one part. */
export interface BatchReply {
  readonly status: number;
  /** Its header lines, unread: few replies are asked for one. {@link parseHeaders} reads them. */
  readonly head: string;
  readonly body: string;
}

const CRLF = "\r\n";

/** The body of a batch. The outer Authorization header counts for every part. */
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
  for (const part of splitParts(text, boundary)) {
    const outer = splitHead(part);
    const id = replyId(outer.head);
    const inner = splitHead(outer.body.replace(/^[\r\n]+/, ""));
    const [, status] = /^HTTP\/\d(?:\.\d)? (\d{3})/.exec(inner.head) ?? [];
    if (id === null || status === undefined) continue;
    replies.set(id, { status: Number(status), head: inner.head, body: inner.body });
  }
  return replies;
}

/** RFC 2045 §5.1: a token or a quoted string. */
export function boundaryOf(contentType: string | null): string | null {
  if (contentType === null || !/^multipart\/mixed\s*;/i.test(contentType.trim())) return null;
  const [, quoted, token] = /;\s*boundary\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))/i.exec(contentType) ?? [];
  return quoted?.replaceAll(/\\(.)/g, "$1") ?? token ?? null;
}

/** The parts between delimiter lines. What follows the last delimiter without another one was cut off. */
export function splitParts(text: string, boundary: string): string[] {
  const parts: string[] = [];
  let start: number | null = null;
  for (const line of delimiterLines(text, boundary)) {
    // The line breaks around a part belong to the delimiters: RFC 2046 §5.1.1.
    if (start !== null)
      parts.push(
        text
          .slice(start, line.start)
          .replace(/^\r?\n/, "")
          .replace(/\r?\n$/, ""),
      );
    start = line.end;
    if (line.closes) break;
  }
  return parts;
}

/** Whether the delimiter that ends the last part is there. */
export function isClosed(text: string, boundary: string): boolean {
  return delimiterLines(text, boundary).some((line) => line.closes);
}

/** Where the delimiter lines begin and end, without their line breaks, and whether they close the batch. */
function* delimiterLines(text: string, boundary: string): Generator<{ start: number; end: number; closes: boolean }> {
  const delimiter = `--${boundary}`;
  const ending = /(--)?[ \t]*(?=\r?\n|$)/y;
  for (let start = text.indexOf(delimiter); start !== -1; start = text.indexOf(delimiter, start + delimiter.length)) {
    ending.lastIndex = start + delimiter.length;
    const match = start === 0 || text[start - 1] === "\n" ? ending.exec(text) : null;
    if (match !== null) yield { start, end: ending.lastIndex, closes: match[1] !== undefined };
  }
}

/** Splits at the first empty line. A message without one is all head. */
export function splitHead(message: string): { head: string; body: string } {
  if (/^\r?\n/.test(message)) return { head: "", body: message.replace(/^\r?\n/, "") };
  const end = /\r?\n\r?\n/.exec(message);
  if (end === null) return { head: message, body: "" };
  return { head: message.slice(0, end.index), body: message.slice(end.index + end[0].length) };
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
