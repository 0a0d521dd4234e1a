/** `npm run check:dependencies`: each check refuses a bad input, and the script fails on what a registry on loopback reports. */

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { findLockfileProblems, findPageProblems, findVersionProblems } from "../../scripts/lib/dependencies.ts";

const SCRIPT = path.join(import.meta.dirname, "../../scripts/check-dependencies.ts");
const TIMEOUT_MS = 180_000;

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

const NO_VERSIONS = { dependencies: {}, devDependencies: {}, optionalDependencies: {} };
const HASH = `sha512-${"A".repeat(86)}==`;

describe("without a registry", () => {
  it.each(["^1.0.0", "1", "latest", "https://example.com/a.tgz", "npm:b@^1.0.0"])(
    "refuses the version %s",
    (version) => {
      expect(findVersionProblems({ ...NO_VERSIONS, devDependencies: { a: version } })).toHaveLength(1);
    },
  );

  it.each(["1.0.0", "5.20261023.2-beta", "npm:@cloudflare/vitest-plugin@1.4.10"])("takes the version %s", (version) => {
    expect(findVersionProblems({ ...NO_VERSIONS, optionalDependencies: { a: version } })).toEqual([]);
  });

  it("refuses a lockfile with a package without a SHA-512 hash, or with the name of a registry", () => {
    const packages = {
      "": {},
      "node_modules/good": { integrity: HASH },
      "node_modules/old": { integrity: "sha1-AAAA" },
      "node_modules/bare": {},
      "node_modules/bound": { integrity: HASH, resolved: "https://registry.example/bound.tgz" },
    };
    expect(findLockfileProblems({ packages })).toEqual([
      "package-lock.json: node_modules/old has no SHA-512 hash",
      "package-lock.json: node_modules/bare has no SHA-512 hash",
      "package-lock.json: node_modules/bound names a registry",
    ]);
  });

  it("refuses a page that lacks a dependency, has another one, or counts otherwise", () => {
    const manifest = { ...NO_VERSIONS, dependencies: { a: "1.0.0" }, devDependencies: { b: "1.0.0" } };
    const lockfile = { packages: { "": {}, "node_modules/a": {}, "node_modules/b": { dev: true } } };
    const page = "1 packages of production and 1 of development\n| `a` | x |\n";
    expect(findPageProblems(`${page}| \`b\` | x |`, manifest, lockfile)).toEqual([]);
    expect(findPageProblems(page.replace("`a`", "`c`").replace("1 of", "2 of"), manifest, lockfile)).toEqual([
      "docs/dependencies.md: no row for a",
      "docs/dependencies.md: no row for b",
      "docs/dependencies.md: c is not in package.json",
      'docs/dependencies.md: must say "1 packages of production and 1 of development"',
    ]);
  });
});

describe("npm run check:dependencies", () => {
  it(
    "fails on an advisory of a dependency of production, however mild",
    async () => {
      const { output, exitCode } = await runAgainst(200, { hono: [{ ...advisory, severity: "low" }] }, false);
      expect(output).toContain("npm audit --omit=dev --audit-level=info:");
      expect(output).toContain("GHSA-aaaa-bbbb-cccc");
      expect(exitCode).toBe(1);
    },
    TIMEOUT_MS,
  );

  it(
    "passes over a mild advisory of a tool",
    async () => {
      const { output, exitCode } = await runAgainst(200, { esbuild: [{ ...advisory, severity: "moderate" }] }, false);
      expect(output).not.toContain("GHSA-aaaa-bbbb-cccc");
      expect(output).not.toContain("--audit-level=high: skipped");
      expect(exitCode).toBe(0);
    },
    TIMEOUT_MS,
  );

  it(
    "says that nobody could be asked, and fails on it only when told so",
    async () => {
      const lenient = await runAgainst(405, {}, false);
      expect(lenient.output).toContain("npm audit --audit-level=high: skipped, the registry did not answer.");
      expect(lenient.exitCode).toBe(0);
      const strict = await runAgainst(405, {}, true);
      expect(strict.output).toContain(
        "npm audit --audit-level=high: no answer is a failure with --strict or CI_STRICT.",
      );
      expect(strict.exitCode).toBe(1);
    },
    TIMEOUT_MS,
  );
});
