/**
 * `/`: the mailbox as a page. It needs no JavaScript: the frame is sent as soon as Gmail has listed what is there, and
 * the rows as they are read.
 */
import { raw } from "hono/html";
import { Hono } from "hono/tiny";
import { findSession, isEnded } from "../http/authentication.ts";
import { page } from "../http/isolation.ts";
import { scriptNonce } from "../http/content-policy.ts";
import { takeNotice } from "../http/cookies.ts";
import type { AppError } from "../errors.ts";
import { streamPage } from "../http/stream.ts";
import type { Html } from "../pages/slot.ts";
import type { Label } from "../gmail/labels.ts";
import { parseListOptions } from "../mailbox/options.ts";
import type { ListChunk } from "../mailbox/pagination.ts";
import { reportError } from "../lib/log.ts";
import { gmailOf, type OpenMessages, openMessages } from "../mailbox/list.ts";
import { FOLDERS, Folders, UnreadCounts } from "../pages/folders.tsx";
import {
  chipsOf,
  MailboxFrame,
  MailboxTop,
  mailboxUrl,
  type MailboxView,
  MessageRow,
  Pager,
  type RowContext,
} from "../pages/mailbox.tsx";
import { WelcomePage } from "../pages/welcome.tsx";
import { readerOf, signInPath } from "../http/navigation.ts";
import { authorizationUrlOf } from "../http/error-response.tsx";
import type { AppContext, AppEnv, SessionCaller } from "../http/types.ts";
import { handled } from "../lib/settle.ts";

/** Rows of a page. */
const PAGE_ROWS = 25;
/** Pages that the way back to newer ones remembers; each adds some hundred characters to the address. */
const MAX_NEWER_PAGES = 8;
/** Between the page tokens of `newer`. No token has it. */
const TOKEN_SEPARATOR = "~";

export const pageRoutes = new Hono<AppEnv>().get("/", page, async (c) => {
  const caller = await findSession(c);
  const notice = takeNotice(c);
  if (caller === null) return welcome(c, notice);
  const view: MailboxView = { q: c.req.query("q") ?? "", labelId: c.req.query("label") ?? "" };
  const mailbox = handled(openMailbox(c, caller, view));
  if (await isEnded(c, caller)) return welcome(c, notice);
  const top = <MailboxTop view={view} notice={notice} />;
  const frame = <MailboxFrame identity={caller.identity} nonce={scriptNonce(c)} />;
  return streamPage(c, frame, mailboxPieces(c, top, { view, mailbox: await mailbox }));
});

/** For a visitor without a session. Sign-in returns to the requested page. */
function welcome(c: AppContext, notice: string | null) {
  const { pathname, search } = new URL(c.req.url);
  return c.html(
    <WelcomePage notice={notice} signIn={signInPath({ returnTo: pathname + search })} nonce={scriptNonce(c)} />,
  );
}

/** A mailbox whose messages are listed and whose rows are still to be read. */
interface OpenMailbox {
  readonly account: string | null;
  readonly chunks: AsyncGenerator<ListChunk, void>;
  readonly countUnread: OpenMessages["countUnread"];
  readonly nextPageToken: (chunk: ListChunk) => Promise<string | null>;
  readonly labels: readonly Label[];
  /** By label, as far as it had to be known for the list of labels. */
  readonly unread: ReadonlyMap<string, number>;
}

async function openMailbox(c: AppContext, { identity, grant }: SessionCaller, view: MailboxView): Promise<OpenMailbox> {
  const { scope } = c.var;
  const user = { ...identity, grant };
  const options = parseListOptions({
    q: view.q,
    labelIds: view.labelId === "" ? [] : [view.labelId],
    includeSpamTrash: view.labelId === "SPAM" || view.labelId === "TRASH",
    limit: PAGE_ROWS,
    view: "metadata",
    pageToken: c.req.query("pageToken"),
  });
  const { chunks, countUnread, nextPageToken } = await openMessages(scope, user, options);
  // Folders and chips are worth less than the mail: without them the page is shown all the same.
  const labels = gmailOf(scope, grant)
    .listLabels()
    .then((listed) => withoutRead(countUnread, listed))
    .catch(() => ({ labels: [], unread: new Map<string, number>() }));
  // The first chunk has no rows: from here on it is known that Gmail answers, and for whom.
  await chunks.next();
  return {
    account: identity.email,
    chunks,
    countUnread,
    nextPageToken,
    ...(await labels),
  };
}

/** Without labels that stand in the list only while something under them is unread, and nothing is. */
async function withoutRead(
  countUnread: OpenMessages["countUnread"],
  labels: readonly Label[],
): Promise<Pick<OpenMailbox, "labels" | "unread">> {
  const conditional = labels.filter(({ isOwn, inList }) => isOwn && inList === "ifUnread").map(({ id }) => id);
  // One that Gmail did not count is shown.
  const unread = await countUnread(conditional).catch(() => new Map<string, number>());
  const shown = labels.map((label) =>
    label.inList === "ifUnread" && unread.get(label.id) === 0 ? { ...label, inList: "never" as const } : label,
  );
  return { labels: shown, unread };
}

/** The pieces in the order in which they are known: the names of folders are, and their counts come last. */
async function* mailboxPieces(
  c: AppContext,
  top: Html,
  { view, mailbox }: { view: MailboxView; mailbox: OpenMailbox },
): AsyncGenerator<Html, void> {
  const { scope } = c.var;
  const { account, chunks, countUnread, labels, nextPageToken } = mailbox;
  const counted = countedLabels(labels).filter((id) => !mailbox.unread.has(id));
  const unread = countUnread(counted).catch(() => new Map<string, number>());
  const context: RowContext = {
    reader: readerOf(c),
    account,
    chips: chipsOf(labels, view),
  };
  yield <Folders view={view} labels={labels} />;
  yield raw('<main id="content">');
  yield top;
  yield raw('<ol class="rows">');
  let shown = 0;
  let last: ListChunk | null = null;
  let failure: AppError | null = null;
  try {
    for await (const chunk of chunks) {
      last = chunk;
      shown += chunk.rows.length;
      yield (
        <>
          {chunk.rows.map((row) => (
            <MessageRow row={row} context={context} />
          ))}
        </>
      );
    }
  } catch (error) {
    failure = reportError(scope.trace, error);
  }
  yield raw("</ol>");
  const older = last === null ? null : await nextPageToken(last);
  yield (
    <Pager
      shown={shown}
      failure={failure === null ? null : { error: failure, authorizationUrl: authorizationUrlOf(c, failure) }}
      {...pageUrls(c, view, older)}
    />
  );
  yield raw("</main>");
  yield <UnreadCounts labels={labels} unread={new Map([...mailbox.unread, ...(await unread)])} />;
}

/** Folders whose count is worth a call, and the user's own labels. */
function countedLabels(labels: readonly Label[]): string[] {
  const known = new Set(labels.map(({ id }) => id));
  const folders = FOLDERS.map(({ id }) => id).filter((id) => known.has(id));
  return [...folders, ...labels.filter(({ isOwn, inList }) => isOwn && inList !== "never").map(({ id }) => id)];
}

/**
 * The ways to newer and older messages. Gmail's pages lead one way only, so the address remembers the tokens of the
 * pages before this one: the last of them is the next newer page.
 */
function pageUrls(c: AppContext, view: MailboxView, older: string | null) {
  const pageToken = c.req.query("pageToken") ?? "";
  const before = c.req.query("newer")?.split(TOKEN_SEPARATOR) ?? [];
  const newest = mailboxUrl(view);
  const [newer, ...rest] = before.toReversed();
  const newerUrl = newer
    ? mailboxUrl(view, { pageToken: newer, newer: rest.toReversed().join(TOKEN_SEPARATOR) })
    : newest;
  const remembered = [...before, pageToken].slice(-MAX_NEWER_PAGES).join(TOKEN_SEPARATOR);
  return {
    newerUrl: pageToken === "" ? null : newerUrl,
    olderUrl: older === null ? null : mailboxUrl(view, { pageToken: older, newer: remembered }),
  };
}
