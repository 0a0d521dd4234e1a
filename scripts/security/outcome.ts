/** What a step of the security run came to, and the table at the end. */

import path from "node:path";
import { summaryLine, type Tally, type TestResults } from "../lib/test-results.ts";
import { findCountProblem } from "./counts.ts";

/** A step that has run, or could not. */
export interface Outcome extends Tally {
  readonly name: string;
  /** How many cases ran: as the tests say, or the tests themselves. */
  readonly cases: number;
  /** How much the tests say they tried. */
  readonly counts: ReadonlyMap<string, number>;
  /** Why it failed, apart from tests that did. */
  readonly problems: readonly string[];
  readonly seconds: number;
}

/** What of a suite is judged. */
export interface SuiteRun {
  readonly results: TestResults;
  /** Files that should have run, relative to `root`. */
  readonly expectedFiles: readonly string[];
  /** The project's folder. */
  readonly root: string;
  readonly counts: ReadonlyMap<string, number>;
  readonly mustPrintCounts: boolean;
  readonly name: string;
}

/** Why a suite's results are not to be believed: files that ran no test, or counts that are missing or zero. */
export function findSuiteProblems(run: SuiteRun): string[] {
  const { results, expectedFiles, root, counts, mustPrintCounts, name } = run;
  const countProblem = mustPrintCounts || counts.size > 0 ? findCountProblem(counts, name) : null;
  return [
    ...expectedFiles
      .filter((file) => !results.files.has(path.join(root, file)))
      .map((file) => `no test ran in ${file}`),
    ...(countProblem === null ? [] : [countProblem]),
  ];
}

/** A step that did not run. */
export function notRun(name: string, problems: readonly string[]): Outcome {
  return { name, cases: 0, passed: 0, failed: 1, counts: new Map(), problems, seconds: 0 };
}

/** The table, why what failed did, and the last line. */
export function renderOutcomes(outcomes: readonly Outcome[]): string {
  const rows = [["step", "cases", "faults/inputs", "passed", "failed", "seconds"], ...outcomes.map(toRow)];
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  const table = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  const problems = outcomes.flatMap(({ name, problems: found }) => found.map((problem) => `${name}: ${problem}`));
  const total = {
    passed: outcomes.reduce((sum, { passed }) => sum + passed, 0),
    failed: outcomes.reduce((sum, { failed }) => sum + failed, 0),
  };
  const paragraphs = [table.join("\n"), problems.join("\n"), summaryLine(total)];
  return paragraphs.filter((paragraph) => paragraph !== "").join("\n\n");
}

function toRow({ name, cases, counts, passed, failed, seconds }: Outcome): string[] {
  const tried = [...counts].filter(([what]) => what !== "cases").map(([what, number]) => `${number} ${what}`);
  return [name, String(cases), tried.join(", ") || "-", String(passed), String(failed), seconds.toFixed(1)];
}
