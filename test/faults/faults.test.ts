/**
 * The fault run: every call of every flow, spoiled in every way, once and for good. After each, the answer is one that the
 * contract allows, nothing secret was told, no credential is lost, and the next good request works.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { inside } from "../support/contract.ts";
import { harness, print } from "../support/harness.workerd.ts";
import type { Scene } from "../support/scenes.ts";
import type { Flow } from "./flow.ts";
import { FLOWS } from "./flows.ts";
import { type Case, casesOf, leaksIn, record, type Recording, runCase, setScene } from "./run.ts";

/** Cases of a flow at the same time, each on a stage of its own. */
const LANES = 4;
/** Cases that only wait. They run apart: beside busy ones, the runtime lets timers wait for long. */
const WAITING_LANES = 24;
/** Cases after which a stage is changed for a new one: its Google's memory grows. */
const CASES_PER_STAGE = 15;
/** Milliseconds of real time that a test or hook may take: nothing hangs, but the machine may be busy. */
const TIME_LIMIT_MS = 900_000;
const DELETED_AT_ONCE = 50;
/** Problems that are shown, of those that there are. */
const SHOWN = 30;

const counts = { flows: 0, calls: 0, faults: new Set<string>(), cases: 0 };
let keysBefore: ReadonlySet<string> = new Set();

beforeAll(async () => {
  keysBefore = new Set(await inside(await harness.openStage({})).keys());
});

// Other files share the storage, and some read all of it.
afterAll(async () => {
  const { kv, keys } = inside(await harness.openStage({}));
  const added = (await keys()).filter((key) => !keysBefore.has(key));
  while (added.length > 0) await Promise.all(added.splice(0, DELETED_AT_ONCE).map((key) => kv.delete(key)));
  const { flows, calls, faults, cases } = counts;
  print(`faults: ${flows} flows, ${calls} calls, ${faults.size} faults, ${cases} cases`);
  // A run that tries nothing must not pass. One flow alone, by --testNamePattern, has cases, too.
  expect(cases).toBeGreaterThan(0);
}, TIME_LIMIT_MS);

interface FlowCase {
  readonly flow: Flow;
  readonly recording: Recording;
  readonly one: Case;
}

function isWaiting({ fault: { fault } }: Case): boolean {
  return fault.hang === true || fault.delayMs !== undefined;
}

async function casesOfFlow(flow: Flow): Promise<FlowCase[]> {
  const recording = await record(flow);
  return casesOf(recording).map((one) => ({ flow, recording, one }));
}

/** Works off cases, one after the other, and writes down what is wrong. */
async function lane(waiting: FlowCase[], problems: string[]): Promise<void> {
  let scene: Scene | null = null;
  let used = 0;
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const { flow, recording, one } = next;
    if (scene === null || flow.isOnce || isWaiting(one) || used >= CASES_PER_STAGE) {
      scene = await setScene(flow);
      used = 0;
    }
    used += 1;
    const { problems: found } = await runCase(flow, scene, recording, one);
    problems.push(...found.map((problem) => `${flow.name}, ${describeCase(one)}: ${problem}`));
    if (found.length > 0) scene = null;
  }
}

/** Runs cases and expects no problem in any. */
async function expectAllSound(cases: readonly FlowCase[], lanes: number): Promise<void> {
  const { logged } = inside(await harness.openStage({ near: true }));
  const loggedBefore = logged.length;
  const problems: string[] = [];
  const waiting = [...cases];
  await Promise.all(Array.from({ length: lanes }, () => lane(waiting, problems)));
  problems.push(...leaksIn(logged.slice(loggedBefore)));
  expect(problems.slice(0, SHOWN).join("\n"), `${problems.length} problems`).toBe("");
  counts.cases += cases.length;
  for (const { one } of cases) counts.faults.add(one.fault.name);
}

function describeCase({ call, fault, lasts }: Case): string {
  return `${call.endpoint} #${call.nth + 1}, ${fault.name}${lasts ? " for good" : ""}`;
}

describe("whatever becomes of a call to Google, the answer is sound and nothing is lost", () => {
  // Not test.for, which would cut the names.
  for (const flow of FLOWS)
    test(flow.name, { timeout: TIME_LIMIT_MS }, async ({ task }) => {
      const all = await casesOfFlow(flow);
      const cases = all.filter(({ one }) => !isWaiting(one));
      await expectAllSound(cases, LANES);
      const calls = all[0]?.recording.calls.length ?? 0;
      counts.flows += 1;
      counts.calls += calls;
      Object.assign(task.meta, { faults: { calls, cases: cases.length } });
    });

  test("calls that are late or never answered, of all flows", { timeout: TIME_LIMIT_MS }, async ({ task }) => {
    const all = (await Promise.all(FLOWS.map(casesOfFlow))).flat();
    const cases = all.filter(({ one }) => isWaiting(one));
    await expectAllSound(cases, WAITING_LANES);
    Object.assign(task.meta, { faults: { cases: cases.length } });
  });
});
