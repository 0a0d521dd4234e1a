/**
 * Reads Stryker's JSON report and sums it up: the score of each file, and every mutant that no test noticed.
 * https://github.com/stryker-mutator/mutation-testing-elements/tree/master/packages/report-schema
 */

import { existsSync, readFileSync } from "node:fs";
import * as z from "zod/mini";

const PositionSchema = z.object({ line: z.number(), column: z.number() });

const MutantSchema = z.object({
  mutatorName: z.string(),
  replacement: z.optional(z.string()),
  status: z.string(),
  location: z.object({ start: PositionSchema, end: PositionSchema }),
});

type Mutant = z.infer<typeof MutantSchema>;

const ReportSchema = z.object({
  files: z.record(z.string(), z.object({ source: z.string(), mutants: z.array(MutantSchema) })),
});

/** What became of the mutants of one file. */
export interface FileScore {
  readonly file: string;
  readonly killed: number;
  readonly timedOut: number;
  /** One line for each mutant that no test noticed. */
  readonly survivors: readonly string[];
  /** Mutants with which no test could start. They count as not noticed, or a broken run would pass. */
  readonly errors: number;
}

/** The scores of a report's files; none where Stryker did not get so far as to write it. */
export function readReport(reportFile: string): FileScore[] {
  if (!existsSync(reportFile)) return [];
  const { files } = ReportSchema.parse(JSON.parse(readFileSync(reportFile, "utf8")));
  return Object.entries(files).map(([file, { source, mutants }]) => {
    const count = (status: string): number => mutants.filter((mutant) => mutant.status === status).length;
    return {
      file,
      killed: count("Killed"),
      timedOut: count("Timeout"),
      errors: count("RuntimeError") + count("CompileError"),
      survivors: mutants.filter(isUnnoticed).map((mutant) => describe(file, source, mutant)),
    };
  });
}

/** Prints the survivors and a table of all files. */
export function printSummary(scores: readonly FileScore[], tookMs: number): void {
  for (const line of scores.flatMap(({ survivors }) => survivors)) console.log(line);
  console.log(`\n${row("file", "score", "killed", "timeout", "survived", "error")}`);
  for (const score of scores) console.log(rowOf(score));
  console.log(`${rowOf(addUp(scores))}\n\n${countLine(scores)}\nIn ${(tookMs / 60_000).toFixed(1)} minutes.`);
}

/** The counts in one line, as `verify:security` reads them (scripts/security/counts.ts). */
export function countLine(scores: readonly FileScore[]): string {
  const { killed, timedOut, survivors, errors } = addUp(scores);
  const mutants = killed + timedOut + survivors.length + errors;
  const counts = `mutation: ${mutants} mutants, ${killed} killed, ${timedOut} timed out, ${survivors.length} survived`;
  return errors === 0 ? counts : `${counts}, ${errors} errors`;
}

/** Per cent of the mutants that a test noticed. */
export function scoreOf({ killed, timedOut, errors, survivors }: FileScore): number {
  const noticed = killed + timedOut;
  return (100 * noticed) / Math.max(1, noticed + errors + survivors.length);
}

/** Several files as one. */
export function addUp(scores: readonly FileScore[]): FileScore {
  return {
    file: "all",
    killed: sum(scores.map(({ killed }) => killed)),
    timedOut: sum(scores.map(({ timedOut }) => timedOut)),
    errors: sum(scores.map(({ errors }) => errors)),
    survivors: scores.flatMap(({ survivors }) => survivors),
  };
}

function isUnnoticed({ status }: Mutant): boolean {
  return status === "Survived" || status === "NoCoverage";
}

/** A mutant in one line: where it is, and what became of what. */
function describe(file: string, source: string, { location, mutatorName, replacement = "", status }: Mutant): string {
  const { start, end } = location;
  const [first = "", ...rest] = source.split("\n").slice(start.line - 1, end.line);
  const original = rest.length === 0 ? first.slice(start.column - 1, end.column - 1) : `${first.trim()} …`;
  const change = `${shorten(original)} → ${shorten(replacement)}`;
  return `${status === "NoCoverage" ? "not run " : "survived"}  ${file}:${start.line}:${start.column} ${mutatorName}: ${change}`;
}

function shorten(code: string): string {
  const line = code.replaceAll(/\s+/g, " ");
  return line.length > 70 ? `${line.slice(0, 69)}…` : line;
}

function rowOf(score: FileScore): string {
  const { file, killed, timedOut, survivors, errors } = score;
  return row(file, `${scoreOf(score).toFixed(1)} %`, killed, timedOut, survivors.length, errors);
}

function row(file: string, ...cells: (string | number)[]): string {
  return file.padEnd(34) + cells.map((cell) => String(cell).padStart(10)).join("");
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
