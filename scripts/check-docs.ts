/**
 * Checks the documents against the project: relative links and anchors, paths and npm scripts in code spans, tests that
 * are named as proofs, sections that other files refer to, and that docs/configuration.md lists every setting. Prints what
 * is wrong and exits 1, or says what was checked. Links to other sites are not followed. The error table and plain words:
 * scripts/errors-page.ts, scripts/check-words.ts.
 */
import { existsSync, globSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { unstable_readConfig as readWranglerConfig } from "wrangler";
import { readCommandLine } from "./lib/command-line.ts";

readCommandLine({
  name: "check:docs",
  about: "Checks the documents against the project: links, paths, npm scripts, names of configuration.",
  options: {},
  example: "",
});

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** What a document may name that is made on the spot, so that it need not exist. */
const MADE_LOCALLY = new Set([
  ".dev.vars",
  "public/openapi.json",
  ".wrangler/dev-token-keys.json",
  ".wrangler/state",
  "coverage/",
]);

const problems: string[] = [];
let checked = 0;

function check(holds: boolean, problem: string): void {
  checked += 1;
  if (!holds) problems.push(problem);
}

function read(file: string): string {
  return readFileSync(path.join(ROOT, file), "utf8");
}

/** Folders whose files are not of this project. */
function isForeign(name: string): boolean {
  return /(^|\/)(node_modules|coverage|dist|\.git|\.wrangler)$/.test(name);
}

function find(patterns: readonly string[]): string[] {
  return globSync([...patterns], { cwd: ROOT, exclude: isForeign });
}

/** The headings of a document, as text. */
function headingsOf(file: string): readonly string[] {
  const found = withoutFences(read(file)).matchAll(/^#{1,6} (.+)$/gm);
  return Array.from(found, ([, text = ""]) => text.replaceAll("`", ""));
}

/** A heading as GitHub makes an anchor of it. */
function anchorOf(heading: string): string {
  const kept = heading.toLowerCase().replaceAll(/[^\p{L}\p{N}\p{M}\p{Pc} -]/gu, "");
  return kept.replaceAll(" ", "-");
}

function withoutFences(markdown: string): string {
  return markdown.replaceAll(/^( *)```.*\n[\s\S]*?^\1```$/gm, "");
}

function checkLinks(file: string, markdown: string): void {
  const text = markdown.replaceAll(/`[^`\n]*`/g, "");
  const targets = [...text.matchAll(/\]\(<?([^)\s>]+)>?(?: "[^"]*")?\)|^\[[^\]]+\]: (\S+)/gm)];
  for (const [, inline, reference] of targets) {
    const target = inline ?? reference ?? "";
    if (/^[a-z][a-z+.-]*:/i.test(target)) continue;
    const [name = "", anchor] = target.split("#");
    const linked = name === "" ? file : path.join(path.dirname(file), decodeURIComponent(name));
    const exists = existsSync(path.join(ROOT, linked));
    check(exists, `${file}: dead link ${target}`);
    if (!exists || anchor === undefined || !linked.endsWith(".md")) continue;
    check(headingsOf(linked).map(anchorOf).includes(anchor), `${file}: no such heading in ${linked}: #${anchor}`);
  }
}

/** Code spans that are paths of this project: below one of its folders, or a file at its top. */
function checkPaths(file: string, markdown: string): void {
  for (const [, span = ""] of markdown.matchAll(/`([^`\s]+)`/g)) {
    const isPath =
      /^(src|test|scripts|docs|public|bench|\.ci|\.github)\//.test(span) ||
      /^[\w.-]+\.(md|ts|toml|json|jsonc)$/.test(span) ||
      /^\.[a-z]\S*\.\S+$/.test(span);
    if (!isPath || MADE_LOCALLY.has(span)) continue;
    const exists = /[*?]/.test(span) ? find([span]).length > 0 : existsSync(path.join(ROOT, span));
    check(exists, `${file}: no such path: ${span}`);
  }
}

/** Tests that a document names as a proof: a path in a code span, a colon, and the title in quotes. */
function checkTests(file: string, markdown: string): void {
  for (const [, test = "", title = ""] of markdown.matchAll(/`(test\/[^`\s]+\.test\.tsx?)`: "([^"]+)"/g)) {
    const source = existsSync(path.join(ROOT, test)) ? read(test) : "";
    check(source.includes(title), `${file}: no such test in ${test}: "${title}"`);
  }
}

function checkNpmScripts(file: string, markdown: string, scripts: ReadonlySet<string>): void {
  for (const [, name = ""] of markdown.matchAll(/\bnpm run (?:--silent |-s )?([a-z][\w:-]*)/g)) {
    check(scripts.has(name), `${file}: no such npm script: ${name}`);
  }
}

/** Comments that name a document, and a section of it: `README.md, "Errors"`. */
function checkReferences(file: string): void {
  for (const [, name = "", section] of read(file).matchAll(/\b((?:docs\/(?:adr\/)?)?[\w-]+\.md)\b(?:, "([^"]+)")?/g)) {
    const exists = existsSync(path.join(ROOT, name));
    check(exists, `${file}: no such document: ${name}`);
    if (exists && section !== undefined) {
      check(headingsOf(name).includes(section), `${file}: no such section in ${name}: "${section}"`);
    }
  }
}

/** Names that a document must list, each as the first cell of a table row. */
function checkRows(file: string, names: readonly string[]): void {
  const rows = new Set([...read(file).matchAll(/^\| `([^`]+)`/gm)].map(([, name]) => name));
  for (const name of names) check(rows.has(name), `${file}: no table row for ${name}`);
}

/** What is read here of wrangler.toml. */
interface WranglerConfig {
  readonly vars: Readonly<Record<string, unknown>>;
  readonly secrets?: { readonly required?: readonly string[] | undefined } | undefined;
  readonly kv_namespaces: readonly { readonly binding: string }[];
  readonly durable_objects: { readonly bindings: readonly { readonly name: string }[] };
}

function configurationNames(): string[] {
  const config: WranglerConfig = readWranglerConfig({ config: path.join(ROOT, "wrangler.toml") });
  const namespaces = config.kv_namespaces.map(({ binding }) => binding);
  const objects = config.durable_objects.bindings.map(({ name }) => name);
  return [...Object.keys(config.vars), ...(config.secrets?.required ?? []), ...namespaces, ...objects];
}

const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
for (const file of find(["**/*.md"])) {
  const markdown = read(file);
  checkLinks(file, withoutFences(markdown));
  checkPaths(file, withoutFences(markdown));
  checkTests(file, withoutFences(markdown));
  checkNpmScripts(file, markdown, new Set(Object.keys(scripts)));
}
for (const file of find([
  "src/**/*.{ts,tsx}",
  "scripts/**/*.ts",
  "test/**/*.ts",
  "wrangler.toml",
  ".dev.vars.example",
])) {
  // What is in scripts/docs is text of documents, whose links are relative to them.
  if (file !== path.relative(ROOT, fileURLToPath(import.meta.url)) && !file.startsWith("scripts/docs/"))
    checkReferences(file);
}
checkRows("docs/configuration.md", configurationNames());

if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exitCode = 1;
} else {
  console.log(`Documents: ${checked} references and names hold.`);
}
