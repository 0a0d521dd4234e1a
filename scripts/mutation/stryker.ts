/**
 * Stryker on a copy of the working tree. It works in place, because the runtime's test pool resolves files by their real
 * paths; so it never gets to see the tree itself.
 */

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { makeTemporaryFolder } from "../lib/env-file.ts";
import type { Run } from "../lib/run.ts";
import { ScriptError } from "../lib/script-error.ts";
import { PROJECT_ROOT } from "../lib/wrangler.ts";
import type { Group } from "./groups.ts";

/** Runners of tests at the same time: each has a vitest and a runtime of its own. */
const CONCURRENCY = 2;
/**
 * A mutant counts as noticed when its tests take this many times longer, and this much more, than without it. Generous,
 * because a busy machine must not pass for an endless loop.
 */
const TIMEOUT_FACTOR = 5;
const TIMEOUT_MS = 10_000;

/** Per cent of a group's mutants that its tests must notice. */
export const MIN_SCORE = 85;

/** Copies what git knows or would add into a folder that goes away with the script; dependencies are linked. */
export async function copyWorkingTree(stack: Run["stack"]): Promise<string> {
  const folder = stack.use(await makeTemporaryFolder()).path;
  const listed = spawnSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: PROJECT_ROOT,
    encoding: "utf8",
  });
  if (listed.status !== 0) throw new ScriptError(`git ls-files failed:\n${listed.stderr}`);
  for (const file of listed.stdout.split("\0").filter(Boolean)) {
    const source = path.join(PROJECT_ROOT, file);
    // A file that was deleted and not yet committed is listed, too.
    if (!existsSync(source)) continue;
    const target = path.join(folder, file);
    mkdirSync(path.dirname(target), { recursive: true });
    cpSync(source, target);
  }
  symlinkSync(path.join(PROJECT_ROOT, "node_modules"), path.join(folder, "node_modules"));
  return folder;
}

/** How to test one group. */
export interface StrykerRun {
  /** The copy to work in. */
  readonly folder: string;
  readonly group: Group;
  /** Path of the report, as HTML. */
  readonly report: string;
}

/** Runs Stryker to its end, with its output as it comes. @returns whether it came to its end with a score that is high enough */
export async function runStryker(stack: Run["stack"], { folder, group, report }: StrykerRun): Promise<boolean> {
  const config = {
    testRunner: "vitest",
    plugins: ["@stryker-mutator/vitest-runner"],
    vitest: { configFile: "vitest.mutation.config.ts", related: false },
    mutate: group.mutate,
    inPlace: true,
    coverageAnalysis: "perTest",
    concurrency: CONCURRENCY,
    timeoutFactor: TIMEOUT_FACTOR,
    timeoutMS: TIMEOUT_MS,
    reporters: ["progress-append-only", "clear-text", "html"],
    clearTextReporter: { logTests: false, reportTests: false },
    htmlReporter: { fileName: report },
    thresholds: { high: 95, low: MIN_SCORE, break: MIN_SCORE },
    allowConsoleColors: false,
    // Static mutants are worth their time here: they are the schemas of what comes from outside.
    warnings: { slow: false },
  };
  writeFileSync(path.join(folder, "stryker.config.json"), JSON.stringify(config));
  const child = spawn(process.execPath, [path.join(PROJECT_ROOT, "node_modules/.bin/stryker"), "run"], {
    cwd: folder,
    env: { ...process.env, MUTATION_TESTS: group.tests.join(",") },
    stdio: ["ignore", "inherit", "inherit"],
    // A group of its own: its runners and their runtimes must end with it.
    detached: true,
  });
  const ended = once(child, "exit");
  stack.defer(async () => {
    if (child.exitCode !== null || child.pid === undefined) return;
    process.kill(-child.pid, "SIGTERM");
    await ended;
  });
  await ended;
  return child.exitCode === 0;
}
