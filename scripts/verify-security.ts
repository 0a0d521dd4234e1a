/**
 * `npm run verify:security`: everything that says whether the project is safe, counted. Dependencies, unit tests, attacks,
 * races, faults, fuzzing, and mutation testing. A step that is missing, or ran nothing, fails. Ends with a table and a line
 * "N passed, N failed".
 */
import { globSync } from "node:fs";
import path from "node:path";
import { readCommandLine } from "./lib/command-line.ts";
import { makeTemporaryFolder } from "./lib/env-file.ts";
import { runScript } from "./lib/run.ts";
import { readTestResults, tallyOfStep } from "./lib/test-results.ts";
import { PROJECT_ROOT } from "./lib/wrangler.ts";
import { findCountProblem, parseCounts } from "./security/counts.ts";
import { findSuiteProblems, notRun, renderOutcomes, type Outcome } from "./security/outcome.ts";
import { runCommand } from "./security/run-command.ts";
import { findSuiteFiles, MUTATION, SUITES, type Suite } from "./security/suites.ts";

const CI_LIMIT_MS = 600_000;

/** Stops what runs: the time is over, or somebody pressed Ctrl-C. */
const controller = new AbortController();

/** Runs an npm script as one step. */
async function runNpmScript(name: string, script: string, mustPrintCounts: boolean): Promise<Outcome> {
  const { succeeded, output, seconds } = await runCommand({
    name,
    args: ["npm", "run", "--silent", script],
    cwd: PROJECT_ROOT,
    signal: controller.signal,
  });
  const counts = parseCounts(output, name);
  const problem = mustPrintCounts ? findCountProblem(counts, name) : null;
  const problems = problem === null ? [] : [problem];
  return {
    name,
    cases: counts.get("mutants") ?? 1,
    counts,
    problems,
    seconds,
    ...tallyOfStep(succeeded && problems.length === 0),
  };
}

/** Runs the tests of a suite. `reportFile` is written by vitest. */
async function runSuite(suite: Suite, reportFile: string): Promise<Outcome> {
  const { name, projects = [], printsCounts = false } = suite;
  const { found, unmatched } = findSuiteFiles(suite, (pattern) => globSync(pattern, { cwd: PROJECT_ROOT }));
  const unmatchedProblems = unmatched.map((pattern) => `no file matches ${pattern}`);
  // Without a file, vitest would run them all.
  if (found.length === 0) return notRun(name, unmatchedProblems);
  const { succeeded, output, seconds } = await runCommand({
    name,
    args: [
      process.execPath,
      path.join(PROJECT_ROOT, "node_modules/vitest/vitest.mjs"),
      "run",
      ...projects.map((project) => `--project=${project}`),
      "--reporter=default",
      "--reporter=json",
      `--outputFile=${reportFile}`,
      // As absolute paths: others would match wherever they are a part.
      ...found.map((file) => path.join(PROJECT_ROOT, file)),
    ],
    cwd: PROJECT_ROOT,
    signal: controller.signal,
  });
  const results = readTestResults(reportFile, succeeded);
  const counts = parseCounts(output, name);
  const problems = [
    ...unmatchedProblems,
    ...findSuiteProblems({
      name,
      results,
      counts,
      root: PROJECT_ROOT,
      expectedFiles: found,
      mustPrintCounts: printsCounts,
    }),
  ];
  const { passed, failed, files } = results;
  const tests = files.size === 0 ? 0 : passed + failed;
  const cases = counts.get("cases") ?? tests;
  return { name, cases, counts, problems, seconds, passed, failed: failed + problems.length };
}

/** Runs a step, unless the time is over. */
async function runStep(name: string, run: () => Promise<Outcome>): Promise<Outcome> {
  if (controller.signal.aborted) return notRun(name, ["not started: the time was over"]);
  console.log(`\n── ${name} ──`);
  const outcome = await run();
  if (!controller.signal.aborted) return outcome;
  return { ...outcome, problems: [...outcome.problems, "stopped: the time was over"] };
}

const { values } = readCommandLine({
  name: "verify:security",
  about:
    "Runs everything that says whether the project is safe, and counts it: dependencies, security tests, attacks, races, faults, fuzzing, mutation testing.",
  options: {
    ci: {
      type: "boolean",
      default: false,
      about: "Leaves out mutation testing, and counts what is not done after ten minutes as failed",
    },
  },
  example: "--ci",
});

await runScript(
  async ({ stack }) => {
    const folder = stack.use(await makeTemporaryFolder());
    const outcomes: Outcome[] = [];
    let running: Promise<Outcome> | undefined;
    const add = async (name: string, run: () => Promise<Outcome>): Promise<void> => {
      running = runStep(name, run);
      outcomes.push(await running);
    };
    stack.defer(async () => {
      controller.abort();
      await running;
    });
    if (values.ci) setTimeout(() => controller.abort(), CI_LIMIT_MS).unref();

    await add("dependencies", () => runNpmScript("dependencies", "check:dependencies", false));
    for (const suite of SUITES) {
      await add(suite.name, () => runSuite(suite, path.join(folder.path, `${suite.name}.json`)));
    }
    if (!values.ci) await add(MUTATION.name, () => runNpmScript(MUTATION.name, MUTATION.script, true));
    console.log(`\n${renderOutcomes(outcomes)}`);
    return outcomes.some(({ failed }) => failed > 0) ? 1 : 0;
  },
  { interruptedExitCode: 130 },
);
