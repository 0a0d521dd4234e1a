/**
 * Job b: rows while the fake refuses every part above a number in flight that the Worker is not told, against the best
 * fixed setting for that number. The settings keep to at most three batches at once, as the Worker must.
 */
import { askRival, type Bench, newUser } from "../lib/bench.ts";
import { type Figure, figure, median, sum } from "../lib/measure.ts";
import type { WorkerClient } from "../lib/worker.ts";

const HIDDEN_LIMITS = [10, 25, 50, 200] as const;
const ROWS = [100, 500] as const;
const BATCHES = 3;
/** Runs that choose the setting: the best one is then measured beside the Worker. */
const TRIALS = 2;

interface Setting {
  readonly batches: number;
  readonly size: number;
}

export async function hiddenLimitJob(bench: Bench): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const rows of ROWS) {
    // One user through all of them: the isolate must find out that the limit has changed.
    const user = await newUser(bench.worker.unboundedOrigin);
    for (const hiddenLimit of HIDDEN_LIMITS) figures.push(...(await compare(bench, { user, rows, hiddenLimit })));
  }
  return figures;
}

async function compare(
  bench: Bench,
  { user, rows, hiddenLimit }: { user: WorkerClient; rows: number; hiddenLimit: number },
): Promise<Figure[]> {
  const { fake, runs, worker } = bench;
  const best = await bestSetting(bench, rows, hiddenLimit);
  const rivalMs: number[] = [];
  const known: Outcome[] = [];
  const fresh: Outcome[] = [];
  for (let run = 0; run < runs; run += 1) {
    known.push(await ask(bench, user, { rows, hiddenLimit, name: run === runs - 1 ? "known user" : null }));
    await fake.reset({ hiddenLimit });
    rivalMs.push(await askFixed(bench, rows, best));
    if (run % 3 !== 0) continue;
    const stranger = await newUser(worker.unboundedOrigin);
    fresh.push(await ask(bench, stranger, { rows, hiddenLimit, name: run === 0 ? "new user" : null }));
  }
  const rival = median(rivalMs);
  const share = (outcomes: readonly Outcome[]) => rival / median(outcomes.map(({ ms }) => ms));
  const refused = (outcomes: readonly Outcome[]) =>
    (100 * sum(outcomes.map((outcome) => outcome.refused))) / sum(outcomes.map(({ parts }) => parts));
  const name = `${rows} rows, limit ${hiddenLimit}`;
  return [
    figure(
      "b",
      `${name}: best fixed setting, ${best.batches} batches of ${best.size}`,
      (1000 * rows) / rival,
      "rows/s",
    ),
    figure("b", `${name}: rows/s of the best fixed setting`, 100 * share(known), "%", { atLeast: 80 }),
    figure("b", `${name}: parts refused`, refused(known), "%", { atMost: 10 }),
    figure("b", `${name}: rows/s, users new to the isolate`, 100 * share(fresh), "%"),
    figure("b", `${name}: parts refused, users new to the isolate`, refused(fresh), "%"),
  ];
}

interface Outcome {
  readonly ms: number;
  readonly parts: number;
  readonly refused: number;
}

async function ask(
  bench: Bench,
  user: WorkerClient,
  job: { rows: number; hiddenLimit: number; name: string | null },
): Promise<Outcome> {
  await bench.fake.reset({ hiddenLimit: job.hiddenLimit });
  const ms = await user.list("metadata", job.rows);
  const meters = await bench.fake.meters();
  bench.noteConcurrency(meters);
  if (job.name !== null) bench.keepTrace(`b: ${job.rows} rows, limit ${job.hiddenLimit}, ${job.name}`, meters);
  return { ms, parts: meters.parts, refused: meters.refused };
}

async function askFixed({ rivals }: Bench, rows: number, { batches, size }: Setting): Promise<number> {
  return askRival(rivals.fixedBatches, rows, `&batches=${batches}&size=${size}`);
}

/** The fastest of several settings around the limit. */
async function bestSetting(bench: Bench, rows: number, hiddenLimit: number): Promise<Setting> {
  let best: { setting: Setting; ms: number } | null = null;
  for (const setting of settingsFor(rows, hiddenLimit)) {
    const times: number[] = [];
    for (let trial = 0; trial < TRIALS; trial += 1) {
      await bench.fake.reset({ hiddenLimit });
      times.push(await askFixed(bench, rows, setting));
    }
    const ms = Math.min(...times);
    if (best === null || ms < best.ms) best = { setting, ms };
  }
  if (best === null) throw new Error("No setting to try");
  return best.setting;
}

/** Just below and above the limit, and sizes that make the last round as full as the others. */
function settingsFor(rows: number, hiddenLimit: number): Setting[] {
  const below = Math.min(100, Math.floor(hiddenLimit / BATCHES));
  const above = Math.min(100, Math.ceil(hiddenLimit / BATCHES));
  const rounds = Math.ceil(rows / (BATCHES * above));
  const even = Math.ceil(rows / (BATCHES * rounds));
  const evenBelow = Math.ceil(rows / (BATCHES * (rounds + 1)));
  return [...new Set([below, above, even, evenBelow])].map((size) => ({ batches: BATCHES, size }));
}
