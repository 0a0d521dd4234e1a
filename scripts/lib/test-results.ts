/** What a run of vitest came to, by its JSON report. Nothing run, or no report, is a failure and never a pass. */

import { readFileSync } from "node:fs";
import path from "node:path";
import { stripVTControlCharacters } from "node:util";
import * as z from "zod/mini";
import { PROJECT_ROOT } from "./wrangler.ts";

const REASON_CHARACTERS = 300;

/** How much held, and how much did not. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
}

/** A run of vitest. */
export interface TestResults extends Tally {
  /** File and title of each test that failed, and the first line of why. */
  readonly failures: readonly string[];
}

/** Vitest's JSON report: https://vitest.dev/guide/reporters#json-reporter */
const reportSchema = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  testResults: z.array(
    z.object({
      name: z.string(),
      assertionResults: z.array(
        z.object({ status: z.string(), fullName: z.string(), failureMessages: z.optional(z.array(z.string())) }),
      ),
    }),
  ),
});

const NOTHING: TestResults = { passed: 0, failed: 1, failures: [] };

/** Counts single tests. A run that failed otherwise (coverage, a crash, nothing to run) counts as one failure. */
export function readTestResults(reportFile: string, succeeded: boolean): TestResults {
  const report = z.safeParse(reportSchema, readJson(reportFile));
  if (!report.success) return NOTHING;
  const { numPassedTests: passed, numFailedTests, testResults } = report.data;
  const isSound = succeeded && passed > 0;
  const failed = numFailedTests === 0 && !isSound ? 1 : numFailedTests;
  const failures = testResults.flatMap(({ name, assertionResults }) =>
    assertionResults
      .filter(({ status }) => status === "failed")
      .map(({ fullName, failureMessages: [message = ""] = [] }) => {
        const [reason = ""] = stripVTControlCharacters(message).split("\n");
        return `${path.relative(PROJECT_ROOT, name)}: ${fullName}: ${reason.slice(0, REASON_CHARACTERS)}`;
      }),
  );
  return { passed, failed, failures };
}

/** A step that is not made of tests counts as one. */
export function tallyOfStep(succeeded: boolean): Tally {
  return { passed: succeeded ? 1 : 0, failed: succeeded ? 0 : 1 };
}

/** The last line of every run that checks something. */
export function summaryLine({ passed, failed }: Tally): string {
  return `${passed} passed, ${failed} failed`;
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as unknown;
  } catch {
    return undefined;
  }
}
