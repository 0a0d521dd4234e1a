/**
 * `npm test`: everything that CI checks, in one command. Runs every step even when one fails, and ends with a line
 * that counts: each step is one, those that run tests count them.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { findChromium, HOW_TO_GET_CHROMIUM } from "./browser/chromium.ts";
import { readTestResults, summaryLine, tallyOfStep, type Tally, type TestResults } from "./lib/test-results.ts";
import { PROJECT_ROOT } from "./lib/wrangler.ts";

const resultsFolder = mkdtempSync(path.join(tmpdir(), "gmail-edge-verify-"));
const resultsFile = path.join(resultsFolder, "results.json");
const browserFile = path.join(resultsFolder, "browser.json");

const STEPS: readonly (readonly [name: string, command: readonly string[], count?: (ok: boolean) => TestResults])[] = [
  ["format", ["npm", "run", "--silent", "format:check"]],
  ["lint", ["npm", "run", "--silent", "lint"]],
  ["types", ["npm", "run", "--silent", "types"]],
  ["knip", ["npm", "run", "--silent", "knip"]],
  ["docs", ["npm", "run", "--silent", "check:docs"]],
  ["openapi", ["npm", "run", "--silent", "openapi", "--", "--check"]],
  ["dependencies", ["npm", "run", "--silent", "check:dependencies"]],
  ["size", ["npm", "run", "--silent", "size"]],
  [
    "tests",
    [
      "npm",
      "run",
      "--silent",
      "test:unit",
      "--",
      // Of all of them: of one file, it would be below the threshold.
      "--coverage",
      "--reporter=default",
      "--reporter=json",
      `--outputFile=${resultsFile}`,
    ],
    (ok) => readTestResults(resultsFile, ok),
  ],
  [
    "browser",
    [
      "npm",
      "run",
      "--silent",
      "test:browser",
      "--",
      "--reporter=default",
      "--reporter=json",
      `--outputFile=${browserFile}`,
    ],
    (ok) => readTestResults(browserFile, ok),
  ],
  ["demo", ["npm", "run", "--silent", "demo"]],
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
