/** What Gmail's history tells, as the tests of rows write it. */
import type { MessageChange } from "../../../../src/gmail/history.ts";

export interface ChangeInput {
  readonly kind?: MessageChange["kind"];
  readonly id?: string;
  readonly add?: readonly string[];
  readonly remove?: readonly string[];
  /** The labels that the record shows. */
  readonly labels?: readonly string[] | null;
}

/** What the record of a history ID says of one message: by default, that its labels have changed. */
export function change(historyId: string, input: ChangeInput = {}): MessageChange {
  const { add = [], id = "a", kind = "labels", labels = [], remove = [] } = input;
  return {
    historyId,
    messageId: id,
    kind,
    labelsAdded: new Set(add),
    labelsRemoved: new Set(remove),
    labelIds: labels,
  };
}
