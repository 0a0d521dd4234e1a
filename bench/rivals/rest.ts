/** Gmail's REST API by plain `fetch`: a list, a message, and a batch as Google's guide to batches shows it. */
import { type GmailMessage, type Listed, listQuery, MAX_PAGE_SIZE, MESSAGE_QUERY, type Row, toRow } from "./rows.ts";

/** Whose mail is read, and how. */
export interface GmailAccess {
  readonly googleUrl: string;
  readonly accessToken: string;
  /** How often a call is made before what Gmail had too much of, or stumbled over, counts as failed. */
  readonly maxTries: number;
}

/** What came of one part of a batch. */
export type BatchPart = { readonly row: Row } | { readonly status: number };

/** An answer of Google's that is no success. */
export class GoogleError extends Error {
  override readonly name = "GoogleError";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Before the second try; then twice as long each time. */
const FIRST_WAIT_MS = 1000;
/** A random part of this is added to each wait, so that those who were refused together do not come back together. */
const JITTER_MS = 1000;

const BOUNDARY = "batch_of_messages";

/** The newest messages of the list, page by page. @param limit Infinity for all */
export async function listMessages(access: GmailAccess, limit: number): Promise<Listed[]> {
  const listed: Listed[] = [];
  let pageToken: string | undefined;
  do {
    const query = listQuery(Math.min(MAX_PAGE_SIZE, limit - listed.length), pageToken);
    const response = await call(access, `/gmail/v1/users/me/messages?${query}`);
    const page = await response.json<{ messages?: Listed[]; nextPageToken?: string }>();
    listed.push(...(page.messages ?? []));
    pageToken = page.nextPageToken;
  } while (pageToken !== undefined && listed.length < limit);
  return listed;
}

/** One message by `messages.get`. */
export async function getMessage(access: GmailAccess, id: string): Promise<Row> {
  const response = await call(access, `/gmail/v1/users/me/messages/${id}?${MESSAGE_QUERY}`);
  return toRow(await response.json<GmailMessage>());
}

/** Messages by one batch: what came of each, in the order of the IDs. */
export async function getBatch(access: GmailAccess, ids: readonly string[]): Promise<BatchPart[]> {
  const response = await call(access, "/batch/gmail/v1", {
    method: "POST",
    headers: { "Content-Type": `multipart/mixed; boundary=${BOUNDARY}` },
    body: batchBody(ids),
  });
  const parts: BatchPart[] = ids.map(() => ({ status: 502 }));
  const [, quoted, bare] = /boundary=(?:"([^"]+)"|([^\s;]+))/.exec(response.headers.get("Content-Type") ?? "") ?? [];
  // Parts may come in another order: their Content-ID says which is which.
  for (const part of (await response.text()).split(`--${quoted ?? bare}`)) {
    const [, index] = /Content-ID: <response-(\d+)>/i.exec(part) ?? [];
    if (index !== undefined) parts[Number(index)] = parsePart(part);
  }
  return parts;
}

function batchBody(ids: readonly string[]): string {
  const parts = ids.map(
    (id, index) =>
      `--${BOUNDARY}\r\nContent-Type: application/http\r\nContent-ID: <${index}>\r\n\r\n` +
      `GET /gmail/v1/users/me/messages/${id}?${MESSAGE_QUERY}\r\n\r\n`,
  );
  return `${parts.join("")}--${BOUNDARY}--\r\n`;
}

/** A part: its own headers, an empty line, a status line with headers, an empty line, and JSON. */
function parsePart(part: string): BatchPart {
  const status = Number(/HTTP\/1\.1 (\d{3})/.exec(part)?.[1] ?? 502);
  if (status !== 200) return { status };
  return { row: toRow(JSON.parse(part.slice(part.lastIndexOf("\r\n\r\n{"))) as GmailMessage) };
}

async function call(access: GmailAccess, path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set("Authorization", `Bearer ${access.accessToken}`);
  for (let tries = 1; ; tries += 1) {
    const response = await fetch(`${access.googleUrl}${path}`, { ...init, headers });
    if (response.ok) return response;
    const message = await response.text();
    if (!isTransient(response.status) || tries >= access.maxTries) throw new GoogleError(response.status, message);
    await backOff(tries);
  }
}

/** Whether what was refused may do when it is tried again. */
export function isTransient(status: number): boolean {
  return status === 429 || status >= 500;
}

/** Waits as Google's guides to errors say: exponentially longer, and at least a second. @param tries so far */
export function backOff(tries: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, FIRST_WAIT_MS * 2 ** (tries - 1) + Math.random() * JITTER_MS);
  });
}
