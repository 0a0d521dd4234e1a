/**
 * Gmail's labels: which there are, and how much is unread under each. `users.labels.list` tells no counts.
 *
 * https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.labels
 */
import * as z from "zod/mini";

export const LabelListSchema = z.pipe(
  z.object({
    labels: z.optional(z.array(z.object({ id: z.string(), name: z.string(), type: z.optional(z.string()) }))),
  }),
  z.transform(({ labels = [] }) => labels.map(({ id, name, type }) => ({ id, name, isOwn: type === "user" }))),
);

/** One of Gmail's own labels (`INBOX`), or one of the user's. */
export type Label = z.infer<typeof LabelListSchema>[number];

/** `Label` with its count and nothing else. */
export const UnreadCountSchema = z.object({ id: z.string(), messagesUnread: z.number() });
