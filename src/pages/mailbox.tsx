/**
 * The mailbox: search, and the messages as a list that grows while it is read.
 */
import type { AppError } from "../errors.ts";
import { slot } from "./slot.ts";
import type { Row } from "../mailbox/pagination.ts";
import type { Label } from "../gmail/labels.ts";
import type { MessageMetadata } from "../gmail/message.ts";
import type { Identity } from "../identity.ts";
import { decodeEntities } from "../lib/entities.ts";
import { flatAddresses, parseAddresses } from "../mime/addresses.ts";
import { isVisible } from "../mime/visible.ts";
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
  /** What a row shows of its labels, by ID: {@link chipsOf}. */
  readonly chips: ReadonlyMap<string, Chip>;
  /** Which Google account to open in Gmail. */
  readonly account: string | null;
}

/** A label on a row. */
export interface Chip {
  readonly name: string;
  /** `#rrggbb`; null for none. */
  readonly color: string | null;
}

/** Gmail's own labels that say something on a row; the others it says otherwise, or not at all (`YELLOW_STAR`). */
const SYSTEM_CHIPS = new Map([
  ["DRAFT", "Draft"],
  ["SPAM", "Spam"],
  ["TRASH", "Trash"],
]);

/**
 * The labels that rows show, as Gmail would: those that the user wants to see, and not the one that is looked at. What is
 * missing in Gmail's list was deleted.
 */
export function chipsOf(labels: readonly Label[], { labelId }: MailboxView): Map<string, Chip> {
  const own = labels.filter(({ isOwn, onMessages }) => isOwn && onMessages);
  const chips = new Map<string, Chip>([...SYSTEM_CHIPS].map(([id, name]) => [id, { name, color: null }]));
  for (const label of own) chips.set(label.id, { name: labelName(label), color: label.color });
  chips.delete(labelId);
  return chips;
}

/** A label's name can be made of nothing that is seen. */
export function labelName({ name }: Pick<Label, "name">): string {
  return isVisible(name) ? name : "(no name)";
}

/** The colour of a label. An attribute, since a page of ours has no style but its sheet's. */
export function ColorDot({ color }: { color: string | null }) {
  return color === null ? null : (
    <svg class="dot" viewBox="0 0 2 2" aria-hidden="true">
      <circle cx="1" cy="1" r="1" fill={color} />
    </svg>
  );
}

export function MessageRow({ row, context }: { row: Row; context: RowContext }) {
  if (!("subject" in row)) {
    return (
      <li class="row failed">
        <span>{"error" in row ? "We could not load this message. Reload the page to try again." : row.id}</span>
      </li>
    );
  }
  const { chips, reader, account } = context;
  const subject = isVisible(row.subject) ? row.subject : "(no subject)";
  const shown = row.labelIds.map((id) => chips.get(id)).filter((chip) => chip !== undefined);
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
        {shown.map(({ name, color }) => (
          <bdi class="chip">
            <ColorDot color={color} />
            {name}
          </bdi>
        ))}
        {row.date !== null && <RowDate date={row.date} reader={reader} />}
        {/* For the pointer. Who uses the keyboard has one stop a row, and this link on the message's page. */}
        <a class="gmail" href={gmailUrl(row.threadId, account)} rel="noreferrer" target="_blank" tabindex={-1}>
          <span class="visually-hidden">Open in Gmail: {subject}</span>
          <span aria-hidden="true">↗</span>
        </a>
      </span>
    </li>
  );
}

function RowDate({ date, reader }: { date: string; reader: Reader }) {
  const dateMs = Date.parse(date);
  return (
    <time datetime={date} title={longDate(dateMs, reader)} data-format="short">
      {shortDate(dateMs, reader)}
    </time>
  );
}

/** The other side of the message: its sender, or for what one sent oneself or means to, whom it goes to. */
function correspondent({ labelIds, from, to }: MessageMetadata): string {
  if (labelIds.includes("DRAFT")) return isVisible(to) ? `To: ${displayNames(to)}` : "(no recipient)";
  if (labelIds.includes("SENT") && isVisible(to)) return `To: ${displayNames(to)}`;
  return isVisible(from) ? displayNames(from) : "(unknown sender)";
}

/** A row has room for less, and taking apart a sender's header of megabytes would take seconds. */
const MAX_SHOWN_HEADER_CHARACTERS = 2_000;

function displayNames(whole: string): string {
  const header = whole.slice(0, MAX_SHOWN_HEADER_CHARACTERS);
  const addresses = flatAddresses(parseAddresses(header, { isDecoded: true }));
  const names = addresses.map(({ name, address }) => (isVisible(name) ? name : address));
  return names.filter(isVisible).join(", ") || header;
}

/** The conversation on Gmail's own page. */
export function gmailUrl(threadId: string, account: string | null): string {
  const user = account === null ? "" : `?authuser=${encodeURIComponent(account)}`;
  return `https://mail.google.com/mail/${user}#all/${encodeURIComponent(threadId)}`;
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
