/** Refuses results that the report would show wrongly: a job's mistake is to be found before it is published. */

import type { Job, Results, Summary } from "../lib/results.ts";
import { headlineOf, SUBJECT_KEYS } from "./compare.ts";

/** Throws with what is wrong, by job, subject and column. */
export function checkResults({ jobs, subjects }: Results): void {
  const problems = jobs.flatMap(problemsOf);
  const keys = subjects.map(({ key }) => key).join("");
  if (keys !== SUBJECT_KEYS.join("")) problems.push(`subjects: ${keys} in place of ${SUBJECT_KEYS.join("")}`);
  const ids = jobs.map(({ id }) => id);
  const twice = ids.filter((id, index) => ids.indexOf(id) !== index);
  problems.push(...twice.map((id) => `${id}: there are two jobs of this name`));
  if (problems.length > 0) throw new Error(`bench/results/latest.json is not right:\n${problems.join("\n")}`);
}

function problemsOf(job: Job): string[] {
  headlineOf(job);
  const columns = new Set(job.columns.map(({ key }) => key));
  const ofSubjects = SUBJECT_KEYS.flatMap((subject) => {
    const outcome = job.outcomes[subject];
    if (outcome === undefined) return [`${job.id}, ${subject}: no outcome`];
    if ("notRun" in outcome) return [];
    const entries = Object.entries(outcome.measures);
    const strangers = entries.filter(([key]) => !columns.has(key)).map(([key]) => `${key} is no column`);
    const unsound = entries
      .filter(([, summary]) => !isSound(summary))
      .map(([key, summary]) => `${key}: ${JSON.stringify(summary)}`);
    return strangers.concat(unsound).map((problem) => `${job.id}, ${subject}, ${problem}`);
  });
  return job.floor === null || isSound(job.floor) ? ofSubjects : [...ofSubjects, `${job.id}: the floor is no number`];
}

/** NaN and infinities have become null in JSON. */
function isSound({ median, low, high }: Summary): boolean {
  return [median, low, high].every(Number.isFinite) && low <= median && median <= high;
}
