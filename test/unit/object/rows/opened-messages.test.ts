/** Messages that were just opened: for how long, how many, and that what is deleted is gone. */
import { expect, test } from "vitest";
import { OpenedMessages } from "../../../../src/object/rows/opened-messages.ts";
import { START_MS } from "../../fixtures.ts";

const MINUTE_MS = 60_000;
const MEBI = 1024 * 1024;

function create() {
  const clock = { nowMs: START_MS };
  return { clock, opened: new OpenedMessages(() => clock.nowMs) };
}

test("a message is there for ten minutes, from when it was opened last", () => {
  const { clock, opened } = create();
  opened.set("a", "1");
  clock.nowMs += 9 * MINUTE_MS;
  opened.set("a", "2");
  clock.nowMs += 10 * MINUTE_MS - 1;
  expect([opened.get("a"), opened.get("b")]).toEqual(["2", null]);
  clock.nowMs += 1;
  expect(opened.get("a")).toBeNull();
});

test("one that is too large is not kept, and does not push others out", () => {
  const { opened } = create();
  opened.set("a", "1");
  opened.set("large", "x".repeat(2 * MEBI + 1));
  expect([opened.get("a"), opened.get("large")]).toEqual(["1", null]);
});

test("of many, those that were opened last are kept", () => {
  const { opened } = create();
  const large = "x".repeat(2 * MEBI);
  for (const id of ["a", "b", "c", "d"]) opened.set(id, large);
  opened.set("a", large);
  opened.set("e", large);
  expect(["a", "b", "c", "d", "e"].filter((id) => opened.get(id) !== null)).toEqual(["a", "c", "d", "e"]);
});

test("what is deleted or forgotten is gone", () => {
  const { opened } = create();
  for (const id of ["a", "b", "c"]) opened.set(id, id);
  opened.delete("a");
  expect([opened.get("a"), opened.get("b")]).toEqual([null, "b"]);
  opened.clear();
  expect([opened.get("b"), opened.get("c")]).toEqual([null, null]);
});
