/**
 * Reading a batch that a client sends in Gmail's format. Strict: what cannot be read without doubt is refused, and what
 * is sent on is composed from the parsed calls, so that Google sees exactly the calls that were checked here.
 *
 * https://developers.google.com/workspace/gmail/api/guides/batch
 */
import {
  type BatchCall,
  boundaryOf,
  MAX_BATCH_PARTS,
  MAX_HEAD_CHARACTERS,
  MAX_HEAD_LINES,
  parseHeaders,
  skipLineBreaks,
  splitHead,
  splitParts,
} from "./batch.ts";
import { AppError, invalidArgument } from "../errors.ts";
import { meantMethod, targetWithForm } from "./method-override.ts";
import { passedHeaders, refuseCodedBody, refuseHeaders } from "./request-headers.ts";

/**
 * Reads the calls of a batch.
 *
 * @param contentType of the whole request
 * @returns the calls as they are meant. The caller must check `origin` where it is set
 * @throws AppError `INVALID_ARGUMENT` (400 or 413); the message names the part where one is at fault
 */
export function parseBatchRequest(contentType: string | null, text: string): BatchCall[] {
  const boundary = boundaryOf(contentType);
  if (boundary === null) {
    throw invalidArgument("Content-Type", "Send a batch as multipart/mixed, with a boundary of 1 to 70 characters.");
  }
  const { parts, isClosed } = splitParts(text, boundary);
  if (parts.length > MAX_BATCH_PARTS || (isClosed && parts.length === 0)) {
    throw invalidArgument("body", `A batch must have 1 to ${MAX_BATCH_PARTS} parts.`);
  }
  // Half of a batch is not what the client wants done.
  if (!isClosed) throw invalidArgument("body", "The batch does not end with its closing delimiter.");
  return parts.map(readCall);
}

function readCall(part: string, index: number): BatchCall {
  const outer = headOf(part, index);
  const outerHeaders = readHeaders(outer.head, index);
  if (!/^application\/http\s*(;|$)/i.test(outerHeaders.get("Content-Type") ?? "")) {
    throw badPart(index, "must be of type application/http");
  }
  const inner = headOf(skipLineBreaks(outer.body), index);
  const [requestLine = ""] = inner.head.split(/\r?\n/, 1);
  const request = readRequestLine(requestLine, index);
  const headers = readHeaders(inner.head.slice(requestLine.length), index);
  try {
    requirePlainTransfer(outerHeaders);
    refuseCodedBody(headers);
    refuseHeaders(headers);
    return { contentId: outerHeaders.get("Content-ID"), ...meantCall(request, headers, inner.body) };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const { code, metadata } = error;
    throw new AppError("INVALID_ARGUMENT", `Part ${index + 1} of the batch: ${error.message}`, { code, metadata });
  }
}

type RequestLine = Pick<BatchCall, "method" | "path" | "origin">;

/** RFC 9112 §3.2: a path or, as the Java and .NET clients write it, a whole URL. The .NET client leaves out the version. */
function readRequestLine(line: string, index: number): RequestLine {
  const [, method, origin, path] =
    /^(GET|POST|PUT|PATCH|DELETE) (https?:\/\/[\w.:[\]-]+)?(\/[\x21-\x7e]*)(?: HTTP\/\d(?:\.\d)?)?$/.exec(line) ?? [];
  if (method === undefined || path === undefined) {
    throw badPart(index, "must begin with a method and a path that begins with /, or a whole URL");
  }
  if (origin === undefined) return { method, path };
  // Host in lower case, and without a port that goes without saying.
  if (!URL.canParse(origin)) throw badPart(index, "has a URL that cannot be read");
  return { method, path, origin: new URL(origin).origin };
}

/** What is to be sent on, a GET that came as a POST included. */
function meantCall(request: RequestLine, headers: Headers, body: string): Omit<BatchCall, "contentId"> {
  const method = meantMethod(request.method, headers);
  if (method === request.method) return { ...request, headers: passedHeaders(headers), body };
  const path = targetWithForm(request.path, { type: headers.get("Content-Type"), text: body });
  headers.delete("Content-Type");
  return { ...request, method, path, headers: passedHeaders(headers), body: "" };
}

/** RFC 2045 §6: what these encodings hold is the part as it is. */
function requirePlainTransfer(headers: Headers): void {
  const name = "Content-Transfer-Encoding";
  const encoding = headers.get(name)?.trim() ?? "binary";
  if (!/^(?:7bit|8bit|binary)$/i.test(encoding)) throw invalidArgument(name, `${name} must be binary, 8bit or 7bit.`);
}

function headOf(message: string, index: number): { head: string; body: string } {
  const split = splitHead(message);
  if (split !== null) return split;
  throw badPart(
    index,
    `must have at most ${MAX_HEAD_LINES} header lines, and ${MAX_HEAD_CHARACTERS} characters in them`,
  );
}

/** Headers, all of them: one that is not understood could be what a change depends on, such as `If-Match`. */
function readHeaders(head: string, index: number): Headers {
  // Long ones may be folded: RFC 5322 §2.2.3.
  const lines = head
    .replaceAll(/\r?\n[ \t]+/g, " ")
    .split(/\r?\n/)
    .filter(Boolean);
  const bad = lines.find((line) => !/^[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e]*$/.test(line));
  if (bad !== undefined) throw badPart(index, "has a header that cannot be read");
  return parseHeaders(lines.join("\n"));
}

function badPart(index: number, problem: string): Error {
  return invalidArgument("body", `Part ${index + 1} of the batch ${problem}.`);
}
