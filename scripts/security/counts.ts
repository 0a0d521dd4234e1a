/** How much a run tried, as its tests print it on a line of their own: `faults: 9 flows, 40 calls, 560 cases`. */

import { stripVTControlCharacters } from "node:util";

const LINE = /^\s*(?<step>[a-z]+): (?<parts>\d.*)$/;
/** What is in no such form, as `seed 42`, is not counted. */
const COUNT = /^(?<number>\d+) (?<what>[a-z][a-z ]*)$/;

/** Words for how a try ended, which may well be none; of everything else there must be some. */
const ENDINGS = new Set(["killed", "survived", "timed out", "not covered", "ignored", "skipped"]);

/** What is counted → how many, added up over all lines of this step; empty when there is none. */
export function parseCounts(output: string, step: string): ReadonlyMap<string, number> {
  const totals = new Map<string, number>();
  for (const line of stripVTControlCharacters(output).split("\n")) {
    const groups = LINE.exec(line.trimEnd())?.groups;
    if (groups?.["step"] !== step) continue;
    for (const part of (groups["parts"] ?? "").split(", ")) {
      const count = COUNT.exec(part)?.groups;
      if (count === undefined) continue;
      const what = count["what"] ?? "";
      totals.set(what, (totals.get(what) ?? 0) + Number(count["number"]));
    }
  }
  return totals;
}

/** Why these counts do not prove a run; null when they do. */
export function findCountProblem(counts: ReadonlyMap<string, number>, step: string): string | null {
  if (counts.size === 0) return `printed no line like "${step}: 20000 inputs"`;
  const zero = [...counts].find(([what, number]) => number === 0 && !ENDINGS.has(what));
  return zero === undefined ? null : `tried 0 ${zero[0]}`;
}
