/** The short form for README.md: the headline of each job, this Worker's beside the best of the others. */

import type { Job, Results } from "../lib/results.ts";
import { bestRival, floorMultiple, headlineOf, isBest, measureOf, OURS } from "./compare.ts";
import { escapeText, table } from "./markdown.ts";
import { formatDifference, formatMultiple, formatTime, formatValue } from "./numbers.ts";

/** What the short form stands between. */
export const README_MARKERS = { start: "<!-- performance:start -->", end: "<!-- performance:end -->" };

/** The short form, before formatting. */
export function readmeOf(results: Results): string {
  const columns = [
    { label: "job", align: "left" as const },
    { label: "gmail-edge", align: "right" as const },
    { label: "best of the others", align: "right" as const },
    { label: "ours is", align: "right" as const },
    { label: "× floor", align: "right" as const },
  ];
  const rows = results.jobs.map((job) => rowOf(job, results));
  const when = formatTime(results.startedAt).slice(0, 10);
  return [
    table(columns, rows),
    `Medians, measured on ${when} against a fake Google on one machine; the better of each row is bold. The floor is the fake's own time for the work. [docs/performance.md](docs/performance.md) has everything: what was compared and how, charts, quartiles, CPU time and calls, where gmail-edge is not the fastest, and what is unfair to whom.`,
  ].join("\n\n");
}

function rowOf(job: Job, { subjects }: Results): string[] {
  const column = headlineOf(job);
  const ours = measureOf(job.outcomes[OURS], column.key);
  const rival = bestRival(job, column);
  const name = subjects.find(({ key }) => key === rival?.subject)?.name ?? rival?.subject ?? "";
  const bold = (summary: typeof ours) => {
    if (summary === null) return "not run";
    const text = escapeText(formatValue(summary.median, column.unit));
    return isBest(summary, job, column) ? `**${text}**` : text;
  };
  const multiple = floorMultiple(job, ours);
  const difference = ours === null || rival === null ? null : formatDifference(ours.median, rival.summary.median);
  return [
    `${escapeText(job.title)} (${escapeText(column.label)})`,
    bold(ours),
    rival === null ? "–" : `${bold(rival.summary)} ${escapeText(name)}`,
    difference ?? "–",
    multiple === null ? "–" : formatMultiple(multiple),
  ];
}
