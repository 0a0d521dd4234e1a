/**
 * Gmail's labels: which there are, and how much is unread under each. `users.labels.list` tells no counts, so those are
 * read in one batch.
 *
 * https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.labels
 */
import * as z from "zod/mini";
import { composeBatch, MAX_BATCH_PARTS, parseBatch, readingCall } from "./batch.ts";
import type { GmailOptions } from "../gmail.ts";
import { GMAIL, processGmailError } from "./errors.ts";
import { parseJsonOrNull, readJson } from "../lib/upstream.ts";
import { quotaUnits } from "./quota.ts";

const LABELS_PATH = "/gmail/v1/users/me/labels";
const BATCH_PATH = "/batch/gmail/v1";

const LIST_VISIBILITY: Readonly<Record<string, "always" | "ifUnread" | "never">> = {
  labelShow: "always",
  labelShowIfUnread: "ifUnread",
  labelHide: "never",
};
const COLOR = /^#[\da-f]{6}$/i;

const LabelListSchema = z.pipe(
  z.object({
    labels: z.optional(
      z.array(
        z.object({
          id: z.string(),
          name: z.string(),
          type: z.optional(z.string()),
          labelListVisibility: z.optional(z.string()),
          messageListVisibility: z.optional(z.string()),
          color: z.catch(z.optional(z.object({ backgroundColor: z.string().check(z.regex(COLOR)) })), undefined),
        }),
      ),
    ),
  }),
  z.transform(({ labels = [] }) =>
    labels.map(({ id, name, type, color, labelListVisibility, messageListVisibility }) => ({
      id,
      name,
      isOwn: type === "user",
      /** Whether it stands in the list of labels: the user's setting in Gmail. */
      inList: LIST_VISIBILITY[labelListVisibility ?? ""] ?? ("always" as const),
      /** Whether messages show it: likewise. */
      onMessages: messageListVisibility !== "hide",
      /** `#rrggbb`; null where the user has chosen none. */
      color: color?.backgroundColor.toLowerCase() ?? null,
    })),
  ),
);

/** One of Gmail's own labels (`INBOX`), or one of the user's. */
export type Label = z.infer<typeof LabelListSchema>[number];

const CountSchema = z.object({ id: z.string(), messagesUnread: z.number() });

/** The user's labels. @throws AppError as processGmailError and UserAccess */
export async function listLabels({ apiUrl, access, trace, now }: GmailOptions): Promise<Label[]> {
  trace.quotaUnits += quotaUnits("GET", LABELS_PATH);
  const query =
    "fields=labels(id,name,type,color/backgroundColor,labelListVisibility,messageListVisibility)&prettyPrint=false";
  const response = await access.fetch(`${apiUrl}${LABELS_PATH}?${query}`, {}, { endpoint: GMAIL });
  if (response.status !== 200) throw (await processGmailError(response, now())).error;
  return readJson(response, LabelListSchema, GMAIL);
}

/**
 * How many messages are unread under each label.
 *
 * @param ids only the first {@link MAX_BATCH_PARTS} are counted
 * @returns counts by label; a label that could not be read is missing
 * @throws AppError as {@link listLabels}
 */
export async function countUnread(
  { apiUrl, access, trace, now }: GmailOptions,
  ids: readonly string[],
): Promise<Map<string, number>> {
  // Google refuses a batch of nothing.
  if (ids.length === 0) return new Map();
  const calls = ids.slice(0, MAX_BATCH_PARTS).map((id, index) => readingCall(`label-${index}`, labelPath(id)));
  for (const { method } of calls) trace.quotaUnits += quotaUnits(method, `${LABELS_PATH}/x`);
  const boundary = `batch_${crypto.randomUUID()}`;
  const headers = new Headers({ "Content-Type": `multipart/mixed; boundary=${boundary}` });
  const init = { method: "POST", headers, body: composeBatch(calls, boundary) };
  const response = await access.fetch(`${apiUrl}${BATCH_PATH}`, init, { endpoint: GMAIL });
  if (response.status !== 200) throw (await processGmailError(response, now())).error;
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
