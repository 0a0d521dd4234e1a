/**
 * An example of Google's own client library in front of gmail-edge: its origin is the root URL, and an API token the
 * access token. Everything else is as Google documents it.
 */
import { auth, gmail } from "@googleapis/gmail";

/** The subjects of the newest unread messages. */
export async function newestSubjects(origin: string, token: string, maxResults: number): Promise<string[]> {
  const credentials = new auth.OAuth2();
  credentials.setCredentials({ access_token: token });
  const client = gmail({ version: "v1", auth: credentials, rootUrl: `${origin}/` });
  const { data } = await client.users.messages.list({ userId: "me", q: "is:unread", maxResults });
  const subjects: string[] = [];
  for (const { id } of data.messages ?? []) {
    if (typeof id !== "string") continue;
    const message = await client.users.messages.get({ userId: "me", id, format: "metadata" });
    const subject = message.data.payload?.headers?.find(({ name }) => name?.toLowerCase() === "subject");
    subjects.push(subject?.value ?? "");
  }
  return subjects;
}
