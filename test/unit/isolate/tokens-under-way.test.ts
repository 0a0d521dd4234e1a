/** What an isolate knows of the API tokens that it is making: whose, in which order, and not for ever. */
import { expect, test } from "vitest";
import { TokensUnderWay } from "../../../src/isolate/tokens-under-way.ts";

const NOW_MS = 1_000_000;

test("each is told of those of the same user that were begun before it, and of no others", () => {
  const underWay = new TokensUnderWay();
  expect(underWay.begin("1", "a", NOW_MS)).toEqual([]);
  expect(underWay.begin("1", "b", NOW_MS)).toEqual(["a"]);
  expect(underWay.begin("2", "c", NOW_MS)).toEqual([]);
  expect(underWay.begin("1", "d", NOW_MS + 1)).toEqual(["a", "b"]);
});

test("one that has ended is not counted", () => {
  const underWay = new TokensUnderWay();
  underWay.begin("1", "a", NOW_MS);
  underWay.begin("1", "b", NOW_MS);
  underWay.end("1", "a");
  underWay.end("2", "b");
  expect(underWay.begin("1", "c", NOW_MS)).toEqual(["b"]);
  underWay.end("1", "b");
  underWay.end("1", "c");
  underWay.end("1", "c");
  expect(underWay.begin("1", "d", NOW_MS)).toEqual([]);
});

test("one whose request never ended is counted for a minute", () => {
  const underWay = new TokensUnderWay();
  underWay.begin("1", "lost", NOW_MS);
  expect(underWay.begin("1", "a", NOW_MS + 60_000)).toEqual(["lost"]);
  expect(underWay.begin("1", "b", NOW_MS + 60_001)).toEqual(["a"]);
});
