/** What this Worker is not the best at is found, whoever would rather not see it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { findAboveFloor, findLosses } from "./compare.ts";
import { column, job, results, summary } from "./sample.ts";
import { aboveFloorSection, lossesSection, unusedExplanations } from "./shortfalls.ts";

void test("a lower value of another is a loss, and of two who are better the best is named", () => {
  const [loss, ...others] = findLosses([job([5, 3, 4, 9, 9, 6])]);
  assert.equal(others.length, 0);
  assert.equal(loss?.best.subject, "B");
  assert.equal(loss?.overlaps, false);
});

void test("where more is better, a higher value of another is a loss", () => {
  const more = { columns: [column({ better: "more" })] };
  assert.equal(findLosses([job([5, 3, 4, 9, 8, 6], more)])[0]?.best.subject, "D");
  assert.equal(findLosses([job([5, 3, 4, 2, 1, 6], more)]).length, 0);
});

void test("what reads the same is no loss, and neither is a column without better", () => {
  assert.equal(findLosses([job([99.99, 200, 200, 200, 200, 100.01])]).length, 0);
  assert.equal(findLosses([job([1, 2, 3, 4, 5, 6], { columns: [column({ better: "none" })] })]).length, 0);
});

void test("quartiles that overlap are said to", () => {
  const section = lossesSection(results([job([100, 200, 200, 200, 200, 105])]), {});
  assert.match(
    section,
    /A name-A 100 \(90–110\) ms\. Ours is 5 % more\. The quartiles overlap\. _Not yet explained\._/,
  );
});

void test("not having been run is a loss, with its reason", () => {
  const section = lossesSection(results([job([1, 2, 3, 4, 5, "no <time>"])]), {});
  assert.match(section, /In 1 of 1 columns/);
  assert.match(section, /was not run: no \\<time\\>/);
});

void test("above the floor begins above 1.15 times", () => {
  const far = { floor: summary(100) };
  assert.equal(findAboveFloor([job([1, 1, 1, 1, 1, 115], far)]).length, 0);
  assert.equal(findAboveFloor([job([1, 1, 1, 1, 1, 116], far)])[0]?.multiple, 1.16);
  assert.equal(findAboveFloor([job([1, 1, 1, 1, 1, 116])]).length, 0);
});

void test("explanations go to their column, their job or the floor; what explains nothing is named", () => {
  const data = results([job([1, 2, 3, 4, 5, 6], { floor: summary(1) })]);
  const explanations = { "rows-25/latencyMs": "of the column", "rows-25/floor": "of the floor", "ids-1": "of nothing" };
  assert.match(lossesSection(data, explanations), /of the column/);
  assert.match(lossesSection(data, { "rows-25": "of the job" }), /of the job/);
  assert.match(aboveFloorSection(data, explanations), /of the floor/);
  assert.deepEqual(unusedExplanations(data, explanations), ["ids-1"]);
});
