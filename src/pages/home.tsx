/**
 * The page at `/`: a sign-in button, or the newest messages of whoever is signed in.
 */
import type { Row } from "../listing.ts";
import type { Identity } from "../session.ts";
import { Layout } from "./layout.tsx";

/** For somebody who is not signed in. */
export function WelcomePage({ notice }: { notice: string | null }) {
  return (
    <Layout title="gmail-edge">
      <h1>gmail-edge</h1>
      <Notice text={notice} />
      <p>Sign in with Google to see your newest Gmail messages. You can end the access at any time.</p>
      <p>
        <a class="button" href="/auth/login">
          Sign in with Google
        </a>
      </p>
    </Layout>
  );
}

export interface MailboxPageProps {
  readonly identity: Identity;
  readonly q: string;
  readonly rows: readonly Row[];
  /** Path of the next older messages; null at the end. */
  readonly olderUrl: string | null;
  /** Path of the newest messages; null on that page. */
  readonly newestUrl: string | null;
  readonly notice: string | null;
}

/** For somebody who is signed in. */
export function MailboxPage({ identity, q, rows, olderUrl, newestUrl, notice }: MailboxPageProps) {
  return (
    <Layout title="Mailbox · gmail-edge">
      <header>
        <h1>
          <a href="/">Mailbox</a>
        </h1>
        <span dir="auto">{identity.email ?? identity.name ?? identity.sub}</span>
        <PostButton action="/auth/logout" label="Sign out" />
      </header>
      <Notice text={notice} />
      <form class="search" method="get" action="/" role="search">
        <input type="search" name="q" value={q} dir="auto" aria-label="Search mail" placeholder="from:ana is:unread" />
        <button type="submit">Search</button>
      </form>
      {rows.length === 0 ? <p>No messages here.</p> : <MessageTable rows={rows} />}
      <nav aria-label="Pages">
        {newestUrl === null ? <span /> : <a href={newestUrl}>Newest</a>}
        {olderUrl !== null && (
          <a href={olderUrl} rel="next">
            Older
          </a>
        )}
      </nav>
      <footer class="actions">
        <PostButton action="/auth/disconnect" label="Disconnect from Google" />
        <span class="muted">Ends the access at Google and deletes what is stored here.</span>
      </footer>
    </Layout>
  );
}

function Notice({ text }: { text: string | null }) {
  return text === null ? null : (
    <p class="notice" role="status">
      {text}
    </p>
  );
}

function PostButton({ action, label }: { action: string; label: string }) {
  return (
    <form method="post" action={action}>
      <button type="submit">{label}</button>
    </form>
  );
}

function MessageTable({ rows }: { rows: readonly Row[] }) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">From</th>
          <th scope="col">Subject</th>
          <th scope="col">Date</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <MessageRow row={row} />
        ))}
      </tbody>
    </table>
  );
}

function MessageRow({ row }: { row: Row }) {
  if (!("subject" in row)) {
    return (
      <tr>
        <td colspan={3}>{"error" in row ? row.error.message : row.id}</td>
      </tr>
    );
  }
  return (
    <tr class={row.unread ? "unread" : ""}>
      <td dir="auto">{row.from ?? "(unknown sender)"}</td>
      <td dir="auto">{row.subject || "(no subject)"}</td>
      <td>
        <time datetime={row.date}>{row.date.slice(0, 16).replace("T", " ")}</time>
      </td>
    </tr>
  );
}
