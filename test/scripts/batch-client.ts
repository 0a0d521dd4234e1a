/** A client of the emulated batch endpoint, for its tests. */

import type { GoogleEmulator } from "../../scripts/emulator/start.ts";

/** A part of a batch. */
export interface Part {
  /** With its angle brackets; a part without one has none. */
  readonly contentId?: string;
  /** Request line and headers, a line each. */
  readonly head: readonly string[];
  readonly body?: string;
}

/** A part of the reply. */
export interface Reply {
  readonly contentId: string | null;
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** How a batch is written. */
export interface BatchStyle {
  readonly eol?: "\r\n" | "\n";
  readonly boundary?: string;
  /** The whole `Content-Type`, where it shall not fit. */
  readonly contentType?: string;
}

/** A part that reads from the mailbox. */
export function read(contentId: string, path: string, ...headers: string[]): Part {
  return { contentId: `<${contentId}>`, head: [`GET /gmail/v1/users/me/${path}`, ...headers] };
}

/** Writes a multipart body. */
export function composeParts(parts: readonly Part[], { eol = "\r\n", boundary = "b" }: BatchStyle = {}): string {
  const pieces = parts.map(({ contentId, head, body = "" }) =>
    [
      `--${boundary}`,
      "Content-Type: application/http",
      ...(contentId === undefined ? [] : [`Content-ID: ${contentId}`]),
      "",
      ...head,
      "",
      body,
    ].join(eol),
  );
  return [...pieces, `--${boundary}--`, ""].join(eol);
}

/** Sends a batch as it is. */
export function postBatch(
  google: GoogleEmulator,
  request: { readonly accessToken: string | null; readonly body: string; readonly contentType?: string },
): Promise<Response> {
  const { accessToken, body, contentType = "multipart/mixed; boundary=b" } = request;
  const authorization = accessToken === null ? {} : { Authorization: `Bearer ${accessToken}` };
  const headers = { "Content-Type": contentType, ...authorization };
  return fetch(`${google.url}/batch/gmail/v1`, { method: "POST", headers, body });
}

/** Sends parts and takes the reply apart. */
export async function sendBatch(
  google: GoogleEmulator,
  accessToken: string | null,
  parts: readonly Part[],
): Promise<Reply[]> {
  return readReplies(await postBatch(google, { accessToken, body: composeParts(parts) }));
}

/** Takes a reply apart, as strictly as Google writes it. */
export async function readReplies(response: Response): Promise<Reply[]> {
  const [, boundary] =
    /^multipart\/mixed; boundary=(batch_[\w-]+)$/.exec(response.headers.get("Content-Type") ?? "") ?? [];
  if (response.status !== 200 || boundary === undefined) {
    throw new Error(`HTTP ${response.status}: ${await response.text()}`);
  }
  const [preamble, ...pieces] = `\r\n${await response.text()}`.split(`\r\n--${boundary}`);
  const last = pieces.pop();
  if (preamble !== "" || last !== "--\r\n") throw new Error("The reply does not begin and end with its boundary.");
  return pieces.map(readReply);
}

function readReply(piece: string): Reply {
  const [outer = "", inner = "", ...rest] = piece.split("\r\n\r\n");
  const [statusLine = "", ...lines] = inner.split("\r\n");
  if (!outer.includes("\r\nContent-Type: application/http")) throw new Error(`A part of another type: ${outer}`);
  const [, status] = /^HTTP\/1\.1 (\d{3}) [\w ]+$/.exec(statusLine) ?? [];
  return {
    contentId: /^Content-ID: (.+)$/m.exec(outer)?.[1] ?? null,
    status: Number(status),
    headers: new Headers(lines.map((line) => line.split(": ", 2) as [string, string])),
    body: rest.join("\r\n\r\n"),
  };
}

/** The statuses of the parts by Content-ID. */
export function statuses(replies: readonly Reply[]): Record<string, number> {
  return Object.fromEntries(replies.map(({ contentId, status }) => [contentId ?? "", status]));
}
