/**
 * Gmail's labels: which there are, and how much is unread under each. `users.labels.list` tells no counts.
 *
 * https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.labels
 */
import * as z from "zod/mini";

const LIST_VISIBILITY: Readonly<Record<string, "always" | "ifUnread" | "never">> = {
  labelShow: "always",
  labelShowIfUnread: "ifUnread",
  labelHide: "never",
};
const COLOR = /^#[\da-f]{6}$/i;

export const LabelListSchema = z.pipe(
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

/** `Label` with its count and nothing else. */
export const UnreadCountSchema = z.object({ id: z.string(), messagesUnread: z.number() });
