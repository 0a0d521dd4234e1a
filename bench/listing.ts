/**
 * `npm run bench:listing`: how fast the Worker lists, measured under workerd against a fake Gmail that charges for
 * each call and each part, beside rivals that do the same work in simpler ways, in one run and by turns. Prints every
 * figure with its target and writes them to bench/results/listing.json. Loopback only.
 *
 * `--only a,b` runs some of the jobs, `--runs 3` takes medians of fewer (neither writes the results), `--trace FILE`
 * writes what the fake saw of some requests, call by call.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { runScript } from "../scripts/lib/run.ts";
import type { Meters } from "./fake-gmail/behaviour.ts";
import { failuresJob } from "./jobs/failures.ts";
import { hiddenLimitJob } from "./jobs/hidden-limit.ts";
import { streamedIdsJob, thousandIdsJob } from "./jobs/ids.ts";
import { rowsJob } from "./jobs/rows.ts";
import { firstRowJob } from "./jobs/stream.ts";
import { type Bench, warmUp } from "./lib/bench.ts";
import { FakeGmail } from "./lib/fake.ts";
import { type Figure, figure, type Target } from "./lib/measure.ts";
import { bundleWorker, loadModule, startWorkerd, type WorkerSpec } from "./lib/workerd.ts";
import { workerSpec } from "./lib/worker.ts";

const JOBS: Readonly<Record<string, (bench: Bench) => Promise<Figure[]>>> = {
  a: rowsJob,
  b: hiddenLimitJob,
  c: thousandIdsJob,
  d: firstRowJob,
  e: streamedIdsJob,
  f: failuresJob,
};
const RUNS = 10;
/** A run that takes longer than this has gone wrong. */
const TIME_LIMIT_MS = 15 * 60_000;
/** Of the 6 connections that may wait for headers, one stays free. */
const MAX_CONCURRENT_CALLS = 5;
/** More than any job needs. */
const UNBOUNDED = { SUBREQUEST_BUDGET: "10000", QUOTA_BUDGET: "1000000" };

const { values } = parseArgs({
  options: { only: { type: "string" }, runs: { type: "string" }, trace: { type: "string" } },
});
const names = values.only?.split(",") ?? Object.keys(JOBS);
const runs = Number(values.runs ?? RUNS);

const startedAt = new Date();

await runScript(
  async ({ stack }) => {
    const figures = await measure(stack);
    printTable(figures);
    if (values.only === undefined && runs >= RUNS) writeResults(figures);
    return figures.some(({ met }) => met === false) ? 1 : 0;
  },
  { timeoutMs: TIME_LIMIT_MS, interruptedExitCode: 130 },
);

async function measure(stack: AsyncDisposableStack): Promise<Figure[]> {
  const folder = mkdtempSync(path.join(tmpdir(), "gmail-edge-bench-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  console.log("Bundling the Worker as a deployment does …");
  const bundle = bundleWorker(folder);
  const fake = await FakeGmail.start(stack);
  const spec = (name: string, vars = {}): WorkerSpec => workerSpec({ name, bundle, fakeOrigin: fake.origin, vars });
  const worker = await startWorkerd(stack, path.join(folder, "worker"), [
    spec("gmail-edge"),
    spec("gmail-edge-unbounded", UNBOUNDED),
  ]);
  const rivalNames = ["one-by-one", "six-at-a-time", "fixed-batches"] as const;
  const rivals = await startWorkerd(
    stack,
    path.join(folder, "rivals"),
    rivalNames.map((name) => ({
      name,
      modules: [loadModule(`rivals/${name}.ts`), loadModule("rivals/gmail.ts")],
      vars: { GMAIL_API_URL: fake.origin },
    })),
  );
  let mostConcurrentCalls = 0;
  const traces: Record<string, Meters> = {};
  let fresh = 0;
  const bench: Bench = {
    fake,
    runs,
    worker: {
      pid: worker.pid,
      origin: originOf(worker.origins, "gmail-edge"),
      unboundedOrigin: originOf(worker.origins, "gmail-edge-unbounded"),
    },
    rivals: {
      oneByOne: originOf(rivals.origins, "one-by-one"),
      sixAtATime: originOf(rivals.origins, "six-at-a-time"),
      fixedBatches: originOf(rivals.origins, "fixed-batches"),
    },
    startFresh: async (freshStack) => {
      fresh += 1;
      const process = await startWorkerd(freshStack, path.join(folder, `fresh-${fresh}`), [spec("fresh", UNBOUNDED)]);
      return { pid: process.pid, origin: originOf(process.origins, "fresh") };
    },
    keepTrace: (name, meters) => {
      traces[name] = meters;
    },
    noteConcurrency: ({ maxConcurrentCalls }) => {
      mostConcurrentCalls = Math.max(mostConcurrentCalls, maxConcurrentCalls);
    },
  };
  await warmUp(bench);
  const all: Figure[] = [];
  for (const name of names) {
    const job = JOBS[name];
    if (job === undefined) throw new Error(`There is no job ${name}.`);
    console.log(`Job ${name} …`);
    try {
      all.push(...(await job(bench)));
    } catch (error) {
      // Told to end: what fails now says nothing of the Worker.
      if (stack.disposed) throw error;
      console.error(error);
      all.push(figure(name, "answers that are not right", 1, "", { below: 1 }));
    }
  }
  all.push(
    figure("-", "upstream calls at once (most)", mostConcurrentCalls, "calls", { atMost: MAX_CONCURRENT_CALLS }),
  );
  if (values.trace !== undefined) writeFileSync(values.trace, JSON.stringify(traces, null, 1));
  return all;
}

function originOf(origins: ReadonlyMap<string, string>, name: string): string {
  const origin = origins.get(name);
  if (origin === undefined) throw new Error(`${name} is not served.`);
  return origin;
}

function printTable(rows: readonly Figure[]): void {
  const widest = Math.max(...rows.map(({ what }) => what.length));
  for (const { job, what, value, unit, target, met } of rows) {
    const wanted = target === null ? "" : describe(target);
    const verdict = met === null ? "" : met ? "met" : "NOT MET";
    const number = `${value.toFixed(value < 100 ? 2 : 0)} ${unit}`;
    console.log(`${job}  ${what.padEnd(widest)}  ${number.padStart(14)}  ${wanted.padEnd(10)} ${verdict}`);
  }
}

function describe(target: Target): string {
  if ("atLeast" in target) return `>= ${target.atLeast}`;
  return "atMost" in target ? `<= ${target.atMost}` : `< ${Math.round(target.below * 10) / 10}`;
}

function writeResults(rows: readonly Figure[]): void {
  const folder = path.join(import.meta.dirname, "results");
  mkdirSync(folder, { recursive: true });
  const results = {
    startedAt: startedAt.toISOString(),
    seconds: Math.round((Date.now() - startedAt.getTime()) / 1000),
    node: process.version,
    cores: cpus().length,
    runs,
    figures: rows,
  };
  writeFileSync(path.join(folder, "listing.json"), `${JSON.stringify(results, null, 2)}\n`);
}
