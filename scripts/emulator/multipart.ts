/**
 * `multipart/mixed` with parts of `application/http`: taken apart and put together. Knows neither Gmail
 * nor Hono.
 *
 * Strict, so that a client's mistake shows here and not first at Google: no boundary, no closing
 * delimiter or a part of another type is an error. Bytes stay bytes: text is read as Latin-1.
 *
 * RFC 2046, section 5.1; RFC 9112.
 */

import { randomBytes } from "node:crypto";
import { STATUS_CODES } from "node:http";
import { MIMEType } from "node:util";

/** Headers of the way an answer came, which mean nothing inside of a part. */
const HEADERS_OF_THE_WAY = new Set("connection content-length date keep-alive server transfer-encoding".split(" "));

/** A call as a part says it. */
export interface BatchPart {
  /** The part's own `Content-ID`, with its angle brackets, or null. */
  readonly contentId: string | null;
  readonly method: string;
  /** Path and query, or whatever else the client wrote there. */
  readonly target: string;
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** The multipart cannot be read; the message says why. */
export class MultipartError extends Error {
  override readonly name = "MultipartError";
}

/**
 * Takes a batch request apart.
 *
 * @throws {MultipartError} when it is not well-formed
 */
export function parseBatch(contentType: string, body: ArrayBuffer): BatchPart[] {
  const text = Buffer.from(body).toString("latin1");
  return splitMultipart(text, boundaryOf(contentType)).map(parsePart);
}

function boundaryOf(contentType: string): string {
  let type: MIMEType;
  try {
    type = new MIMEType(contentType);
  } catch {
    throw new MultipartError("Content-Type is missing or malformed");
  }
  if (type.essence !== "multipart/mixed") throw new MultipartError(`Content-Type is ${type.essence}`);
  const boundary = type.params.get("boundary") ?? "";
  if (boundary === "") throw new MultipartError("Content-Type has no boundary");
  return boundary;
}

/** What stands between the delimiters; a line break before a delimiter belongs to it. */
function splitMultipart(text: string, boundary: string): string[] {
  const escaped = boundary.replaceAll(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`);
  const delimiter = new RegExp(String.raw`(?:^|\r?\n)--${escaped}(--)?[ \t]*(?=\r?\n|$)`, "g");
  const parts: string[] = [];
  let start: number | null = null;
  for (const match of text.matchAll(delimiter)) {
    if (start !== null) parts.push(text.slice(start, match.index).replace(/^\r?\n/, ""));
    if (match[1] !== undefined) return parts;
    start = match.index + match[0].length;
  }
  throw new MultipartError(start === null ? "the boundary does not occur" : "the closing delimiter is missing");
}

function parsePart(text: string): BatchPart {
  const outer = splitMessage(text);
  const headers = parseHeaders(outer.head);
  const type = headers.get("Content-Type")?.split(";")[0]?.trim().toLowerCase() ?? "(none)";
  if (type !== "application/http") throw new MultipartError(`a part has the Content-Type ${type}`);
  // A server ignores empty lines before the request line (RFC 9112, section 2.2).
  const inner = splitMessage(outer.body.replace(/^(?:\r?\n)+/, ""));
  const [requestLine = "", ...lines] = inner.head;
  const [, method, target] = /^([A-Z]+) (\S+)(?: HTTP\/1\.[01])?\s*$/.exec(requestLine) ?? [];
  if (method === undefined || target === undefined) throw new MultipartError("a part has no request line");
  return {
    contentId: headers.get("Content-ID"),
    method,
    target,
    headers: parseHeaders(lines),
    body: new Uint8Array(Buffer.from(inner.body, "latin1")),
  };
}

/** Lines up to the first empty one, and what follows it. */
function splitMessage(text: string): { head: string[]; body: string } {
  if (/^\r?\n/.test(text)) return { head: [], body: text.replace(/^\r?\n/, "") };
  const [, head = text, body = ""] = /^([^]*?)\r?\n\r?\n([^]*)$/.exec(text) ?? [];
  // A line that begins with a space goes on the one before (obsolete folding).
  const lines = head.replaceAll(/\r?\n[ \t]+/g, " ").split(/\r?\n/);
  return { head: lines, body };
}

function parseHeaders(lines: readonly string[]): Headers {
  const headers = new Headers();
  for (const line of lines.filter((each) => each !== "")) {
    const [, name, value] = /^([^\s:]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
    if (name === undefined || value === undefined) throw new MultipartError("a part has a malformed header");
    try {
      headers.append(name, value);
    } catch {
      throw new MultipartError("a part has a malformed header");
    }
  }
  return headers;
}

/** An answer and the part that it answers. */
export interface BatchReply {
  readonly contentId: string | null;
  readonly response: Response;
}

/** Puts answers together to one, in this order. */
export async function composeBatch(replies: readonly BatchReply[]): Promise<Response> {
  const boundary = `batch_${randomBytes(18).toString("base64url")}`;
  const parts = await Promise.all(replies.map(composePart));
  const pieces = parts.flatMap((part) => [Buffer.from(`--${boundary}\r\n`), part, Buffer.from("\r\n")]);
  const body = Buffer.concat([...pieces, Buffer.from(`--${boundary}--\r\n`)]);
  return new Response(body, { headers: { "Content-Type": `multipart/mixed; boundary=${boundary}` } });
}

async function composePart({ contentId, response }: BatchReply): Promise<Buffer> {
  const body = Buffer.from(await response.arrayBuffer());
  const headers = [...response.headers].filter(([name]) => !HEADERS_OF_THE_WAY.has(name));
  const lines = [
    "Content-Type: application/http",
    ...(contentId === null ? [] : [`Content-ID: ${replyId(contentId)}`]),
    "",
    `HTTP/1.1 ${response.status} ${STATUS_CODES[response.status] ?? ""}`,
    ...headers.map(([name, value]) => `${toTitleCase(name)}: ${value}`),
    `Content-Length: ${body.byteLength}`,
    "",
    "",
  ];
  return Buffer.concat([Buffer.from(lines.join("\r\n"), "latin1"), body]);
}

/** `<a>` comes back as `<response-a>`. */
function replyId(contentId: string): string {
  return contentId.startsWith("<") ? `<response-${contentId.slice(1)}` : `response-${contentId}`;
}

/** Names as Google writes them, so that a client that compares them with case is not surprised there. */
function toTitleCase(name: string): string {
  return name.replaceAll(/(?<=^|-)[a-z]/g, (letter) => letter.toUpperCase());
}
