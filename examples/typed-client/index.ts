/**
 * An example of Hono's typed client: paths, parameters and answers are checked by the compiler.
 */
import { hc } from "hono/client";
import type { AppType } from "../../src/routes/client-types.ts";

/** The newest unread messages, as `sender: subject`. @throws Error that begins with gmail-edge's reason */
export async function newestUnread(origin: string, token: string, limit: number): Promise<string[]> {
  const client = hc<AppType>(origin, { headers: { Authorization: `Bearer ${token}` } });
  const response = await client.api.messages.$get({
    query: { q: "is:unread", limit: String(limit), view: "metadata" },
  });
  if (!response.ok) {
    const { error } = await response.json();
    throw new Error(`${error.details[0].reason}: ${error.message}`);
  }
  const { messages } = await response.json();
  // A row that could not be read has an error in place of its headers.
  return messages.flatMap((row) => ("subject" in row ? [`${row.from}: ${row.subject}`] : []));
}
