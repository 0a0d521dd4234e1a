/**
 * Reads request bodies: bytes, text, JSON and forms, inflated where they came as gzip, never more than the limit.
 */
import { AppError, invalidArgument } from "../errors.ts";
import type { AppContext } from "./types.ts";

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
