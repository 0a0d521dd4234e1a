/** Numbers: medians, what a process uses, and what a target makes of a figure. */
import { readFileSync } from "node:fs";

/** The middle of some values; of an even number of them, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle];
  const lower = sorted[Math.ceil(sorted.length / 2) - 1];
  if (upper === undefined || lower === undefined) throw new Error("No values to take the median of");
  return (upper + lower) / 2;
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Linux counts a process's time in hundredths of a second. */
const TICK_MS = 10;

/** CPU time of a process until now, in milliseconds, user and system. */
export function cpuMs(pid: number): number {
  // After the command's name, which may hold spaces: utime and stime are fields 14 and 15 of proc(5).
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Resident memory of a process, in bytes. */
export function residentBytes(pid: number): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kib) * 1024;
}

/** A number that was asked for: at least or at most. */
export type Target = { readonly atLeast: number } | { readonly atMost: number } | { readonly below: number };

/** A line of the results. */
export interface Figure {
  /** Letter of the job. */
  readonly job: string;
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** Null for what is only told. */
  readonly target: Target | null;
  readonly met: boolean | null;
}

/** A figure, held against its target. */
export function figure(job: string, what: string, value: number, unit: string, target: Target | null = null): Figure {
  return { job, what, value: Math.round(value * 1000) / 1000, unit, target, met: isMet(value, target) };
}

function isMet(value: number, target: Target | null): boolean | null {
  if (target === null) return null;
  if ("atLeast" in target) return value >= target.atLeast;
  return "atMost" in target ? value <= target.atMost : value < target.below;
}
