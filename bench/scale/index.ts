/**
 * `npm --prefix bench run scale [-- path]`: simulates a day at three sizes and writes the tables and charts of
 * docs/scale.md. CPU time is that of bench/results/latest.json, or of the file that is named; without any, what depends on
 * it stays empty.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Results } from "../lib/results.ts";
import { parameters as defaultParameters } from "./assumptions.ts";
import { quotaChart, storageChart } from "./charts.ts";
import { cpuFrom } from "./cpu.ts";
import { fillSections } from "./document.ts";
import {
  assumptionsSection,
  costSection,
  cpuSection,
  daySection,
  designsSection,
  limitsSection,
  pathsSection,
  quotaSection,
  rotationSection,
  unitsSection,
} from "./sections.ts";
import { sensitivitySection } from "./sensitivity.ts";
import { simulateDay } from "./simulation.ts";

const ROOT = path.join(import.meta.dirname, "../..");
const SIZES = [1_000, 1_000_000, 100_000_000];
const MILLION = 1;

const named = process.argv[2];
const resultsFile = path.resolve(named ?? path.join(ROOT, "bench/results/latest.json"));
if (named !== undefined && !existsSync(resultsFile)) throw new Error(`no such file: ${named}`);
const results = existsSync(resultsFile) ? (JSON.parse(readFileSync(resultsFile, "utf8")) as Results) : null;
const cpu = results === null ? null : cpuFrom(results);

const parameters = defaultParameters();
const days = SIZES.map((users) => simulateDay({ users, parameters }));
const day = days[MILLION];
if (day === undefined) throw new Error("no day of a million users");

const sections: Readonly<Record<string, string>> = {
  assumptions: assumptionsSection(),
  paths: pathsSection(parameters),
  day: daySection(days, parameters),
  units: unitsSection(day),
  limits: limitsSection(day, parameters),
  cpu: cpu === null ? "" : cpuSection(cpu),
  cost: cpu === null ? "" : costSection(days, cpu, parameters),
  designs: designsSection(days, parameters),
  quota: quotaSection(days, parameters),
  sensitivity: sensitivitySection(),
  rotation: rotationSection(days, parameters),
};

const document = path.join(ROOT, "docs/scale.md");
writeFileSync(document, fillSections(readFileSync(document, "utf8"), sections));
const charts = path.join(ROOT, "docs/charts");
mkdirSync(charts, { recursive: true });
writeFileSync(path.join(charts, "scale-quota.svg"), quotaChart(days));
writeFileSync(path.join(charts, "scale-storage.svg"), storageChart(day));
for (const [name, text] of Object.entries(sections)) {
  console.log(
    `\n## ${name}\n\n${text === "" ? "Needs bench/results/latest.json: run `npm --prefix bench start` first." : text}`,
  );
}
