/** Numbers: medians with their spread, and what the operating system says of a process. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import type { Summary } from "./results.ts";

/** Median and quartiles of some values. @throws Error where there are none */
export function summarize(values: readonly number[]): Summary {
  const sorted = [...values].sort((a, b) => a - b);
  return {
    median: round(quantile(sorted, 0.5)),
    low: round(quantile(sorted, 0.25)),
    high: round(quantile(sorted, 0.75)),
    n: sorted.length,
  };
}

/** The value below which a share of the sorted values lies, interpolated between neighbours. */
export function quantile(sorted: readonly number[], share: number): number {
  const position = (sorted.length - 1) * share;
  const below = sorted[Math.floor(position)];
  const above = sorted[Math.ceil(position)];
  if (below === undefined || above === undefined) throw new Error("No values to summarize");
  return below + (above - below) * (position - Math.floor(position));
}

/** Finer than anything here can be measured. */
function round(value: number): number {
  return Number(value.toPrecision(6));
}

export function median(values: readonly number[]): number {
  return quantile(
    [...values].sort((a, b) => a - b),
    0.5,
  );
}

/**
 * CPU time of a process until now in milliseconds, user and system, all its threads, by the kernel's scheduler, which
 * counts nanoseconds. Threads that have ended are not in it; servers keep theirs.
 */
export function cpuMs(pid: number): number {
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
  }
  return nanoseconds / 1e6;
}

const MIB = 1024 * 1024;

/** Forgets the most memory that a process had, so that the next reading tells of what comes from now on. */
export function resetPeakMemory(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}

/** Resident memory of a process in MiB: now, and at most since {@link resetPeakMemory}. */
export function memoryMiB(pid: number): { now: number; peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const read = (name: string): number => {
    const [, kib] = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status) ?? [];
    return (Number(kib) * 1024) / MIB;
  };
  return { now: read("VmRSS"), peak: read("VmHWM") };
}
