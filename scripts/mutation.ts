/**
 * `npm run test:mutation`: changes the code in many small ways and looks whether the tests notice, group by group, on a
 * copy of the working tree. scripts/mutation/README.md says how to read the result.
 */

import path from "node:path";
import { PROJECT_ROOT } from "./lib/wrangler.ts";
import { readCommandLine } from "./lib/command-line.ts";
import { runScript } from "./lib/run.ts";
import { ScriptError } from "./lib/script-error.ts";
import { GROUPS, type Group } from "./mutation/groups.ts";
import { copyWorkingTree, MIN_SCORE, runStryker } from "./mutation/stryker.ts";

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
    const failed: string[] = [];
    for (const group of chooseGroups(positionals)) {
      console.log(`\n── ${group.name}: ${group.mutate.join(", ")} ──`);
      const folder = await copyWorkingTree(stack);
      const report = path.join(REPORTS_FOLDER, `${group.name}.html`);
      if (!(await runStryker(stack, { folder, group, report }))) failed.push(group.name);
    }
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
