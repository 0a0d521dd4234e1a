/** Lists of 100 IDs, asked for by one caller and by many at once. */
import { type Bench, type Plan, prepare, signedInVisitor, type Turn, withCpu } from "../lib/bench.ts";
import { ownTimeMs } from "../lib/behaviour.ts";
import { callsOf } from "../lib/google.ts";
import { median, quantile } from "../lib/measure.ts";
import type { Column, SubjectKey } from "../lib/results.ts";
import type { Visitor } from "../lib/visitor.ts";

const IDS = 100;

const COLUMNS: readonly Column[] = [
  { key: "latencyMs", label: "Latency, median", unit: "ms", better: "less" },
  { key: "p95Ms", label: "Latency, 95th percentile", unit: "ms", better: "less" },
  { key: "requestsPerSecond", label: "Throughput", unit: "requests/s", better: "more" },
  { key: "cpuMs", label: "CPU per request", unit: "ms", better: "less" },
  { key: "calls", label: "Calls per request", unit: "calls", better: "less" },
];

/** Callers, and how many requests each makes in a repetition. */
export const IDS_SIZES = [
  { callers: 1, requests: 20 },
  { callers: 8, requests: 15 },
  { callers: 64, requests: 8 },
] as const;

export async function idsPlans(bench: Bench): Promise<Plan[]> {
  const visitors = await signInAll(bench, Math.max(...IDS_SIZES.map(({ callers }) => callers)));
  return IDS_SIZES.map(({ callers, requests }) => ({
    id: `ids-${callers}`,
    group: "ids",
    title: callers === 1 ? "100 IDs, one caller" : `100 IDs, ${callers} callers at once`,
    description:
      `${callers === 1 ? "One caller asks" : `${callers} callers, each a user of their own, ask`} for the first ` +
      `${IDS} IDs, ${requests} times one after another. The floor is Google's own time for one list call.`,
    columns: COLUMNS,
    headline: "latencyMs",
    repetitions: 5,
    medianMs: 50,
    run: (turn) => run(bench, turn, { callers: (visitors.get(turn.subject.key) ?? []).slice(0, callers), requests }),
    floor: (behaviour) =>
      median(
        Array.from({ length: callers * requests }, (_, number) => ownTimeMs(behaviour, [{ endpoint: "list", number }])),
      ),
  }));
}

/** Enough people at every subject. */
async function signInAll(bench: Bench, count: number): Promise<Map<SubjectKey, Visitor[]>> {
  const all = new Map<SubjectKey, Visitor[]>();
  for (const subject of bench.running) {
    const visitors: Visitor[] = [];
    for (let n = 0; n < count; n += 1) visitors.push(await signedInVisitor(bench, subject));
    all.set(subject.key, visitors);
  }
  return all;
}

async function run(bench: Bench, turn: Turn, work: { callers: readonly Visitor[]; requests: number }) {
  const { callers, requests } = work;
  await prepare(bench, turn);
  const latencies: number[] = [];
  const startMs = performance.now();
  const { cpuMs } = await withCpu(turn.subject, () =>
    Promise.all(
      callers.map(async (caller) => {
        for (let n = 0; n < requests; n += 1) latencies.push(await caller.list("id", IDS));
      }),
    ),
  );
  const seconds = (performance.now() - startMs) / 1000;
  const calls = callsOf(await bench.google.meters());
  latencies.sort((a, b) => a - b);
  return {
    latencyMs: quantile(latencies, 0.5),
    p95Ms: quantile(latencies, 0.95),
    requestsPerSecond: latencies.length / seconds,
    cpuMs: cpuMs / latencies.length,
    calls: calls / latencies.length,
  };
}
