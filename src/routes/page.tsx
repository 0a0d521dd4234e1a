/**
 * `/`: the page. Rendered here in full; it needs no JavaScript.
 */
import { Hono } from "hono";
import { findCaller, forgetCaller } from "../authentication.ts";
import { takeNotice } from "../cookies.ts";
import { listPages, type ListRequest } from "../listing.ts";
import { gmailOf, sealNextPageToken } from "../mailbox.ts";
import { MailboxPage, WelcomePage } from "../pages/home.tsx";
import { openPageToken } from "../page-token.ts";
import type { AppContext, AppEnv, Caller } from "../scope.ts";
import { settle, unwrap } from "../settle.ts";

/** Rows of a page: with the list call and a refresh, well within the Free plan's 50 subrequests. */
const PAGE_ROWS = 25;

export const pageRoutes = new Hono<AppEnv>().get("/", async (c) => {
  const caller = await findCaller(c);
  const notice = takeNotice(c);
  if (caller === null) return c.html(<WelcomePage notice={notice} />);
  const q = c.req.query("q") ?? "";
  const pageToken = c.req.query("pageToken") ?? null;
  const page = settle(readPage(c, caller, { q, pageToken }));
  if (unwrap(await caller.isRevoked)) {
    forgetCaller(c);
    return c.html(<WelcomePage notice={notice} />);
  }
  const { rows, nextPageToken } = unwrap(await page);
  return c.html(
    <MailboxPage
      identity={caller.session.identity}
      q={q}
      rows={rows}
      olderUrl={nextPageToken === null ? null : pageUrl({ q, pageToken: nextPageToken })}
      newestUrl={pageToken === null ? null : pageUrl({ q })}
      notice={notice}
    />,
  );
});

async function readPage(c: AppContext, caller: Caller, { q, pageToken }: { q: string; pageToken: string | null }) {
  const { config, keyRing, trace, upstream, world } = c.var.scope;
  const filter = { q, labelIds: [], includeSpamTrash: false };
  const owner = { sub: caller.session.identity.sub, filter };
  const request: ListRequest = {
    filter,
    limit: PAGE_ROWS,
    view: "metadata",
    pageToken:
      pageToken === null ? null : await openPageToken(keyRing, owner, { value: pageToken, nowMs: world.now() }),
    distinct: "all",
  };
  const options = { gmail: gmailOf(c, caller), upstream, trace, quotaBudget: config.quotaBudget };
  const pages = await Array.fromAsync(listPages(options, request));
  return {
    rows: pages.flatMap((page) => page.rows),
    nextPageToken: await sealNextPageToken(c, caller, filter, pages.at(-1) ?? null),
  };
}

function pageUrl(parameters: { q: string; pageToken?: string }): string {
  const { q, pageToken } = parameters;
  const query = new URLSearchParams({ ...(q === "" ? {} : { q }), ...(pageToken === undefined ? {} : { pageToken }) });
  return query.size === 0 ? "/" : `/?${query.toString()}`;
}
