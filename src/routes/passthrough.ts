/**
 * Gmail's own REST API for the caller: `/gmail/v1/users/{userId}/…`, and `POST /batch/gmail/v1` for clients that batch.
 * Each call, alone or as a part of a batch, is checked as one. Status and body are passed on untouched and streamed.
 */
import { Hono } from "hono/tiny";
import { isRead } from "../access.ts";
import { checkGmailCall } from "../auth/gmail-call.ts";
import { parseBatchRequest } from "../gmail/batch-request.ts";
import { type BatchCall, batchRequest } from "../gmail/batch.ts";
import { callGmail, type GmailRequest } from "../gmail/call.ts";
import { checkQuery } from "../gmail/methods.ts";
import { quotaUnits } from "../gmail/quota.ts";
import { requireCaller } from "../http/authentication.ts";
import { requireOrigin } from "../http/isolation.ts";
import { readBody, readText } from "../http/request.ts";
import type { AppContext, AppEnv, Caller } from "../http/types.ts";
import { RESPONSE_HEADERS } from "../http/passed-headers.ts";

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
  return forwardToGmail(c, caller, {
    path: path + query,
    units: quotaUnits(method, path),
    method,
    headers: pickHeaders(c.req.raw.headers, REQUEST_HEADERS),
    body: isRead(method) ? null : await bodyOf(c),
  });
});

async function bodyOf(c: AppContext): Promise<ArrayBuffer | null> {
  const body = await readBody(c, MAX_BODY_BYTES);
  return body.byteLength === 0 ? null : body;
}

export const batchPassthroughRoutes = new Hono<AppEnv>().post("/", async (c) => {
  // What a part needs is known once it is read.
  const caller = await requireCaller(c, "list");
  if (caller.session !== null) requireOrigin(c);
  // Of its own, a batch has no parameter that is passed on; what nobody knows is refused all the same.
  checkQuery(new URL(c.req.url).search.slice(1));
  const text = await readText(c, MAX_BODY_BYTES);
  const { config } = c.var.scope;
  const calls: BatchCall[] = [];
  let units = 0;
  for (const call of parseBatchRequest(c.req.header("Content-Type") ?? null, text)) {
    const { method } = call;
    const { path, query } = checkGmailCall(caller, config.google.scopes, { method, target: call.path });
    calls.push({ ...call, path: path + query });
    units += quotaUnits(method, path);
  }
  return forwardToGmail(c, caller, { ...batchRequest(calls), units });
});

/** The body is kept for the replay after a 401. Larger messages go to Gmail's upload endpoint, which is not passed. */
export const MAX_BODY_BYTES = 8 * 1024 * 1024;

/** Types that programs read, and that no browser shows as a page. */
const DATA_TYPES =
  /^(?:application\/(?:json|[\w.+-]+\+json|(?:x-|vnd\.google\.)?protobuf)|multipart\/(?!x-mixed-replace)[\w.+-]+)\s*(?:;|$)/i;

/** Makes a request with the caller's grant. @throws AppError as Grant.fetch */
async function forwardToGmail(c: AppContext, { grant }: Caller, request: GmailRequest): Promise<Response> {
  const { clientSignal, config, trace } = c.var.scope;
  const gmail = { apiUrl: config.gmailApiUrl, access: grant, trace };
  const options = { streaming: true, signal: clientSignal };
  const response = await trace.time("list", () => callGmail(gmail, request, options));
  const headers = pickHeaders(response.headers, RESPONSE_HEADERS);
  if (response.body !== null && !DATA_TYPES.test(headers.get("Content-Type") ?? "")) {
    headers.set("Content-Disposition", "attachment");
  }
  c.set("contentPolicy", "passed");
  return new Response(response.body, { status: response.status, headers });
}

/** The headers of these names. */
export function pickHeaders(headers: Headers, names: readonly string[]): Headers {
  const picked = new Headers();
  for (const name of names) {
    const value = headers.get(name);
    if (value !== null) picked.set(name, value);
  }
  return picked;
}
