/** Who is best at what: compares the subjects in a job. Two values that read the same in the report count as equal. */

import type { Column, Job, Outcome, SubjectKey, Summary } from "../lib/results.ts";
import { formatNumber } from "./numbers.ts";

/** This Worker. */
export const OURS: SubjectKey = "F";

/** The share of the floor above which a headline is listed. */
export const FLOOR_LIMIT = 1.15;

/** In the order of the tables and charts. */
export const SUBJECT_KEYS: readonly SubjectKey[] = ["A", "B", "C", "D", "E", "F"];

/** What one subject measured in one column. */
export interface Measure {
  readonly subject: SubjectKey;
  readonly summary: Summary;
}

/** A column of a job where this Worker is not the best. */
export interface Loss {
  readonly job: Job;
  readonly column: Column;
  /** Null where it was not run, or measured nothing there. */
  readonly ours: Summary | null;
  readonly best: Measure;
  /** The quartile ranges overlap: repetitions may turn it round. */
  readonly overlaps: boolean;
}

/** A job whose headline is above FLOOR_LIMIT times its floor. */
export interface AboveFloor {
  readonly job: Job;
  readonly column: Column;
  readonly ours: Summary;
  readonly floor: Summary;
  readonly multiple: number;
}

/** What an outcome measured in a column; null where it measured nothing. */
export function measureOf(outcome: Outcome, columnKey: string): Summary | null {
  return "measures" in outcome ? (outcome.measures[columnKey] ?? null) : null;
}

/** The column that the chart shows. */
export function headlineOf(job: Job): Column {
  const column = job.columns.find(({ key }) => key === job.headline);
  if (column === undefined) throw new Error(`${job.id}: its headline ${job.headline} is none of its columns`);
  return column;
}

/** What the subjects measured in a column, in their order, without those that measured nothing. */
export function measuresOf(job: Job, column: Column): readonly Measure[] {
  return SUBJECT_KEYS.flatMap((subject) => {
    const summary = measureOf(job.outcomes[subject], column.key);
    return summary === null ? [] : [{ subject, summary }];
  });
}

function readsTheSame(a: Summary, b: Summary, column: Column): boolean {
  return formatNumber(a.median, column.unit) === formatNumber(b.median, column.unit);
}

/** The best of some measures; the first of equals. Null where nothing is better or worse, or nothing was measured. */
export function bestOf(measures: readonly Measure[], column: Column): Measure | null {
  if (column.better === "none") return null;
  const sign = column.better === "less" ? 1 : -1;
  return measures.toSorted((a, b) => sign * (a.summary.median - b.summary.median))[0] ?? null;
}

/** Whether a measure is the best of its column, or equal to the best. */
export function isBest(summary: Summary, job: Job, column: Column): boolean {
  const best = bestOf(measuresOf(job, column), column);
  return best !== null && readsTheSame(summary, best.summary, column);
}

/** The best of the others in a column. */
export function bestRival(job: Job, column: Column): Measure | null {
  const rivals = measuresOf(job, column).filter(({ subject }) => subject !== OURS);
  return bestOf(rivals, column);
}

/** Every column of every job where something is better than this Worker. */
export function findLosses(jobs: readonly Job[]): readonly Loss[] {
  return jobs.flatMap((job) =>
    job.columns.flatMap((column) => {
      const best = bestOf(measuresOf(job, column), column);
      if (best === null || best.subject === OURS) return [];
      const ours = measureOf(job.outcomes[OURS], column.key);
      if (ours !== null && readsTheSame(ours, best.summary, column)) return [];
      const overlaps = ours !== null && ours.low <= best.summary.high && best.summary.low <= ours.high;
      return [{ job, column, ours, best, overlaps }];
    }),
  );
}

/** How often the floor a headline is. Null where there is no floor, or more is better, so that it is none. */
export function floorMultiple(job: Job, summary: Summary | null): number | null {
  if (job.floor === null || summary === null || job.floor.median <= 0) return null;
  return headlineOf(job).better === "more" ? null : summary.median / job.floor.median;
}

/** Every job whose headline is above FLOOR_LIMIT times its floor. */
export function findAboveFloor(jobs: readonly Job[]): readonly AboveFloor[] {
  return jobs.flatMap((job) => {
    const column = headlineOf(job);
    const ours = measureOf(job.outcomes[OURS], column.key);
    const multiple = floorMultiple(job, ours);
    if (ours === null || job.floor === null || multiple === null || multiple <= FLOOR_LIMIT) return [];
    return [{ job, column, ours, floor: job.floor, multiple }];
  });
}
