/**
 * `npm run measure:page`: how fast the list page is in a browser in front of the emulated Google: first byte, first and last
 * row, what is painted when, requests and bytes.
 */

import type { Browser, BrowserContextOptions } from "playwright-core";
import * as z from "zod/mini";
import { launchChromium } from "./browser/chromium.ts";
import { type Servers, startServers } from "./browser/servers.ts";
import { signIn } from "./browser/person.ts";
import { BUSY_USER } from "../test/google/accounts.ts";
import { readCommandLine } from "./lib/command-line.ts";
import { runScript } from "./lib/run.ts";
import { ScriptError } from "./lib/script-error.ts";

const DEFAULT_RUNS = 10;
const TIMEOUT_MS = 600_000;
/** What a call to Gmail takes from a place near Google, for figures that are nearer to real ones. */
const GMAIL_DELAY_MS = 150;

const measuredSchema = z.object({
  firstByteMs: z.number(),
  firstPaintMs: z.number(),
  firstRowMs: z.number(),
  lastRowMs: z.number(),
  completeMs: z.number(),
  layoutShift: z.number(),
  requests: z.number(),
  transferredBytes: z.number(),
  htmlBytes: z.number(),
});
/** One load of the page; times since the navigation began. */
type Measured = z.infer<typeof measuredSchema>;
const FIGURES = Object.keys(measuredSchema.shape) as (keyof Measured)[];

/** In the browser, before the page: notes when rows come, and what moves. */
const OBSERVE = `
  window.rowTimes = []; window.shift = 0;
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes)
      for (const node of addedNodes) if (node.classList?.contains("row")) rowTimes.push(performance.now());
  }).observe(document, { childList: true, subtree: true });
  new PerformanceObserver((list) => {
    for (const { hadRecentInput, value } of list.getEntries()) if (!hadRecentInput) shift += value;
  }).observe({ type: "layout-shift", buffered: true });`;

const READ = `(() => {
  const [page] = performance.getEntriesByType("navigation");
  const resources = performance.getEntriesByType("resource");
  return {
    firstByteMs: page.responseStart,
    firstPaintMs: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? NaN,
    firstRowMs: rowTimes[0] ?? NaN,
    lastRowMs: rowTimes.at(-1) ?? NaN,
    completeMs: page.loadEventEnd,
    layoutShift: shift,
    requests: 1 + resources.length,
    transferredBytes: [page, ...resources].reduce((sum, { transferSize }) => sum + transferSize, 0),
    htmlBytes: page.encodedBodySize,
  };
})()`;

/** How the page is loaded. */
interface Load {
  readonly name: string;
  /** Whether style sheet and script are in the browser's cache. */
  readonly isWarm: boolean;
  readonly gmailDelayMs: number;
}

const LOADS: readonly Load[] = [
  { name: "first visit", isWarm: false, gmailDelayMs: 0 },
  { name: "again", isWarm: true, gmailDelayMs: 0 },
  { name: `again, Gmail ${GMAIL_DELAY_MS} ms`, isWarm: true, gmailDelayMs: GMAIL_DELAY_MS },
];

const { values } = readCommandLine({
  name: "measure:page",
  about: "Measures the list page in Chromium: first byte, first and last row, layout shift, requests, bytes.",
  options: {
    runs: { type: "string", value: "N", about: `How often each is loaded: ${DEFAULT_RUNS}` },
    json: { type: "boolean", about: "Answers JSON" },
  },
  example: "--runs 20 --json",
});

await runScript(
  async ({ stack }) => {
    const runs = Number(values.runs ?? DEFAULT_RUNS);
    if (!Number.isInteger(runs) || runs < 1) throw new ScriptError("--runs must be a whole number.");
    const servers = await startServers(stack);
    const browser = await launchChromium();
    stack.defer(() => browser.close());
    const storageState = await signInOnce(browser, servers);
    const results: Record<string, Measured> = {};
    for (const load of LOADS) {
      if (process.stderr.isTTY) console.error(`${load.name}: ${runs} times …`);
      results[load.name] = await measure(browser, servers, { load, runs, storageState });
    }
    if (values.json === true) console.log(JSON.stringify({ runs, medians: results }, null, 2));
    else console.log(`Medians of ${runs} loads\n\n${table(results)}`);
    return 0;
  },
  { timeoutMs: TIMEOUT_MS, interruptedExitCode: 130 },
);

type StorageState = NonNullable<BrowserContextOptions["storageState"]>;

async function signInOnce(browser: Browser, { origin }: Servers): Promise<StorageState> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(origin);
  await signIn(page, BUSY_USER.email);
  await page.locator(".row").first().waitFor();
  const state = await context.storageState();
  await context.close();
  return state;
}

async function measure(
  browser: Browser,
  { google, origin }: Servers,
  { load, runs, storageState }: { load: Load; runs: number; storageState: StorageState },
): Promise<Measured> {
  const all: Measured[] = [];
  for (let run = 0; run < runs; run += 1) {
    const context = await browser.newContext({ storageState });
    await context.addInitScript(OBSERVE);
    const page = await context.newPage();
    if (load.isWarm) await page.goto(origin, { waitUntil: "load" });
    if (load.gmailDelayMs > 0) google.controls.fault({ endpoint: "all", delayMs: load.gmailDelayMs, times: "always" });
    await page.goto(origin, { waitUntil: "load" });
    google.controls.clearFaults();
    all.push(measuredSchema.parse(await page.evaluate(READ)));
    await context.close();
  }
  const medians = FIGURES.map((figure) => [figure, median(all.map((measured) => measured[figure]))]);
  return measuredSchema.parse(Object.fromEntries(medians));
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((one, other) => one - other)[Math.floor((numbers.length - 1) / 2)] ?? Number.NaN;
}

function table(results: Readonly<Record<string, Measured>>): string {
  const lines = Object.entries(results).map(([name, measured]) =>
    [name].concat(FIGURES.map((figure) => measured[figure].toFixed(figure === "layoutShift" ? 3 : 0))),
  );
  const cells = [["", ...FIGURES], ...lines];
  const widths = cells[0]?.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? "").length))) ?? [];
  return cells.map((row) => row.map((cell, column) => cell.padStart(widths[column] ?? 0)).join("  ")).join("\n");
}
