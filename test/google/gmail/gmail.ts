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
  batchDelete,
  batchModify,
  deleteMessage,
  getAttachment,
  getMessage,
  getProfile,
  getThread,
  modifyMessage,
  sendMessage,
} from "./messages.ts";

/** What a method answers: JSON to be masked and written, null for 204, or an answer as it is. */
type Answer = object | null | Response | Promise<object>;

/** The path's placeholders are the call's `ids`; quota units are those of May 2026; any of the scopes will do. */
// prettier-ignore
type Method = readonly [
  verb: string, path: string, endpoint: Endpoint, units: number, scopes: readonly string[], answer: (call: GmailCall) => Answer,
];

const METHODS: readonly Method[] = [
  ["GET", "messages", "list", 5, METADATA, listMessages],
  ["GET", "messages/*", "get", 20, METADATA, getMessage],
  ["GET", "messages/*/attachments/*", "attachment", 20, READ, getAttachment],
  ["POST", "messages/send", "send", 100, SEND, (call) => sendMessage(call, ["SENT"])],
  ["POST", "messages/import", "send", 25, MODIFY, (call) => sendMessage(call, null)],
  ["POST", "messages", "send", 25, MODIFY, (call) => sendMessage(call, null)],
  ["POST", "messages/batchModify", "modify", 50, MODIFY, batchModify],
  ["POST", "messages/batchDelete", "deleteMessage", 50, FULL, batchDelete],
  ["POST", "messages/*/modify", "modify", 5, MODIFY, modifyMessage],
  ["POST", "messages/*/trash", "modify", 5, MODIFY, modifyMessage],
  ["POST", "messages/*/untrash", "modify", 5, MODIFY, modifyMessage],
  ["DELETE", "messages/*", "deleteMessage", 10, FULL, deleteMessage],
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
];

const PATTERNS = METHODS.map(([, path]) => new RegExp(`^${path.replaceAll("*", "([^/]+)")}$`));

/** A call below `/gmail/v1/users/{userId}/`. Without a method it is nothing that Gmail has. */
export interface GmailRoute {
  readonly endpoint: Endpoint;
  readonly userId: string;
  readonly method: Method | null;
  readonly ids: readonly string[];
}

/** Which Gmail method a call names, or null where it is not Gmail's. */
export function gmailRoute({ method: sent, url, headers }: Incoming): GmailRoute | null {
  const [, user = "", rest = ""] = /^\/gmail\/v1\/users\/([^/]+)\/(.+)$/.exec(url.pathname) ?? [];
  if (user === "") return null;
  const none: GmailRoute = { endpoint: "other", userId: user, method: null, ids: [] };
  // Google's clients send long GETs as POST.
  const verb = (sent === "POST" ? headers.get("x-http-method-override") : null) ?? sent;
  try {
    const userId = decodeURIComponent(user);
    for (const [index, method] of METHODS.entries()) {
      const found = PATTERNS[index]?.exec(rest) ?? null;
      if (method[0] !== verb || found === null) continue;
      return { endpoint: method[2], userId, method, ids: found.slice(1).map(decodeURIComponent) };
    }
    return { ...none, userId };
  } catch {
    // A path that cannot be decoded.
    return none;
  }
}

/** Answers a Gmail call that no fault has spoiled. */
export async function gmail(
  instance: Instance,
  call: Incoming,
  { method, userId, ids }: GmailRoute,
): Promise<Response> {
  const [, , , units = 0, scopes = METADATA, answer] = method ?? [];
  const caller = gmailCaller(instance, call, scopes);
  if (caller instanceof Response) return caller;
  if (userId !== "me" && userId.toLowerCase() !== caller.user.email.toLowerCase()) {
    return apiError(403, "forbidden", `Delegation denied for ${caller.user.email}`);
  }
  if (!spendQuota(instance, caller, units)) {
    instance.overQuota += 1;
    return refusal("rateLimitExceeded");
  }
  const mailbox = mailboxOf(instance, caller.user);
  if (mailbox === null) return refusal("failedPrecondition");
  if (answer === undefined) return refusal("notFound");
  const query = queryOf(call);
  try {
    return write(await answer({ instance, call, caller, mailbox, query, ids }), query);
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

function write(answer: Awaited<Answer>, query: URLSearchParams): Response {
  if (answer instanceof Response) return answer;
  if (answer === null) return new Response(null, { status: 204 });
  const fields = query.get("fields") ?? "";
  const mask = fields === "" ? null : parseFieldMask(fields);
  if (fields !== "" && mask === null) {
    const location = ["parameter", "fields"] as const;
    return apiError(400, "invalidParameter", `Invalid field selection ${fields}`, { location });
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
