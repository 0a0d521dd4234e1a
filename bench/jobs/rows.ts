/**
 * Job a: 100 rows, against one `messages.get` after another and six at a time. The ratio's target counts for a user
 * whom the isolate knows; what a user new to it waits while the limit is still being found is told beside it.
 */
import { askRival, type Bench, newUser } from "../lib/bench.ts";
import { cpuMs, type Figure, figure, median } from "../lib/measure.ts";

const ROWS = 100;

export async function rowsJob(bench: Bench): Promise<Figure[]> {
  const { fake, worker, rivals, runs } = bench;
  const regular = await newUser(worker.origin);
  const times = { cold: [] as number[], warm: [] as number[], oneByOne: [] as number[], six: [] as number[] };
  const calls: number[] = [];
  const coldCalls: number[] = [];
  let cpuTotalMs = 0;
  for (let run = 0; run < runs; run += 1) {
    const stranger = await newUser(worker.origin);
    const cpuBeforeMs = cpuMs(worker.pid);
    await fake.reset();
    times.cold.push(await stranger.list("metadata", ROWS));
    const cold = await fake.meters();
    coldCalls.push(cold.calls);
    bench.noteConcurrency(cold);
    if (run === runs - 1) bench.keepTrace("a: 100 rows, a user who is new to the isolate", cold);
    await fake.reset();
    times.warm.push(await regular.list("metadata", ROWS));
    const warm = await fake.meters();
    calls.push(warm.calls);
    bench.noteConcurrency(warm);
    if (run === runs - 1) bench.keepTrace("a: 100 rows, a user whom the isolate knows", warm);
    cpuTotalMs += cpuMs(worker.pid) - cpuBeforeMs;
    times.six.push(await askRival(rivals.sixAtATime, ROWS));
    times.oneByOne.push(await askRival(rivals.oneByOne, ROWS));
  }
  const cold = median(times.cold);
  const warm = median(times.warm);
  const oneByOne = median(times.oneByOne);
  const six = median(times.six);
  return [
    figure("a", "100 rows: one messages.get after another", oneByOne, "ms"),
    figure("a", "100 rows: six at a time", six, "ms"),
    figure("a", "100 rows: Worker, user known to the isolate", warm, "ms", { below: six }),
    figure("a", "100 rows: Worker, user new to the isolate", cold, "ms", { below: six }),
    figure("a", "times as fast as one after another, known user", oneByOne / warm, "x", { atLeast: 15 }),
    figure("a", "times as fast as one after another, new user", oneByOne / cold, "x"),
    figure("a", "upstream calls, known user (most)", Math.max(...calls), "calls", { atMost: 12 }),
    figure("a", "upstream calls, new user (most)", Math.max(...coldCalls), "calls", { atMost: 12 }),
    figure("a", "CPU of workerd per request of 100 rows", cpuTotalMs / runs / 2, "ms"),
  ];
}
