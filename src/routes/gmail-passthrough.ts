/**
 * `/gmail/v1/users/{userId}/…`: Gmail's own REST API for the caller, status and body untouched and streamed.
 */
import { Hono } from "hono/tiny";
import { isRead } from "../access.ts";
import { requireCaller } from "../http/authentication.ts";
import { checkGmailCall } from "../auth/gmail-call.ts";
import { forwardToGmail, MAX_BODY_BYTES, pickHeaders } from "../http/gmail-forward.ts";
import { quotaUnits } from "../gmail/quota.ts";
import { requireOrigin } from "../http/isolation.ts";
import { readBody } from "../http/request.ts";
import type { AppContext, AppEnv } from "../http/types.ts";

/** What Gmail may see of the request; cookies and everything else stay here. */
const REQUEST_HEADERS = ["Accept", "Accept-Language", "Content-Type", "If-Match", "If-None-Match", "Range"];

/** Those that Gmail knows; HEAD goes with GET. */
const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

export const gmailPassthroughRoutes = new Hono<AppEnv>().on(METHODS, "/users/:userId/*", async (c) => {
  // What the call itself needs is known once it is read.
  const caller = await requireCaller(c, "list");
  const { method } = c.req;
  if (!isRead(method) && caller.session !== null) requireOrigin(c);
  const { pathname, search } = new URL(c.req.url);
  const { path, query } = checkGmailCall(caller, c.var.scope.config.google.scopes, {
    method,
    target: pathname + search,
  });
  c.var.scope.trace.quotaUnits += quotaUnits(method, path);
  return forwardToGmail(c, caller, {
    path: path + query,
    method,
    headers: pickHeaders(c.req.raw.headers, REQUEST_HEADERS),
    body: isRead(method) ? null : await bodyOf(c),
  });
});

async function bodyOf(c: AppContext): Promise<ArrayBuffer | null> {
  const body = await readBody(c, MAX_BODY_BYTES);
  return body.byteLength === 0 ? null : body;
}
