/**
 * The bytes of an attachment: base64url within JSON, decoded while it comes, since an attachment may be larger than what an
 * isolate can hold several times.
 *
 * https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages.attachments
 */
import { base64url } from "jose";
import * as z from "zod/mini";
import { inTime } from "../lib/settle.ts";
import { parseJsonOrNull, timedOut, unexpectedAnswer, type Upstream } from "../lib/upstream.ts";
import { GMAIL } from "./errors.ts";

/** What stands before the data is a few characters. */
const MAX_HEAD_CHARACTERS = 4096;

/**
 * Decodes the answer of `users.messages.attachments.get`.
 *
 * @param upstream whose time limit of a call the first bytes must keep
 * @returns once the first bytes are there
 * @throws AppError `UPSTREAM_UNAVAILABLE`; what goes wrong later ends the stream with an error
 */
export async function openAttachmentBytes(response: Response, upstream: Upstream): Promise<ReadableStream<Uint8Array>> {
  const pieces = decodedPieces(response.body ?? []);
  let first: IteratorResult<Uint8Array, void> | null = await inTime(
    pieces.next(),
    (ms, onTime) => upstream.startTimer(ms, onTime),
    upstream.callTimeMs,
    () => {
      throw timedOut(GMAIL);
    },
  );
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { value, done } = first ?? (await pieces.next());
      first = null;
      if (done) return controller.close();
      controller.enqueue(value);
    },
    async cancel() {
      await pieces.return();
    },
  });
}

async function* decodedPieces(
  json: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  const decoder = new TextDecoder();
  let text = "";
  let isData = false;
  for await (const chunk of json) {
    text += decoder.decode(chunk, { stream: true });
    if (!isData) {
      const head = /"data"\s*:\s*"/.exec(text);
      if (head === null && text.length > MAX_HEAD_CHARACTERS) throw unexpectedAnswer(GMAIL, 200);
      if (head === null) continue;
      text = text.slice(head.index + head[0].length);
      isData = true;
    }
    const end = text.search(/[^\w+/-]/);
    // Four characters are three bytes.
    const length = end === -1 ? text.length - (text.length % 4) : end;
    if (length > 0) yield decodePiece(text.slice(0, length));
    // Padding, which JSON may escape, or the end of the string.
    if (end !== -1) {
      requireEnd(text.slice(end));
      return;
    }
    text = text.slice(length);
  }
  if (isData || !EmptyAttachmentSchema.safeParse(parseJsonOrNull(text)).success) throw unexpectedAnswer(GMAIL, 200);
}

/** Google leaves out what is empty. */
const EmptyAttachmentSchema = z.object({ data: z.optional(z.literal("")) });

function decodePiece(text: string): Uint8Array {
  try {
    return base64url.decode(text.replaceAll("+", "-").replaceAll("/", "_"));
  } catch {
    throw unexpectedAnswer(GMAIL, 200);
  }
}

function requireEnd(rest: string): void {
  if (!/^["=\\]/.test(rest)) throw unexpectedAnswer(GMAIL, 200);
}
