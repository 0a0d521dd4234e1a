/** The floor of rows: what Google takes for a client that knows everything. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ownTimeMs, PART_MS } from "../lib/behaviour.ts";
import { rowsFloorMs } from "./rows.ts";

const behaviour = { seed: 2, medianMs: 50 };
const list = ownTimeMs(behaviour, [{ endpoint: "list", number: 0 }]);
const batches = Array.from({ length: 12 }, (_, number) => ownTimeMs(behaviour, [{ endpoint: "batch", number }]));

/** What one wave takes with so many batches. */
const wave = (first: number, batchCount: number, parts: number): number =>
  Math.max(...batches.slice(first, first + batchCount)) + Math.ceil(parts / batchCount) * PART_MS;
const COUNTS = [1, 2, 3, 4, 5, 6];

test("one wave is a list call and the best number of batches", () => {
  assert.equal(rowsFloorMs(behaviour, 30), list + Math.min(...COUNTS.map((count) => wave(0, count, 30))));
});

test("more rows than Gmail lets be read at once need another wave", () => {
  const one = rowsFloorMs(behaviour, 50);
  assert.ok(rowsFloorMs(behaviour, 100) > one);
  assert.ok(rowsFloorMs(behaviour, 100) - one < one);
});

test("a lower limit makes it longer, and no more batches are sent than there are messages", () => {
  assert.ok(rowsFloorMs(behaviour, 100, 10) > rowsFloorMs(behaviour, 100, 50));
  assert.equal(rowsFloorMs(behaviour, 1), list + (batches[0] ?? 0) + PART_MS);
});
