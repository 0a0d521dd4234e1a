/**
 * Gmail's REST API, as far as the Worker needs it: messages with their pages, profile, labels, and its refusals.
 */
import * as z from "zod";
import { type Caller, FULL_SCOPES, gmailCaller, METADATA_SCOPES, MODIFY_SCOPES, READ_SCOPES } from "./bearer.ts";
import { applyFields } from "./fields.ts";
import { listMessages } from "./listing.ts";
import { messageAt, messageNumber } from "./mailbox.ts";
import type { Endpoint } from "./protocol.ts";
import { apiError, json, namedError } from "./responses.ts";
import { type Incoming, type Instance, nowMs } from "./state.ts";

/** Quota units since May 2026. */
const UNITS: Record<GmailEndpoint, number> = {
  list: 5,
  get: 20,
  profile: 1,
  labels: 1,
  modify: 5,
  patchLabel: 5,
  deleteMessage: 10,
  other: 0,
};
const MINUTE_MS = 60_000;
/** Any of these scopes is enough; for what is not named here, any that reads metadata. */
const SCOPES: Partial<Record<GmailEndpoint, readonly string[]>> = {
  get: READ_SCOPES,
  modify: MODIFY_SCOPES,
  patchLabel: MODIFY_SCOPES,
  deleteMessage: FULL_SCOPES,
};

const labelPatchSchema = z.strictObject({ name: z.string() });

type GmailEndpoint = Extract<
  Endpoint,
  "list" | "get" | "profile" | "labels" | "modify" | "patchLabel" | "deleteMessage" | "other"
>;

export interface GmailRoute {
  readonly endpoint: GmailEndpoint;
  readonly userId: string;
  readonly messageId: string;
}

/** Which Gmail method a path under `/gmail/v1` names. */
export function gmailRoute(method: string, pathname: string): GmailRoute | null {
  const found = /^\/gmail\/v1\/users\/([^/]+)\/(.+)$/.exec(pathname);
  if (found === null) return null;
  const userId = decodeURIComponent(found[1] ?? "");
  const rest = found[2] ?? "";
  const route = (endpoint: GmailEndpoint, messageId = ""): GmailRoute => ({ endpoint, userId, messageId });
  const [collection, id, verb, ...more] = rest.split("/");
  if (more.length > 0) return route("other");
  if (method === "GET" && collection === "messages" && id === undefined) return route("list");
  if (method === "GET" && collection === "messages" && id !== undefined && verb === undefined) return route("get", id);
  if (method === "POST" && collection === "messages" && verb === "modify") return route("modify", id ?? "");
  if (method === "DELETE" && collection === "messages" && id !== undefined && verb === undefined) {
    return route("deleteMessage", id);
  }
  if (method === "PATCH" && collection === "labels" && id !== undefined && verb === undefined) {
    return route("patchLabel");
  }
  if (method === "GET" && rest === "profile") return route("profile");
  if (method === "GET" && rest === "labels") return route("labels");
  return route("other");
}

/** Answers a Gmail call that has passed the fault queue. */
export function gmail(instance: Instance, call: Incoming, route: GmailRoute): Response {
  const caller = gmailCaller(instance, call, SCOPES[route.endpoint] ?? METADATA_SCOPES);
  if (caller instanceof Response) return caller;
  if (route.userId !== "me" && route.userId.toLowerCase() !== caller.user.email.toLowerCase()) {
    return apiError({
      code: 403,
      status: "PERMISSION_DENIED",
      reason: "forbidden",
      message: `Delegation denied for ${caller.user.email}`,
    });
  }
  if (!spendQuota(instance, caller, UNITS[route.endpoint])) {
    return namedError("rateLimitExceeded", undefined, nowMs(instance));
  }
  if (caller.user.mailbox === null) return namedError("failedPrecondition", undefined, nowMs(instance));
  try {
    return answer(instance, call, route, caller);
  } catch (error) {
    if (error instanceof SyntaxError) return badRequest(error.message);
    throw error;
  }
}

function answer(instance: Instance, call: Incoming, route: GmailRoute, caller: Caller): Response {
  const mailbox = caller.user.mailbox;
  if (mailbox === null) throw new Error("checked above");
  const fields = call.url.searchParams.get("fields");
  switch (route.endpoint) {
    case "other":
      break;
    case "list":
      return listMessages(instance, call, caller);
    case "get":
    case "modify":
    case "deleteMessage": {
      const n = messageNumber(mailbox, route.messageId);
      if (n === null) return namedError("notFound", undefined, nowMs(instance));
      if (route.endpoint === "modify") return json({ id: route.messageId, labelIds: messageAt(mailbox, n).labelIds });
      // Nothing is gone: mailboxes are made on demand.
      if (route.endpoint === "deleteMessage") return new Response(null, { status: 204 });
      return json(applyFields(fullMessage(call, caller, n), fields));
    }
    case "patchLabel":
      return json({ type: "user", ...labelPatchSchema.parse(JSON.parse(call.body)) });
    case "profile":
      return json(
        applyFields(
          {
            emailAddress: caller.user.email,
            messagesTotal: mailbox.messages,
            threadsTotal: Math.ceil(mailbox.messages / 3),
            historyId: String(mailbox.messages + 1000),
          },
          fields,
        ),
      );
    case "labels":
      return json({ labels: ["INBOX", "UNREAD", "SPAM", "TRASH"].map((id) => ({ id, name: id, type: "system" })) });
  }
  return namedError("notFound", undefined, nowMs(instance));
}

function fullMessage(call: Incoming, caller: Caller, n: number): Record<string, unknown> {
  if (caller.user.mailbox === null) throw new Error("checked above");
  const message = messageAt(caller.user.mailbox, n);
  const format = call.url.searchParams.get("format") ?? "full";
  const wanted = call.url.searchParams.getAll("metadataHeaders").map((name) => name.toLowerCase());
  const headers = Object.entries({ ...message.headers, To: caller.user.email })
    .map(([name, value]) => ({ name, value }))
    .filter(({ name }) => wanted.length === 0 || wanted.includes(name.toLowerCase()));
  const base = {
    id: message.id,
    threadId: message.threadId,
    labelIds: message.labelIds,
    snippet: message.snippet,
    sizeEstimate: 4000 + n,
    historyId: String(1000 + n),
    internalDate: String(message.internalDateMs),
  };
  switch (format) {
    case "minimal":
      return base;
    case "metadata":
      return { ...base, payload: { mimeType: "text/plain", headers } };
    case "full":
      return {
        ...base,
        payload: { partId: "", mimeType: "text/plain", filename: "", headers, body: { size: 5, data: "SGVsbG8" } },
      };
    case "raw":
      return { ...base, raw: "U3ViamVjdDogaGVsbG8NCg0KSGVsbG8" };
    default:
      throw new SyntaxError(`Invalid value at 'format': ${format}`);
  }
}

/** Charges a call to its user; false when the minute's quota is spent. */
function spendQuota(instance: Instance, caller: Caller, units: number): boolean {
  const atMs = nowMs(instance);
  const { sub } = caller.user;
  let spent = 0;
  for (const entry of instance.quotaSpent) {
    if (entry.sub === sub && entry.atMs > atMs - MINUTE_MS) spent += entry.units;
  }
  if (spent + units > instance.config.quotaUnitsPerMinute) return false;
  instance.quotaSpent.push({ atMs, units, sub });
  instance.quotaUnits += units;
  return true;
}

/** Google's 400 for a parameter that makes no sense. */
export function badRequest(message: string): Response {
  return apiError({ code: 400, status: "INVALID_ARGUMENT", reason: "invalidArgument", message });
}
