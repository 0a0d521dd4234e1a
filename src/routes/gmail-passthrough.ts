/**
 * `/gmail/v1/users/{userId}/…`: Gmail's own REST API for the caller, status and body untouched and streamed.
 */
import { Hono } from "hono/tiny";
import { requireCaller } from "../authentication.ts";
import { forwardToGmail, MAX_BODY_BYTES, pickHeaders } from "../gmail-forward.ts";
import { ownMailboxPath } from "../own-mailbox.ts";
import { quotaUnits } from "../quota.ts";
import { requireOrigin } from "../isolation.ts";
import { readBody } from "../request.ts";
import type { AppContext, AppEnv } from "../scope.ts";

/** What Gmail may see of the request; cookies and everything else stay here. */
const REQUEST_HEADERS = ["Accept", "Accept-Language", "Content-Type", "If-Match", "If-None-Match", "Range"];

/** Those that Gmail knows; HEAD goes with GET. */
const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

export const gmailPassthroughRoutes = new Hono<AppEnv>().on(METHODS, "/users/:userId/*", async (c) => {
  const caller = await requireCaller(c);
  const { method } = c.req;
  const isRead = method === "GET" || method === "HEAD";
  if (!isRead && caller.session !== null) requireOrigin(c);
  const { pathname, search } = new URL(c.req.url);
  const path = ownMailboxPath(pathname, caller.identity);
  c.var.scope.trace.quotaUnits += quotaUnits(method, path);
  return forwardToGmail(c, caller, {
    path: path + search,
    method,
    headers: pickHeaders(c.req.raw.headers, REQUEST_HEADERS),
    body: isRead ? null : await bodyOf(c),
  });
});

async function bodyOf(c: AppContext): Promise<ArrayBuffer | null> {
  const body = await readBody(c, MAX_BODY_BYTES);
  return body.byteLength === 0 ? null : body;
}
