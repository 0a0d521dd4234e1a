/** The fake's refusals: a hidden limit per user, and failures by chance. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { HEALTHY } from "./behaviour.ts";
import { Gate } from "./gate.ts";
import { messageId } from "./mailbox.ts";

const ids = (count: number): string[] => Array.from({ length: count }, (_, position) => messageId(position));
const statuses = (gate: Gate, count: number, sub = "ada"): number[] =>
  gate.enter(sub, ids(count)).answers.map(({ status }) => status);

test("reads up to the hidden limit are let in, those above it answer 429, and places come back", () => {
  const gate = new Gate({ ...HEALTHY, hiddenLimit: 3 });
  const first = gate.enter("ada", ids(2));
  assert.deepEqual(statuses(gate, 2), [200, 429]);
  first.leave();
  assert.deepEqual(statuses(gate, 3), [200, 200, 429]);
  assert.equal(gate.refused, 2);
});

test("the limit is each user's own", () => {
  const gate = new Gate({ ...HEALTHY, hiddenLimit: 1 });
  assert.deepEqual(statuses(gate, 1), [200]);
  assert.deepEqual(statuses(gate, 1, "bob"), [200]);
});

test("the same messages fail for everyone with the same seed, and a second try has a chance of its own", () => {
  const behaviour = { ...HEALTHY, hiddenLimit: 1_000, refuse429: 0.1, fail503: 0.01 };
  const [one, other] = [new Gate(behaviour), new Gate(behaviour)];
  const tried = statuses(one, 500);
  assert.deepEqual(tried, statuses(other, 500));
  assert.equal(one.failed, tried.filter((status) => status !== 200).length);
  assert.ok(one.failed > 35 && one.failed < 75, `${one.failed} of 500`);
  assert.notDeepEqual(tried, statuses(one, 500));
});
