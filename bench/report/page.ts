/** docs/performance.md, from the results: what was compared and how, every job with its chart and table, and the rest. */

import type { Column, Job, Results } from "../lib/results.ts";
import { floorMultiple, headlineOf, isBest, measureOf, OURS } from "./compare.ts";
import { FAIRNESS } from "./fairness.ts";
import { type Group, groupsOf } from "./groups.ts";
import { code, escapeText, inline, table } from "./markdown.ts";
import { formatDuration, formatMultiple, formatSummary, formatTime, headingOf } from "./numbers.ts";
import { aboveFloorSection, lossesSection } from "./shortfalls.ts";

/** Folder of the charts, beside the page. */
export const CHART_FOLDER = "performance";

/** The whole page, before formatting. */
export function pageOf(results: Results): string {
  const groups = groupsOf(results.jobs);
  return [
    "<!-- Made by `npm --prefix bench run report` from bench/results/latest.json. Do not edit: run it again. -->",
    "# Performance",
    "gmail-edge beside what people use instead, on the same work against the same fake Google. All numbers on this page are of the run below.",
    comparedSection(results),
    methodSection(results),
    runSection(results),
    ...groups.map((group) => groupSection(group, results)),
    lossesSection(results),
    aboveFloorSection(results),
    fairnessSection(),
  ].join("\n\n");
}

function comparedSection({ subjects, versions }: Results): string {
  const rows = subjects.map(({ key, name, runtime, description }) => {
    const shown = key === OURS ? `**${escapeText(name)}**` : escapeText(name);
    return [key, shown, escapeText(runtime), inline(description)];
  });
  return [
    "## What was compared",
    table(leftColumns(["", "subject", "runs on", "what it is"]), rows),
    "With these versions:",
    table(leftColumns(["package or program", "version"]), entriesOf(versions)),
  ].join("\n\n");
}

function methodSection({ conditions }: Results): string {
  return [
    "## How",
    [
      "- **Turns.** The subjects take turns within each repetition, so that a slow minute of the machine harms all of them. What warms up is thrown away.",
      "- **Numbers.** `median (first quartile–third quartile)` of the repetitions; the median alone where both quartiles read the same. Three significant digits. The best value of a column is bold, and so is what reads the same.",
      "- **CPU** is what the operating system counted for the subject's process.",
      "- **Answers are checked.** Every body is compared with what the mailbox holds. A wrong answer is no fast answer.",
      "- **Who measures** runs pinned to a core away from the subjects.",
      "- **Floor.** The least that the headline can be: the fake Google's own time for what the job needs of it. `× floor` is the headline's median over it.",
      "- **Bars** are medians, whiskers go from the first to the third quartile, and the dashed line is the floor. A logarithmic axis says so; bar lengths are no proportions there.",
    ].join("\n"),
    "The conditions:",
    table(leftColumns(["condition", "value"]), entriesOf(conditions)),
  ].join("\n\n");
}

function runSection({ startedAt, seconds, seed, command, machine }: Results): string {
  const rows = [
    ["begun", formatTime(startedAt)],
    ["took", formatDuration(seconds)],
    ["command", code(command)],
    ["seed", String(seed)],
    ["processor", `${escapeText(machine.cpu)}, ${machine.cores} ${machine.cores === 1 ? "core" : "cores"}`],
    ["memory", `${machine.memoryGiB} GiB`],
    ["system", escapeText(machine.os)],
  ];
  return ["## The run", table(leftColumns(["", ""]), rows)].join("\n\n");
}

function groupSection(group: Group, results: Results): string {
  const labels = [...new Set(group.jobs.map((job) => headlineOf(job).label))].join(", ");
  // The numbers stand in the tables below, and in the SVG's own description.
  const chart = `![Bar chart of ${escapeText(`${group.title}: ${labels}`)}](${CHART_FOLDER}/${group.id}.svg)`;
  const [only, ...others] = group.jobs;
  if (only !== undefined && others.length === 0) {
    return [`## ${escapeText(group.title)}`, describeJob(only), chart, jobTable(only, results)].join("\n\n");
  }
  const jobs = group.jobs.flatMap((job) => [`### ${escapeText(job.title)}`, describeJob(job), jobTable(job, results)]);
  return [`## ${escapeText(group.title)}`, chart, ...jobs].join("\n\n");
}

function describeJob(job: Job): string {
  const counts = job.columns.flatMap(({ key }) =>
    Object.values(job.outcomes).flatMap((outcome) => measureOf(outcome, key)?.n ?? []),
  );
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  const values = least === most ? `${most}` : `${least} to ${most}`;
  const note = counts.length === 0 ? "" : ` Each number is of ${values} ${most === 1 ? "value" : "values"}.`;
  return `${code(job.id)}: ${inline(job.description)}${note}`;
}

function jobTable(job: Job, { subjects }: Results): string {
  const headline = headlineOf(job);
  const withFloor = job.floor !== null && headline.better !== "more";
  const columns = job.columns.flatMap((column) => {
    const label = { label: escapeText(headingOf(column)), align: "right" as const };
    return withFloor && column === headline ? [label, { label: "× floor", align: "right" as const }] : [label];
  });
  const rows = subjects.map(({ key, name }) => {
    const outcome = job.outcomes[key];
    const first = `${key} ${key === OURS ? `**${escapeText(name)}**` : escapeText(name)}`;
    if ("notRun" in outcome) return [first, `not run: ${escapeText(outcome.notRun)}`, ...blanks(columns.length - 1)];
    const cells = job.columns.flatMap((column) => {
      const multiple = column === headline ? floorMultiple(job, measureOf(outcome, column.key)) : null;
      const cell = cellOf(job, column, measureOf(outcome, column.key));
      return withFloor && column === headline ? [cell, multiple === null ? "–" : formatMultiple(multiple)] : [cell];
    });
    return [first, ...cells];
  });
  const floors = job.floor === null ? [] : [["floor", ...floorCells(job, headline, withFloor)]];
  return table([{ label: "", align: "left" }, ...columns], [...rows, ...floors]);
}

function cellOf(job: Job, column: Column, summary: ReturnType<typeof measureOf>): string {
  if (summary === null) return "–";
  const text = formatSummary(summary, column.unit);
  return isBest(summary, job, column) ? `**${text}**` : text;
}

function floorCells(job: Job, headline: Column, withFloor: boolean): string[] {
  return job.columns.flatMap((column) => {
    if (column !== headline || job.floor === null) return [""];
    const text = formatSummary(job.floor, column.unit);
    return withFloor ? [text, formatMultiple(1)] : [text];
  });
}

function fairnessSection(): string {
  const items = FAIRNESS.map(({ to, what }) => `- **To ${to}.** ${inline(what)}`);
  return ["## What is unfair to whom", items.join("\n")].join("\n\n");
}

function blanks(count: number): string[] {
  return Array.from({ length: count }, () => "");
}

function leftColumns(labels: readonly string[]) {
  return labels.map((label) => ({ label, align: "left" as const }));
}

function entriesOf(record: Readonly<Record<string, string>>): string[][] {
  return Object.entries(record).map(([name, value]) => [escapeText(name), escapeText(value)]);
}
