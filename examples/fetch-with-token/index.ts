/**
 * An example of a program that calls gmail-edge with an API token and plain `fetch`: every message of a search, as a
 * stream that needs no memory for the whole mailbox.
 */

/** What `view=metadata` says of a message. */
export interface Message {
  readonly id: string;
  readonly threadId: string;
  readonly from: string | null;
  readonly subject: string | null;
  readonly date: string;
}

/** A line: a message, one that could not be read, or the end. */
type Line =
  | Message
  | { id: string; error: ApiError }
  | { error: ApiError }
  | { count: number; nextPageToken?: string; retryAfterSeconds?: number };

interface ApiError {
  readonly message: string;
  readonly details: readonly { readonly reason: string }[];
}

/**
 * Every message of a search, newest first.
 *
 * @throws Error that begins with gmail-edge's reason
 */
export async function* searchMessages(origin: string, token: string, q: string): AsyncGenerator<Message> {
  let pageToken: string | undefined;
  do {
    const url = new URL("/api/messages", origin);
    url.searchParams.set("q", q);
    url.searchParams.set("view", "metadata");
    url.searchParams.set("limit", "all");
    if (pageToken !== undefined) url.searchParams.set("pageToken", pageToken);
    const response = await fetch(url, {
      headers: { Authorization: `Bearer ${token}`, Accept: "application/x-ndjson" },
    });
    if (!response.ok) {
      const { error } = await response.json<{ error: ApiError }>();
      throw toError(error);
    }
    // A request stops at its budget and says where to go on.
    pageToken = undefined;
    for await (const line of readLines(response)) {
      if ("error" in line) {
        if (!("id" in line)) throw toError(line.error);
        console.warn(`message ${line.id} could not be read: ${line.error.message}`);
      } else if ("count" in line) {
        pageToken = line.nextPageToken;
        // The user's quota of this minute is used up.
        if (line.retryAfterSeconds !== undefined) await wait(line.retryAfterSeconds);
      } else {
        yield line;
      }
    }
  } while (pageToken !== undefined);
}

async function wait(seconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

async function* readLines(response: Response): AsyncGenerator<Line> {
  let rest = "";
  for await (const text of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield JSON.parse(line);
  }
}

function toError({ message, details }: ApiError): Error {
  return new Error(`${details[0]?.reason ?? "UNKNOWN"}: ${message}`);
}
