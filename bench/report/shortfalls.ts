/** Where this Worker falls short: what it is not the best at, and what is far above its floor, with our explanations. */

import type { Column, Results, SubjectKey, Summary } from "../lib/results.ts";
import { findAboveFloor, findLosses, FLOOR_LIMIT, type Loss, OURS } from "./compare.ts";
import { EXPLANATIONS } from "./explanations.ts";
import { code, escapeText, inline } from "./markdown.ts";
import { formatDifference, formatMultiple, formatSummary, unitOf } from "./numbers.ts";

/** Texts by key, as in explanations.ts. */
export type Explanations = Readonly<Record<string, string>>;

/** The section "Where this Worker is not the fastest". */
export function lossesSection({ jobs, subjects }: Results, explanations: Explanations = EXPLANATIONS): string {
  const losses = findLosses(jobs);
  const nameOf = (key: SubjectKey) => subjects.find((subject) => subject.key === key)?.name ?? key;
  const items = losses.map((loss) => {
    const text = explanationOf(explanations, loss.job.id, loss.column.key);
    return `- ${titleOf(loss)}: ${compare(loss, nameOf(loss.best.subject))} ${text}`;
  });
  const columns = jobs.flatMap((job) => job.columns.filter(({ better }) => better !== "none")).length;
  return [
    "## Where this Worker is not the fastest",
    `Nor the smallest, nor the thriftiest. In ${losses.length} of ${columns} columns something else is better.`,
    ...(items.length === 0 ? [] : [items.join("\n")]),
  ].join("\n\n");
}

function titleOf({ job, column }: Pick<Loss, "job" | "column">): string {
  return `${code(job.id)}, **${escapeText(column.label)}**`;
}

function compare({ job, column, ours, best, overlaps }: Loss, bestName: string): string {
  const withUnit = (summary: Summary) => withUnitOf(summary, column);
  const winner = `${best.subject} ${escapeText(bestName)} ${withUnit(best.summary)}`;
  const outcome = job.outcomes[OURS];
  if (ours === null) {
    return `${winner}; this Worker ${"notRun" in outcome ? `was not run: ${escapeText(outcome.notRun)}` : "measured nothing"}.`;
  }
  const difference = formatDifference(ours.median, best.summary.median);
  const by = difference === null ? "" : ` Ours is ${difference}.`;
  const noise = overlaps ? " The quartiles overlap." : "";
  return `this Worker ${withUnit(ours)}, ${winner}.${by}${noise}`;
}

function withUnitOf(summary: Summary, { unit }: Column): string {
  return `${formatSummary(summary, unit)} ${escapeText(unitOf(summary.median, unit))}`.trimEnd();
}

/** The section "More than 1.15 times the floor". */
export function aboveFloorSection({ jobs }: Results, explanations: Explanations = EXPLANATIONS): string {
  const withFloor = jobs.filter(({ floor }) => floor !== null).length;
  const items = findAboveFloor(jobs).map(({ job, column, ours, floor, multiple }) => {
    const numbers = `${formatMultiple(multiple)}, ${withUnitOf(ours, column)} over ${withUnitOf(floor, column)}.`;
    return `- ${titleOf({ job, column })}: ${numbers} ${explanationOf(explanations, job.id, "floor")}`;
  });
  return [
    `## More than ${FLOOR_LIMIT} times the floor`,
    `This Worker is above ${FLOOR_LIMIT} times the floor in ${items.length} of ${withFloor} jobs that have one.`,
    ...(items.length === 0 ? [] : [items.join("\n")]),
  ].join("\n\n");
}

function explanationOf(explanations: Explanations, jobId: string, what: string): string {
  const text = explanations[`${jobId}/${what}`] ?? explanations[jobId];
  return text === undefined ? "_Not yet explained._" : inline(text);
}

/** Keys of explanations that explain nothing that the report lists: of jobs that are won by now, or misspelt. */
export function unusedExplanations({ jobs }: Results, explanations: Explanations = EXPLANATIONS): readonly string[] {
  const listed = new Set([
    ...findLosses(jobs).flatMap(({ job, column }) => [`${job.id}/${column.key}`, job.id]),
    ...findAboveFloor(jobs).flatMap(({ job }) => [`${job.id}/floor`, job.id]),
  ]);
  return Object.keys(explanations).filter((key) => !listed.has(key));
}
