/**
 * `npm test`: everything that CI checks, in one command. Runs every step even when one fails, and ends with a line
 * that counts: each step is one, the test step counts its tests.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

interface Tally {
  readonly passed: number;
  readonly failed: number;
}

const resultsFolder = mkdtempSync(path.join(tmpdir(), "gmail-edge-verify-"));
const resultsFile = path.join(resultsFolder, "results.json");

const STEPS: readonly (readonly [name: string, command: readonly string[], count?: (ok: boolean) => Tally])[] = [
  ["format", ["npm", "run", "--silent", "format:check"]],
  ["lint", ["npm", "run", "--silent", "lint"]],
  ["types", ["npm", "run", "--silent", "types"]],
  ["knip", ["npm", "run", "--silent", "knip"]],
  ["docs", ["npm", "run", "--silent", "check:docs"]],
  ["size", ["npm", "run", "--silent", "size"]],
  [
    "tests",
    [
      "npm",
      "run",
      "--silent",
      "test:unit",
      "--",
      "--reporter=default",
      "--reporter=json",
      `--outputFile=${resultsFile}`,
    ],
    countTests,
  ],
  ["demo", ["npm", "run", "--silent", "demo"]],
];

/** Counts single tests; a run that fails otherwise (coverage, a crash) counts as a failure, too. */
function countTests(ok: boolean): Tally {
  try {
    const results: unknown = JSON.parse(readFileSync(resultsFile, "utf8"));
    const { numPassedTests = 0, numFailedTests = 0 } = results as { numPassedTests?: number; numFailedTests?: number };
    const failed = numFailedTests > 0 || ok ? numFailedTests : 1;
    return { passed: numPassedTests, failed: numPassedTests === 0 && failed === 0 ? 1 : failed };
  } catch {
    return { passed: 0, failed: 1 };
  }
}

let passed = 0;
let failed = 0;
const failedSteps: string[] = [];
for (const [name, [command = "", ...args], count] of STEPS) {
  console.log(`\n── ${name} ──`);
  const ok = spawnSync(command, args, { stdio: "inherit" }).status === 0;
  const tally = count?.(ok) ?? { passed: ok ? 1 : 0, failed: ok ? 0 : 1 };
  passed += tally.passed;
  failed += tally.failed;
  if (!ok || tally.failed > 0) failedSteps.push(name);
}
rmSync(resultsFolder, { recursive: true, force: true });
if (failedSteps.length > 0) console.log(`\nFailed: ${failedSteps.join(", ")}`);
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
