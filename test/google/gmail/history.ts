/**
 * What changed in a mailbox: `history.list`, and `watch` with the pushes of Pub/Sub that it brings.
 *
 * https://developers.google.com/workspace/gmail/api/guides/push
 */
import * as z from "zod";
import { refusal } from "../errors.ts";
import type { HistoryRecord } from "../mail/mailbox.ts";
import { notify } from "../push.ts";
import { nowMs } from "../state.ts";
import { BadArgument, type GmailCall, readToken, writeToken } from "./call.ts";
import { pageSize } from "./listing.ts";

const WATCH_MS = 7 * 86_400_000;
/** What `historyTypes` calls the kinds of records: `messageAdded` is messagesAdded. */
const KINDS = new Set(["messagesAdded", "messagesDeleted", "labelsAdded", "labelsRemoved"]);

/** `GET history`: records after `startHistoryId`, oldest first. */
export function listHistory(call: GmailCall): object | Response {
  const { caller, mailbox, query } = call;
  const startHistoryId = query.get("startHistoryId") ?? "";
  if (!/^\d{1,20}$/.test(startHistoryId)) throw new BadArgument("Invalid startHistoryId");
  const labelId = query.get("labelId");
  const types = query.getAll("historyTypes");
  const kinds = types.map((type) => type.replace(/^(?:message|label)/, "$&s"));
  if (kinds.some((kind) => !KINDS.has(kind))) throw new BadArgument("Invalid value at 'history_types'");
  const size = pageSize(call, "history.list");
  const binding = { list: "history", sub: caller.user.sub, startHistoryId, labelId, types };
  const start = readToken(query.get("pageToken"), binding);
  const since = mailbox.historySince(Number(startHistoryId));
  if (since === null) return refusal("notFound");
  const records = since
    .filter(({ kind }) => kinds.length === 0 || kinds.includes(kind))
    .filter(({ message, labelIds }) => labelId === null || [...message.labelIds, ...labelIds].includes(labelId));
  const from = start.page === 0 ? 0 : start.from;
  const page = records.slice(from, from + size);
  const isMore = from + size < records.length;
  return {
    ...(page.length === 0 ? {} : { history: page.map((record) => show(record)) }),
    ...(isMore ? { nextPageToken: writeToken({ from: from + size, page: start.page + 1 }, binding) } : {}),
    historyId: String(mailbox.historyId),
  };
}

function show({ id, kind, message, labelIds }: HistoryRecord): object {
  const change = kind === "labelsAdded" || kind === "labelsRemoved" ? { message, labelIds } : { message };
  return { id: String(id), messages: [{ id: message.id, threadId: message.threadId }], [kind]: [change] };
}

const watchSchema = z.object({
  topicName: z.string().regex(/^projects\/[^/]+\/topics\/[^/]+$/),
  labelIds: z.array(z.string()).default([]),
  labelFilterBehavior: z.enum(["include", "exclude"]).optional(),
});

/** `POST watch`: for a week. A first notification comes at once. */
export function watch({ call, caller, instance, mailbox }: GmailCall): object {
  const parsed = watchSchema.safeParse(JSON.parse(call.body));
  if (!parsed.success) throw new BadArgument("Invalid topicName does not match projects/{project}/topics/{topic}");
  const { labelIds, labelFilterBehavior } = parsed.data;
  const expiresAtMs = nowMs(instance) + WATCH_MS;
  const { user } = caller;
  instance.watches.set(user.sub, {
    labelIds,
    isInclude: labelFilterBehavior !== "exclude",
    expiresAtMs,
    lastPushMs: 0,
  });
  mailbox.onChange = (record) => void notify(instance, user, record);
  void notify(instance, user, null);
  return { historyId: String(mailbox.historyId), expiration: String(expiresAtMs) };
}

export function stopWatch({ caller, instance }: GmailCall): null {
  instance.watches.delete(caller.user.sub);
  return null;
}
