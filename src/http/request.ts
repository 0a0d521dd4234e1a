/**
 * Reading a request: who sent it (a person's browser or a program), its body, and where to lead them.
 */
import { accepts } from "hono/accepts";
import { AppError, invalidArgument, type SignInAgain } from "../errors.ts";
import { type Reader, toReader } from "../pages/dates.ts";
import { safeReturnTo } from "../auth/return-to.ts";
import type { AppContext } from "./types.ts";

/** Whether a person waits for a page: a navigation, or without Fetch Metadata an `Accept` that prefers HTML. */
export function isNavigation(c: AppContext): boolean {
  // No browser sends a token when it navigates; some programs' default `Accept` begins with HTML.
  if (c.req.header("Authorization") !== undefined) return false;
  const mode = c.req.header("Sec-Fetch-Mode");
  if (mode !== undefined) return mode === "navigate";
  return prefers(c, "text/html", ["text/html", "application/json", "application/x-ndjson"]);
}

/** Whether the caller wants its messages line by line. */
export function wantsNdjson(c: AppContext): boolean {
  return prefers(c, "application/x-ndjson", ["application/json", "application/x-ndjson"]);
}

function prefers(c: AppContext, type: string, supports: string[]): boolean {
  return accepts(c, { header: "Accept", supports, default: "application/json" }) === type;
}

/** The most that a URL may have: Cloudflare's own limit, which nothing enforces locally. */
const MAX_URL_CHARACTERS = 16 * 1024;
/** All headers together. Our own cookies need 4 KB each at most; the platform takes 128 KB. */
const MAX_HEADER_BYTES = 64 * 1024;

/** Refuses what is larger than anything that is meant for us. @throws AppError `INVALID_ARGUMENT`, 414 or 431 */
export function requireModestSize(request: Request): void {
  if (request.url.length > MAX_URL_CHARACTERS) {
    throw new AppError("INVALID_ARGUMENT", `The URL must have at most ${MAX_URL_CHARACTERS} characters.`, {
      code: 414,
    });
  }
  let bytes = 0;
  for (const [name, value] of request.headers) bytes += name.length + value.length;
  if (bytes > MAX_HEADER_BYTES) {
    throw new AppError("INVALID_ARGUMENT", `The headers must have at most ${MAX_HEADER_BYTES} bytes.`, { code: 431 });
  }
}

/**
 * The body, inflated where it came as gzip, if it is no longer than `maxBytes` as it came and as it is.
 *
 * @throws AppError `INVALID_ARGUMENT`: 413, 415, or 400 where it is not what `Content-Encoding` says
 */
export async function readBody(c: AppContext, maxBytes: number): Promise<ArrayBuffer> {
  const coding = contentCoding(c);
  const declaredBytes = Number(c.req.header("Content-Length") ?? 0);
  if (declaredBytes > maxBytes) throw bodyTooLarge(maxBytes);
  const sent = await readAtMost(c.req.raw.body, maxBytes);
  return coding === "gzip" && sent.byteLength > 0 ? inflate(sent, maxBytes) : sent;
}

/** RFC 9110 §8.4.1: the coding of the body. */
function contentCoding(c: AppContext): "gzip" | "identity" {
  const coding = c.req.header("Content-Encoding")?.trim().toLowerCase() ?? "";
  if (coding === "gzip" || coding === "x-gzip") return "gzip";
  if (coding === "" || coding === "identity") return "identity";
  c.header("Accept-Encoding", "gzip");
  throw new AppError("INVALID_ARGUMENT", "Content-Encoding must be gzip or identity.", {
    code: 415,
    metadata: { parameter: "Content-Encoding" },
  });
}

/** The bytes of a body. It need not say how long it is: leaving this loop early ends the upload. */
async function readAtMost(body: AsyncIterable<Uint8Array> | null, maxBytes: number): Promise<ArrayBuffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw bodyTooLarge(maxBytes);
    chunks.push(chunk);
  }
  return new Blob(chunks).arrayBuffer();
}

async function inflate(zipped: ArrayBuffer, maxBytes: number): Promise<ArrayBuffer> {
  try {
    return await readAtMost(inflated(zipped), maxBytes);
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw invalidArgument("Content-Encoding", "The body is not gzip, or it is cut off.");
  }
}

/** 16 KiB of gzip become 16 MiB at most. */
const SLICE_BYTES = 16 * 1024;

/**
 * The runtime inflates all that it is given, whether it is read or not: 8 MiB of gzip could become 8 GiB. So the next
 * slice is given only once what came of the last one is read.
 */
async function* inflated(zipped: ArrayBuffer): AsyncGenerator<Uint8Array> {
  let start = 0;
  let readBytes = 0;
  const slices = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        let before: number;
        do {
          before = readBytes;
          await new Promise((resolve) => setTimeout(resolve, 0));
        } while (readBytes > before);
        if (start >= zipped.byteLength) return controller.close();
        controller.enqueue(new Uint8Array(zipped.slice(start, start + SLICE_BYTES)));
        start += SLICE_BYTES;
      },
    },
    { highWaterMark: 0 },
  );
  for await (const chunk of slices.pipeThrough(new DecompressionStream("gzip"))) {
    readBytes += chunk.byteLength;
    yield chunk;
  }
}

function bodyTooLarge(maxBytes: number): AppError {
  return new AppError("INVALID_ARGUMENT", `The body must have at most ${maxBytes} bytes.`, {
    code: 413,
    metadata: { parameter: "body" },
  });
}

/** The body as text. @throws AppError `INVALID_ARGUMENT` where it is too long or not UTF-8 */
export async function readText(c: AppContext, maxBytes: number): Promise<string> {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(await readBody(c, maxBytes));
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw invalidArgument("body", "The body must be text in UTF-8.");
  }
}

/** The body as JSON. @throws AppError `INVALID_ARGUMENT` */
export async function readJsonBody(c: AppContext, maxBytes: number): Promise<unknown> {
  // A form of another site cannot send this type.
  if (!/^application\/json\s*(;|$)/i.test(c.req.header("Content-Type") ?? "")) {
    throw invalidArgument("Content-Type", "Send the body as JSON, with Content-Type: application/json.");
  }
  const text = await readText(c, maxBytes);
  try {
    return JSON.parse(text);
  } catch {
    throw invalidArgument("body", "The body is not JSON.");
  }
}

/** The fields of a form. @throws AppError `INVALID_ARGUMENT` */
export async function readForm(c: AppContext, maxBytes: number): Promise<URLSearchParams> {
  return new URLSearchParams(await readText(c, maxBytes));
}

/** Who reads the page that is asked for. */
export function readerOf(c: AppContext): Reader {
  return toReader({
    acceptLanguage: c.req.header("Accept-Language") ?? null,
    timeZone: c.req.raw.cf?.timezone,
    nowMs: c.var.scope.world.now(),
  });
}

/** The URL of our sign-in that leads back to where the person is. */
export function signInUrl(c: AppContext, again: SignInAgain): string {
  return new URL(signInPath({ ...again, returnTo: again.returnTo ?? currentPage(c) ?? "/" }), c.var.scope.origin).href;
}

/** The path of our sign-in. Without `returnTo` it leads to the start. */
export function signInPath({ returnTo, loginHint, prompt }: SignInAgain): string {
  const query = new URLSearchParams();
  const target = safeReturnTo(returnTo ?? null);
  if (target !== "/") query.set("return_to", target);
  if (loginHint !== undefined) query.set("login_hint", loginHint);
  if (prompt !== undefined) query.set("prompt", prompt);
  return query.size === 0 ? "/auth/login" : `/auth/login?${query.toString()}`;
}

/** The page that a person looks at: the one they ask for, or the one of ours whose script or form asks. */
function currentPage(c: AppContext): string | null {
  const shown = c.req.method === "GET" && isNavigation(c) ? c.req.url : c.req.header("Referer");
  if (shown === undefined || !URL.canParse(shown)) return null;
  const { origin, pathname, search } = new URL(shown);
  const isOurs = origin === c.var.scope.origin || shown === c.req.url;
  return isOurs ? pathname + search : null;
}

/**
 * Refuses a path that a server behind us might read as another one. Dot segments are not looked for: the runtime
 * resolves them (raw and as `%2e`) before a route is chosen, so they lead nowhere that could not be asked for directly.
 *
 * @throws AppError `INVALID_ARGUMENT`
 */
export function requirePlainPath(requestUrl: string): void {
  if (!/%2f|%5c|%00/i.test(new URL(requestUrl).pathname)) return;
  throw invalidArgument("path", "The path must not hold encoded separators.");
}
