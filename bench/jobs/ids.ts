/** Jobs c and e: lists of IDs, a thousand in one answer and a hundred thousand in a stream. */
import { type Bench, newUser } from "../lib/bench.ts";
import { cpuMs, type Figure, figure, median, residentBytes, sum } from "../lib/measure.ts";
import { readLines } from "../lib/ndjson.ts";
import { checkRow } from "../lib/worker.ts";

const MIB = 1024 * 1024;

/** 1,000 IDs against what the two list calls take by themselves. */
export async function thousandIdsJob(bench: Bench): Promise<Figure[]> {
  const user = await newUser(bench.worker.origin);
  const ratios: number[] = [];
  const times: number[] = [];
  for (let run = 0; run < bench.runs * 2; run += 1) {
    await bench.fake.reset({ mailboxSize: 100_000 });
    const ms = await user.list("id", 1_000);
    const meters = await bench.fake.meters();
    times.push(ms);
    ratios.push(ms / sum(meters.spans.map(({ startMs, endMs }) => endMs - startMs)));
  }
  return [
    figure("c", "1,000 IDs", median(times), "ms"),
    figure("c", "1,000 IDs, of the list calls' own times", median(ratios), "x", { atMost: 1.15 }),
  ];
}

const ALL = 100_000;
const SETTLED = 10_000;

/** 100,000 IDs from a process that has done nothing else. */
export async function streamedIdsJob(bench: Bench): Promise<Figure[]> {
  await using stack = new AsyncDisposableStack();
  const { origin, pid } = await bench.startFresh(stack);
  const user = await newUser(origin);
  await bench.fake.reset({ mailboxSize: ALL });
  const cpuBeforeMs = cpuMs(pid);
  const startMs = performance.now();
  const response = await user.fetch("view=id&limit=all", "application/x-ndjson");
  let count = 0;
  let settledBytes = 0;
  let mostBytes = 0;
  let end: { count?: number } = {};
  await readLines(response, (line) => {
    const value = JSON.parse(line) as { id: string; count?: number };
    if (value.id === undefined) {
      end = value;
      return;
    }
    checkRow(value, count);
    count += 1;
    if (count === SETTLED) settledBytes = residentBytes(pid);
    if (count > SETTLED && count % 1_000 === 0) mostBytes = Math.max(mostBytes, residentBytes(pid));
  });
  const lastBytes = residentBytes(pid);
  if (count !== ALL || end.count !== ALL) throw new Error(`${count} lines, and the last one says ${end.count}`);
  return [
    figure("e", "100,000 IDs streamed", performance.now() - startMs, "ms"),
    figure("e", "resident memory at the 10,000th ID", settledBytes / MIB, "MiB"),
    figure("e", "its growth until the last ID", (lastBytes - settledBytes) / MIB, "MiB", { below: 32 }),
    figure("e", "its largest growth in between", (mostBytes - settledBytes) / MIB, "MiB", { below: 32 }),
    figure("e", "CPU of workerd per request of 100,000 IDs", cpuMs(pid) - cpuBeforeMs, "ms"),
  ];
}
