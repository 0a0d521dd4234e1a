/** `npm run verify:security`: what is missing, empty, silent or too late counts as failed, and the counts are the tests' own. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { readTestResults } from "../../scripts/lib/test-results.ts";
import { PROJECT_ROOT } from "../../scripts/lib/wrangler.ts";
import { countLine, type FileScore } from "../../scripts/mutation/report.ts";
import { findCountProblem, parseCounts } from "../../scripts/security/counts.ts";
import { findSuiteProblems, notRun, renderOutcomes } from "../../scripts/security/outcome.ts";
import { runCommand, type Command } from "../../scripts/security/run-command.ts";
import { findSuiteFiles } from "../../scripts/security/suites.ts";

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
    const { files, ...rest } = readTestResults(file, succeeded);
    return { ...rest, files: [...files] };
  }

  it("counts tests, and names the files in which one ran and the tests that failed with why", async () => {
    const files = [path.join(PROJECT_ROOT, "test/a.test.ts")];
    expect(await resultsOf(reportOf(3, 0), true)).toEqual({ passed: 3, failed: 0, files, failures: [] });
    const failures = [3, 4].map((row) => `test/a.test.ts: rows ${row}: expected 1 to be 2`);
    expect(await resultsOf(reportOf(3, 2), false)).toEqual({ passed: 3, failed: 2, files, failures });
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

describe("printed counts", () => {
  it("are added up over all lines of the step, with or without color", () => {
    const output =
      "stdout | a.test.ts\n\u001B[32mfuzz: 200 inputs\u001B[39m\r\nfuzz: 50 inputs, 3 schemas, seed 42\nfaults: 9 flows\n";
    expect([...parseCounts(output, "fuzz")]).toEqual([
      ["inputs", 250],
      ["schemas", 3],
    ]);
  });

  it.each(["the fuzz: 20 inputs", "fuzz: many inputs", "fuzz: 20", "fuzz: 20 inputs!", "fuzzy: 20 inputs"])(
    "are not read from %j",
    (line) => {
      expect(parseCounts(line, "fuzz").size).toBe(0);
    },
  );

  it("of mutation testing are read from its own line", () => {
    const scores: FileScore[] = [
      { file: "src/a.ts", killed: 40, timedOut: 2, survivors: ["survived  src/a.ts:1:1"], errors: 0 },
      { file: "src/b.ts", killed: 9, timedOut: 0, survivors: [], errors: 0 },
    ];
    expect(countLine(scores)).toBe("mutation: 52 mutants, 49 killed, 2 timed out, 1 survived");
    const more = countLine([...scores, { file: "src/c.ts", killed: 0, timedOut: 0, survivors: [], errors: 3 }]);
    expect([...parseCounts(more, "mutation")]).toEqual([
      ["mutants", 55],
      ["killed", 49],
      ["timed out", 2],
      ["survived", 1],
      ["errors", 3],
    ]);
    expect(findCountProblem(parseCounts(countLine(scores), "mutation"), "mutation")).toBeNull();
    expect(findCountProblem(parseCounts(countLine([]), "mutation"), "mutation")).toBe("tried 0 mutants");
  });

  it("prove nothing when there are none, or when one is zero", () => {
    expect(findCountProblem(parseCounts("", "fuzz"), "fuzz")).toBe('printed no line like "fuzz: 20000 inputs"');
    expect(findCountProblem(parseCounts("faults: 9 flows, 0 cases", "faults"), "faults")).toBe("tried 0 cases");
    expect(findCountProblem(parseCounts("fuzz: 1 inputs", "fuzz"), "fuzz")).toBeNull();
    const mutants = parseCounts("mutation: 90 mutants, 90 killed, 0 survived", "mutation");
    expect(findCountProblem(mutants, "mutation")).toBeNull();
  });
});

describe("the files of a suite", () => {
  const tree: Record<string, string[]> = { "a/*": ["a/2", "a/1"], "a/1": ["a/1"] };
  const glob = (pattern: string): string[] => tree[pattern] ?? [];

  it("are what its globs match, without the exceptions", () => {
    expect(findSuiteFiles({ name: "x", files: ["a/*"], except: ["a/1"] }, glob)).toEqual({
      found: ["a/2"],
      unmatched: [],
    });
  });

  it("are told from globs that match nothing, the exceptions' too", () => {
    expect(findSuiteFiles({ name: "x", files: ["a/*", "b/*"], except: ["a/3"] }, glob)).toEqual({
      found: ["a/1", "a/2"],
      unmatched: ["b/*", "a/3"],
    });
  });
});

describe("a suite", () => {
  const run = {
    name: "fuzz",
    results: { passed: 1, failed: 0, files: new Set(["/root/a"]), failures: [] },
    root: "/root",
    expectedFiles: ["a"],
    counts: new Map([["inputs", 5]]),
    mustPrintCounts: true,
  };

  it("is believed when every file ran a test and the counts are there", () => {
    expect(findSuiteProblems(run)).toEqual([]);
    expect(findSuiteProblems({ ...run, counts: new Map(), mustPrintCounts: false })).toEqual([]);
  });

  it.each([
    ["a file ran no test", { expectedFiles: ["a", "b"] }, "no test ran in b"],
    ["it printed no counts", { counts: new Map() }, 'printed no line like "fuzz: 20000 inputs"'],
    ["a count is zero", { counts: new Map([["inputs", 0]]), mustPrintCounts: false }, "tried 0 inputs"],
  ])("is not believed when %s", (_, fields, problem) => {
    expect(findSuiteProblems({ ...run, ...fields })).toEqual([problem]);
  });
});

describe("the table", () => {
  it("has a row for each step, what was wrong, and the sums in the last line", () => {
    const counts = new Map(Object.entries({ flows: 9, faults: 14, cases: 560 }));
    const faults = { name: "faults", cases: 560, counts, passed: 4, failed: 1, problems: [], seconds: 12.34 };
    const text = renderOutcomes([faults, notRun("fuzz", ["no file matches test/fuzz/**"])]);
    expect(text.split("\n")).toEqual([
      "step    cases  faults/inputs       passed  failed  seconds",
      "faults  560    9 flows, 14 faults  4       1       12.3",
      "fuzz    0      -                   0       1       0.0",
      "",
      "fuzz: no file matches test/fuzz/**",
      "",
      "4 passed, 2 failed",
    ]);
  });
});

/** A command that runs this code. */
function commandOf(code: string, signal: AbortSignal): Command {
  return { name: "x", args: [process.execPath, "-e", code], cwd: import.meta.dirname, signal };
}

describe("a command", () => {
  const never = new AbortController().signal;

  it("is shown and kept, and succeeds with exit code 0 only", async () => {
    const shown = vi.spyOn(process.stdout, "write").mockReturnValue(true);
    const good = await runCommand(commandOf("console.log('fuzz: 5 inputs')", never));
    const bad = await runCommand(commandOf("process.exit(3)", never));
    const calls = shown.mock.calls.map(([text]) => text);
    shown.mockRestore();
    expect(good).toMatchObject({ succeeded: true, output: "fuzz: 5 inputs\n" });
    expect(bad.succeeded).toBe(false);
    expect(calls).toContain("fuzz: 5 inputs\n");
  });

  it("that cannot be started fails", async () => {
    const { succeeded } = await runCommand({ ...commandOf("", never), args: ["gmail-edge-no-such-program"] });
    expect(succeeded).toBe(false);
  });

  it("is stopped with all that it started, and has failed then, even if it says otherwise", async () => {
    const controller = new AbortController();
    const child = "process.on('SIGTERM', () => process.exit(0)); setInterval(() => {}, 1000)";
    const code = `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(child)}], { stdio: 'inherit' }); ${child}`;
    const running = runCommand(commandOf(code, controller.signal));
    setTimeout(() => controller.abort(), 500);
    // The output closes only when the grandchild has ended, too.
    const { succeeded, seconds } = await running;
    expect(succeeded).toBe(false);
    expect(seconds).toBeLessThan(10);
  }, 15_000);
});
