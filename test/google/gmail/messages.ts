/**
 * Messages, threads and attachments of one mailbox: reading, changing labels, deleting, sending.
 */
import * as z from "zod";
import { apiError, refusal } from "../errors.ts";
import { readMime } from "../mail/compose.ts";
import { bytesOf, findAttachment, sizeOf, toMime, toPayload } from "../mail/content.ts";
import type { Message } from "../mail/mailbox.ts";
import { nowMs } from "../state.ts";
import { fromBase64Url, toBase64Url } from "../text.ts";
import { BadArgument, type GmailCall } from "./call.ts";
import { checkLabels } from "./labels.ts";

const FORMATS = new Set(["minimal", "metadata", "full", "raw"]);

/** `GET messages/{id}`. */
export function getMessage(call: GmailCall): object | Response {
  const message = call.mailbox.find(call.ids[0] ?? "");
  if (message === null) return refusal("notFound");
  return show(call, message);
}

/** `GET threads/{id}`: oldest message first. */
export function getThread(call: GmailCall): object | Response {
  const [id = ""] = call.ids;
  const messages = [...call.mailbox.messages()].filter(({ threadId }) => threadId === id).toReversed();
  const last = messages.at(-1);
  if (last === undefined) return refusal("notFound");
  const shown = messages.map((message) => show(call, message));
  const refused = shown.find((one) => one instanceof Response);
  return refused ?? { id, historyId: String(last.historyId), messages: shown };
}

/** A message as its format says. */
function show({ caller, query }: GmailCall, message: Message): object | Response {
  const format = (query.get("format") ?? "full").toLowerCase();
  if (!FORMATS.has(format)) throw new BadArgument(`Invalid value at 'format': ${format}`);
  const reads = caller.scopes.some((scope) => /gmail\.(?:readonly|modify)$|mail\.google/.test(scope));
  if (!reads && (format === "full" || format === "raw")) {
    const why = `Metadata scope doesn't allow format ${format.toUpperCase()}`;
    return apiError({ code: 403, reason: "forbidden", message: why });
  }
  const content = message.content();
  const base = {
    id: message.id,
    threadId: message.threadId,
    labelIds: message.labelIds,
    snippet: content.snippet,
    sizeEstimate: sizeOf(content),
    historyId: String(message.historyId),
    internalDate: String(message.internalDateMs),
  };
  if (format === "minimal") return base;
  const root = { messageId: message.id, part: content.body, partId: "" };
  if (format === "raw") return { ...base, raw: toBase64Url(toMime(root, content.headers)) };
  if (format === "full") return { ...base, payload: toPayload(root, content.headers) };
  const wanted = query.getAll("metadataHeaders").map((name) => name.toLowerCase());
  const headers = content.headers
    .filter(([name]) => wanted.length === 0 || wanted.includes(name.toLowerCase()))
    .map(([name, value]) => ({ name, value }));
  return { ...base, payload: { mimeType: content.body.mimeType, headers } };
}

/** `GET messages/{id}/attachments/{id}`. */
export function getAttachment({ mailbox, ids }: GmailCall): object | Response {
  const [id = "", attachment = ""] = ids;
  const message = mailbox.find(id);
  if (message === null) return refusal("notFound");
  const part = findAttachment(id, message.content(), attachment);
  if (part === null) throw new BadArgument("Invalid attachment token");
  const bytes = bytesOf(part);
  return { size: bytes.byteLength, data: toBase64Url(bytes) };
}

/** `GET profile`. */
export function getProfile({ caller, mailbox }: GmailCall): object {
  let messagesTotal = 0;
  const threads = new Set<string>();
  for (const { threadId } of mailbox.messages()) {
    messagesTotal += 1;
    threads.add(threadId);
  }
  const { email } = caller.user;
  return { emailAddress: email, messagesTotal, threadsTotal: threads.size, historyId: String(mailbox.historyId) };
}

const labelChangeSchema = z.object({
  addLabelIds: z.array(z.string()).default([]),
  removeLabelIds: z.array(z.string()).default([]),
});

/** `POST messages/{id}/modify`, `…/trash` and `…/untrash`. */
export function modifyMessage(call: GmailCall): object | Response {
  const { mailbox, ids } = call;
  const message = mailbox.find(ids[0] ?? "");
  if (message === null) return refusal("notFound");
  mailbox.changeLabels(message, readChange(call));
  const { id, threadId, labelIds } = mailbox.find(message.id) ?? message;
  return { id, threadId, labelIds };
}

function readChange({ call, mailbox }: GmailCall): { add: string[]; remove: string[] } {
  if (call.url.pathname.endsWith("/trash")) return { add: ["TRASH"], remove: ["INBOX"] };
  if (call.url.pathname.endsWith("/untrash")) return { add: [], remove: ["TRASH"] };
  const { addLabelIds, removeLabelIds } = labelChangeSchema.parse(JSON.parse(call.body));
  checkLabels(mailbox, [...addLabelIds, ...removeLabelIds]);
  return { add: addLabelIds, remove: removeLabelIds };
}

const idsSchema = z.object({ ids: z.array(z.string()).min(1).max(1000) });

/** `POST messages/batchModify`: what is not there is passed over. */
export function batchModify(call: GmailCall): null {
  const change = readChange(call);
  for (const id of idsSchema.parse(JSON.parse(call.call.body)).ids) {
    const message = call.mailbox.find(id);
    if (message !== null) call.mailbox.changeLabels(message, change);
  }
  return null;
}

/** `DELETE messages/{id}` and `POST messages/batchDelete`. */
export function deleteMessages({ call, mailbox, ids }: GmailCall): Response | null {
  const [only] = ids;
  for (const id of only === undefined ? idsSchema.parse(JSON.parse(call.body)).ids : [only]) {
    const message = mailbox.find(id);
    if (message === null && only !== undefined) return refusal("notFound");
    if (message !== null) mailbox.remove(message);
  }
  return null;
}

const sentSchema = z.object({
  raw: z.string(),
  threadId: z.string().optional(),
  labelIds: z.array(z.string()).optional(),
});

/** `POST messages/send`, and `messages.insert` with the labels that it says. */
export async function sendMessage({ call, instance, mailbox }: GmailCall, labels: string[] | null): Promise<object> {
  const sent = sentSchema.parse(JSON.parse(call.body));
  if (!/^[\w-]*={0,2}$/.test(sent.raw)) throw new BadArgument("Invalid value at 'message.raw'");
  const content = await readMime(fromBase64Url(sent.raw));
  if (labels !== null && content.headers.every(([name]) => name.toLowerCase() !== "to")) {
    throw new BadArgument("Recipient address required");
  }
  const atMs = nowMs(instance);
  const id = mailbox.freshId(atMs);
  const { threadId = id } = sent;
  const labelIds = labels ?? sent.labelIds ?? [];
  checkLabels(mailbox, labelIds);
  mailbox.add({ id, threadId, labelIds, internalDateMs: atMs, content: () => content });
  return { id, threadId, labelIds };
}
