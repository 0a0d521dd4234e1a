/**
 * Gmail's REST API: which call a path names, what it costs, which scopes it wants, and who may make it.
 *
 * https://developers.google.com/workspace/gmail/api/reference/rest
 */
import { apiError, badRequest, json, refusal } from "../errors.ts";
import { type Caller, gmailCaller } from "../oauth/bearer.ts";
import { FULL, LABELS, METADATA, MODIFY, READ, SEND } from "../oauth/scopes.ts";
import type { Endpoint } from "../protocol.ts";
import { type Incoming, type Instance, mailboxOf, nowMs } from "../state.ts";
import { BadArgument, type GmailCall } from "./call.ts";
import { applyFieldMask, parseFieldMask } from "./fields.ts";
import { listHistory, stopWatch, watch } from "./history.ts";
import { createLabel, deleteLabel, getLabel, listLabels, patchLabel } from "./labels.ts";
import { listMessages, listThreads } from "./listing.ts";
import {
  batchModify,
  deleteMessages,
  getAttachment,
  getMessage,
  getProfile,
  getThread,
  modifyMessage,
  sendMessage,
} from "./messages.ts";

/** What a method answers: JSON to be masked and written, null for 204, or an answer as it is. */
type Answer = object | null | Response;

interface Method {
  readonly verb: string;
  readonly path: RegExp;
  readonly endpoint: Endpoint;
  /** Quota units, as of May 2026. */
  readonly units: number;
  readonly scopes: readonly string[];
  readonly answer: (call: GmailCall) => Answer;
}

const METHODS: readonly Method[] = (
  [
    ["GET", "messages", "list", 5, METADATA, listMessages],
    ["GET", "messages/*", "get", 20, METADATA, getMessage],
    ["GET", "messages/*/attachments/*", "attachment", 20, READ, getAttachment],
    ["POST", "messages/send", "send", 100, SEND, (call) => sendMessage(call, ["SENT"])],
    ["POST", "messages/import", "send", 25, MODIFY, (call) => sendMessage(call, null)],
    ["POST", "messages", "send", 25, MODIFY, (call) => sendMessage(call, null)],
    ["POST", "messages/batchModify", "modify", 50, MODIFY, batchModify],
    ["POST", "messages/batchDelete", "deleteMessage", 50, FULL, deleteMessages],
    ["POST", "messages/*/modify", "modify", 5, MODIFY, modifyMessage],
    ["POST", "messages/*/trash", "modify", 5, MODIFY, modifyMessage],
    ["POST", "messages/*/untrash", "modify", 5, MODIFY, modifyMessage],
    ["DELETE", "messages/*", "deleteMessage", 10, FULL, deleteMessages],
    ["GET", "threads", "threads", 10, METADATA, listThreads],
    ["GET", "threads/*", "thread", 40, METADATA, getThread],
    ["GET", "profile", "profile", 1, METADATA, getProfile],
    ["GET", "labels", "labels", 1, [...METADATA, ...LABELS], listLabels],
    ["GET", "labels/*", "label", 1, [...METADATA, ...LABELS], getLabel],
    ["POST", "labels", "patchLabel", 1, LABELS, createLabel],
    ["PATCH", "labels/*", "patchLabel", 1, LABELS, patchLabel],
    ["PUT", "labels/*", "patchLabel", 1, LABELS, patchLabel],
    ["DELETE", "labels/*", "patchLabel", 1, LABELS, deleteLabel],
    ["GET", "history", "history", 2, METADATA, listHistory],
    ["POST", "watch", "watch", 100, METADATA, watch],
    ["POST", "stop", "stop", 50, METADATA, stopWatch],
  ] satisfies [string, string, Endpoint, number, readonly string[], Method["answer"]][]
).map(([verb, path, endpoint, units, scopes, answer]) => ({
  verb,
  path: new RegExp(`^${path.replaceAll("*", "([^/]+)")}$`),
  endpoint,
  units,
  scopes,
  answer,
}));

/** A call below `/gmail/v1/users/{userId}/`. Without a method it is nothing that Gmail has. */
export interface GmailRoute {
  readonly endpoint: Endpoint;
  readonly userId: string;
  readonly method: Method | null;
  readonly ids: readonly string[];
}

/** Which Gmail method a call names, or null where it is not Gmail's. */
export function gmailRoute({ method, url, headers }: Incoming): GmailRoute | null {
  const [, user = "", rest = ""] = /^\/gmail\/v1\/users\/([^/]+)\/(.+)$/.exec(url.pathname) ?? [];
  if (user === "") return null;
  if (!isDecodable(url.pathname)) return { endpoint: "other", userId: user, method: null, ids: [] };
  const userId = decodeURIComponent(user);
  // Google's clients send long GETs as POST.
  const verb = method === "POST" ? (headers.get("x-http-method-override") ?? method) : method;
  for (const candidate of METHODS) {
    const found = candidate.verb === verb ? candidate.path.exec(rest) : null;
    if (found === null) continue;
    return { endpoint: candidate.endpoint, userId, method: candidate, ids: found.slice(1).map(decodeURIComponent) };
  }
  return { endpoint: "other", userId, method: null, ids: [] };
}

function isDecodable(path: string): boolean {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}

/** Answers a Gmail call that no fault has spoiled. */
export function gmail(instance: Instance, call: Incoming, { method, userId, ids }: GmailRoute): Response {
  const caller = gmailCaller(instance, call, method?.scopes ?? METADATA);
  if (caller instanceof Response) return caller;
  if (userId !== "me" && userId.toLowerCase() !== caller.user.email.toLowerCase()) {
    return apiError({ code: 403, reason: "forbidden", message: `Delegation denied for ${caller.user.email}` });
  }
  if (!spendQuota(instance, caller, method?.units ?? 0)) return refusal("rateLimitExceeded");
  const mailbox = mailboxOf(instance, caller.user);
  if (mailbox === null) return refusal("failedPrecondition");
  if (method === null) return refusal("notFound");
  const query = queryOf(call);
  try {
    return write(method.answer({ instance, call, caller, mailbox, query, ids }), query);
  } catch (error) {
    if (error instanceof BadArgument) return badRequest(error.message);
    // What is in the body is no JSON, or not what it should be.
    if (error instanceof SyntaxError || (error instanceof Error && error.name === "$ZodError")) {
      return badRequest("Invalid JSON payload received.");
    }
    throw error;
  }
}

/** Of a long GET that came as a POST, the query is a form. */
function queryOf({ url, headers, body }: Incoming): URLSearchParams {
  const isForm = headers.get("x-http-method-override") === "GET";
  return isForm ? new URLSearchParams([...url.searchParams, ...new URLSearchParams(body)]) : url.searchParams;
}

function write(answer: Answer, query: URLSearchParams): Response {
  if (answer instanceof Response) return answer;
  if (answer === null) return new Response(null, { status: 204 });
  const fields = query.get("fields") ?? "";
  const mask = fields === "" ? null : parseFieldMask(fields);
  if (fields !== "" && mask === null) {
    const message = `Invalid field selection ${fields}`;
    return apiError({ code: 400, message, reason: "invalidParameter", location: ["parameter", "fields"] });
  }
  const indent = query.get("prettyPrint") === "false" ? 0 : 2;
  return json(mask === null ? answer : applyFieldMask(answer, mask), 200, {}, indent);
}

const MINUTE_MS = 60_000;

/** Charges a call to its user; false when the minute's quota is spent. */
function spendQuota(instance: Instance, { user: { sub } }: Caller, units: number): boolean {
  const limit = instance.config.quotaUnitsPerMinute;
  if (limit !== null) {
    const atMs = nowMs(instance);
    const spent = (instance.quotaSpent.get(sub) ?? []).filter((entry) => entry.atMs > atMs - MINUTE_MS);
    instance.quotaSpent.set(sub, spent);
    if (spent.reduce((sum, entry) => sum + entry.units, units) > limit) return false;
    spent.push({ atMs, units });
  }
  instance.quotaUnits += units;
  return true;
}
