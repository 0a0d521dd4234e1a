/**
 * `npm --prefix bench run scale`: writes the tables of docs/scale.md, from the expected day of a user and the CPU time of
 * bench/results/latest.json.
 */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { replaceBetween } from "../lib/replace-between.ts";
import type { Results } from "../lib/results.ts";
import { parameters as defaultParameters } from "./assumptions.ts";
import { dayOf } from "./day.ts";
import { cpuFrom } from "./month.ts";
import {
  assumptionsSection,
  costSection,
  cpuSection,
  daySection,
  designsSection,
  limitsSection,
  pathsSection,
  sensitivitySection,
  unitsSection,
} from "./sections.ts";

const ROOT = path.join(import.meta.dirname, "../..");
const DOCUMENT = path.join(ROOT, "docs/scale.md");

/** docs/scale.md with its tables made again. @throws Error where a table has no place */
export function filledDocument(): string {
  const results = JSON.parse(readFileSync(path.join(ROOT, "bench/results/latest.json"), "utf8")) as Results;
  const cpu = cpuFrom(results);
  const parameters = defaultParameters();
  const day = dayOf(parameters);
  const sections = {
    assumptions: assumptionsSection(),
    paths: pathsSection(parameters),
    day: daySection(day, parameters),
    units: unitsSection(day),
    limits: limitsSection(day, parameters),
    cpu: cpuSection(cpu),
    cost: costSection(day, parameters, cpu),
    designs: designsSection(day, parameters),
    sensitivity: sensitivitySection(day),
  };
  let document = readFileSync(DOCUMENT, "utf8");
  for (const [name, content] of Object.entries(sections)) {
    const markers = { start: `<!-- scale:${name} -->`, end: `<!-- end scale:${name} -->` };
    const next = replaceBetween(document, { ...markers, content });
    if (next === null) throw new Error(`docs/scale.md has no place for ${name}`);
    document = next;
  }
  return document;
}

if (import.meta.main) writeFileSync(DOCUMENT, filledDocument());
