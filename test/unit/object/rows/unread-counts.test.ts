/** Unread counts that are remembered: until history touches their label, also while they are being read. */
import { expect, test } from "vitest";
import { UnreadCounts } from "../../../../src/object/rows/unread-counts.ts";
import { failureOf } from "../../fixtures.ts";
import { change } from "./fixtures-history.ts";

const LABELS = ["INBOX", "SENT", "Label_1"];
const COUNTS = new Map([
  ["INBOX", 3],
  ["SENT", 0],
  ["Label_1", 7],
]);

async function createRead(): Promise<UnreadCounts> {
  const counts = new UnreadCounts();
  expect(await counts.read(async () => COUNTS)).toEqual(COUNTS);
  return counts;
}

test("what was read is known, and nothing else", async () => {
  const counts = await createRead();
  expect(counts.known([...LABELS, "SPAM"])).toEqual(COUNTS);
  expect(counts.known(["SENT"])).toEqual(new Map([["SENT", 0]]));
});

test.each([
  ["is added", change("1", { add: ["INBOX"], labels: [] }), ["SENT", "Label_1"]],
  ["is removed", change("1", { remove: ["Label_1"], labels: [] }), ["INBOX", "SENT"]],
  ["is one of a message that changed otherwise", change("1", { add: ["X"], labels: ["SENT"] }), ["INBOX", "Label_1"]],
  ["is one of a new message", change("1", { kind: "added", labels: ["INBOX", "X"] }), ["SENT", "Label_1"]],
  ["may be one of a message of which history does not say", change("1", { kind: "deleted", labels: null }), []],
])("a label that %s is not known any more", async (_, changed, left) => {
  const counts = await createRead();
  counts.hear([change("1", { labels: ["OTHER"] }), changed]);
  expect([...counts.known(LABELS).keys()]).toEqual(left);
});

test("a label that changes while it is read is not known, whatever came first; others are", async () => {
  const counts = new UnreadCounts();
  const { promise, resolve } = Promise.withResolvers<Map<string, number>>();
  const reading = counts.read(() => promise);
  counts.hear([change("1", { add: ["INBOX"] })]);
  resolve(COUNTS);
  expect(await reading).toEqual(COUNTS);
  expect([...counts.known(LABELS).keys()]).toEqual(["SENT", "Label_1"]);
});

test("what is read while all are forgotten is not known", async () => {
  const counts = await createRead();
  const { promise, resolve } = Promise.withResolvers<Map<string, number>>();
  const reading = counts.read(() => promise);
  counts.clear();
  resolve(COUNTS);
  await reading;
  expect(counts.known(LABELS)).toEqual(new Map());
});

test("a reading that fails is passed on, and the next one counts", async () => {
  const counts = new UnreadCounts();
  const { promise, reject } = Promise.withResolvers<Map<string, number>>();
  reject(new Error("no"));
  expect(await failureOf(counts.read(() => promise))).toMatchObject({ message: "no" });
  await counts.read(async () => COUNTS);
  expect(counts.known(LABELS)).toEqual(COUNTS);
});
