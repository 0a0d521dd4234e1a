/**
 * `/`: the page. Rendered here in full; it needs no JavaScript.
 */
import { Hono } from "hono/tiny";
import { findSession } from "../authentication.ts";
import { takeNotice } from "../cookies.ts";
import { parseListOptions } from "../list-options.ts";
import { collectMessages } from "../mailbox.ts";
import { MailboxPage, WelcomePage } from "../pages/home.tsx";
import type { AppEnv } from "../scope.ts";
import { settle, unwrap } from "../settle.ts";

/** Rows of a page. */
const PAGE_ROWS = 25;

export const pageRoutes = new Hono<AppEnv>().get("/", async (c) => {
  const caller = await findSession(c);
  const notice = takeNotice(c);
  if (caller === null) return c.html(<WelcomePage notice={notice} />);
  const q = c.req.query("q") ?? "";
  const pageToken = c.req.query("pageToken") ?? null;
  const { grant, identity } = caller;
  const options = { ...parseListOptions({ q, limit: PAGE_ROWS, view: "metadata" }), pageToken };
  const page = settle(collectMessages(c.var.scope, { sub: identity.sub, grant }, options));
  if (unwrap(await caller.isRevoked)) {
    caller.forget();
    return c.html(<WelcomePage notice={notice} />);
  }
  const { messages, nextPageToken } = unwrap(await page);
  return c.html(
    <MailboxPage
      identity={identity}
      q={q}
      rows={messages}
      olderUrl={nextPageToken === undefined ? null : pageUrl({ q, pageToken: nextPageToken })}
      newestUrl={pageToken === null ? null : pageUrl({ q })}
      notice={notice}
    />,
  );
});

function pageUrl(parameters: { q: string; pageToken?: string }): string {
  const { q, pageToken } = parameters;
  const query = new URLSearchParams({ ...(q === "" ? {} : { q }), ...(pageToken === undefined ? {} : { pageToken }) });
  return query.size === 0 ? "/" : `/?${query.toString()}`;
}
