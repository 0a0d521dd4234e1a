/** Reads messages with Google's client library. Retries are the library's own, as it makes them by default. */
import type { gmail_v1 } from "@googleapis/gmail";
import {
  groupsOf,
  LIST_FIELDS,
  type Listed,
  MAX_PAGE_SIZE,
  MESSAGE_FIELDS,
  METADATA_HEADERS,
  type Row,
  toRow,
  type Wanted,
} from "../rows.ts";

/** Well under what Gmail lets a user have in reading at once. */
const GROUP_SIZE = 25;

/** The newest messages, as many as are wanted. @throws GaxiosError where Google refuses */
export async function readMessages(gmail: gmail_v1.Gmail, wanted: Wanted): Promise<readonly (Listed | Row)[]> {
  const listed = await list(gmail, wanted.limit);
  if (wanted.view === "id") return listed;
  const rows: Row[] = [];
  for (const group of groupsOf(listed, GROUP_SIZE)) {
    rows.push(...(await Promise.all(group.map(({ id }) => read(gmail, id)))));
  }
  return rows;
}

async function list(gmail: gmail_v1.Gmail, limit: number): Promise<Listed[]> {
  const listed: Listed[] = [];
  let pageToken: string | undefined;
  do {
    const { data } = await gmail.users.messages.list({
      userId: "me",
      maxResults: Math.min(MAX_PAGE_SIZE, limit - listed.length),
      ...(pageToken !== undefined && { pageToken }),
      fields: LIST_FIELDS,
      prettyPrint: false,
    });
    for (const { id, threadId } of data.messages ?? []) listed.push({ id: id ?? "", threadId: threadId ?? "" });
    pageToken = data.nextPageToken ?? undefined;
  } while (pageToken !== undefined && listed.length < limit);
  return listed;
}

async function read(gmail: gmail_v1.Gmail, id: string): Promise<Row> {
  const { data } = await gmail.users.messages.get({
    userId: "me",
    id,
    format: "metadata",
    metadataHeaders: METADATA_HEADERS,
    fields: MESSAGE_FIELDS,
    prettyPrint: false,
  });
  return toRow(data);
}
