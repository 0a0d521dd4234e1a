/**
 * `multipart/mixed` with parts of `application/http`: reads the calls of a batch, and writes their answers. Strict, so that a
 * client's mistake shows here and not first at Google. Knows nothing of Gmail.
 *
 * RFC 2046, section 5.1; RFC 9112.
 */

/** Headers of the way an answer came, which mean nothing inside of a part. */
const HEADERS_OF_THE_WAY = new Set("connection content-length date keep-alive server transfer-encoding".split(" "));
// prettier-ignore
const STATUS_TEXTS: Readonly<Record<number, string>> = {
  200: "OK", 204: "No Content", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
  429: "Too Many Requests", 500: "Internal Server Error", 503: "Service Unavailable",
};

/** A part: its own `Content-ID`, with angle brackets, or null, and an HTTP message. */
interface Part {
  readonly contentId: string | null;
  readonly startLine: string;
  readonly headers: Headers;
  readonly body: string;
}

/** The multipart cannot be read; the message says why. */
export class MultipartError extends Error {
  override readonly name = "MultipartError";
}

/** Takes a batch request apart. @throws {MultipartError} when it is not well-formed */
export function parseBatch(contentType: string, body: string) {
  return splitMultipart(contentType, body).map(({ startLine, contentId, headers, body: content }) => {
    const [, method, target] = /^([A-Z]+) (\S+)(?: HTTP\/1\.[01])?\s*$/.exec(startLine) ?? [];
    if (method === undefined || target === undefined) throw new MultipartError("a part has no request line");
    return { contentId, headers, body: content, method, target };
  });
}

/** Puts answers together to one, in this order. @param parts answers, and the Content-IDs of the calls */
export async function composeReply(
  parts: readonly { readonly contentId: string | null; readonly response: Response }[],
): Promise<Response> {
  const boundary = `batch_${crypto.randomUUID()}`;
  const pieces = parts.map(async ({ contentId, response }) => {
    const body = await response.text();
    const headers = [...response.headers].filter(([name]) => !HEADERS_OF_THE_WAY.has(name));
    return [
      `--${boundary}`,
      "Content-Type: application/http",
      // `<a>` comes back as `<response-a>`.
      ...(contentId === null ? [] : [`Content-ID: ${contentId.replace(/^<?/, "$&response-")}`]),
      "",
      `HTTP/1.1 ${response.status} ${STATUS_TEXTS[response.status] ?? "Error"}`,
      // Names as Google writes them, so that a client that compares them with case is not surprised there.
      ...headers.map(([name, value]) => `${name.replaceAll(/\b[a-z]/g, (letter) => letter.toUpperCase())}: ${value}`),
      `Content-Length: ${new TextEncoder().encode(body).byteLength}`,
      "",
      `${body}\r\n`,
    ].join("\r\n");
  });
  const body = `${(await Promise.all(pieces)).join("")}--${boundary}--\r\n`;
  return new Response(body, { headers: { "content-type": `multipart/mixed; boundary=${boundary}` } });
}

/** What stands between the delimiters; a line break before a delimiter belongs to it. */
function splitMultipart(contentType: string, text: string): Part[] {
  const [, boundary] = /^multipart\/mixed\s*;(?:.*;)?\s*boundary=("[^"]+"|[^\s";]+)\s*(?:;|$)/i.exec(contentType) ?? [];
  if (boundary === undefined) throw new MultipartError(`Content-Type is ${contentType}`);
  const escaped = boundary.replaceAll('"', "").replaceAll(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`);
  const delimiter = new RegExp(String.raw`(?:^|\r?\n)--${escaped}(--)?[ \t]*(?=\r?\n|$)`, "g");
  const parts: Part[] = [];
  let start: number | null = null;
  for (const match of text.matchAll(delimiter)) {
    if (start !== null) parts.push(parsePart(text.slice(start, match.index).replace(/^\r?\n/, "")));
    if (match[1] !== undefined) return parts;
    start = match.index + match[0].length;
  }
  throw new MultipartError(start === null ? "the boundary does not occur" : "the closing delimiter is missing");
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
  const [, head = text, body = ""] = /^([^]*?)(?:^|\r?\n)\r?\n([^]*)$/.exec(text) ?? [];
  // A line that begins with a space goes on the one before (obsolete folding).
  return { head: head.replaceAll(/\r?\n[ \t]+/g, " ").split(/\r?\n/), body };
}

function parseHeaders(lines: readonly string[]): Headers {
  const headers = new Headers();
  for (const line of lines.filter((each) => each !== "")) {
    const [, name, value] = /^([\w!#$%&'*+.^`|~-]+):[ \t]*([^\0\r\n]*?)[ \t]*$/.exec(line) ?? [];
    if (name === undefined || value === undefined) throw new MultipartError("a part has a malformed header");
    headers.append(name, value);
  }
  return headers;
}
