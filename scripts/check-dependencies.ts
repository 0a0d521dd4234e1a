/**
 * `npm run check:dependencies`: what gets into the project from outside. Exact versions, a lockfile with hashes, licenses,
 * install scripts, known vulnerabilities, and docs/dependencies.md.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as z from "zod/mini";
import { findAcceptanceProblems, findAdvisoryProblems, readAudit } from "./dependencies/advisories.ts";
import { findInstallScriptProblems } from "./dependencies/install-scripts.ts";
import { findLicenseProblems } from "./dependencies/licenses.ts";
import { readCommandLine } from "./lib/command-line.ts";
import {
  directDependencies,
  findInexactVersions,
  findLockfileProblems,
  findNpmrcProblems,
  installedPackages,
  installedSchema,
  lockedPackages,
  lockfileSchema,
  manifestSchema,
} from "./dependencies/manifest.ts";
import { countPackages, findPageProblems } from "./dependencies/page.ts";
import { ACCEPTED_ADVISORIES, ALLOWED_LICENSES, FAILING_SEVERITY } from "./dependencies/policy.ts";

const NPM_TIMEOUT_MS = 60_000;
const ROOT = fileURLToPath(new URL("..", import.meta.url));

const { values } = readCommandLine({
  name: "check:dependencies",
  about:
    "Checks versions, lockfile, licenses, install scripts, advisories and docs/dependencies.md. Exits with 1 where something is wrong.",
  options: {
    strict: {
      type: "boolean",
      default: false,
      about: "Fails where no registry answers `npm audit`. CI_STRICT does so, too",
    },
  },
  example: "--strict",
});
const isStrict = values.strict || !["", "0", "false"].includes(process.env["CI_STRICT"] ?? "");

const problems: string[] = [];

/** Keeps the problems, or says what holds. */
function report(found: readonly string[], holds: string): void {
  problems.push(...new Set(found));
  if (found.length === 0) console.log(holds);
}

function read(file: string): string {
  return readFileSync(`${ROOT}${file}`, "utf8");
}

/** Standard output of npm, also when it exits with an error: `npm audit` does so for what it finds. */
function npm(...args: string[]): string {
  // `npm run --silent` would be passed on by the environment, and npm would print nothing.
  const { stdout } = spawnSync("npm", [...args, "--loglevel=error"], {
    cwd: ROOT,
    encoding: "utf8",
    timeout: NPM_TIMEOUT_MS,
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout ?? "";
}

function parseInstalled(): ReturnType<typeof installedPackages> {
  const output = npm("query", "*");
  if (!output.trimStart().startsWith("[")) throw new Error("npm query did not list what is installed: run npm ci");
  const installed = installedPackages(z.parse(installedSchema, JSON.parse(output)));
  if (installed.length === 0) throw new Error("Nothing is installed: run npm ci");
  return installed;
}

function reportAdvisories(): void {
  const rules = { failingSeverity: FAILING_SEVERITY, accepted: ACCEPTED_ADVISORIES, now: new Date() };
  problems.push(...findAcceptanceProblems(rules));
  const answer = readAudit(npm("audit", "--json", "--fetch-retries=1", "--fetch-timeout=20000"), locked);
  if (answer.asked) {
    const count = `${answer.advisories.length} known, ${ACCEPTED_ADVISORIES.length} accepted`;
    report(findAdvisoryProblems(answer.advisories, rules), `Advisories: ${locked.length} packages, ${count}`);
    return;
  }
  const message = `Advisories: not asked: ${answer.reason}`;
  if (isStrict) problems.push(`${message}. That is a failure with --strict or CI_STRICT`);
  else console.log(`${message}. Nothing is known of vulnerabilities; with --strict or CI_STRICT this fails`);
}

const manifest = z.parse(manifestSchema, JSON.parse(read("package.json")));
const lockfile = z.parse(lockfileSchema, JSON.parse(read("package-lock.json")));
const locked = lockedPackages(lockfile);
const installed = parseInstalled();
const all = [...locked, ...installed];
const direct = directDependencies(manifest).length;
const { production, development } = countPackages(locked);

report(findInexactVersions(manifest), `Versions: ${direct} direct dependencies, all exact`);
report(
  [...findLockfileProblems(lockfile), ...findNpmrcProblems(read(".npmrc"))],
  `Lockfile: ${locked.length} packages (${production} of production, ${development} of development), all with a SHA-512 hash, none bound to a registry`,
);
report(
  findLicenseProblems(all, ALLOWED_LICENSES),
  `Licenses: ${locked.length} packages in the lockfile, ${installed.length} installed, ${new Set(all.map(({ license }) => license)).size} different licenses, all accepted`,
);
report(
  findInstallScriptProblems(all, manifest),
  `Install scripts: ${Object.keys(manifest.allowScripts).length} packages have one, all named in allowScripts; npm ci runs none`,
);
report(
  findPageProblems(read("docs/dependencies.md"), manifest, locked),
  `docs/dependencies.md: ${direct} dependencies listed`,
);
reportAdvisories();

if (problems.length > 0) {
  console.error(`${problems.join("\n")}\n\nDependencies: ${problems.length} problems.`);
  process.exitCode = 1;
}
