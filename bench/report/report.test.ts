/** The report as a whole: what it writes, and that it writes the same again. */

import assert from "node:assert/strict";
import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { format } from "oxfmt";
import { chartOf } from "./chart.ts";
import { groupsOf } from "./groups.ts";
import { writeReport } from "./index.ts";
import { replaceBetween } from "../lib/replace-between.ts";
import { escapeText, inline } from "./markdown.ts";
import { README_MARKERS } from "./readme.ts";
import { job, results, summary } from "./sample.ts";

const HOSTILE = "over `limit` | of *8* <b>_x_</b> & [y](z)\n# next";

void test("text of a measurement becomes no markup; our own Markdown ends no cell", () => {
  assert.equal(escapeText("a|b *c* <d>\n# e & `f`"), String.raw`a\|b \*c\* \<d\> \# e &amp; \`f\``);
  assert.equal(inline(String.raw`a \| b | c`), String.raw`a \| b \| c`);
});

void test("only what is between the marks is replaced", () => {
  const marks = { start: "<s>", end: "<e>", content: "new" };
  assert.equal(replaceBetween("a <s> old <e> b", marks), "a <s>\n\nnew\n\n<e> b");
  assert.equal(replaceBetween("a <e> <s> b", marks), null);
  assert.equal(replaceBetween("a <s> b", marks), null);
});

void test("a chart has the same bytes whatever was drawn before, one root, a title and a description", () => {
  const data = results([job([100, 200, 300, HOSTILE, 5000, 120], { floor: summary(100) })]);
  const [group] = groupsOf(data.jobs);
  assert.ok(group);
  const first = chartOf(group, data.subjects);
  assert.equal(chartOf(group, data.subjects), first);
  assert.match(first, /^<svg role="img" aria-labelledby="rows-title rows-desc" /);
  assert.match(first, /<desc id="rows-desc">[^<]*F \(gmail-edge\) 120 ms/);
  assert.match(first, /logarithmic axis/);
  assert.doesNotMatch(first, /class=|<style|NaN|undefined|<b>/);
});

void test("the report is written as oxfmt wants it, and the same again", async () => {
  const root = mkdtempSync(path.join(tmpdir(), "report-"));
  try {
    mkdirSync(path.join(root, "docs"));
    writeFileSync(path.join(root, "README.md"), `# a\n\n${README_MARKERS.start}\nstale\n${README_MARKERS.end}\n\nb\n`);
    const resultsFile = path.join(root, "results.json");
    const data = results([job([1, 2, 3, HOSTILE, 5, 6], { floor: summary(1) })]);
    writeFileSync(resultsFile, JSON.stringify(data));
    const files = await writeReport({ resultsFile, root });
    const before = files.map((file) => readFileSync(file, "utf8"));
    await writeReport({ resultsFile, root });
    assert.deepEqual(
      files.map((file) => readFileSync(file, "utf8")),
      before,
    );
    for (const [index, file] of files.entries()) {
      if (!file.endsWith(".md")) continue;
      assert.equal((await format(file, before[index] ?? "", { printWidth: 120 })).code, before[index]);
    }
    const [page = "", readme = ""] = before;
    assert.match(page, /\| floor +\| +1 \(0\.9–1\.1\) \| +1\.00× \|/);
    assert.match(page, /\*\*1 \(0\.9–1\.1\)\*\*/);
    assert.match(readme, /6 ms \|.*\*\*1 ms\*\* name-A \|.* 6 times as much \|/);
    assert.doesNotMatch(readme, /stale/);
  } finally {
    rmSync(root, { recursive: true });
  }
});

void test("results that would be shown wrongly are refused", async () => {
  const root = mkdtempSync(path.join(tmpdir(), "report-"));
  try {
    const resultsFile = path.join(root, "results.json");
    const broken = job([1, 2, 3, 4, 5, Number.NaN]);
    writeFileSync(resultsFile, JSON.stringify(results([broken])));
    await assert.rejects(writeReport({ resultsFile, root }), /rows-25, F, latencyMs: \{"median":null/);
  } finally {
    rmSync(root, { recursive: true });
  }
});
