/** Numbers of the report. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { formatDifference, formatMultiple, formatNumber, formatSummary, formatValue, headingOf } from "./numbers.ts";

void test("measured values have three significant digits and separators; counted ones are exact", () => {
  assert.equal(formatValue(1234.56, "ms"), "1,230 ms");
  assert.equal(formatValue(0.012345, "ms"), "0.0123 ms");
  assert.equal(formatValue(100_201, "calls"), "100,201 calls");
  assert.equal(formatValue(1, "calls"), "1 call");
  assert.equal(formatValue(1.2345, ""), "1.23");
});

void test("a share that is not whole never reads 100", () => {
  assert.equal(formatNumber(99.999, "%"), "99.99");
  assert.equal(formatNumber(99.97, "%"), "99.97");
  assert.equal(formatNumber(100, "%"), "100");
  assert.equal(formatNumber(0.3, "%"), "0.3");
});

void test("quartiles are left out only where both read as the median", () => {
  assert.equal(formatSummary({ median: 12, low: 12, high: 12.01, n: 5 }, "ms"), "12");
  assert.equal(formatSummary({ median: 12, low: 12, high: 13, n: 5 }, "ms"), "12 (12–13)");
});

void test("differences say less, more or how often", () => {
  assert.equal(formatDifference(48, 100), "52 % less");
  assert.equal(formatDifference(115, 100), "15 % more");
  assert.equal(formatDifference(320, 100), "3.2 times as much");
  assert.equal(formatDifference(100.2, 100), "under 1 % more");
  assert.equal(formatDifference(1, 1000), "over 99 % less");
  assert.equal(formatDifference(1, 0), null);
  assert.equal(formatDifference(0, 0), "the same");
});

void test("multiples keep two decimals below ten", () => {
  assert.equal(formatMultiple(1.1), "1.10×");
  assert.equal(formatMultiple(123.4), "123×");
});

void test("a heading names the unit once", () => {
  const column = { key: "x", better: "less" } as const;
  assert.equal(headingOf({ ...column, label: "Latency", unit: "ms" }), "Latency, ms");
  assert.equal(headingOf({ ...column, label: "Calls to Google", unit: "calls" }), "Calls to Google");
  assert.equal(headingOf({ ...column, label: "Amplification", unit: "" }), "Amplification");
});
