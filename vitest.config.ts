/**
 * Six projects. `worker…`: tests inside of workerd, with the local Google behind every outbound call, in three
 * runtimes, since one heap does not hold them all, and one core takes its time.
 * `wrangler-dev`: the contract tests from outside, against real processes; `npm test` runs those that are tagged `process`,
 * GitHub's nightly workflow all of them. `node`: scripts and the local Google itself. `browser`: Chromium against
 * `npm run dev`.
 */
import { cloudflareTest } from "@cloudflare/vitest-pool-workers";
import { Response as MiniflareResponse } from "miniflare";
import { defineConfig, type TestProjectConfiguration } from "vitest/config";
import { createGoogleHub } from "./test/google/google.ts";

declare module "vitest" {
  interface ProvidedContext {
    fuzzRuns: number;
    fuzzSeed: number;
  }
}

/** On a busy machine a test may have to wait for its turn, and a stage of its own takes seconds to begin. */
const PATIENCE = { testTimeout: 30_000, expect: { poll: { timeout: 15_000 } } };

/** On two cores, vitest would use one. Projects that run at the same time must have the same number. */
const BOTH_CORES = { maxWorkers: 2 };

/** Tests inside of workerd: a runtime, and so a heap, of their own. */
function inWorkerd(name: string, ...include: readonly string[]): TestProjectConfiguration {
  const hub = createGoogleHub();
  return {
    plugins: [
      cloudflareTest({
        main: "./test/support/main.workerd.ts",
        wrangler: { configPath: "./wrangler.toml" },
        miniflare: {
          // Given here, so that a developer's .dev.vars cannot leak into the tests.
          bindings: { GOOGLE_CLIENT_ID: "unset", GOOGLE_CLIENT_SECRET: "unset", TOKEN_KEYS: "unset" },
          outboundService: async (request) => {
            const body = request.method === "GET" || request.method === "HEAD" ? null : await request.text();
            const headers = Object.fromEntries(request.headers);
            const response = await hub(new Request(request.url, { method: request.method, headers, body }));
            const bytes = response.body === null ? null : await response.arrayBuffer();
            return new MiniflareResponse(bytes, {
              status: response.status,
              headers: Object.fromEntries(response.headers),
            });
          },
        },
      }),
    ],
    test: {
      name,
      include: [...include],
      // Each stage has its own Worker, Google and people; a runtime per file would double the time.
      isolate: false,
      ...BOTH_CORES,
      ...PATIENCE,
      provide: {
        fuzzRuns: Number(process.env["FUZZ_RUNS"] ?? 20_000),
        fuzzSeed: Number(process.env["FUZZ_SEED"] ?? 20_261_122),
      },
      // Not hono: of a package in several entry points, half optimized, there would be two copies that do not know each other.
      deps: { optimizer: { ssr: { enabled: true, include: ["zod", "zod/mini", "jose"] } } },
    },
  };
}

export default defineConfig({
  test: {
    tags: [
      { name: "process", description: "What only a process can show: sockets, streams, raw paths, cookies, logs" },
    ],
    coverage: {
      provider: "istanbul",
      include: ["src/**"],
      reporter: ["text-summary", "html", "json-summary"],
      thresholds: { branches: 90 },
    },
    projects: [
      inWorkerd("worker", "test/unit/**/*.test.ts", "test/races/**/*.test.ts"),
      inWorkerd("worker-contract", "test/contract/**/*.test.ts"),
      inWorkerd("worker-hardened", ...["attacks", "faults", "fuzz"].map((folder) => `test/${folder}/**/*.test.ts`)),
      {
        test: {
          name: "wrangler-dev",
          environment: "node",
          include: ["test/contract/**/*.test.ts"],
          globalSetup: ["test/support/wrangler-pool.ts"],
          ...PATIENCE,
          // Two starts of a process on a busy machine, and what a test does with it.
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // Mostly waiting for processes to start: worth more workers than the cores that vitest would use.
          maxWorkers: 3,
          // After the others: vitest runs projects with different numbers of workers one after another.
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "node",
          environment: "node",
          ...BOTH_CORES,
          ...PATIENCE,
          include: ["clients", "examples", "google", "scripts", "support"].map(
            (folder) => `test/${folder}/**/*.test.ts`,
          ),
        },
      },
      {
        test: {
          name: "browser",
          environment: "node",
          include: ["test/e2e/**/*.test.ts"],
          globalSetup: ["test/e2e/support/servers.ts"],
          ...PATIENCE,
          testTimeout: 150_000,
          hookTimeout: 150_000,
          // What a person does in a browser has no order that is the same each time; a real fault fails twice.
          retry: 1,
          // Each has servers of its own, with a Google of its own.
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
