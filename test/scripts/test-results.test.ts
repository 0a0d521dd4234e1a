/** What `npm test` reads of vitest's report: what is missing or empty counts as failed. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readTestResults } from "../../scripts/lib/test-results.ts";
import { PROJECT_ROOT } from "../../scripts/lib/wrangler.ts";

/** A report of one file that ran tests, and of two that ran none. */
function reportOf(passed: number, failed: number) {
  const statuses = [...Array<string>(passed).fill("passed"), ...Array<string>(failed).fill("failed")];
  const testResults = [
    {
      name: path.join(PROJECT_ROOT, "test/a.test.ts"),
      assertionResults: statuses.map((status, index) => ({
        status,
        fullName: `rows ${index}`,
        failureMessages: status === "failed" ? ["\u001B[31mexpected 1\u001B[39m to be 2\n    at row.ts:3"] : [],
      })),
    },
    { name: "/b.test.ts", assertionResults: [{ status: "skipped", fullName: "rows" }] },
    { name: "/c.test.ts", assertionResults: [] },
  ];
  return { numPassedTests: passed, numFailedTests: failed, testResults };
}

describe("a report of vitest", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "gmail-edge-test-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function resultsOf(report: unknown, succeeded: boolean) {
    const file = path.join(folder, "report.json");
    await writeFile(file, typeof report === "string" ? report : JSON.stringify(report));
    return readTestResults(file, succeeded);
  }

  it("counts tests, and names the tests that failed with why", async () => {
    expect(await resultsOf(reportOf(3, 0), true)).toEqual({ passed: 3, failed: 0, failures: [] });
    const failures = [3, 4].map((row) => `test/a.test.ts: rows ${row}: expected 1 to be 2`);
    expect(await resultsOf(reportOf(3, 2), false)).toEqual({ passed: 3, failed: 2, failures });
  });

  it.each([
    ["without a test is a failure", reportOf(0, 0), true, { passed: 0, failed: 1 }],
    ["of a run that failed otherwise is a failure", reportOf(3, 0), false, { passed: 3, failed: 1 }],
    ["in another form is a failure", { success: true }, true, { passed: 0, failed: 1 }],
    ["that was cut off is a failure", "{", true, { passed: 0, failed: 1 }],
  ])("%s", async (_, report, succeeded, tally) => {
    expect(await resultsOf(report, succeeded)).toMatchObject(tally);
  });

  it("that is not there is a failure", () => {
    expect(readTestResults(path.join(folder, "none.json"), true)).toMatchObject({ passed: 0, failed: 1 });
  });
});
