/** What a page of `history.list` says of each message. */
import { describe, expect, test } from "vitest";
import { HistoryPageSchema, isLater } from "../../../src/gmail/history.ts";

const message = (id: string, labelIds?: string[]) => ({
  message: { id, threadId: "t", ...(labelIds && { labelIds }) },
});
const labels = (id: string, labelIds: string[], now?: string[]) => ({ ...message(id, now), labelIds });

function changesOf(...history: readonly object[]) {
  const { changes } = HistoryPageSchema.parse({ history, historyId: "99" });
  return changes.map(({ kind, labelsAdded, labelsRemoved, messageId, historyId, labelIds }) => ({
    of: `${messageId} ${kind} ${historyId}`,
    added: [...labelsAdded],
    removed: [...labelsRemoved],
    labelIds,
  }));
}

describe("a page", () => {
  test.each([
    ["without changes", { historyId: "7" }, { changes: [], historyId: "7", nextPageToken: null }],
    ["that is the last", { history: [], historyId: "7", nextPageToken: "" }, { nextPageToken: null }],
    ["that goes on", { history: [], historyId: "7", nextPageToken: "p" }, { nextPageToken: "p" }],
  ])("%s", (_, page, expected) => {
    expect(HistoryPageSchema.parse(page)).toMatchObject(expected);
  });

  test.each([
    ["without a history ID", {}],
    ["whose history ID is no number", { historyId: "7a" }],
    ["whose history ID has more than 64 bits", { historyId: "1".repeat(21) }],
    ["with a record without an ID", { historyId: "7", history: [{ messagesAdded: [message("a")] }] }],
    ["with a message without an ID", { historyId: "7", history: [{ id: "6", messagesAdded: [{ message: {} }] }] }],
  ])("%s is none", (_, page) => {
    expect(HistoryPageSchema.safeParse(page).success).toBe(false);
  });
});

describe("a record", () => {
  test("of each kind, in the order of the records", () => {
    expect(
      changesOf(
        { id: "1", messages: [], messagesAdded: [message("a", ["INBOX", "UNREAD"])] },
        { id: "2", labelsAdded: [labels("b", ["STARRED"], ["INBOX", "STARRED"])] },
        { id: "3", labelsRemoved: [labels("a", ["UNREAD"], ["INBOX"])] },
        { id: "4", messagesDeleted: [message("b")] },
      ),
    ).toEqual([
      { of: "a added 1", added: [], removed: [], labelIds: ["INBOX", "UNREAD"] },
      { of: "b labels 2", added: ["STARRED"], removed: [], labelIds: ["INBOX", "STARRED"] },
      { of: "a labels 3", added: [], removed: ["UNREAD"], labelIds: ["INBOX"] },
      { of: "b deleted 4", added: [], removed: [], labelIds: null },
    ]);
  });

  test("of several messages, and of one in several members, says one thing of each", () => {
    expect(
      changesOf({
        id: "1",
        labelsAdded: [labels("a", ["A"]), labels("b", ["B"]), labels("a", ["C"], ["A", "C"])],
        labelsRemoved: [labels("a", ["D"])],
      }),
    ).toEqual([
      { of: "a labels 1", added: ["A", "C"], removed: ["D"], labelIds: ["A", "C"] },
      { of: "b labels 1", added: ["B"], removed: [], labelIds: null },
    ]);
  });

  test("that adds and removes the same label does not say what it is now: the message is read again", () => {
    const both = { labelsRemoved: [labels("a", ["A"])], labelsAdded: [labels("a", ["A", "B"])] };
    expect(changesOf({ id: "1", ...both })).toMatchObject([{ of: "a replaced 1" }]);
  });

  test("of a message that has come and gone says that it is gone, whatever else", () => {
    const gone = { messagesDeleted: [message("a")], messagesAdded: [message("a", ["INBOX"])] };
    const both = { labelsRemoved: [labels("a", ["A"])], labelsAdded: [labels("a", ["A"])] };
    expect(changesOf({ id: "1", ...gone, ...both })).toMatchObject([{ of: "a deleted 1" }]);
  });
});

test.each([
  ["9", "10"],
  ["99", "100"],
  ["9007199254740992", "9007199254740993"],
  ["18446744073709551614", "18446744073709551615"],
])("%s is earlier than %s", (earlier, later) => {
  expect([isLater(later, earlier), isLater(earlier, later), isLater(later, later)]).toEqual([true, false, false]);
  const { changes } = HistoryPageSchema.parse({
    historyId: later,
    history: [{ id: earlier, messagesDeleted: [message("a")] }],
  });
  expect(changes[0]?.historyId).toBe(earlier);
});
