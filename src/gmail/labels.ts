/**
 * Gmail's labels: which there are, and how much is unread under each. `users.labels.list` tells no counts, so those are
 * read in one batch.
 *
 * https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.labels
 */
import * as z from "zod/mini";
import { composeBatch, MAX_BATCH_PARTS, parseBatch, readingCall } from "./batch.ts";
import { callGmail } from "./call.ts";
import type { GmailOptions } from "../gmail.ts";
import { GMAIL, processGmailError } from "./errors.ts";
import { parseJsonOrNull, readJson } from "../lib/upstream.ts";
import { quotaUnits } from "./quota.ts";

const LABELS_PATH = "/gmail/v1/users/me/labels";
const BATCH_PATH = "/batch/gmail/v1";

const LabelListSchema = z.pipe(
  z.object({
    labels: z.optional(z.array(z.object({ id: z.string(), name: z.string(), type: z.optional(z.string()) }))),
  }),
  z.transform(({ labels = [] }) => labels.map(({ id, name, type }) => ({ id, name, isOwn: type === "user" }))),
);

/** One of Gmail's own labels (`INBOX`), or one of the user's. */
export type Label = z.infer<typeof LabelListSchema>[number];

const CountSchema = z.object({ id: z.string(), messagesUnread: z.number() });

/** The user's labels. @throws AppError as processGmailError and UserAccess */
export async function listLabels(options: GmailOptions): Promise<Label[]> {
  const path = `${LABELS_PATH}?fields=labels(id,name,type)&prettyPrint=false`;
  const response = await callGmail(options, { path, units: quotaUnits("GET", LABELS_PATH) });
  if (response.status !== 200) throw (await processGmailError(response, options.now())).error;
  return readJson(response, LabelListSchema, GMAIL);
}

/**
 * How many messages are unread under each label.
 *
 * @param ids only the first {@link MAX_BATCH_PARTS} are counted
 * @returns counts by label; a label that could not be read is missing
 * @throws AppError as {@link listLabels}
 */
export async function countUnread(options: GmailOptions, ids: readonly string[]): Promise<Map<string, number>> {
  // Google refuses a batch of nothing.
  if (ids.length === 0) return new Map();
  const calls = ids.slice(0, MAX_BATCH_PARTS).map((id, index) => readingCall(`label-${index}`, labelPath(id)));
  const units = calls.length * quotaUnits("GET", `${LABELS_PATH}/x`);
  const boundary = `batch_${crypto.randomUUID()}`;
  const headers = new Headers({ "Content-Type": `multipart/mixed; boundary=${boundary}` });
  const request = { path: BATCH_PATH, units, method: "POST", headers, body: composeBatch(calls, boundary) };
  const response = await callGmail(options, request);
  if (response.status !== 200) throw (await processGmailError(response, options.now())).error;
  const text = new TextDecoder().decode(await response.arrayBuffer());
  const counts = new Map<string, number>();
  for (const { body } of parseBatch(response.headers.get("Content-Type"), text)?.values() ?? []) {
    const parsed = CountSchema.safeParse(parseJsonOrNull(body));
    if (parsed.success) counts.set(parsed.data.id, parsed.data.messagesUnread);
  }
  return counts;
}

function labelPath(id: string): string {
  return `${LABELS_PATH}/${encodeURIComponent(id)}?fields=id,messagesUnread&prettyPrint=false`;
}
