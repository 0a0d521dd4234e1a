/** Job d: how soon the first row of a stream of 500 rows is there, in upstream round trips. */
import { sharedClockMs, type Span } from "../fake-gmail/behaviour.ts";
import { type Bench, newUser } from "../lib/bench.ts";
import { type Figure, figure, median } from "../lib/measure.ts";
import { readLines } from "../lib/ndjson.ts";
import { checkRow } from "../lib/worker.ts";

const ROWS = 500;

export async function firstRowJob(bench: Bench): Promise<Figure[]> {
  const regular = await newUser(bench.worker.unboundedOrigin);
  const firstMs: number[] = [];
  const allMs: number[] = [];
  const roundTrips: number[] = [];
  for (let run = 0; run < bench.runs; run += 1) {
    const user = run % 2 === 0 ? regular : await newUser(bench.worker.unboundedOrigin);
    await bench.fake.reset();
    const startMs = sharedClockMs();
    let firstAtMs = 0;
    let count = 0;
    let end = "";
    const response = await user.fetch(`view=metadata&limit=${ROWS}`, "application/x-ndjson");
    await readLines(response, (line) => {
      const value = JSON.parse(line) as { id: string; error?: unknown };
      if (value.id === undefined) {
        end = line;
        return;
      }
      if (count === 0) firstAtMs = sharedClockMs();
      checkRow(value, count);
      count += 1;
    });
    const meters = await bench.fake.meters();
    if (run === bench.runs - 1 || count !== ROWS) bench.keepTrace("d: 500 rows streamed", meters);
    if (count !== ROWS) throw new Error(`${count} rows instead of ${ROWS}, and then ${end}`);
    bench.noteConcurrency(meters);
    allMs.push(sharedClockMs() - startMs);
    firstMs.push(firstAtMs - startMs);
    roundTrips.push(countRoundTrips(meters.spans.filter(({ endMs }) => endMs <= firstAtMs)));
  }
  return [
    figure("d", "first row of a stream of 500", median(firstMs), "ms"),
    figure("d", "last row of a stream of 500", median(allMs), "ms"),
    figure("d", "upstream round trips before the first row (most)", Math.max(...roundTrips), "trips", { atMost: 2 }),
  ];
}

/** The most calls that can have waited for each other: each began after the one before had ended. */
function countRoundTrips(spans: readonly Span[]): number {
  let count = 0;
  let endMs = -Infinity;
  for (const span of [...spans].sort((a, b) => a.endMs - b.endMs)) {
    if (span.startMs < endMs) continue;
    count += 1;
    ({ endMs } = span);
  }
  return count;
}
