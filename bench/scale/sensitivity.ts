/** Which assumptions matter: the same day with one of them changed. */
import { type AssumptionName, ASSUMPTIONS, type Parameters, parameters as defaultParameters } from "./assumptions.ts";
import type { Cost } from "./paths.ts";
import { simulateDay } from "./simulation.ts";
import { table } from "./table.ts";

const USERS = 1_000_000;
/** Fewer than for the tables: differences are between days of the same people. */
const SAMPLE_USERS = 20_000;

/** What is tried. */
const CHANGES: readonly (readonly [what: string, name: AssumptionName, factor: number])[] = [
  ["twice as many people open the page on a day", "activeShare", 2],
  ["twice as many pages in a visit", "pagesPerVisit", 2],
  ["twice as many messages opened", "messagesPerVisit", 2],
  ["twice as many programs with API tokens", "tokenUserShare", 2],
  ["programs that poll twice as often", "tokenPollMinutes", 0.5],
  ["programs that ask for rows twice as often", "tokenRowsEvery", 0.5],
  ["twice as many crawlers", "crawlerShare", 2],
  ["twice as many users served by service binding", "backgroundShare", 2],
  ["twice as many new users", "newUsersPerDay", 2],
  ["twice as many isolates", "isolatesPerPlace", 2],
  ["isolates that live half as long", "isolateHours", 0.5],
];
const SHOWN = ["requests", "quotaUnits", "kvKeysRead", "kvWrites", "token"] as const;

function totalsWith(changes: Partial<Parameters>): Cost {
  return simulateDay({ users: USERS, sampleUsers: SAMPLE_USERS, parameters: defaultParameters(changes) }).totals;
}

export function sensitivitySection(): string {
  const totals = totalsWith({});
  const lines = CHANGES.map(([what, name, factor]) => {
    const changed = totalsWith({ [name]: ASSUMPTIONS[name].value * factor });
    return [what].concat(SHOWN.map((counter) => signed(changed[counter] / totals[counter] - 1)));
  });
  return table([["change", "requests", "quota units", "KV keys read", "KV writes", "token calls"], ...lines]);
}

function signed(share: number): string {
  const rounded = Math.round(share * 100);
  return rounded === 0 ? "0 %" : `${rounded > 0 ? "+" : "-"}${Math.abs(rounded)} %`;
}
