/**
 * `npm run test:mutation`: changes the code in many small ways and looks whether the tests notice, group by group, on a
 * copy of the working tree. Names of groups as arguments choose some of them. Exits 1 where a group's score is below the
 * limit. scripts/mutation/README.md says how to read the result.
 */

import { mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import { PROJECT_ROOT } from "./lib/wrangler.ts";
import { runScript } from "./lib/run.ts";
import { ScriptError } from "./lib/script-error.ts";
import { GROUPS, type Group } from "./mutation/groups.ts";
import { addUp, type FileScore, printSummary, readReport, scoreOf } from "./mutation/report.ts";
import { copyWorkingTree, runStryker } from "./mutation/stryker.ts";

/** Per cent of a group's mutants that its tests must notice. */
const MIN_SCORE = 85;
const TIMEOUT_MS = 60 * 60 * 1000;
const REPORTS_FOLDER = path.join(PROJECT_ROOT, "reports", "mutation");

await runScript(
  async ({ stack }) => {
    const groups = chooseGroups(process.argv.slice(2));
    mkdirSync(REPORTS_FOLDER, { recursive: true });
    const scores: FileScore[] = [];
    const failed: string[] = [];
    const startedAt = Date.now();
    for (const group of groups) {
      console.log(`\n── ${group.name}: ${group.mutate.join(", ")} ──`);
      const report = path.join(REPORTS_FOLDER, group.name);
      const folder = await copyWorkingTree(stack);
      rmSync(`${report}.json`, { force: true });
      const ended = await runStryker(stack, { folder, group, report });
      const ofGroup = readReport(`${report}.json`);
      if (!ended || scoreOf(addUp(ofGroup)) < MIN_SCORE) failed.push(group.name);
      scores.push(...ofGroup);
    }
    printSummary(scores, Date.now() - startedAt);
    console.log(`Details: ${path.relative(process.cwd(), REPORTS_FOLDER)}/*.html`);
    if (failed.length > 0) throw new ScriptError(`Below the limit, or not run to the end: ${failed.join(", ")}`);
    return 0;
  },
  { timeoutMs: TIMEOUT_MS, interruptedExitCode: 130 },
);

function chooseGroups(names: readonly string[]): readonly Group[] {
  const unknown = names.filter((name) => !GROUPS.some((group) => group.name === name));
  if (unknown.length > 0) {
    throw new ScriptError(
      `No such group: ${unknown.join(", ")}. There are: ${GROUPS.map(({ name }) => name).join(", ")}`,
    );
  }
  return names.length === 0 ? GROUPS : GROUPS.filter(({ name }) => names.includes(name));
}
