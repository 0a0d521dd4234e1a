/**
 * Gmail's own REST API for the caller: `/gmail/v1/users/{userId}/…`, and `POST /batch/gmail/v1` for clients that batch.
 * Each call, alone or as a part of a batch, is checked as one. Status and body are passed on untouched and streamed, except
 * that a 401 becomes `CONSENT_REQUIRED` after one refresh and replay. Headers are filtered.
 */
import { Hono } from "hono/tiny";
import { isRead } from "../access.ts";
import { checkGmailCall } from "../auth/gmail-call.ts";
import { invalidArgument } from "../errors.ts";
import { parseBatchRequest } from "../gmail/batch-request.ts";
import { type BatchCall, batchRequest } from "../gmail/batch.ts";
import { callGmail, type GmailRequest } from "../gmail/call.ts";
import { asSent, MAX_TARGET_CHARACTERS, meantMethod, targetWithForm } from "../gmail/method-override.ts";
import { checkQuery } from "../gmail/methods.ts";
import { passedHeaders, refuseHeaders } from "../gmail/request-headers.ts";
import { quotaUnits, readsMessage } from "../gmail/quota.ts";
import { requireCaller } from "../http/authentication.ts";
import { requireOrigin } from "../http/isolation.ts";
import { overridable } from "../http/request-semantics.ts";
import { readBody, readText } from "../http/body.ts";
import type { AppContext, AppEnv, Caller } from "../http/types.ts";
import { RESPONSE_HEADERS } from "../http/passed-headers.ts";

/** Those that Gmail knows; HEAD goes with GET. */
const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

export const gmailPassthroughRoutes = new Hono<AppEnv>().on(METHODS, "/users/:userId/*", overridable, async (c) => {
  // What the call itself needs is known once it is read.
  const caller = await requireCaller(c, "list");
  if (!isRead(c.req.method) && caller.session !== null) requireOrigin(c);
  refuseHeaders(c.req.raw.headers);
  const { method, target, headers } = await meantCall(c);
  const { path, query } = checkGmailCall(caller, c.var.scope.config.google.scopes, { method, target });
  const body = isRead(method) ? null : await bodyOf(c);
  const request = { path: path + query, units: quotaUnits(method, path), method, headers, body };
  const messagesRead = readsMessage(method, path) ? 1 : 0;
  return forwardToGmail(c, caller, { ...(method === "GET" ? asSent(request) : request), messagesRead });
});

/** The call that a request means: the request itself, or a GET that was sent as a POST. */
async function meantCall(c: AppContext): Promise<{ method: string; target: string; headers: Headers }> {
  const { pathname, search } = new URL(c.req.url);
  const target = pathname + search;
  const headers = new Headers(passedHeaders(c.req.raw.headers));
  const method = meantMethod(c.req.method, c.req.raw.headers);
  if (method === c.req.method) return { method, target, headers };
  const form = { type: headers.get("Content-Type"), text: await readText(c, MAX_TARGET_CHARACTERS) };
  headers.delete("Content-Type");
  return { method, target: targetWithForm(target, form), headers };
}

async function bodyOf(c: AppContext): Promise<ArrayBuffer | null> {
  const body = await readBody(c, MAX_BODY_BYTES);
  return body.byteLength === 0 ? null : body;
}

export const batchPassthroughRoutes = new Hono<AppEnv>().post("/", async (c) => {
  // What a part needs is known once it is read.
  const caller = await requireCaller(c, "list");
  if (caller.session !== null) requireOrigin(c);
  refuseHeaders(c.req.raw.headers);
  // Of its own, a batch has no parameter that is passed on; what nobody knows is refused all the same.
  checkQuery(new URL(c.req.url).search.slice(1));
  const text = await readText(c, MAX_BODY_BYTES);
  const { config } = c.var.scope;
  const calls: BatchCall[] = [];
  let units = 0;
  let messagesRead = 0;
  for (const [index, call] of parseBatchRequest(c.req.header("Content-Type") ?? null, text).entries()) {
    requireOwnOrigin(c, call, index);
    const { method } = call;
    const { path, query } = checkGmailCall(caller, config.google.scopes, { method, target: call.path });
    calls.push({ ...call, path: path + query });
    units += quotaUnits(method, path);
    messagesRead += readsMessage(method, path) ? 1 : 0;
  }
  return forwardToGmail(c, caller, { ...batchRequest(calls), units, messagesRead });
});

/** A part that names another server is not meant for this one. @throws AppError `INVALID_ARGUMENT` */
function requireOwnOrigin(c: AppContext, { origin }: BatchCall, index: number): void {
  const own = [c.var.scope.origin, new URL(c.req.url).origin];
  if (origin === undefined || own.includes(origin)) return;
  throw invalidArgument(
    "body",
    `Part ${index + 1} of the batch has the URL of another server. Use ${own[0]}, or a path.`,
  );
}

/** The body is kept for the replay after a 401. Larger messages go to Gmail's upload endpoint, which is not passed. */
export const MAX_BODY_BYTES = 8 * 1024 * 1024;

/** Types that programs read, and that no browser shows as a page. */
const DATA_TYPES =
  /^(?:application\/(?:json|[\w.+-]+\+json|(?:x-|vnd\.google\.)?protobuf)|multipart\/(?!x-mixed-replace)[\w.+-]+)\s*(?:;|$)/i;

/** Makes a request with the caller's grant. @throws AppError as Grant.fetch */
async function forwardToGmail(
  c: AppContext,
  { grant }: Caller,
  { messagesRead, ...request }: GmailRequest & { readonly messagesRead: number },
): Promise<Response> {
  const { clientSignal, config, trace } = c.var.scope;
  const gmail = { apiUrl: config.gmailApiUrl, access: grant, trace };
  const options = { streaming: true, signal: clientSignal };
  const response = await trace.time("list", () => callGmail(gmail, request, options));
  if (response.ok) trace.messagesRead += messagesRead;
  const headers = pickHeaders(response.headers, RESPONSE_HEADERS);
  if (response.body !== null && !DATA_TYPES.test(headers.get("Content-Type") ?? "")) {
    headers.set("Content-Disposition", "attachment");
  }
  c.set("contentPolicy", "passed");
  return new Response(response.body, { status: response.status, headers });
}

/** The headers of these names. */
function pickHeaders(headers: Headers, names: readonly string[]): Headers {
  const picked = new Headers();
  for (const name of names) {
    const value = headers.get(name);
    if (value !== null) picked.set(name, value);
  }
  return picked;
}
