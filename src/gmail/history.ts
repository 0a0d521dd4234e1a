/**
 * What changed in a mailbox: `users.history.list`.
 *
 * https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.history/list
 */
import * as z from "zod/mini";

/** History IDs are unsigned 64-bit numbers; they grow, and have gaps. */
export const HistoryIdSchema = z.string().check(z.regex(/^\d{1,20}$/));

/** Members of a record that are asked for. */
export const HISTORY_FIELDS =
  "history(id,messagesAdded(message(id,labelIds)),messagesDeleted(message(id,labelIds))," +
  "labelsAdded(message(id,labelIds),labelIds),labelsRemoved(message(id,labelIds),labelIds)),historyId,nextPageToken";

const ChangedSchema = z.object({
  message: z.object({ id: z.string(), labelIds: z.optional(z.array(z.string())) }),
  labelIds: z._default(z.array(z.string()), []),
});
const ChangedListSchema = z._default(z.array(ChangedSchema), []);

const HistoryRecordSchema = z.object({
  id: HistoryIdSchema,
  messagesAdded: ChangedListSchema,
  messagesDeleted: ChangedListSchema,
  labelsAdded: ChangedListSchema,
  labelsRemoved: ChangedListSchema,
});

/** What one record says of one message. */
export interface MessageChange {
  readonly historyId: string;
  readonly messageId: string;
  /** `replaced`: what it says cannot be put in order, so that the message has to be read. */
  kind: "added" | "labels" | "deleted" | "replaced";
  readonly labelsAdded: Set<string>;
  readonly labelsRemoved: Set<string>;
  /** The labels that the record shows; null where it shows none. */
  labelIds: readonly string[] | null;
}

export const HistoryPageSchema = z.pipe(
  z.object({
    // Absent where nothing has changed.
    history: z._default(z.array(HistoryRecordSchema), []),
    historyId: HistoryIdSchema,
    nextPageToken: z.optional(z.string()),
  }),
  z.transform(({ history, historyId, nextPageToken }) => ({
    /** Oldest first. */
    changes: history.flatMap(toChanges),
    /** The mailbox's newest, when the page was made. */
    historyId,
    nextPageToken: nextPageToken || null,
  })),
);

export type HistoryPage = z.infer<typeof HistoryPageSchema>;

function toChanges(record: z.infer<typeof HistoryRecordSchema>): MessageChange[] {
  const changes = new Map<string, MessageChange>();
  const changeOf = ({ message }: z.infer<typeof ChangedSchema>): MessageChange => {
    const known = changes.get(message.id);
    const change: MessageChange = known ?? {
      historyId: record.id,
      messageId: message.id,
      kind: "labels",
      labelsAdded: new Set(),
      labelsRemoved: new Set(),
      labelIds: null,
    };
    change.labelIds = message.labelIds ?? change.labelIds;
    changes.set(message.id, change);
    return change;
  };
  for (const changed of record.messagesAdded) changeOf(changed).kind = "added";
  for (const changed of record.labelsAdded) {
    const change = changeOf(changed);
    for (const label of changed.labelIds) change.labelsAdded.add(label);
  }
  for (const changed of record.labelsRemoved) {
    const change = changeOf(changed);
    for (const label of changed.labelIds) change.labelsRemoved.add(label);
    // Which of the two came first, the record does not say.
    if (!change.labelsAdded.isDisjointFrom(change.labelsRemoved)) change.kind = "replaced";
  }
  for (const changed of record.messagesDeleted) changeOf(changed).kind = "deleted";
  return [...changes.values()];
}

/** Whether one history ID is later than another. */
export function isLater(historyId: string, than: string): boolean {
  return BigInt(historyId) > BigInt(than);
}
