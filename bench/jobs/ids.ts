/** Lists of 100 IDs, asked for by one caller and by many at once. */
import { type Bench, type Plan, prepare, signedInVisitor, startAgain, type Turn, withCpu } from "../lib/bench.ts";
import { ownTimeMs } from "../lib/behaviour.ts";
import { startServer } from "../lib/child.ts";
import { callsOf } from "../lib/google.ts";
import { median, quantile } from "../lib/measure.ts";
import type { Column, SubjectKey } from "../lib/results.ts";
import type { Visitor } from "../lib/visitor.ts";
import type { Running } from "../subjects.ts";

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
  const plans = IDS_SIZES.map(({ callers, requests }): Plan => ({
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
  return [...plans, slowKvPlan(bench)];
}

/** The same requests at a subject whose KV has a tail, beside those at the one that runs. */
function slowKvPlan(bench: Bench): Plan {
  const [callers, requests, blocks] = [8, 8, 4];
  const inMemory = "It keeps sessions and tokens in memory.";
  const places = new Map<SubjectKey, (readonly Visitor[])[]>();
  const openPlaces = async (subject: Running) => {
    const kv = await startServer(bench.stack, "fake-kv/server.ts", { SLOW_READS: "1" });
    const slow = await startAgain(bench, subject, bench.stack, { kv });
    return [await signInMany(bench, subject, callers), await signInMany(bench, slow, callers)];
  };
  return {
    id: "ids-slow-kv",
    group: "ids-slow-kv",
    title: "100 IDs, and a KV with a slow tail",
    description:
      `${callers} callers ask for the first ${IDS} IDs, ${requests * blocks} times each. Reads of Workers KV take 50 ms at the ` +
      "95th percentile and 250 ms at the 99th, as where keys lie far away. Shown is the 99th percentile of the requests " +
      "as a multiple of what it is with a KV whose reads take 5 ms: 1 where nobody waits for KV.",
    columns: [
      { key: "multiple", label: "Slow KV by fast KV, 99th percentile", unit: "", better: "less" },
      { key: "slowMs", label: "With the slow KV, 99th percentile", unit: "ms", better: "less" },
      { key: "fastMs", label: "With the fast KV, 99th percentile", unit: "ms", better: "less" },
    ],
    headline: "multiple",
    repetitions: 2,
    medianMs: 50,
    without: { A: inMemory, B: inMemory },
    run: async (turn) => {
      const { subject } = turn;
      const open = places.get(subject.key) ?? (await openPlaces(subject));
      places.set(subject.key, open);
      const latencies = open.map((): number[] => []);
      // By turns, so that a slow moment of the machine harms both.
      for (let block = 0; block < blocks; block += 1) {
        const behaviour = { ...turn.behaviour, seed: turn.repetition * blocks + block };
        for (const [place, visitors] of open.entries()) {
          await prepare(bench, { ...turn, behaviour });
          latencies[place]?.push(...(await listIds(visitors, requests)));
        }
      }
      const [fastMs = 0, slowMs = 0] = latencies.map((each) =>
        quantile(
          each.toSorted((a, b) => a - b),
          0.99,
        ),
      );
      return { multiple: slowMs / fastMs, slowMs, fastMs };
    },
    floor: () => 1,
  };
}

/** Enough people at every subject. */
async function signInAll(bench: Bench, count: number): Promise<Map<SubjectKey, Visitor[]>> {
  const all = new Map<SubjectKey, Visitor[]>();
  for (const subject of bench.running) all.set(subject.key, await signInMany(bench, subject, count));
  return all;
}

async function signInMany(bench: Bench, subject: Running, count: number): Promise<Visitor[]> {
  const visitors: Visitor[] = [];
  while (visitors.length < count) visitors.push(await signedInVisitor(bench, subject));
  return visitors;
}

async function run(bench: Bench, turn: Turn, work: { callers: readonly Visitor[]; requests: number }) {
  const { callers, requests } = work;
  await prepare(bench, turn);
  const startMs = performance.now();
  const { result: latencies, cpuMs } = await withCpu(turn.subject, () => listIds(callers, requests));
  const seconds = (performance.now() - startMs) / 1000;
  const calls = callsOf(await bench.google.meters());
  return {
    latencyMs: quantile(latencies, 0.5),
    p95Ms: quantile(latencies, 0.95),
    requestsPerSecond: latencies.length / seconds,
    cpuMs: cpuMs / latencies.length,
    calls: calls / latencies.length,
  };
}

/** Callers at once, each with so many requests one after another. @returns latencies in milliseconds, sorted */
export async function listIds(callers: readonly Visitor[], requests: number): Promise<number[]> {
  const latencies: number[] = [];
  await Promise.all(
    callers.map(async (caller) => {
      for (let n = 0; n < requests; n += 1) latencies.push(await caller.list("id", IDS));
    }),
  );
  return latencies.sort((a, b) => a - b);
}
