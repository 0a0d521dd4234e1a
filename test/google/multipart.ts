/**
 * `multipart/mixed` with parts of `application/http`, both ways: the one codec of the tests, of clients and of Google. Knows
 * nothing of Gmail.
 *
 * Strict, so that a client's mistake shows here and not first at Google: no boundary, no closing delimiter or a part of another
 * type is an error.
 *
 * RFC 2046, section 5.1; RFC 9112.
 */

/** Headers of the way an answer came, which mean nothing inside of a part. */
const HEADERS_OF_THE_WAY = new Set("connection content-length date keep-alive server transfer-encoding".split(" "));
const STATUS_TEXTS: Readonly<Record<number, string>> = {
  200: "OK",
  204: "No Content",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  429: "Too Many Requests",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

/** A call, as a part says it. */
export interface BatchPart {
  /** The part's own `Content-ID`, with its angle brackets, or null. */
  readonly contentId: string | null;
  readonly method: string;
  /** Path and query, or whatever else the client wrote there. */
  readonly target: string;
  readonly headers: Headers;
  readonly body: string;
}

/** An answer, as a part says it. */
export interface BatchReply {
  readonly contentId: string | null;
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** The multipart cannot be read; the message says why. */
export class MultipartError extends Error {
  override readonly name = "MultipartError";
}

/** Takes a batch request apart. @throws {MultipartError} when it is not well-formed */
export function parseBatch(contentType: string, body: string): BatchPart[] {
  return splitMultipart(contentType, body).map((part) => {
    const { contentId, startLine, headers, body: content } = parsePart(part);
    const [, method, target] = /^([A-Z]+) (\S+)(?: HTTP\/1\.[01])?\s*$/.exec(startLine) ?? [];
    if (method === undefined || target === undefined) throw new MultipartError("a part has no request line");
    return { contentId, method, target, headers, body: content };
  });
}

/** Takes the reply to a batch apart. @throws {MultipartError} when it is not well-formed */
export function parseReplies(contentType: string, body: string): BatchReply[] {
  return splitMultipart(contentType, body).map((part) => {
    const { contentId, startLine, headers, body: content } = parsePart(part);
    const [, status] = /^HTTP\/1\.1 (\d{3}) [\w ]+$/.exec(startLine) ?? [];
    if (status === undefined) throw new MultipartError("a part has no status line");
    // The line break before the delimiter was there already where the length is told.
    return { contentId, status: Number(status), headers, body: content };
  });
}

/** A part to be sent: request line and headers, a line each. */
export interface OutgoingPart {
  /** With its angle brackets; a part without one has none. */
  readonly contentId?: string;
  readonly head: readonly string[];
  readonly body?: string;
}

/** Writes the body of a batch request. */
export function composeBatch(parts: readonly OutgoingPart[], boundary: string, eol = "\r\n"): string {
  const pieces = parts.map(({ contentId, head, body = "" }) => {
    const id = contentId === undefined ? [] : [`Content-ID: ${contentId}`];
    return [`--${boundary}`, "Content-Type: application/http", ...id, "", ...head, "", body].join(eol);
  });
  return [...pieces, `--${boundary}--`, ""].join(eol);
}

/** Puts answers together to one, in this order. @param parts answers, and the Content-IDs of the calls */
export async function composeReply(
  parts: readonly { readonly contentId: string | null; readonly response: Response }[],
): Promise<Response> {
  const boundary = `batch_${crypto.randomUUID()}`;
  const pieces = await Promise.all(parts.map(composePart));
  const body = `${pieces.map((piece) => `--${boundary}\r\n${piece}\r\n`).join("")}--${boundary}--\r\n`;
  return new Response(body, { headers: { "content-type": `multipart/mixed; boundary=${boundary}` } });
}

async function composePart({ contentId, response }: { contentId: string | null; response: Response }): Promise<string> {
  const body = await response.text();
  const headers = [...response.headers].filter(([name]) => !HEADERS_OF_THE_WAY.has(name));
  return [
    "Content-Type: application/http",
    ...(contentId === null ? [] : [`Content-ID: ${replyId(contentId)}`]),
    "",
    `HTTP/1.1 ${response.status} ${STATUS_TEXTS[response.status] ?? "Error"}`,
    ...headers.map(([name, value]) => `${toTitleCase(name)}: ${value}`),
    `Content-Length: ${new TextEncoder().encode(body).byteLength}`,
    "",
    body,
  ].join("\r\n");
}

/** `<a>` comes back as `<response-a>`. */
function replyId(contentId: string): string {
  return contentId.startsWith("<") ? `<response-${contentId.slice(1)}` : `response-${contentId}`;
}

/** Names as Google writes them, so that a client that compares them with case is not surprised there. */
function toTitleCase(name: string): string {
  return name.replaceAll(/(?<=^|-)[a-z]/g, (letter) => letter.toUpperCase());
}

function boundaryOf(contentType: string): string {
  const [type = "", ...parameters] = contentType.split(";");
  if (type.trim() === "") throw new MultipartError("Content-Type is missing or malformed");
  if (type.trim().toLowerCase() !== "multipart/mixed") throw new MultipartError(`Content-Type is ${type.trim()}`);
  const [, quoted, token] = /(?:^|;)\s*boundary=(?:"([^"]+)"|([^\s"]+))\s*(?:;|$)/i.exec(parameters.join(";")) ?? [];
  const boundary = quoted ?? token;
  if (boundary === undefined) throw new MultipartError("Content-Type has no boundary");
  return boundary;
}

/** What stands between the delimiters; a line break before a delimiter belongs to it. */
function splitMultipart(contentType: string, text: string): string[] {
  const escaped = boundaryOf(contentType).replaceAll(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`);
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

interface Part {
  readonly contentId: string | null;
  readonly startLine: string;
  readonly headers: Headers;
  readonly body: string;
}

function parsePart(text: string): Part {
  const outer = splitMessage(text);
  const headers = parseHeaders(outer.head);
  const type = headers.get("content-type")?.split(";")[0]?.trim().toLowerCase() ?? "(none)";
  if (type !== "application/http") throw new MultipartError(`a part has the Content-Type ${type}`);
  // A server ignores empty lines before the request line (RFC 9112, section 2.2).
  const inner = splitMessage(outer.body.replace(/^(?:\r?\n)+/, ""));
  const [startLine = "", ...lines] = inner.head;
  return { contentId: headers.get("content-id"), startLine, headers: parseHeaders(lines), body: inner.body };
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
    try {
      if (name === undefined || value === undefined) throw new TypeError("no header");
      headers.append(name, value);
    } catch {
      throw new MultipartError("a part has a malformed header");
    }
  }
  return headers;
}
