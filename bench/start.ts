/**
 * `npm start`: measures this Worker beside what people use instead, in one run and by turns, and writes the results and
 * the report. Loopback only.
 * The exit code tells whether this Worker did every job.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, platform, release, tmpdir, totalmem } from "node:os";
import path from "node:path";
import { readCommandLine } from "../scripts/lib/command-line.ts";
import { runScript } from "../scripts/lib/run.ts";
import { IDS_SIZES, idsPlans } from "./jobs/ids.ts";
import { crawlerPlan } from "./jobs/crawler.ts";
import { keptRowsPlan } from "./jobs/kept.ts";
import { knownRowsPlans } from "./jobs/known.ts";
import { manyRowsPlans, rowsPlans } from "./jobs/rows.ts";
import { bundleJob, sealingPlan } from "./jobs/sealing.ts";
import { signInPlans } from "./jobs/sign-in.ts";
import { firstRowMs, wholeMailboxPlan } from "./jobs/streams.ts";
import { troublePlans } from "./jobs/trouble.ts";
import { type Bench, runJob } from "./lib/bench.ts";
import { Google } from "./lib/google.ts";
import { type Job, type Results, toJson } from "./lib/results.ts";
import { writeReport } from "./report/index.ts";
import { createSubjects, OAUTH_CLIENT, type Running, type Subject, type Surroundings, versions } from "./subjects.ts";

/** A run that takes longer has gone wrong. */
const TIME_LIMIT_MS = 45 * 60_000;
const COMMAND = "npm --prefix bench ci && npm --prefix bench start";
const RESULTS_FILE = path.join(import.meta.dirname, "results", "latest.json");

/** One turn of what takes seconds: whether everything still works. */
const SMOKE = { only: "ids-1,rows-25,sign-in-warm,revoked,bundle", scale: 0 } as const;

const { values } = readCommandLine({
  name: "start",
  about: "Measures this Worker beside what people use instead, and writes the results and the report. Loopback only.",
  options: {
    only: { type: "string", value: "JOBS", about: "The jobs whose ID begins with one of these" },
    subjects: { type: "string", value: "LETTERS", about: "These alone: DF" },
    scale: { type: "string", default: "1", value: "FACTOR", about: "0.5 repeats half as often" },
    out: { type: "string", value: "FILE", about: "Where the results go; with any of the others, else nowhere" },
    smoke: { type: "boolean", default: false, about: "One turn of the quick jobs" },
  },
  example: "--only ids,rows --scale 0.5",
});
const only = (values.smoke ? SMOKE.only : values.only)?.split(",") ?? null;
const scale = values.smoke ? SMOKE.scale : Number(values.scale);
const isWhole = only === null && values.subjects === undefined && scale === 1;
const outFile = values.out ?? (isWhole ? RESULTS_FILE : null);
const startedAt = new Date();

await runScript(
  async ({ stack }) => {
    const subjectCpu = pin();
    const { jobs, subjects, ceiling } = await measure(stack, subjectCpu);
    if (outFile !== null) {
      mkdirSync(path.dirname(outFile), { recursive: true });
      writeFileSync(outFile, toJson(toResults({ jobs, subjects, subjectCpu, ceiling })));
      console.log(`Written to ${outFile}.`);
    }
    if (isWhole) {
      await writeReport();
      execFileSync(process.execPath, [path.join(import.meta.dirname, "scale/index.ts")], {
        stdio: ["ignore", "ignore", "inherit"],
      });
    }
    return jobs.some(({ outcomes }) => "notRun" in outcomes.F) ? 1 : 0;
  },
  { timeoutMs: TIME_LIMIT_MS, interruptedExitCode: 130 },
);

/**
 * Keeps the benchmark, and all that it starts but the subjects, off the last CPU, which is the subjects'.
 *
 * @returns that CPU; null where there is one only, or they cannot be told apart
 */
function pin(): number | null {
  const last = availableParallelism() - 1;
  if (last < 1) return null;
  const others = last === 1 ? "0" : `0-${last - 1}`;
  const { status } = spawnSync("taskset", ["--all-tasks", "--cpu-list", "--pid", others, String(process.pid)]);
  return status === 0 ? last : null;
}

async function measure(stack: AsyncDisposableStack, cpu: number | null) {
  const folder = mkdtempSync(path.join(tmpdir(), "gmail-edge-bench-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const google = await Google.start(stack, OAUTH_CLIENT);
  const surroundings: Surroundings = { googleOrigin: google.origin, folder, cpu };
  console.log("Building the subjects …");
  const subjects = await createSubjects(stack, surroundings);
  const running: Running[] = [];
  for (const subject of subjects) {
    if (values.subjects?.includes(subject.info.key) ?? true) running.push(await subject.start(stack));
  }
  const bench: Bench = { google, subjects, running, scale, stack };
  const jobs: Job[] = [];
  for (const plans of [
    () => idsPlans(bench),
    () => rowsPlans(bench),
    () => knownRowsPlans(bench),
    () => manyRowsPlans(bench, (turn, visitor) => firstRowMs(bench, turn, visitor)),
    () => [wholeMailboxPlan(bench)],
    () => [crawlerPlan(bench), keptRowsPlan(bench)],
    () => signInPlans(bench),
    () => troublePlans(bench),
    async () => [await sealingPlan(bench, { folder, cpu })],
  ]) {
    for (const plan of await plans()) {
      if (isWanted(plan.id)) jobs.push(await timed(plan.id, () => runJob(bench, plan)));
    }
  }
  if (isWanted("bundle")) jobs.push(bundleJob(bench));
  for (const job of jobs) print(job);
  // Only results that are kept say so.
  return { jobs, subjects, ceiling: outFile === null ? "not measured" : await ownCeiling(google) };
}

/** What the benchmark itself can ask for, by callers: no subject can show more. */
async function ownCeiling(google: Google): Promise<string> {
  await google.setCap(null);
  const rates: string[] = [];
  for (const { callers, requests } of IDS_SIZES) {
    await google.reset();
    rates.push(`${Math.round(await google.ownCallsPerSecond(callers, requests))} with ${callers}`);
  }
  return `list calls a second without any subject: ${rates.join(", ")} callers`;
}

function isWanted(id: string): boolean {
  return only === null || only.some((prefix) => id.startsWith(prefix));
}

async function timed<T>(name: string, work: () => Promise<T>): Promise<T> {
  const startMs = performance.now();
  const result = await work();
  console.log(`${name}: ${((performance.now() - startMs) / 1000).toFixed(0)} s`);
  return result;
}

function print({ title, columns, headline, floor, outcomes }: Job): void {
  console.log(`\n${title}${floor === null ? "" : `: floor ${floor.median.toFixed(1)}`}`);
  for (const [key, outcome] of Object.entries(outcomes)) {
    if ("notRun" in outcome) {
      console.log(`  ${key}  ${outcome.notRun.slice(0, 150)}`);
      continue;
    }
    const numbers = columns.map(({ key: column, unit }) => {
      const median = outcome.measures[column]?.median;
      return `${column} ${median?.toPrecision(4) ?? "none"} ${unit}`;
    });
    const main = outcome.measures[headline];
    const times = floor === null || main === undefined ? "" : `  ×${(main.median / floor.median).toFixed(2)}`;
    console.log(`  ${key}  ${numbers.join(", ")}${times}`);
  }
}

/** @param measured.ceiling what the benchmark itself can ask for */
function toResults(measured: {
  readonly jobs: readonly Job[];
  readonly subjects: readonly Subject[];
  readonly subjectCpu: number | null;
  readonly ceiling: string;
}): Results {
  const { jobs, subjects, subjectCpu, ceiling } = measured;
  return {
    startedAt: startedAt.toISOString(),
    seconds: Math.round((Date.now() - startedAt.getTime()) / 1000),
    command: COMMAND,
    seed: 1,
    machine: {
      cpu: cpus()[0]?.model ?? "unknown",
      cores: cpus().length,
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      os: `${platform()} ${release()}`,
    },
    versions: { ...versions(), "gmail-edge": bundleVersion(subjects) },
    conditions: {
      "Google's latency":
        "log-normal, median 50 ms for a list call unless a job says otherwise, sigma 0.4: the 99th percentile is 2.5 times the median",
      "Of other calls":
        "token 1.5, userinfo and messages.get 0.8, keys 0.5 times a list call; a batch 1 and 4 ms for each part",
      "Gmail's hidden limit": "50 messages of a user in reading at once, unless a job says otherwise",
      "Workers KV": "5 ms for a read, 40 ms for a write",
      Connections: "6 of a request may wait for headers on workerd; no limit on Node",
      "The benchmark's own ceiling": ceiling,
      CPUs:
        subjectCpu === null
          ? "shared by all"
          : `the subjects on CPU ${subjectCpu} alone, everything else on the others`,
    },
    subjects: subjects.map(({ info }) => info),
    jobs,
  };
}

/** Which state of the Worker was measured: its bundle, whatever the commit. */
function bundleVersion(subjects: readonly Subject[]): string {
  const ours = subjects.find(({ info }) => info.key === "F");
  return `bundle with SHA-256 ${createHash("sha256")
    .update(ours?.bundle ?? "")
    .digest("hex")
    .slice(0, 16)}…`;
}
