/** Results for tests. Invented: 1 ms for A, 2 ms for B, and so on. */

import type { Column, Job, Outcome, Results, Summary } from "../lib/results.ts";
import { SUBJECT_KEYS } from "./compare.ts";

/** A column of milliseconds, less is better, unless told. */
export function column(overrides: Partial<Column> = {}): Column {
  return { key: "latencyMs", label: "Latency", unit: "ms", better: "less", ...overrides };
}

/** A value whose quartiles are a tenth away. */
export function summary(median: number): Summary {
  return { median, low: median * 0.9, high: median * 1.1, n: 5 };
}

/** A job with one column, with the subjects' values in their order; a text is why it was not run. */
export function job(values: readonly (number | string)[], overrides: Partial<Job> = {}): Job {
  const outcomes = Object.fromEntries(
    SUBJECT_KEYS.map((key, index): [string, Outcome] => {
      const value = values[index];
      if (typeof value !== "number") return [key, { notRun: value ?? "not given" }];
      return [key, { measures: { latencyMs: summary(value) } }];
    }),
  ) as Job["outcomes"];
  return {
    id: "rows-25",
    group: "rows",
    title: "25 rows",
    description: "Reads 25 rows.",
    columns: [column()],
    headline: "latencyMs",
    floor: null,
    outcomes,
    ...overrides,
  };
}

/** A whole file of results with these jobs. */
export function results(jobs: readonly Job[]): Results {
  return {
    startedAt: "2026-01-02T03:04:05.000Z",
    seconds: 60,
    command: "npm start",
    seed: 1,
    machine: { cpu: "invented", cores: 2, memoryGiB: 4, os: "invented" },
    versions: { node: "24.0.0" },
    conditions: { latency: "none" },
    subjects: SUBJECT_KEYS.map((key) => ({ key, name: `name-${key}`, description: "invented", runtime: "none" })),
    jobs,
  };
}
