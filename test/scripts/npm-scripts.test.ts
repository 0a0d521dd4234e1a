/** The scripts of both packages, and the commands that documents show, go by scripts/run.mjs. */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import * as z from "zod";
import { PROJECT_ROOT } from "../../scripts/lib/wrangler.ts";

const PackageSchema = z.object({ scripts: z.record(z.string(), z.string()) });

it.each([
  ["package.json", /^node scripts\/run\.mjs \S/],
  ["bench/package.json", /^node \.\.\/scripts\/run\.mjs \S/],
])("every script of %s takes a Node that is new enough", (file, launcher) => {
  const { scripts } = PackageSchema.parse(JSON.parse(readFileSync(join(PROJECT_ROOT, file), "utf8")));
  const commands = Object.values(scripts).flatMap((script) => script.split(/\s*(?:&&|\|\||;|\|)\s*/));
  expect(commands.length).toBeGreaterThan(5);
  // Another script of the same package, which is looked at itself.
  expect(commands.filter((command) => !/^npm (run \S+|test)$/.test(command) && !launcher.test(command))).toEqual([]);
});

it("no document, script or workflow starts a package by npx, which npm 10 gives the machine's Node", () => {
  const files = execFileSync("git", ["ls-files", "-z"], { cwd: PROJECT_ROOT, encoding: "utf8" }).split("\0");
  const read = files.filter((file) => /\.(md|ts|tsx|mjs|js|json|yml|toml|sh)$|^\.ci\/run$/.test(file));
  expect(read).toContain("README.md");
  const own = "test/scripts/npm-scripts.test.ts";
  const naming = read.filter((file) => file !== own && /\bnpx\b/.test(readFileSync(join(PROJECT_ROOT, file), "utf8")));
  expect(naming).toEqual([]);
});
