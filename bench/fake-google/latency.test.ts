/** The fake's latencies: what the floor and the comparison rest on. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PART_MS } from "./behaviour.ts";
import { chance, latencyMs } from "./latency.ts";

const behaviour = { seed: 7, medianMs: 50 };
const draws = Array.from({ length: 20_000 }, (_, number) => latencyMs(behaviour, { kind: "list", number })).sort(
  (a, b) => a - b,
);
const at = (share: number): number => draws[Math.floor(draws.length * share)] ?? 0;

test("half of the list calls take less than the median, and the tail is long", () => {
  assert.ok(Math.abs(at(0.5) - 50) < 1, `median ${at(0.5)}`);
  assert.ok(Math.abs(at(0.99) / at(0.5) - 2.54) < 0.15, `99th percentile ${at(0.99)}`);
});

test("the nth call of a kind takes the same time for everyone with the same seed, and another with another", () => {
  const call = { kind: "batch", number: 3, parts: 10 } as const;
  assert.equal(latencyMs(behaviour, call), latencyMs({ ...behaviour }, { ...call }));
  assert.notEqual(latencyMs(behaviour, call), latencyMs({ ...behaviour, seed: 8 }, call));
  assert.notEqual(latencyMs(behaviour, call), latencyMs(behaviour, { ...call, number: 4 }));
});

test("each part of a batch costs time", () => {
  const empty = latencyMs(behaviour, { kind: "batch", number: 0 });
  assert.equal(latencyMs(behaviour, { kind: "batch", number: 0, parts: 25 }), empty + 25 * PART_MS);
});

test("without latency nothing takes time", () => {
  assert.equal(latencyMs({ ...behaviour, medianMs: 0 }, { kind: "token", number: 0 }), 0);
});

test("chances are spread evenly", () => {
  const hits = Array.from({ length: 10_000 }, (_, n) => chance(1, n, 0)).filter((draw) => draw < 0.11).length;
  assert.ok(Math.abs(hits - 1_100) < 120, `${hits} of 10,000`);
});
