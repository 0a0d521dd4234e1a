/** A batch endpoint for the tests of rows: takes a batch apart and answers each part, in whichever order. */
import type { Call } from "../fixtures.ts";

/** A part of a batch, as it was sent. */
export interface SentPart {
  readonly contentId: string;
  /** Method and target of its request line. */
  readonly method: string;
  readonly url: URL;
  /** Of the message that it asks for. */
  readonly id: string;
}

/** What a batch endpoint answers for one message. */
export type AnswerPart = (id: string) => Response | Promise<Response>;

export interface BatchAnswerOptions {
  /** Order of the parts. */
  readonly arrange?: <T>(parts: readonly T[]) => readonly T[];
  readonly boundary?: string;
}

/** The message IDs that a batch asks for, in order; none for a call that is no batch. */
export function idsOf(call: Call): string[] {
  return call.url.pathname === "/batch/gmail/v1" ? readBatch(call).map(({ id }) => id) : [];
}

/** Takes a batch apart, by the letter of RFC 2046 §5.1. */
export function readBatch({ headers, body }: Pick<Call, "headers" | "body">): SentPart[] {
  const [, boundary = ""] = /^multipart\/mixed; boundary=([\w-]{1,70})$/.exec(headers.get("Content-Type") ?? "") ?? [];
  const [preamble, ...pieces] = `\r\n${body}`.split(`\r\n--${boundary}`);
  if (preamble !== "" || pieces.pop() !== "--\r\n") throw new Error("The batch does not begin and end as it should.");
  return pieces.map((piece) => {
    const [outer = "", inner = "", ...rest] = piece.split("\r\n\r\n");
    const [, contentId] = /^Content-ID: <([\w-]+)>$/im.exec(outer) ?? [];
    const [, method = "", target = ""] = /^(\w+) (\/\S+) HTTP\/1\.1$/.exec(inner) ?? [];
    if (contentId === undefined || rest.join("") !== "") throw new Error(`A strange part: ${piece}`);
    const url = new URL(target, "https://gmail.localhost");
    return { contentId, method, url, id: decodeURIComponent(url.pathname.split("/").at(-1) ?? "") };
  });
}

/** Answers a batch as Gmail does. */
export async function answerBatch(
  call: Call,
  answer: AnswerPart,
  { arrange = (parts) => parts, boundary = "batch_answer" }: BatchAnswerOptions = {},
): Promise<Response> {
  const parts = await Promise.all(
    readBatch(call).map(async ({ contentId, id }) => writePart(contentId, await answer(id))),
  );
  const body = arrange(parts).map((part) => `--${boundary}\r\n${part}\r\n`);
  return new Response(`${body.join("")}--${boundary}--\r\n`, {
    headers: { "Content-Type": `multipart/mixed; boundary=${boundary}` },
  });
}

async function writePart(contentId: string, response: Response): Promise<string> {
  const headers = [...response.headers].map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const head = `Content-Type: application/http\r\nContent-ID: <response-${contentId}>\r\n\r\n`;
  return `${head}HTTP/1.1 ${response.status} Whatever\r\n${headers}\r\n${await response.text()}`;
}

/** A message of the test mailbox, as a part answers it. */
export function messageOf(id: string): Response {
  return Response.json({ id, threadId: id.replace("m", "t"), internalDate: "0", labelIds: ["INBOX"] });
}

/** An error in Google's form. */
export function googleError(code: number, error: object = {}, headers: Record<string, string> = {}): Response {
  return Response.json({ error: { code, ...error } }, { status: code, headers });
}
