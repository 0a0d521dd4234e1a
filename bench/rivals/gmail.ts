/**
 * What the rivals have in common: the list of IDs and what a row shows, read with the same field masks as the Worker's,
 * and no more than that. No session, no budgets, no order to keep: all of which only saves them time.
 */

export interface RivalEnv {
  readonly GMAIL_API_URL: string;
}

export interface Listed {
  readonly id: string;
  readonly threadId: string;
}

interface GmailMessage extends Listed {
  readonly labelIds: readonly string[];
  readonly snippet: string;
  readonly internalDate: string;
  readonly payload: { readonly headers: readonly { readonly name: string; readonly value: string }[] };
}

const HEADERS = { Authorization: "Bearer rival" };

export const MESSAGE_QUERY =
  "format=metadata&metadataHeaders=From&metadataHeaders=To&metadataHeaders=Subject" +
  "&fields=id,threadId,labelIds,snippet,internalDate,payload/headers&prettyPrint=false";

/** Up to 500 messages of the list. */
export async function list(env: RivalEnv, limit: number): Promise<Listed[]> {
  const query = `maxResults=${limit}&fields=messages(id,threadId),nextPageToken&prettyPrint=false`;
  const response = await fetch(`${env.GMAIL_API_URL}/gmail/v1/users/me/messages?${query}`, { headers: HEADERS });
  const { messages } = await response.json<{ messages: Listed[] }>();
  return messages;
}

/** One message by `messages.get`, as a row. */
export async function get(env: RivalEnv, id: string): Promise<object> {
  const url = `${env.GMAIL_API_URL}/gmail/v1/users/me/messages/${id}?${MESSAGE_QUERY}`;
  const response = await fetch(url, { headers: HEADERS });
  return toRow(await response.json<GmailMessage>());
}

/** Messages by one batch: a row for each, null for those that were refused. */
export async function batch(env: RivalEnv, ids: readonly string[]): Promise<(object | null)[]> {
  const parts = ids.map(
    (id, index) =>
      `--b\r\nContent-Type: application/http\r\nContent-ID: <${index}>\r\n\r\n` +
      `GET /gmail/v1/users/me/messages/${id}?${MESSAGE_QUERY} HTTP/1.1\r\n\r\n`,
  );
  const response = await fetch(`${env.GMAIL_API_URL}/batch/gmail/v1`, {
    method: "POST",
    headers: { ...HEADERS, "Content-Type": "multipart/mixed; boundary=b" },
    body: `${parts.join("\r\n")}\r\n--b--\r\n`,
  });
  const boundary = /boundary=(\S+)/.exec(response.headers.get("Content-Type") ?? "")?.[1] ?? "";
  const rows: (object | null)[] = ids.map(() => null);
  for (const part of (await response.text()).split(`--${boundary}`)) {
    const [, index] = /Content-ID: <response-(\d+)>/.exec(part) ?? [];
    if (index !== undefined && part.includes("HTTP/1.1 200")) {
      rows[Number(index)] = toRow(JSON.parse(part.slice(part.lastIndexOf("\r\n\r\n"))) as GmailMessage);
    }
  }
  return rows;
}

function toRow({ payload, ...message }: GmailMessage): object {
  const header = (name: string): string | null => payload.headers.find((one) => one.name === name)?.value ?? null;
  const { id, threadId, labelIds, snippet } = message;
  const date = new Date(Number(message.internalDate)).toISOString();
  const unread = labelIds.includes("UNREAD");
  return {
    id,
    threadId,
    labelIds,
    snippet,
    date,
    from: header("From"),
    to: header("To"),
    subject: header("Subject"),
    unread,
  };
}

/** How many rows a request asks for. */
export function limitOf(request: Request): number {
  return Number(new URL(request.url).searchParams.get("limit"));
}
