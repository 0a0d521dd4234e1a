/** Job f: parts that fail by chance, 10 % with 429 and 1 % with 503. */
import { type Bench, newUser } from "../lib/bench.ts";
import { type Figure, figure, median, sum } from "../lib/measure.ts";

const SIZES = [100, 500] as const;

export async function failuresJob(bench: Bench): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const rows of SIZES) {
    const user = await newUser(bench.worker.unboundedOrigin);
    const times: number[] = [];
    const parts: number[] = [];
    for (let run = 0; run < bench.runs; run += 1) {
      await bench.fake.reset({ refuse429: 0.1, fail503: 0.01, seed: run + 1 });
      // Checks that every row has arrived and none of them is an error.
      times.push(await user.list("metadata", rows));
      const meters = await bench.fake.meters();
      bench.noteConcurrency(meters);
      parts.push(meters.parts / rows);
      if (run === bench.runs - 1) bench.keepTrace(`f: ${rows} rows`, meters);
    }
    figures.push(
      figure("f", `${rows} rows, 10 % 429 and 1 % 503: time`, median(times), "ms"),
      figure("f", `${rows} rows, 10 % 429 and 1 % 503: parts, mean`, sum(parts) / parts.length, "x", { atMost: 1.3 }),
      figure("f", `${rows} rows, 10 % 429 and 1 % 503: parts, most`, Math.max(...parts), "x", { atMost: 1.3 }),
    );
  }
  return figures;
}
