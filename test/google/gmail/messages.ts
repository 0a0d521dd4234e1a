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

export function getMessage(call: GmailCall): object | Response {
  const message = call.mailbox.find(call.ids[0] ?? "");
  return message === null ? refusal("notFound") : show(call, message);
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

function show({ caller, query }: GmailCall, message: Message): object | Response {
  const format = (query.get("format") ?? "full").toLowerCase();
  if (!FORMATS.has(format)) throw new BadArgument(`Invalid value at 'format': ${format}`);
  const isReader = caller.scopes.some((scope) => /gmail\.(?:readonly|modify)$|mail\.google/.test(scope));
  if (!isReader && (format === "full" || format === "raw")) {
    return apiError(403, "forbidden", `Metadata scope doesn't allow format ${format.toUpperCase()}`);
  }
  const { id, threadId, labelIds, historyId, internalDateMs } = message;
  const content = message.content();
  const { snippet, headers, body } = content;
  const internalDate = String(internalDateMs);
  const sizeEstimate = sizeOf(content);
  const base = { id, threadId, labelIds, snippet, sizeEstimate, historyId: String(historyId), internalDate };
  if (format === "minimal") return base;
  const root = { messageId: id, part: body, partId: "" };
  if (format === "raw") return { ...base, raw: toBase64Url(toMime(root, headers)) };
  if (format === "full") return { ...base, payload: toPayload(root, headers) };
  const wanted = query.getAll("metadataHeaders").map((name) => name.toLowerCase());
  const shown = headers.filter(([name]) => wanted.length === 0 || wanted.includes(name.toLowerCase()));
  const payload = { mimeType: body.mimeType, headers: shown.map(([name, value]) => ({ name, value })) };
  return { ...base, payload };
}

export function getAttachment({ mailbox, ids }: GmailCall): object | Response {
  const [id = "", attachment = ""] = ids;
  const message = mailbox.find(id);
  if (message === null) return refusal("notFound");
  const part = findAttachment(id, message.content(), attachment);
  if (part === null) throw new BadArgument("Invalid attachment token");
  const bytes = bytesOf(part);
  return { size: bytes.byteLength, data: toBase64Url(bytes) };
}

export function getProfile({ caller, mailbox }: GmailCall): object {
  const threads = Array.from(mailbox.messages(), ({ threadId }) => threadId);
  return {
    emailAddress: caller.user.email,
    messagesTotal: threads.length,
    threadsTotal: new Set(threads).size,
    historyId: String(mailbox.historyId),
  };
}

const labelChangeSchema = z.object({
  addLabelIds: z.array(z.string()).default([]),
  removeLabelIds: z.array(z.string()).default([]),
});
const idsSchema = z.object({ ids: z.array(z.string()).min(1).max(1000) });

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
  const { addLabelIds: add, removeLabelIds: remove } = labelChangeSchema.parse(JSON.parse(call.body));
  checkLabels(mailbox, [...add, ...remove]);
  return { add, remove };
}

/** `POST messages/batchModify`: what is not there is passed over. */
export function batchModify(call: GmailCall): null {
  const change = readChange(call);
  for (const message of messagesOf(call)) call.mailbox.changeLabels(message, change);
  return null;
}

export function batchDelete(call: GmailCall): null {
  for (const message of messagesOf(call)) call.mailbox.remove(message);
  return null;
}

function messagesOf({ call, mailbox }: GmailCall): Message[] {
  return idsSchema.parse(JSON.parse(call.body)).ids.flatMap((id) => mailbox.find(id) ?? []);
}

export function deleteMessage({ mailbox, ids }: GmailCall): Response | null {
  const message = mailbox.find(ids[0] ?? "");
  if (message === null) return refusal("notFound");
  mailbox.remove(message);
  return null;
}

const sentSchema = z.object({
  raw: z.string().regex(/^[\w-]*={0,2}$/),
  threadId: z.string().optional(),
  labelIds: z.array(z.string()).optional(),
});

/** `POST messages/send`, and `messages.insert` with the labels that it says. */
export async function sendMessage({ call, instance, mailbox }: GmailCall, labels: string[] | null): Promise<object> {
  const sent = sentSchema.parse(JSON.parse(call.body));
  const content = await readMime(fromBase64Url(sent.raw));
  if (labels !== null && content.headers.every(([name]) => name.toLowerCase() !== "to")) {
    throw new BadArgument("Recipient address required");
  }
  const internalDateMs = nowMs(instance);
  const id = mailbox.freshId(internalDateMs);
  const { threadId = id } = sent;
  const labelIds = labels ?? sent.labelIds ?? [];
  checkLabels(mailbox, labelIds);
  mailbox.add({ id, threadId, labelIds, internalDateMs, content: () => content });
  return { id, threadId, labelIds };
}
