/**
 * What mutation testing runs: the project `worker` of vitest.config.ts, with the test files that scripts/mutation.ts
 * chose, in a runtime that is kept from one mutant to the next.
 */
import { globSync } from "node:fs";
import path from "node:path";
import { defineConfig, type TestProjectInlineConfiguration } from "vitest/config";
import config from "./vitest.config.ts";
import { keptRuntime } from "./test/support/mutation/kept-runtime.ts";

const worker = config.test?.projects
  ?.filter((project): project is TestProjectInlineConfiguration => typeof project === "object" && "test" in project)
  .find(({ test }) => test?.name === "worker");
if (worker === undefined) throw new Error("vitest.config.ts has no project `worker`.");

const modules = globSync("{src,test}/**/*.{ts,tsx}").map((file) => path.resolve(file));

export default defineConfig({
  test: {
    projects: [
      {
        ...worker,
        // Each of Stryker's runners optimizes dependencies for itself: they would overwrite each other's, and those of
        // the tree, to which node_modules is linked.
        cacheDir: path.resolve(`.vite-${process.env["STRYKER_MUTATOR_WORKER"] ?? "0"}`),
        plugins: [...(worker.plugins ?? []), keptRuntime(modules)],
        test: {
          ...worker.test,
          include: process.env["MUTATION_TESTS"]?.split(",") ?? [],
          setupFiles: ["test/support/mutation/setup.ts"],
          sequence: { setupFiles: "list" },
        },
      },
    ],
  },
});
