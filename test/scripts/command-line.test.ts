/** Every script of ours says how it is called, and refuses what it does not know. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import * as z from "zod";
import { PROJECT_ROOT } from "../../scripts/lib/wrangler.ts";
import { start } from "../support/processes.ts";

const PackageSchema = z.object({ scripts: z.record(z.string(), z.string()) });
const { scripts } = PackageSchema.parse(JSON.parse(readFileSync(join(PROJECT_ROOT, "package.json"), "utf8")));
const OURS = Object.entries(scripts).flatMap(([name, script]) => {
  const [, file] = /^node scripts\/run\.mjs (scripts\/\S+\.ts)$/.exec(script) ?? [];
  return file === undefined ? [] : [[name, file] as const];
});

it("there are such scripts", () => {
  expect(OURS.length).toBeGreaterThan(10);
});

it.each(OURS)("npm run %s -- --help: usage, options, an example", { timeout: 120_000 }, async (name, file) => {
  const { code, stdout, stderr } = await start([process.execPath, file, "--help"], { cwd: PROJECT_ROOT }).ended;
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toMatch(/^[A-Z].*\.\n/);
  expect(stdout).toContain(`\nUsage: npm run ${name} `);
  expect(stdout).toMatch(/\n {2}--help +\S/);
  expect(stdout).toContain(`\nExample: npm run ${name}`);
  // The example has no option that is not listed.
  const [, example = ""] = /\nExample: (.*)/.exec(stdout) ?? [];
  for (const [option] of example.matchAll(/--\w[\w-]*/g)) expect(stdout).toContain(`\n  ${option} `);
});

it.each(OURS)("npm run %s -- --bad: one line, and 2", { timeout: 120_000 }, async (name, file) => {
  const { code, stdout, stderr } = await start([process.execPath, file, "--bad"], { cwd: PROJECT_ROOT }).ended;
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toBe(`Unknown option '--bad'. \`npm run ${name} -- --help\` shows what there is.\n`);
});
