/** CPU time per kind of work, from what the benchmark measured of this Worker: bench/results/latest.json. */
import type { Results } from "../lib/results.ts";
import type { CpuMs } from "./bill.ts";

const SUBJECT = "F";

/** @throws Error that names the job whose CPU time is missing */
export function cpuFrom(results: Results): CpuMs {
  const ids = cpuMsOf(results, "ids-1");
  const rows25 = cpuMsOf(results, "rows-25");
  const rows100 = cpuMsOf(results, "rows-100");
  // A straight line through both: what a request with rows costs, and each row of it.
  const perRow = Math.max(0, (rows100 - rows25) / (100 - 25));
  return {
    small: ids,
    rowRequests: Math.max(0, rows25 - 25 * perRow),
    rows: perRow,
    signIns: cpuMsOf(results, "sign-in-warm"),
  };
}

function cpuMsOf(results: Results, id: string): number {
  const outcome = results.jobs.find((job) => job.id === id)?.outcomes[SUBJECT];
  const median = outcome !== undefined && "measures" in outcome ? outcome.measures["cpuMs"]?.median : undefined;
  if (median === undefined) throw new Error(`no CPU time of subject ${SUBJECT} in job ${id}`);
  return median;
}
