/** The short form for README.md: the headline of some jobs, this Worker's beside the best of the others. */

import type { Job, Results } from "../lib/results.ts";
import { bestRival, floorMultiple, headlineOf, isBest, measureOf, OURS } from "./compare.ts";
import { escapeText, table } from "./markdown.ts";
import { formatDifference, formatMultiple, formatTime, formatValue } from "./numbers.ts";

/** What the short form stands between. */
export const README_MARKERS = { start: "<!-- performance:start -->", end: "<!-- performance:end -->" };

/** The jobs of the short form: what most callers do, and where this Worker is slower than the others. */
const SHORT_FORM: ReadonlySet<string> = new Set([
  "ids-1",
  "rows-25",
  "rows-100",
  "first-row",
  "sign-in-warm",
  "revoked",
  "bundle",
]);

/** The short form, before formatting. */
export function readmeOf(results: Results): string {
  const columns = [
    { label: "job", align: "left" as const },
    { label: "gmail-edge", align: "right" as const },
    { label: "best of the others", align: "right" as const },
    { label: "ours is", align: "right" as const },
    { label: "× floor", align: "right" as const },
  ];
  const rows = results.jobs.filter(({ id }) => SHORT_FORM.has(id)).map((job) => rowOf(job, results));
  const when = formatTime(results.startedAt).slice(0, 10);
  return [
    `Medians of ${when} against a fake Google on one machine; the better of each row is bold. "ours is" compares with the best of the others. "× floor" compares with the fake's own time for the work.`,
    table(columns, rows),
    `[Performance](docs/performance.md) has all ${results.jobs.length} jobs, the method, and where gmail-edge is slower and why.`,
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
