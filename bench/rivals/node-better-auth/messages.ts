/** Reads messages of Gmail with plain fetch, and no retries: better-auth gives the access token, and no more than that. */
import {
  type GmailMessage,
  groupsOf,
  type Listed,
  listQuery,
  MAX_PAGE_SIZE,
  MESSAGE_QUERY,
  type Row,
  toRow,
  type Wanted,
} from "../rows.ts";

/** Well under what Gmail lets a user have in reading at once. */
const GROUP_SIZE = 25;

/** Gmail has refused a call. */
export class GmailError extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`Gmail has answered ${status}.`);
    this.status = status;
  }
}

/** Reads a path below the user's messages. */
type Get = (path: string) => Promise<unknown>;

interface ListPage {
  readonly messages?: readonly Listed[];
  readonly nextPageToken?: string;
}

/** The newest messages, as many as are wanted. @throws GmailError where Gmail refuses */
export async function readMessages(
  googleUrl: string,
  accessToken: string,
  wanted: Wanted,
): Promise<readonly (Listed | Row)[]> {
  const get: Get = async (path) => {
    const response = await fetch(`${googleUrl}/gmail/v1/users/me/messages${path}`, {
      headers: { Authorization: `Bearer ${accessToken}` },
    });
    if (!response.ok) throw new GmailError(response.status);
    return response.json();
  };
  const listed = await list(get, wanted.limit);
  if (wanted.view === "id") return listed;
  const rows: Row[] = [];
  for (const group of groupsOf(listed, GROUP_SIZE)) {
    rows.push(...(await Promise.all(group.map(({ id }) => read(get, id)))));
  }
  return rows;
}

async function list(get: Get, limit: number): Promise<Listed[]> {
  const listed: Listed[] = [];
  let pageToken: string | undefined;
  do {
    const pageSize = Math.min(MAX_PAGE_SIZE, limit - listed.length);
    const page = (await get(`?${listQuery(pageSize, pageToken)}`)) as ListPage;
    listed.push(...(page.messages ?? []));
    pageToken = page.nextPageToken;
  } while (pageToken !== undefined && listed.length < limit);
  return listed;
}

async function read(get: Get, id: string): Promise<Row> {
  return toRow((await get(`/${id}?${MESSAGE_QUERY}`)) as GmailMessage);
}
