/**
 * An example of work on behalf of users who are offline: every morning, what is unread in their mailboxes. It holds no
 * token: gmail-edge, bound as `GMAIL`, does.
 */
import type { GmailService } from "../../src/index.ts";

interface Env {
  readonly GMAIL: Service<typeof GmailService>;
  readonly DIGESTS: KVNamespace;
  readonly USERS: string;
}

/** What is kept for a user. */
export type Digest =
  | { readonly unread: readonly { from: string | null; subject: string | null }[]; readonly hasMore: boolean }
  | { readonly error: string };

const MAX_ROWS = 10;

export default {
  async scheduled(_controller, env): Promise<void> {
    const users = env.USERS.split(",").map((user) => user.trim());
    for (const user of users.filter(Boolean)) {
      await env.DIGESTS.put(user, JSON.stringify(await makeDigest(env.GMAIL, user)));
    }
  },
} satisfies ExportedHandler<Env>;

async function makeDigest(gmail: Env["GMAIL"], user: string): Promise<Digest> {
  try {
    const answer = await gmail.listMessages(user, { q: "is:unread", view: "metadata", limit: MAX_ROWS });
    const unread = answer.messages.flatMap((row) =>
      "subject" in row ? [{ from: row.from, subject: row.subject }] : [],
    );
    return { unread, hasMore: answer.nextPageToken !== undefined };
  } catch (error) {
    // The reason stands before the colon: CONSENT_REQUIRED means that the user has to sign in at gmail-edge again.
    return { error: error instanceof Error ? (error.message.split(":")[0] ?? "UNKNOWN") : "UNKNOWN" };
  }
}
