/**
 * Gmail's batch format: several API calls in one `multipart/mixed` body (RFC 2046 §5.1), each part an
 * `application/http` message, matched by Content-ID. Composes and parses text; makes no call.
 *
 * https://developers.google.com/workspace/gmail/api/guides/batch
 */

/** One call of a batch. */
export interface BatchPart {
  /** Unique in the batch; letters, digits and dashes. */
  readonly id: string;
  /** Path and query, without origin. */
  readonly path: string;
}

/** The answer to one part. */
export interface BatchReply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

const CRLF = "\r\n";

/** The body of a batch of GET calls. The outer Authorization header counts for every part. */
export function composeBatch(parts: readonly BatchPart[], boundary: string): string {
  const lines = parts.flatMap(({ id, path }) => [
    `--${boundary}`,
    "Content-Type: application/http",
    `Content-ID: <${id}>`,
    "",
    `GET ${path} HTTP/1.1`,
    "",
    "",
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
    const id = replyId(parseHeaders(outer.head).get("Content-ID"));
    const inner = splitHead(outer.body.replace(/^[\r\n]+/, ""));
    const [, status] = /^HTTP\/\d(?:\.\d)? (\d{3})/.exec(inner.head) ?? [];
    if (id === null || status === undefined) continue;
    const headers = parseHeaders(inner.head.replace(/^[^\n]*\n?/, ""));
    replies.set(id, { status: Number(status), headers, body: inner.body });
  }
  return replies;
}

/** RFC 2045 §5.1: a token or a quoted string. */
function boundaryOf(contentType: string | null): string | null {
  if (contentType === null || !/^multipart\/mixed\s*;/i.test(contentType.trim())) return null;
  const [, quoted, token] = /;\s*boundary\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))/i.exec(contentType) ?? [];
  return quoted?.replaceAll(/\\(.)/g, "$1") ?? token ?? null;
}

/** The parts between delimiter lines. What follows the last delimiter without another one was cut off. */
function splitParts(text: string, boundary: string): string[] {
  const escaped = boundary.replaceAll(/[.*+?^${}()|[\]\\/-]/g, String.raw`\$&`);
  // The line break before a delimiter belongs to it: RFC 2046 §5.1.1.
  const delimiter = new RegExp(String.raw`(?:^|\r?\n)--${escaped}(--)?[ \t]*(?=\r?\n|$)`, "g");
  const parts: string[] = [];
  let start: number | null = null;
  for (const match of text.matchAll(delimiter)) {
    if (start !== null) parts.push(text.slice(start, match.index).replace(/^\r?\n/, ""));
    start = match.index + match[0].length;
    if (match[1] !== undefined) break;
  }
  return parts;
}

/** Splits at the first empty line. A message without one is all head. */
function splitHead(message: string): { head: string; body: string } {
  if (/^\r?\n/.test(message)) return { head: "", body: message.replace(/^\r?\n/, "") };
  const end = /\r?\n\r?\n/.exec(message);
  if (end === null) return { head: message, body: "" };
  return { head: message.slice(0, end.index), body: message.slice(end.index + end[0].length) };
}

function parseHeaders(head: string): Headers {
  const headers = new Headers();
  for (const line of head.split(/\r?\n/)) {
    const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined && isFieldValue(value)) headers.append(name, value);
  }
  return headers;
}

/** What Headers takes: bytes without control characters. */
function isFieldValue(value: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(value);
}

/** Google answers `<response-ID>` to our `<ID>`. */
function replyId(contentId: string | null): string | null {
  const [, id] = /^<?response-(.+?)>?$/.exec(contentId ?? "") ?? [];
  return id ?? null;
}
