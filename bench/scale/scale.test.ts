/** The simulation and what is reckoned from it: the same each time, and its sums right. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { parameters } from "./assumptions.ts";
import { billOf, monthOf, totalOf } from "./bill.ts";
import { quotaChart, storageChart } from "./charts.ts";
import { fillSections } from "./document.ts";
import { GMAIL, priceOf, PRICES } from "./limits.ts";
import { EXTRAS, mailboxPage, PATHS, sum } from "./paths.ts";
import { reachOf } from "./reach.ts";
import { mulberry32 } from "../lib/random.ts";
import { poisson } from "./random.ts";
import { rotationOf } from "./rotation.ts";
import { assumptionsSection, pathsSection } from "./sections.ts";
import { simulateDay } from "./simulation.ts";
import { amount, dollars } from "./table.ts";

const USERS = 1_500;
/** To Google, and back. */
const REQUESTS_PER_SIGN_IN = 2;
const day = simulateDay({ users: USERS });

function total(counts: readonly number[]): number {
  return counts.reduce((all, count) => all + count, 0);
}

function close(actual: number, expected: number, share: number): void {
  assert.ok(Math.abs(actual - expected) <= share * Math.abs(expected), `${actual} is not about ${expected}`);
}

void describe("random numbers", () => {
  void test("come again with the seed, and are even", () => {
    const [one, same, other] = [mulberry32(1), mulberry32(1), mulberry32(2)];
    const numbers = Array.from({ length: 10_000 }, () => one());
    assert.deepEqual(
      numbers,
      numbers.map(() => same()),
    );
    assert.notEqual(numbers[0], other());
    close(total(numbers) / numbers.length, 0.5, 0.02);
    close(total(numbers.map(() => poisson(one, 2))) / numbers.length, 2, 0.03);
  });
});

void describe("a day", () => {
  void test("is the same with the same seed, and another with another", () => {
    assert.deepEqual(simulateDay({ users: USERS }), day);
    assert.notDeepEqual(simulateDay({ users: USERS, seed: 1 }).totals, day.totals);
  });

  void test("adds up: by minute, by kind, and in all", () => {
    for (const counter of ["requests", "quotaUnits", "kvWrites", "token"] as const) {
      close(total(day.byMinute[counter]), day.totals[counter], 1e-9);
      close(total([...day.kinds.values()].map((kind) => kind[counter])), day.totals[counter], 1e-9);
    }
    assert.equal(day.byMinute.requests.length, 24 * 60);
  });

  void test("loses nothing when a sample is scaled up and its curve smoothed", () => {
    const sample = simulateDay({ users: 10 * USERS, sampleUsers: USERS });
    close(sample.totals.requests, 10 * day.totals.requests, 1e-9);
    close(total(sample.byMinute.quotaUnits), sample.totals.quotaUnits, 1e-9);
  });

  void test("costs per page what the table says", () => {
    const alone = parameters({
      tokenUserShare: 0,
      crawlerShare: 0,
      backgroundShare: 0,
      securityEventsPerDay: 0,
      messagesPerVisit: 0,
      logoutShare: 0,
      disconnectsPerDay: 0,
    });
    const pages = simulateDay({ users: USERS, parameters: alone });
    const { requests = 0, quotaUnits = 0 } = pages.kinds.get("page") ?? {};
    assert.ok(requests > 0);
    assert.equal(quotaUnits, requests * mailboxPage(25, alone.countedLabels).quotaUnits);
    assert.equal(pages.totals.quotaUnits, quotaUnits);
    // Nobody writes but who consents; a grant that has ended is noted, too.
    const noted = pages.kinds.get("dead grant")?.kvWrites ?? 0;
    const consents = (pages.kinds.get("consent")?.requests ?? 0) / REQUESTS_PER_SIGN_IN;
    assert.equal(pages.totals.kvWrites, 3 * consents + noted);
  });

  void test("of a program that crawls exceeds the user's units, and writes one key several times a second", () => {
    const crawlers = simulateDay({ users: 100, parameters: parameters({ crawlerShare: 1, activeShare: 0.000_001 }) });
    assert.equal(crawlers.usersAboveLimit, 100);
    assert.ok(crawlers.peakUnitsOfUserAndMinute > GMAIL.unitsPerUserAndMinute);
    assert.ok(crawlers.peakWritesOfKeyAndSecond > 1);
  });
});

void describe("what is reckoned from it", () => {
  void test("sums of costs", () => {
    const both = sum(PATHS.ids, EXTRAS.refresh);
    assert.equal(both.kvKeysRead, PATHS.ids.kvKeysRead + EXTRAS.refresh.kvKeysRead);
    assert.equal(both.requests, 1);
  });

  void test("a bill: what is included costs nothing, a million more its price", () => {
    assert.equal(priceOf(PRICES.requests, 10e6), 0);
    assert.equal(priceOf(PRICES.requests, 11e6), 0.3);
    const cpu = { small: 1, rowRequests: 1, rows: 0.1, signIns: 2 };
    const month = monthOf(day, cpu, parameters());
    assert.equal(month.requests, 30 * day.totals.requests);
    const bill = billOf(month);
    close(totalOf(bill), total(Object.values(bill)), 1e-9);
    assert.equal(totalOf(bill), 5, "a thousand users are included in the plan");
  });

  void test("limits, the first to be reached first", () => {
    const users = reachOf(day, parameters()).map((reach) => reach.users);
    assert.deepEqual(
      users,
      users.toSorted((one, other) => one - other),
    );
    assert.equal(users[0], 100);
  });

  void test("a walk of many is shorter, and costs the same", () => {
    const [one, many] = [rotationOf(1e6, parameters()), rotationOf(1e6, parameters(), 10)];
    close(many.seconds, one.seconds / 10, 1e-9);
    assert.equal(many.dollars, one.dollars);
  });
});

void describe("what is written", () => {
  void test("numbers as people read them", () => {
    assert.deepEqual(
      [amount(0), amount(999_600), amount(2_427_690), amount(0.3834)],
      ["0", "1 million", "2.43 million", "0.383"],
    );
    assert.deepEqual([dollars(5), dollars(-4.167), dollars(58_312)], ["$5.00", "-$4.17", "$58,300"]);
  });

  void test("sections, in their places", () => {
    const document = "a\n<!-- scale:x -->\n\nold\n\n<!-- end scale:x -->\nb";
    const filled = fillSections(document, { x: "new" });
    assert.equal(filled, "a\n<!-- scale:x -->\n\nnew\n\n<!-- end scale:x -->\nb");
    assert.equal(fillSections(filled, { x: "new" }), filled);
    assert.throws(() => fillSections(document, { y: "" }), /no place for y/);
  });

  void test("docs/scale.md, where the paths or the assumptions have changed", () => {
    const document = readFileSync(path.join(import.meta.dirname, "../../docs/scale.md"), "utf8");
    const sections = { assumptions: assumptionsSection(), paths: pathsSection(parameters()) };
    assert.equal(fillSections(document, sections), document, "run: npm --prefix bench run scale");
  });

  void test("charts, the same bytes each time", () => {
    assert.equal(quotaChart([day]), quotaChart([day]));
    assert.equal(storageChart(day), storageChart(day));
  });
});
