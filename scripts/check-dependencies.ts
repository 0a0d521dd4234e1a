/**
 * `npm run check:dependencies`: exact versions, a lockfile with hashes, docs/dependencies.md, and what npm knows of the
 * packages: `npm audit` for advisories, `npm audit signatures` for signatures of the registry. Exits 1 for any problem.
 *
 * A question that the registry does not answer is skipped, and said so. With `--strict` or CI_STRICT that is a problem.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import * as z from "zod/mini";
import { readCommandLine } from "./lib/command-line.ts";
import {
  findLockfileProblems,
  findPageProblems,
  findVersionProblems,
  LockfileSchema,
  ManifestSchema,
} from "./lib/dependencies.ts";
import { PROJECT_ROOT } from "./lib/wrangler.ts";

/** What `npm audit --json` and `npm audit signatures --json` print when the registry has answered. */
const AnswerSchema = z.union([
  z.object({ auditReportVersion: z.number() }),
  z.object({ invalid: z.array(z.unknown()) }),
]);

/** Production: any advisory. Development: severe ones, because these tools never meet a user's data. */
const QUESTIONS = [
  ["audit", "--omit=dev", "--audit-level=info"],
  ["audit", "--audit-level=high"],
  ["audit", "signatures"],
] as const;

const { values } = readCommandLine({
  name: "check:dependencies",
  about:
    "Checks versions, lockfile, advisories, signatures and docs/dependencies.md. Exits with 1 where something is wrong.",
  options: {
    strict: {
      type: "boolean",
      default: false,
      about: "Fails where the registry does not answer a question. CI_STRICT does so, too",
    },
  },
  example: "--strict",
});

const isStrict = values.strict || !["", "0", "false"].includes(process.env["CI_STRICT"] ?? "");
const manifest = ManifestSchema.parse(JSON.parse(read("package.json")));
const lockfile = LockfileSchema.parse(JSON.parse(read("package-lock.json")));
const problems = [
  ...findVersionProblems(manifest),
  ...findLockfileProblems(lockfile),
  ...findPageProblems(read("docs/dependencies.md"), manifest, lockfile),
  ...QUESTIONS.flatMap(ask),
];
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
else console.log(`Dependencies: ${Object.keys(lockfile.packages).length - 1} packages in the lockfile, no problem.`);

function read(file: string): string {
  return readFileSync(path.join(PROJECT_ROOT, file), "utf8");
}

/** Asks npm, and shows what it says where something is wrong. */
function ask(question: readonly string[]): string[] {
  const command = `npm ${question.join(" ")}`;
  const { stdout, status } = npm(...question, "--json");
  if (AnswerSchema.safeParse(parseOrNull(stdout)).success) {
    if (status === 0) return [];
    return [`${command}:\n${npm(...question).stdout}`];
  }
  console.log(`${command}: skipped, the registry did not answer.`);
  return isStrict ? [`${command}: no answer is a failure with --strict or CI_STRICT.`] : [];
}

function npm(...args: readonly string[]): { stdout: string; status: number | null } {
  // `npm run --silent` is passed on by the environment, and npm would print nothing.
  const options = ["--loglevel=error", "--fetch-retries=1", "--fetch-timeout=20000"];
  return spawnSync("npm", [...args, ...options], {
    cwd: PROJECT_ROOT,
    encoding: "utf8",
    timeout: 120_000,
    maxBuffer: 2 ** 26,
  });
}

function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
