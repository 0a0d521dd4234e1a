/**
 * `npm run openapi` writes `public/openapi.json`, the page that shows it and the hash of its script in `public/_headers`,
 * from the schemas of the code. With
 * `-- --check` it writes nothing and fails where the files are not what it would write.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { makeDocument } from "./openapi/document.ts";
import { makePage, withScriptHash } from "./openapi/page.ts";

const PUBLIC = path.join(import.meta.dirname, "../public");

const { values } = parseArgs({ options: { check: { type: "boolean", default: false } } });
const document = makeDocument();
const files = new Map([
  ["openapi.json", `${JSON.stringify(document, null, 2)}\n`],
  ["docs/index.html", await makePage(document)],
  ["_headers", withScriptHash(read("_headers") ?? "")],
]);

const outdated = [...files].filter(([name, content]) => read(name) !== content).map(([name]) => `public/${name}`);
if (values.check) {
  if (outdated.length > 0) {
    console.error(`Not up to date: ${outdated.join(", ")}. Run: npm run openapi`);
    process.exitCode = 1;
  } else {
    console.log(`OpenAPI: ${files.size} files are up to date.`);
  }
} else {
  for (const [name, content] of files) {
    const target = path.join(PUBLIC, name);
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, content);
  }
  console.log(outdated.length === 0 ? "OpenAPI: nothing has changed." : `Written: ${outdated.join(", ")}`);
}

function read(name: string): string | null {
  try {
    return readFileSync(path.join(PUBLIC, name), "utf8");
  } catch {
    return null;
  }
}
