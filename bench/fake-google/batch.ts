/** Gmail's batch endpoint: `multipart/mixed` in and out. https://developers.google.com/workspace/gmail/api/guides/batch */
import { MAX_PARTS } from "./behaviour.ts";
import type { Answer } from "./errors.ts";

/** One `messages.get` of a batch. */
export interface Part {
  /** Its Content-ID, without angle brackets. */
  readonly contentId: string;
  readonly messageId: string;
}

const BOUNDARY = "batch_fake_answer";
const STATUS_TEXTS: Readonly<Record<number, string>> = {
  200: "OK",
  429: "Too Many Requests",
  503: "Service Unavailable",
};

/** The parts of a batch request. @throws Error where it has none, or more than Gmail takes */
export function readBatch(body: string): Part[] {
  const part = /Content-ID: <([^>]+)>\r?\n(?:[^\r\n]+\r?\n)*\r?\nGET \/gmail\/v1\/users\/me\/messages\/([0-9a-f]+)\?/gi;
  const parts = Array.from(body.matchAll(part), ([, contentId = "", messageId = ""]) => ({ contentId, messageId }));
  if (parts.length === 0 || parts.length > MAX_PARTS) throw new Error(`A batch of ${parts.length} parts`);
  return parts;
}

/** The answer to a batch, parts in the order that they were sent. */
export function writeBatch(parts: readonly Part[], answers: readonly Answer[]): Answer {
  const texts = parts.map(({ contentId }, index) => {
    const answer = answers[index];
    if (answer === undefined) throw new Error("A part without an answer");
    return [
      `--${BOUNDARY}`,
      "Content-Type: application/http",
      `Content-ID: <response-${contentId}>`,
      "",
      `HTTP/1.1 ${answer.status} ${STATUS_TEXTS[answer.status] ?? "Error"}`,
      `Content-Type: ${answer.contentType}`,
      "",
      answer.body,
      "",
    ].join("\r\n");
  });
  const contentType = `multipart/mixed; boundary=${BOUNDARY}`;
  return { status: 200, contentType, body: `${texts.join("")}--${BOUNDARY}--\r\n` };
}
