/** A program that reads all there is, beside the person whose mailbox it is, within what Gmail lets one user have. */
import { setTimeout as wait } from "node:timers/promises";
import { type Bench, type Measures, type Plan, prepare, signedInVisitor, startAgain, type Turn } from "../lib/bench.ts";
import { quantile } from "../lib/measure.ts";
import type { MetadataRow, Visitor } from "../lib/visitor.ts";

const SECONDS = 120;
/** Of a first look, and of the warm-up. */
const LEAST_SECONDS = 5;
const ROWS = 25;
const QUOTA_UNITS_PER_MINUTE = 6_000;
/** What the Worker is deployed with: other jobs lift all of these. */
const DEPLOYED = {
  SUBREQUEST_BUDGET: "50",
  QUOTA_BUDGET: "5000",
  USER_QUOTA_PER_MINUTE: String(QUOTA_UNITS_PER_MINUTE),
};
/** What a program waits for that is told to come back later, and not when. */
const DEFAULT_WAIT_SECONDS = 1;

export function crawlerPlan(bench: Bench): Plan {
  const noTokens = "It has no API tokens and no `nextPageToken`.";
  return {
    id: "crawler",
    group: "crawler",
    title: "A crawler beside a person",
    description:
      "For two minutes a program lists all rows (`limit=all`) with an API token, on and on by `nextPageToken`, and " +
      `waits where it is told to. Beside it the same user opens a page of ${ROWS} rows every second. Google gives a ` +
      "user 6,000 units a minute, here enforced. Alone is the same person with as many pages one after another, " +
      "without crawler and quota. Only this Worker has API tokens.",
    columns: [
      { key: "refusals", label: "Refused by Google, over quota", unit: "calls", better: "less" },
      { key: "refusedReads", label: "Refused by Google, too many at once", unit: "calls", better: "less" },
      { key: "multiple", label: "Person, 95th percentile by that of alone", unit: "", better: "less" },
      { key: "besideMs", label: "Person, 95th percentile", unit: "ms", better: "less" },
      { key: "aloneMs", label: "Person alone, 95th percentile", unit: "ms", better: "less" },
      { key: "rightPercent", label: "Person, right answers", unit: "%", better: "more" },
      { key: "crawledRows", label: "Rows for the crawler", unit: "", better: "more" },
      { key: "missedRows", label: "Rows that it was told could not be read", unit: "", better: "less" },
      { key: "pauses", label: "Crawler told to wait", unit: "", better: "none" },
    ],
    headline: "refusals",
    repetitions: 1,
    medianMs: 50,
    floor: null,
    without: { A: noTokens, B: noTokens, C: noTokens, D: noTokens, E: noTokens },
    run: async (turn) => {
      await using stack = new AsyncDisposableStack();
      const subject = await startAgain(bench, turn.subject, stack, { vars: DEPLOYED });
      const share = turn.repetition === 0 ? 0 : bench.scale;
      // Awaited here: the process ends with this function.
      return await crawlBeside(bench, { ...turn, subject }, Math.max(LEAST_SECONDS, Math.round(SECONDS * share)));
    },
  };
}

async function crawlBeside(bench: Bench, turn: Turn, seconds: number): Promise<Measures> {
  const single = await signedInVisitor(bench, turn.subject);
  await prepare(bench, turn);
  const aloneMs = p95(await openPages(single, { pages: seconds, everyMs: 0 }));
  const person = await signedInVisitor(bench, turn.subject);
  const token = await person.makeToken();
  await prepare(bench, turn, { quotaUnitsPerMinute: QUOTA_UNITS_PER_MINUTE });
  const [latencies, crawled] = await Promise.all([
    openPages(person, { pages: seconds, everyMs: 1000 }),
    crawl(person, { token, url: turn.subject.origin, untilMs: performance.now() + seconds * 1000 }),
  ]);
  const { overQuota, refused } = await bench.google.meters();
  const besideMs = latencies.length === 0 ? {} : { besideMs: p95(latencies), multiple: p95(latencies) / aloneMs };
  return {
    refusals: overQuota,
    refusedReads: refused,
    ...besideMs,
    aloneMs,
    rightPercent: (100 * latencies.length) / seconds,
    ...crawled,
  };
}

function p95(values: readonly number[]): number {
  return quantile(
    values.toSorted((a, b) => a - b),
    0.95,
  );
}

/** Somebody who opens a page at fixed times, or one after another. @returns latencies of right answers in milliseconds */
async function openPages(person: Visitor, { pages, everyMs }: { pages: number; everyMs: number }): Promise<number[]> {
  const answers: Promise<number | null>[] = [];
  const startMs = performance.now();
  while (answers.length < pages) {
    const answer = person
      .copy()
      .list("metadata", ROWS)
      .catch(() => null);
    answers.push(answer);
    if (everyMs === 0) await answer;
    else await wait(Math.max(0, startMs + answers.length * everyMs - performance.now()));
  }
  return (await Promise.all(answers)).filter((ms) => ms !== null);
}

/** A page of a crawl. */
interface Page {
  readonly messages: readonly MetadataRow[];
  readonly nextPageToken?: string;
  readonly retryAfterSeconds?: number;
}

/** Lists all rows, checks them, and begins again at the end. */
async function crawl(person: Visitor, { token, url, untilMs }: { token: string; url: string; untilMs: number }) {
  let [position, rows, missedRows, pauses] = [0, 0, 0, 0];
  let pageToken = "";
  while (performance.now() < untilMs) {
    const response = await fetch(`${url}/api/messages?view=metadata&limit=all${pageToken}`, {
      headers: { Authorization: `Bearer ${token}` },
    });
    let seconds: number | undefined;
    if (response.status === 200) {
      const page = await response.json<Page>();
      for (const row of page.messages) {
        // What it could not read, it says so.
        if (row.error === undefined) person.checkRow(row, { position, view: "metadata" });
        else missedRows += 1;
        position += 1;
      }
      rows += page.messages.length;
      if (page.nextPageToken === undefined) position = 0;
      pageToken = page.nextPageToken === undefined ? "" : `&pageToken=${encodeURIComponent(page.nextPageToken)}`;
      seconds = page.retryAfterSeconds;
    } else if (response.status === 429) {
      await response.body?.cancel();
      seconds = Number(response.headers.get("Retry-After") ?? DEFAULT_WAIT_SECONDS);
    } else throw new Error(`The crawler was answered ${response.status}: ${await response.text()}`);
    if (seconds === undefined) continue;
    pauses += 1;
    await wait(Math.max(0, Math.min(seconds * 1000, untilMs - performance.now())));
  }
  return { crawledRows: rows - missedRows, missedRows, pauses };
}
