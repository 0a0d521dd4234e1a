/**
 * What every rival asks Gmail for and what it answers: the same pages, field masks and rows, so that the subjects
 * differ in how they read and not in what.
 */

/** The most IDs that a page of Gmail's list holds. */
export const MAX_PAGE_SIZE = 500;

export const LIST_FIELDS = "messages(id,threadId),nextPageToken";

export const MESSAGE_FIELDS = "id,threadId,labelIds,snippet,internalDate,payload/headers";

export const METADATA_HEADERS = ["From", "To", "Subject"];

/** The query of `messages.get`, for those who write the URL themselves. */
export const MESSAGE_QUERY =
  `format=metadata${METADATA_HEADERS.map((name) => `&metadataHeaders=${name}`).join("")}` +
  `&fields=${MESSAGE_FIELDS}&prettyPrint=false`;

/** What a caller of `/api/messages` wants. */
export interface Wanted {
  readonly view: "id" | "metadata";
  /** Infinity for `all`. */
  readonly limit: number;
}

/** A message of `messages.list`. */
export interface Listed {
  readonly id: string;
  readonly threadId: string;
}

/** A message as Gmail answers it. Gmail leaves out what is empty, and its client library types the rest as optional. */
export interface GmailMessage {
  readonly id?: string | null;
  readonly threadId?: string | null;
  readonly labelIds?: readonly string[] | null;
  readonly snippet?: string | null;
  /** Milliseconds since 1970, in digits. */
  readonly internalDate?: string | null;
  readonly payload?: {
    readonly headers?: readonly { readonly name?: string | null; readonly value?: string | null }[];
  };
}

/** A message of `view=metadata`. */
export interface Row {
  readonly id: string;
  readonly threadId: string;
  readonly labelIds: readonly string[];
  readonly snippet: string;
  /** ISO 8601. */
  readonly date: string;
  readonly from: string | null;
  readonly to: string | null;
  readonly subject: string | null;
  readonly unread: boolean;
}

/** Reads `view` and `limit` of a request to `/api/messages`. */
export function wantedOf(url: string): Wanted {
  const { searchParams } = new URL(url);
  const limit = searchParams.get("limit");
  return {
    view: searchParams.get("view") === "metadata" ? "metadata" : "id",
    limit: limit === "all" ? Number.POSITIVE_INFINITY : Number(limit),
  };
}

/** The query of one page of `messages.list`, for those who write the URL themselves. */
export function listQuery(pageSize: number, pageToken: string | undefined): string {
  const query = `maxResults=${pageSize}&fields=${LIST_FIELDS}&prettyPrint=false`;
  return pageToken === undefined ? query : `${query}&pageToken=${encodeURIComponent(pageToken)}`;
}

/** What callers get of a message. */
export function toRow(message: GmailMessage): Row {
  const headers = message.payload?.headers ?? [];
  const header = (name: string): string | null => headers.find((one) => one.name === name)?.value ?? null;
  const labelIds = message.labelIds ?? [];
  return {
    id: message.id ?? "",
    threadId: message.threadId ?? "",
    labelIds,
    snippet: message.snippet ?? "",
    date: new Date(Number(message.internalDate)).toISOString(),
    from: header("From"),
    to: header("To"),
    subject: header("Subject"),
    unread: labelIds.includes("UNREAD"),
  };
}

/** Cuts a list into groups, the last one with what is left. */
export function groupsOf<T>(list: readonly T[], size: number): T[][] {
  const groups: T[][] = [];
  for (let start = 0; start < list.length; start += size) groups.push(list.slice(start, start + size));
  return groups;
}
