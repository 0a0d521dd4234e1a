/**
 * `npm run check:docs` runs this: looks for the words of scripts/docs/words.ts in documents and in comments of `src/`.
 * Prints each line with what to write instead, and exits 1. Code and quoted text are skipped.
 */
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { WORDS } from "./docs/words.ts";
import { PROJECT_ROOT } from "./lib/wrangler.ts";

const PATTERNS = ["src/**/*.{ts,tsx}", "*.md", "docs/**/*.md", "examples/*/README.md"];
/** Made by the benchmark, or a record of the past. */
const SKIPPED = new Set(["docs/performance.md", "docs/scale.md", "docs/dependencies.md", "CHANGELOG.md"]);
/** Fences, what the benchmark writes into README.md, code spans, and quoted text. */
const NO_PROSE = [
  /^( *)```[^]*?^\1```$/gm,
  /<!-- performance:start -->[^]*<!-- performance:end -->/g,
  /`[^`\n]*`|"[^"\n]*"/g,
];

function blank(text: string): string {
  return text.replaceAll(/[^\n]/g, " ");
}

/** The prose of a file. What is left out becomes spaces, so that line numbers stay. */
function proseOf(file: string): string {
  const text = readFileSync(path.join(PROJECT_ROOT, file), "utf8");
  const written = file.endsWith(".md") ? text : commentsOf(text);
  return NO_PROSE.reduce((prose, pattern) => prose.replaceAll(pattern, blank), written);
}

/** A comment begins a line, or follows code and a space; strings with slashes do not look like that here. */
function commentsOf(text: string): string {
  const parts = text.split(/(\/\*[^]*?\*\/|(?<=^\s*|[;,{(] )\/\/.*$)/m);
  return parts.map((part, index) => (index % 2 === 1 ? part : blank(part))).join("");
}

const files = globSync(PATTERNS, { cwd: PROJECT_ROOT }).filter((file) => !SKIPPED.has(file));
const problems = files.toSorted().flatMap((file) =>
  proseOf(file)
    .split("\n")
    .flatMap((line, index) =>
      WORDS.flatMap(([avoid, write]) => {
        const found = new RegExp(avoid, "i").exec(line);
        return found === null ? [] : [`${file}:${index + 1}: "${found[0]}": write ${write}`];
      }),
    ),
);
console.log(problems.length === 0 ? `Words: ${files.length} files hold none of the list.` : problems.join("\n"));
process.exitCode = problems.length === 0 ? 0 : 1;
