/**
 * `npm run test:mutation`: changes the code in many small ways and looks whether the tests notice, group by group, on a
 * copy of the working tree. docs/mutation-testing.md says how to read the result.
 */

import { mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import { PROJECT_ROOT } from "./lib/wrangler.ts";
import { readCommandLine } from "./lib/command-line.ts";
import { runScript } from "./lib/run.ts";
import { ScriptError } from "./lib/script-error.ts";
import { GROUPS, type Group } from "./mutation/groups.ts";
import { addUp, type FileScore, printSummary, readReport, scoreOf } from "./mutation/report.ts";
import { copyWorkingTree, runStryker } from "./mutation/stryker.ts";

/** Per cent of a group's mutants that its tests must notice. */
const MIN_SCORE = 85;
const TIMEOUT_MS = 60 * 60 * 1000;
const REPORTS_FOLDER = path.join(PROJECT_ROOT, "reports", "mutation");

const { positionals } = readCommandLine({
  name: "test:mutation",
  about: `Changes the code in many small ways, on a copy, and looks whether the tests notice. Exits with 1 where a group scores below ${MIN_SCORE} %.`,
  options: {},
  positionals: "[GROUP …]",
  notes: `Groups: ${GROUPS.map(({ name }) => name).join(", ")}. All of them where none is named.`,
  example: GROUPS[0]?.name ?? "",
});

await runScript(
  async ({ stack }) => {
    const groups = chooseGroups(positionals);
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
