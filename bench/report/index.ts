/**
 * The report: reads bench/results/latest.json, writes docs/performance.md, its charts in docs/performance/, and the short
 * form in README.md. `npm --prefix bench run report`. The same results give the same bytes.
 */

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { format, type FormatConfig } from "oxfmt";
import type { Results } from "../lib/results.ts";
import { chartOf } from "./chart.ts";
import { checkResults } from "./check-results.ts";
import { groupsOf } from "./groups.ts";
import { replaceBetween } from "../lib/replace-between.ts";
import { CHART_FOLDER, pageOf } from "./page.ts";
import { README_MARKERS, readmeOf } from "./readme.ts";
import { unusedExplanations } from "./shortfalls.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");

/** What the report is made from and where it goes; by default, of this project. */
export interface ReportOptions {
  readonly resultsFile?: string;
  /** Has README.md and docs/. */
  readonly root?: string;
}

/**
 * Writes the report. What a person should look at goes to stderr. Throws where the results are not as lib/results.ts says.
 *
 * @returns The files that it wrote.
 */
export async function writeReport({
  resultsFile = path.join(ROOT, "bench/results/latest.json"),
  root = ROOT,
}: ReportOptions = {}): Promise<readonly string[]> {
  // Our own data, written by start.ts; checkResults finds what its jobs may have done wrong.
  const results = JSON.parse(readFileSync(resultsFile, "utf8")) as Results;
  checkResults(results);
  const readme = path.join(root, "README.md");
  const page = path.join(root, "docs/performance.md");
  const charts = writeCharts(results, path.join(root, "docs", CHART_FOLDER));
  writeFileSync(page, await formatted(page, pageOf(results)));
  for (const key of unusedExplanations(results))
    console.error(`explanations.ts: ${key} explains nothing in the report`);
  const withShortForm = replaceBetween(readFileSync(readme, "utf8"), { ...README_MARKERS, content: readmeOf(results) });
  if (withShortForm === null) {
    console.error(`README.md has no ${README_MARKERS.start} and ${README_MARKERS.end}: left as it is`);
    return [page, ...charts];
  }
  writeFileSync(readme, await formatted(readme, withShortForm));
  return [page, readme, ...charts];
}

/** Writes a chart for each group, and removes those of groups that are gone. */
function writeCharts({ jobs, subjects }: Results, folder: string): string[] {
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) if (name.endsWith(".svg")) rmSync(path.join(folder, name));
  return groupsOf(jobs).map((group) => {
    const file = path.join(folder, `${group.id}.svg`);
    writeFileSync(file, chartOf(group, subjects));
    return file;
  });
}

/** Markdown as `oxfmt --check` wants it; oxfmt is the project's, in the folder above. */
async function formatted(file: string, markdown: string): Promise<string> {
  const options = JSON.parse(readFileSync(path.join(ROOT, ".oxfmtrc.json"), "utf8")) as FormatConfig;
  const { code, errors } = await format(file, `${markdown.trimEnd()}\n`, options);
  const [error] = errors;
  if (error !== undefined) throw new Error(`${file}: ${error.message}`);
  return code;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const files = await writeReport();
  console.log(files.map((file) => path.relative(ROOT, file)).join("\n"));
}
