/**
 * The commands of documents: every npm script, file, option and wrangler command that a fenced `sh` block or an `npm run`
 * code span names exists. Those that are safe and quick are run. test/clients/docs-recipes.test.ts runs the blocks that
 * are marked `sh tested`.
 */
import { execFile } from "node:child_process";
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { TokenKeysSchema } from "../../src/lib/key-ring.ts";
import { parseTokenText } from "../../src/object/token-text.ts";
import { PROJECT_ROOT } from "../../scripts/lib/wrangler.ts";

const run = promisify(execFile);
const PackageSchema = z.object({ scripts: z.record(z.string(), z.string()) });

/** Programs of the reader's machine. */
const PROGRAMS = new Set(["curl", "gcloud", "jq", "mv", "openssl", "printf", "basenc", "cut", "tr", "export", "umask"]);

/** What npm does itself. */
const OWN_COMMANDS = new Set(["ci", "install", "audit"]);

interface Command {
  readonly file: string;
  /** Split at spaces; quotes are of no concern here. */
  readonly words: readonly string[];
}

function read(file: string): string {
  return readFileSync(path.join(PROJECT_ROOT, file), "utf8");
}

/** Commands of a shell block: one per line, and per part of a pipe or a list. */
function commandsOf(file: string, block: string): Command[] {
  return block
    .replaceAll(/\\\n\s*/g, " ")
    .split(/\n|&&|\|(?=\s)/)
    .map((line) => line.replace(/\s#.*$|^\s*#.*$/, "").trim())
    .filter(Boolean)
    .map((line) => ({ file, words: line.split(/\s+/) }));
}

const documents = globSync(["*.md", "docs/**/*.md", "examples/*/README.md", "bench/README.md"], { cwd: PROJECT_ROOT });
const shell = documents.flatMap((file) =>
  [...read(file).matchAll(/^ *```(?:sh|console)\n([^]*?)^ *```$/gm)].flatMap(([, block = ""]) =>
    commandsOf(file, block),
  ),
);
const spans = documents.flatMap((file) =>
  [
    ...read(file)
      .replaceAll(/^ *```[^]*?^ *```$/gm, "")
      .matchAll(/`((?:npm|node) [^`]+)`/g),
  ].flatMap(([, code = ""]) => commandsOf(file, code)),
);
const commands = [...shell, ...spans];

/** `npm run NAME -- …`, with what follows the dashes. */
interface NpmRun extends Command {
  readonly folder: string;
  readonly name: string;
  readonly args: readonly string[];
}

/** `npm start` and `npm test` are scripts, too; null for what npm does itself. */
function asNpmRun({ file, words }: Command): NpmRun | null {
  if (words[0] !== "npm") return null;
  const end = words.indexOf("--");
  const own = words.slice(1, end < 0 ? undefined : end).filter((word) => !["--silent", "-s"].includes(word));
  const prefix = own.indexOf("--prefix");
  const folder = prefix < 0 ? "." : (own.splice(prefix, 2)[1] ?? "");
  const name = own[0] === "run" ? own[1] : own[0];
  if (name === undefined || OWN_COMMANDS.has(name)) return null;
  return { file, words, folder, name, args: end < 0 ? [] : words.slice(end + 1) };
}

const npmRuns = commands.map(asNpmRun).filter((found) => found !== null);

/** Options that are long enough to be no value. */
function optionsOf(args: readonly string[]): string[] {
  return args.filter((arg) => /^--[a-z]/.test(arg)).map((arg) => arg.replace(/=.*$/, ""));
}

/** The files that a script and its own modules are made of: an option must stand in one of them. */
function sourceOf(script: string, seen = new Set<string>()): string {
  if (seen.has(script) || !existsSync(script)) return "";
  seen.add(script);
  const text = readFileSync(script, "utf8");
  const imports = [...text.matchAll(/from "(\.[^"]+)"/g)].map(([, name = ""]) => path.join(path.dirname(script), name));
  return [text, ...imports.map((file) => sourceOf(file, seen))].join("\n");
}

test("documents have commands", () => {
  expect(shell.length).toBeGreaterThan(50);
  expect(npmRuns.length).toBeGreaterThan(50);
});

test("every program of a block is npm, one of the reader's machine, or an assignment", () => {
  const unknown = shell.filter(
    ({ words: [first = ""] }) => first !== "npm" && !PROGRAMS.has(first) && !/^\w+=/.test(first),
  );
  expect(unknown.map(({ file, words }) => `${file}: ${words.join(" ")}`)).toEqual([]);
});

test("every npm script exists", () => {
  const missing = npmRuns.filter(
    ({ folder, name }) => PackageSchema.parse(JSON.parse(read(`${folder}/package.json`))).scripts[name] === undefined,
  );
  expect(missing.map(({ file, words }) => `${file}: ${words.join(" ")}`)).toEqual([]);
});

test("every option after -- is one of the script's", () => {
  const unknown = npmRuns.flatMap(({ file, folder, name, args }) => {
    const command = PackageSchema.parse(JSON.parse(read(`${folder}/package.json`))).scripts[name] ?? "";
    const modules = [...command.matchAll(/\S+\.ts\b/g)].map(([found]) => path.join(PROJECT_ROOT, folder, found));
    if (modules.length === 0) return [];
    const source = modules.map((module) => sourceOf(module)).join("\n");
    return optionsOf(args)
      .filter((option) => option !== "--help" && !new RegExp(`["' ]?\\b${option.slice(2)}\\b["']?`).test(source))
      .map((option) => `${file}: npm run ${name} ${option}`);
  });
  expect(unknown).toEqual([]);
});

/** `secret put` of `secret put NAME`: words before the first value or option. */
function subcommandOf(args: readonly string[]): string {
  const end = args.findIndex((arg) => !/^[a-z]+$/.test(arg));
  return args.slice(0, end < 0 ? undefined : end).join(" ");
}

/** Runs a line as a careful shell does, in the project's folder. */
const shellRun = (script: string) => run("bash", ["-euo", "pipefail", "-c", script], { cwd: PROJECT_ROOT });

/** The `kid`s of a key file. */
const kidsOf = (file: string): string[] =>
  TokenKeysSchema.parse(JSON.parse(readFileSync(file, "utf8"))).keys.map((key) => key.kid);

describe("wrangler", () => {
  const used = npmRuns.filter(({ name }) => name === "wrangler");
  const subcommands = [...new Set(used.map(({ args }) => subcommandOf(args)))];

  test.for(subcommands)(
    "has the command %s, with the options of the documents",
    { timeout: 60_000 },
    async (command) => {
      const { stdout } = await run("npm", ["run", "--silent", "wrangler", "--", ...command.split(" "), "--help"], {
        cwd: PROJECT_ROOT,
      });
      expect(stdout).toContain(`wrangler ${command}`);
      const options = used.filter(({ args }) => subcommandOf(args) === command).flatMap(({ args }) => optionsOf(args));
      for (const option of options) expect(stdout).toContain(option);
    },
  );
});

describe("what is safe and quick is run", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "docs-commands-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const keys = path.join(folder, "gmail-edge-keys");

  test("the key file is made, gets a new first key, and loses the old one", { timeout: 120_000 }, async () => {
    const lines = shell
      .filter(
        ({ file: page, words: [first = ""] }) => page === "docs/operations.md" && ["npm", "mv", "jq"].includes(first),
      )
      .map(({ words }) => words.join(" "));
    const local = lines.map((line) => line.replaceAll("../gmail-edge-keys", keys));
    const named = (part: string): string =>
      local.find((line) => line.includes(part)) ?? expect.fail(`no command with ${part}`);
    const file = `${keys}.json`;
    await shellRun(named("npm run --silent keys > "));
    const [first] = kidsOf(file);
    await shellRun(`${named("keys -- --add-to")}\n${named("mv ")}`);
    expect(kidsOf(file)).toHaveLength(2);
    expect(kidsOf(file)[1]).toBe(first);
    await shellRun(`${named(".[:1]'")}\n${named("mv ")}`);
    expect(kidsOf(file)).toHaveLength(1);
  });

  test("npm run setup takes the file of Google's console", { timeout: 60_000 }, async () => {
    const file = path.join(folder, "client_secret_123.json");
    const web = { client_id: "123-abc.apps.googleusercontent.com", client_secret: "secret", redirect_uris: [] };
    writeFileSync(file, JSON.stringify({ web }));
    const documented = npmRuns.find(
      ({ name, file: document }) => name === "setup" && document === "docs/setup-google.md",
    );
    const command = documented?.words.join(" ").replace("~/Downloads/client_secret_….json", file);
    const { stdout } = await shellRun(`${command} --dry-run --redirect-uri-added`);
    expect(stdout).toContain("Nothing is written");
  });

  test("the operator's commands compute what storage and log have", async () => {
    const page = read("docs/operations.md");
    const schema = read("docs/storage-schema.md");
    const example = (name: string) => schema.split(`\`\`\`text ${name}\n`)[1]?.split("\n")[0] ?? expect.fail(name);
    const [object = ""] = /^OBJECT=.*$/m.exec(page) ?? [];
    const [hash = ""] = /^HASH=.*$/m.exec(page) ?? [];
    const { stdout } = await shellRun(`TOKEN=${example("api-token-secret")}\n${object}\n${hash}\necho "$OBJECT $HASH"`);
    expect(stdout.trim()).toBe(`${example("api-token-object")} ${example("api-token-hash")}`);
    expect(await parseTokenText(example("api-token-secret"))).toEqual({
      objectId: example("api-token-object"),
      hash: example("api-token-hash"),
    });
    const [subject = ""] = /printf %s "\$SUB" .*$/m.exec(page) ?? [];
    expect((await shellRun(`SUB=117250000000000000042; ${subject}`)).stdout).toMatch(/^[\w-]{12}\n$/);
  });
});
