/** Every class and custom property that a page uses is defined in its style sheets, and every class there is used. */
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { makeDocument } from "../../scripts/openapi/document.ts";
import { makePage } from "../../scripts/openapi/page.ts";

const ROOT = path.join(import.meta.dirname, "../..");

function read(...files: string[]): string {
  return files.map((file) => readFileSync(path.join(ROOT, file), "utf8").replaceAll(/\/\*.*?\*\//gs, "")).join("\n");
}

/** The first groups of all matches. */
function namesIn(text: string, pattern: RegExp): Set<string> {
  return new Set([...text.matchAll(pattern)].map(([, name = ""]) => name));
}

/** The classes that markup, JSX or a script gives to elements. */
function usedClasses(text: string): Set<string> {
  // class={isUnread ? "row unread" : "row"}
  const code = [...namesIn(text, /\bclass=\{([^}]*)\}/g)].join("\n");
  const values = [...namesIn(text, /\b(?:class(?:Name)?|kind)\s*=\s*"([^"]*)"/g), ...namesIn(code, /"([^"]*)"/g)];
  return new Set(values.flatMap((value) => value.split(/\s+/)).filter(Boolean));
}

function definedClasses(css: string): Set<string> {
  return namesIn([...namesIn(css, /([^{}]+)\{/g)].join("\n"), /\.([a-z][\w-]*)/g);
}

const docsPage = await makePage(makeDocument());
const PAGES = globSync("src/{pages,routes}/*.tsx", { cwd: ROOT });
/** Marks for scripts and tests, without a look of their own. */
const HOOKS = new Set(["answer", "failed", "show-pictures", "subject"]);

describe.each([
  ["the Worker's pages", read(...PAGES, "public/app.js"), ["public/style.css"]],
  ["the page at /docs", docsPage, ["public/style.css", "public/docs/docs.css"]],
])("%s", (_, markup, sheets) => {
  const css = read(...sheets);

  test("use no class that is not defined", () => {
    const used = usedClasses(markup);
    expect(used.size).toBeGreaterThan(5);
    const missing = used.difference(definedClasses(css)).difference(HOOKS);
    expect([...missing]).toEqual([]);
  });

  test("use no custom property that is not defined", () => {
    const used = namesIn(css, /var\((--[\w-]+)/g);
    expect(used.size).toBeGreaterThan(5);
    expect([...used.difference(namesIn(css, /(--[\w-]+)\s*:/g))]).toEqual([]);
  });
});

test("no style sheet defines a class that no page uses", () => {
  const used = usedClasses(`${read(...PAGES, "public/app.js")}\n${docsPage}`);
  const defined = definedClasses(read("public/style.css", "public/docs/docs.css"));
  expect([...defined.difference(used)]).toEqual([]);
});
