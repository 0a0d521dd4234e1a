/**
 * `npm test`: everything that CI checks, in one command. Runs every step even when one fails, and ends with a line
 * that counts: each step is one, those that run tests count them.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { findChromium, HOW_TO_GET_CHROMIUM } from "./browser/chromium.ts";
import { readCommandLine } from "./lib/command-line.ts";
import { readTestResults, summaryLine, tallyOfStep, type Tally, type TestResults } from "./lib/test-results.ts";
import { PROJECT_ROOT } from "./lib/wrangler.ts";

readCommandLine({
  name: "test",
  about: "Runs everything that CI checks, and ends with a line that counts. Exits with 1 where something failed.",
  options: {},
  notes: "What cannot run here is skipped and said; with CI set it fails. `npm run test:unit` runs tests only.",
  example: "",
});

const resultsFolder = mkdtempSync(path.join(tmpdir(), "gmail-edge-verify-"));
type Step = readonly [name: string, command: readonly string[], count?: (ok: boolean) => TestResults];

const run = (script: string, ...args: readonly string[]): readonly string[] => [
  "npm",
  "run",
  "--silent",
  script,
  ...args,
];

/** A step that counts its tests. */
function tests(name: string, script: string, ...args: readonly string[]): Step {
  const file = path.join(resultsFolder, `${name}.json`);
  const report = ["--", ...args, "--reporter=default", "--reporter=json", `--outputFile=${file}`];
  return [name, run(script, ...report), (ok) => readTestResults(file, ok)];
}

const STEPS: readonly Step[] = [
  ["format", run("format:check")],
  ["lint", run("lint")],
  ["types", run("types")],
  ["knip", run("knip")],
  ["docs", run("check:docs")],
  ["dependencies", run("check:dependencies")],
  ["size", run("size")],
  // The coverage of all of them: of one file, it would be below the threshold.
  tests("tests", "test:unit", "--coverage"),
  tests("processes", "test:processes"),
  tests("browser", "test:browser"),
  ["demo", run("demo")],
  ["bench", ["npm", "--prefix", "bench", "run", "--silent", "check"]],
];

/** Why a step cannot run here: whoever tries the project need have neither; CI must have both. */
const MISSING: Readonly<Record<string, () => string | null>> = {
  browser: () => (findChromium() === null ? HOW_TO_GET_CHROMIUM : null),
  bench: () =>
    existsSync(path.join(PROJECT_ROOT, "bench/node_modules"))
      ? null
      : "The benchmark is a package of its own: `npm --prefix bench ci` installs it.",
};

let passed = 0;
let failed = 0;
let skipped = 0;
const failures: string[] = [];
for (const [name, [command = "", ...args], count] of STEPS) {
  console.log(`\n── ${name} ──`);
  const missing = process.env["CI"] === undefined ? (MISSING[name]?.() ?? null) : null;
  if (missing !== null) {
    console.log(`Skipped. ${missing}`);
    skipped += 1;
    continue;
  }
  const ok = spawnSync(command, args, { stdio: "inherit" }).status === 0;
  const results = count?.(ok) ?? null;
  const tally: Tally = results ?? tallyOfStep(ok);
  passed += tally.passed;
  failed += tally.failed;
  if (!ok || tally.failed > 0) failures.push(name, ...(results?.failures ?? []).map((test) => `  ${test}`));
}
rmSync(resultsFolder, { recursive: true, force: true });
// At the end, where it is found: what a step has printed of them is far above, or cut off.
if (failures.length > 0) console.log(["\nFailed:", ...failures].join("\n"));
console.log(`\n${summaryLine({ passed, failed })}${skipped === 0 ? "" : `, ${skipped} skipped`}`);
process.exitCode = failed === 0 ? 0 : 1;
