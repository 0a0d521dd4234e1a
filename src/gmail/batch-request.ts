/**
 * Reading a batch that a client sends in Gmail's format. Strict: what cannot be read without doubt is refused, and what
 * is sent on is composed anew from what was read, so that Google sees exactly the calls that were checked here.
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
import { invalidArgument } from "../errors.ts";

/** What Gmail may see of a part's headers. Not `Authorization`: the outer one counts for every part. */
const PART_HEADERS = ["Accept", "Content-Type", "If-Match", "If-None-Match"];

/**
 * Reads the calls of a batch.
 *
 * @param contentType of the whole request
 * @throws AppError `INVALID_ARGUMENT`, naming the part
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
  const [, method, path] =
    /^(GET|POST|PUT|PATCH|DELETE) (\/[\x21-\x7e]*)(?: HTTP\/\d(?:\.\d)?)?$/.exec(requestLine) ?? [];
  if (method === undefined || path === undefined) {
    throw badPart(index, "must begin with a method and a path that begins with /");
  }
  const headers = readHeaders(inner.head.slice(requestLine.length), index);
  return { contentId: outerHeaders.get("Content-ID"), method, path, headers: passedOn(headers), body: inner.body };
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

function passedOn(headers: Headers): [string, string][] {
  return PART_HEADERS.flatMap((name): [string, string][] => {
    const value = headers.get(name);
    return value === null ? [] : [[name, value]];
  });
}

function badPart(index: number, problem: string): Error {
  return invalidArgument("body", `Part ${index + 1} of the batch ${problem}.`);
}
