/**
 * The mailbox: search, and the messages as a list that grows while it is read.
 */
import { addressParser } from "postal-mime";
import { type AppError, type ErrorStatus, REASONS } from "../errors.ts";
import { slot } from "./slot.ts";
import type { Row } from "../mailbox/walk.ts";
import type { MessageMetadata } from "../gmail/message.ts";
import type { Identity } from "../identity.ts";
import { decodeEntities } from "../lib/entities.ts";
import { Layout } from "./layout.tsx";
import { longDate, type Reader, shortDate } from "./dates.ts";
import { Notice } from "./welcome.tsx";

/** What a mailbox page shows. */
export interface MailboxView {
  readonly q: string;
  /** Empty: all mail. */
  readonly labelId: string;
}

/** The path of a mailbox page. */
export function mailboxUrl({ q, labelId }: MailboxView, page: { pageToken?: string; newer?: string } = {}): string {
  const query = new URLSearchParams();
  if (q !== "") query.set("q", q);
  if (labelId !== "") query.set("label", labelId);
  if (page.pageToken !== undefined) query.set("pageToken", page.pageToken);
  if (page.newer !== undefined) query.set("newer", page.newer);
  return query.size === 0 ? "/" : `/?${query.toString()}`;
}

/** The frame of a mailbox; everything follows in its slot. */
export function MailboxFrame({ identity, nonce }: { identity: Identity; nonce: string }) {
  return (
    <Layout title="Mailbox" identity={identity} nonce={nonce}>
      <div class="mailbox">{slot}</div>
    </Layout>
  );
}

/** What stands above the rows. */
export function MailboxTop({ view, notice }: { view: MailboxView; notice: string | null }) {
  return (
    <>
      <h1 class="visually-hidden">Mailbox</h1>
      <Notice text={notice} />
      <SearchForm view={view} />
    </>
  );
}

function SearchForm({ view }: { view: MailboxView }) {
  return (
    <search>
      <form class="search" method="get" action="/">
        <input
          type="search"
          name="q"
          value={view.q}
          dir="auto"
          maxlength={MAX_QUERY_LENGTH}
          aria-label="Search mail"
          aria-keyshortcuts="/"
          placeholder="Search mail"
          autocomplete="off"
        />
        <button type="submit">Search</button>
      </form>
      <details class="help">
        <summary>Search operators</summary>
        <dl>
          {OPERATORS.map(({ example, meaning }) => (
            <div>
              <dt>
                <a href={mailboxUrl({ q: example, labelId: "" })}>
                  <code>{example}</code>
                </a>
              </dt>
              <dd>{meaning}</dd>
            </div>
          ))}
        </dl>
        <p>
          They combine: <code>from:ana has:attachment -in:sent</code>.{" "}
          <a href="https://support.google.com/mail/answer/7190" rel="noreferrer">
            All operators
          </a>
        </p>
      </details>
    </search>
  );
}

/** Longer searches are nobody's. */
const MAX_QUERY_LENGTH = 1_000;

/** https://support.google.com/mail/answer/7190 */
const OPERATORS: readonly { readonly example: string; readonly meaning: string }[] = [
  { example: "from:ana", meaning: "sent by Ana" },
  { example: "to:me", meaning: "sent to you" },
  { example: "subject:invoice", meaning: "in the subject" },
  { example: "is:unread", meaning: "not read yet" },
  { example: "is:starred", meaning: "with a star" },
  { example: "has:attachment", meaning: "with a file" },
  { example: "newer_than:7d", meaning: "of the last seven days (d, m, y)" },
  { example: "before:2026/01/01", meaning: "before a day, which begins at midnight Pacific time" },
  { example: "label:work", meaning: "with a label" },
  { example: '"exact words"', meaning: "these words in this order" },
  { example: "-newsletter", meaning: "without a word" },
];

/** What every row needs to know. */
export interface RowContext {
  readonly reader: Reader;
  /** Names of the user's own labels, by ID. */
  readonly labelNames: ReadonlyMap<string, string>;
  /** Which Google account to open in Gmail. */
  readonly account: string | null;
}

/** Labels that say nothing on a row that is not said otherwise. */
const QUIET_LABELS = /^(UNREAD|INBOX|STARRED|IMPORTANT|CHAT|CATEGORY_.*)$/;

export function MessageRow({ row, context }: { row: Row; context: RowContext }) {
  if (!("subject" in row)) {
    return (
      <li class="row failed">
        <span>{"error" in row ? `This message could not be read. ${failureWords(row.error)}.` : row.id}</span>
      </li>
    );
  }
  const { labelNames, reader, account } = context;
  const dateMs = Date.parse(row.date);
  const subject = row.subject || "(no subject)";
  const chips = row.labelIds.filter((id) => !QUIET_LABELS.test(id));
  return (
    <li class={row.unread ? "row unread" : "row"}>
      <a class="open" href={`/message/${row.id}`}>
        {row.unread && <span class="visually-hidden">Unread. </span>}
        <bdi class="from">{correspondent(row)}</bdi>
        <span class="what">
          <bdi class="subject">{subject}</bdi> <bdi class="snippet">{decodeEntities(row.snippet)}</bdi>
        </span>
      </a>
      <span class="marks">
        {row.labelIds.includes("STARRED") && (
          <span class="star" role="img" aria-label="Starred">
            ★
          </span>
        )}
        {chips.map((id) => (
          <bdi class="chip">{labelNames.get(id) ?? titleCase(id)}</bdi>
        ))}
        <time datetime={row.date} title={longDate(dateMs, reader)} data-format="short">
          {shortDate(dateMs, reader)}
        </time>
        {/* For the pointer. Who uses the keyboard has one stop a row, and this link on the message's page. */}
        <a class="gmail" href={gmailUrl(row.threadId, account)} rel="noreferrer" target="_blank" tabindex={-1}>
          <span class="visually-hidden">Open in Gmail: {subject}</span>
          <span aria-hidden="true">↗</span>
        </a>
      </span>
    </li>
  );
}

/** Why a row is missing, in our words: those of the error are for programs, and may be Google's. */
function failureWords({ details: [{ reason }] }: ErrorStatus): string {
  return REASONS[reason].title;
}

/** Whoever the message is with: its sender, or for what one sent oneself whom it went to. */
function correspondent({ labelIds, from, to }: MessageMetadata): string {
  if (labelIds.includes("SENT") && to !== null) return `To: ${displayNames(to)}`;
  return from === null ? "(unknown sender)" : displayNames(from);
}

/** A row has room for less, and taking apart a sender's header of megabytes would take seconds. */
const MAX_SHOWN_HEADER_CHARACTERS = 2_000;

function displayNames(whole: string): string {
  const header = whole.slice(0, MAX_SHOWN_HEADER_CHARACTERS);
  const names = addressParser(header).map(({ name, address }) => name || address || "");
  return names.filter(Boolean).join(", ") || header;
}

/** The conversation on Gmail's own page. */
export function gmailUrl(threadId: string, account: string | null): string {
  const user = account === null ? "" : `?authuser=${encodeURIComponent(account)}`;
  return `https://mail.google.com/mail/${user}#all/${encodeURIComponent(threadId)}`;
}

function titleCase(id: string): string {
  return id.charAt(0) + id.slice(1).toLowerCase();
}

/** What stands under the rows: how many there are, and the way to others. */
export function Pager(props: {
  shown: number;
  newerUrl: string | null;
  olderUrl: string | null;
  failure: ListFailure | null;
}) {
  const { shown, newerUrl, olderUrl, failure } = props;
  return (
    <>
      {failure !== null && <Failure {...failure} />}
      {shown === 0 && failure === null && <p class="empty">No messages here.</p>}
      <nav class="pager" aria-label="Pages">
        {newerUrl !== null && (
          <a href={newerUrl} rel="prev">
            ← Newer
          </a>
        )}
        {olderUrl !== null && (
          <a href={olderUrl} rel="next">
            Older →
          </a>
        )}
      </nav>
    </>
  );
}

/** What went wrong after the list had begun. */
export interface ListFailure {
  readonly error: Pick<AppError, "message">;
  /** Our sign-in; null where signing in again does not help. */
  readonly authorizationUrl: string | null;
}

function Failure({ error, authorizationUrl }: ListFailure) {
  return (
    <p class="notice" role="alert">
      The rest of the list could not be read. {error.message}{" "}
      {authorizationUrl === null ? <a href="">Try again</a> : <a href={authorizationUrl}>Sign in with Google</a>}
    </p>
  );
}
