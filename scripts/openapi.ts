/**
 * `npm run openapi`, and `[build]` of wrangler.toml: makes `public/openapi.json`, the page that shows it and the hash of
 * its script in `public/_headers`, from the schemas of the code. Does nothing where they are newer than all that they are
 * made from.
 */
import { globSync, mkdirSync, readFileSync, renameSync, statSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import { readCommandLine } from "./lib/command-line.ts";

const ROOT = path.join(import.meta.dirname, "..");
const HEADERS = "public/_headers";
const MADE = ["public/openapi.json", "public/docs/index.html"];
/** The folders count, too: their times tell of files that are gone. */
const MADE_FROM = ["src", "src/**", "scripts/openapi.ts", "scripts/openapi", "scripts/openapi/**", "package*.json"];

const { values } = readCommandLine({
  name: "openapi",
  about: "Makes public/openapi.json and the page at /docs from the schemas of the code.",
  options: { force: { type: "boolean", about: "Makes them even where nothing has changed" } },
  example: "--force",
});

if (values.force !== true && isUpToDate()) console.log("OpenAPI: nothing has changed.");
else await make();

function isUpToDate(): boolean {
  const timeOf = (file: string): number => statSync(path.join(ROOT, file), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const oldest = Math.min(...MADE.map(timeOf));
  return globSync(MADE_FROM, { cwd: ROOT }).every((file) => timeOf(file) < oldest);
}

async function make(): Promise<void> {
  const startedAt = new Date();
  // Loaded only here: it takes most of the time.
  const { makeDocument } = await import("./openapi/document.ts");
  const { makePage, withScriptHash } = await import("./openapi/page.ts");
  const document = makeDocument();
  write("public/openapi.json", `${JSON.stringify(document, null, 2)}\n`, startedAt);
  write("public/docs/index.html", await makePage(document), startedAt);
  const headers = readFileSync(path.join(ROOT, HEADERS), "utf8");
  const fitting = withScriptHash(headers);
  if (fitting !== headers) write(HEADERS, fitting, startedAt);
  console.log(`OpenAPI: ${Object.keys(document.paths).length} paths, public/openapi.json and /docs are made.`);
}

/** Whole or not at all, as several may do it at once. As old as its reading of the code, which may change meanwhile. */
function write(file: string, content: string, time: Date): void {
  const next = path.join(ROOT, ".wrangler", `${path.basename(file)}.${process.pid}`);
  mkdirSync(path.dirname(next), { recursive: true });
  writeFileSync(next, content);
  utimesSync(next, time, time);
  renameSync(next, path.join(ROOT, file));
}
