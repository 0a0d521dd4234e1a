/** The script itself against a registry on loopback: it asks, and fails on what it learns or, if it must, on no answer. */

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";

const SCRIPT = path.join(import.meta.dirname, "../../scripts/check-dependencies.ts");
const TIMEOUT_MS = 60_000;

/** Every advisory that the registry knows, by package. */
type Bulk = Readonly<Record<string, readonly object[]>>;

/** Runs the script with a registry that answers so. */
async function runAgainst(status: number, bulk: Bulk, strict: boolean) {
  const server = createServer((request, response) => {
    request.resume();
    // npm goes on to ask for the versions of what has an advisory; it can do without.
    request.on("end", () => {
      const isBulk = request.method === "POST";
      response.writeHead(isBulk ? status : 404).end(JSON.stringify(isBulk ? bulk : {}));
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The server has no port.");
  // npm keeps what it worked out about an advisory in its cache.
  const cache = await mkdtemp(path.join(tmpdir(), "gmail-edge-npm-"));
  try {
    return await runScript({
      npm_config_registry: `http://127.0.0.1:${address.port}/`,
      npm_config_cache: cache,
      CI_STRICT: strict ? "1" : "",
    });
  } finally {
    await rm(cache, { recursive: true, force: true });
    server.closeAllConnections();
    server.close();
  }
}

async function runScript(env: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, [SCRIPT], { env: { ...process.env, ...env } });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const exitCode = await new Promise<number | null>((resolve) => void child.on("close", resolve));
  return { output, exitCode };
}

const advisory = {
  id: 1,
  url: "https://github.com/advisories/GHSA-aaaa-bbbb-cccc",
  title: "Request smuggling",
  vulnerable_versions: "*",
};

describe("npm run check:dependencies", () => {
  it(
    "fails on an advisory of a dependency of production, however mild",
    async () => {
      const { output, exitCode } = await runAgainst(200, { hono: [{ ...advisory, severity: "low" }] }, false);
      expect(output).toContain("hono (production): low: Request smuggling (GHSA-aaaa-bbbb-cccc)");
      expect(exitCode).toBe(1);
    },
    TIMEOUT_MS,
  );

  it(
    "passes over a mild advisory of a tool",
    async () => {
      const { output } = await runAgainst(200, { esbuild: [{ ...advisory, severity: "moderate" }] }, true);
      expect(output).toMatch(/^Advisories: \d+ packages, 1 known, \d+ accepted$/m);
    },
    TIMEOUT_MS,
  );

  it(
    "says that nobody could be asked, and fails on it only when told so",
    async () => {
      const lenient = await runAgainst(405, {}, false);
      expect(lenient.output).toContain("Advisories: not asked: the registry answered 405. Nothing is known");
      const strict = await runAgainst(405, {}, true);
      expect(strict.output).toContain("Advisories: not asked: the registry answered 405. That is a failure");
      expect(strict.exitCode).toBe(1);
    },
    TIMEOUT_MS,
  );
});
