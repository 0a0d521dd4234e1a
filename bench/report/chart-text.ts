/** What a chart says in words, for those who do not see it. */

import type { Job } from "../lib/results.ts";
import { headlineOf, measureOf, OURS, SUBJECT_KEYS } from "./compare.ts";
import { formatValue } from "./numbers.ts";

/** A sentence for each job: this Worker's headline, the others', the floor. */
export function describeGroup(jobs: readonly Job[]): string {
  return jobs.map(describeJob).join(" ");
}

function describeJob(job: Job): string {
  const column = headlineOf(job);
  const values = SUBJECT_KEYS.map((key) => {
    const summary = measureOf(job.outcomes[key], column.key);
    const name = key === OURS ? `${key} (gmail-edge)` : key;
    return `${name} ${summary === null ? "not measured" : formatValue(summary.median, column.unit)}`;
  });
  const floor = job.floor === null ? [] : [`floor ${formatValue(job.floor.median, column.unit)}`];
  return `${job.title}, ${column.label}: ${[...values, ...floor].join(", ")}.`;
}
