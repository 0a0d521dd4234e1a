/** The expected day and what follows from it, and whether docs/scale.md says so. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { parameters } from "./assumptions.ts";
import { dayOf } from "./day.ts";
import { filledDocument } from "./index.ts";
import { priceOf, PRICES } from "./limits.ts";
import { billOf, quantitiesOf } from "./month.ts";
import { EXTRAS, mailboxPage, PATHS, sum } from "./paths.ts";
import { amount, dollars } from "./table.ts";

const CPU = { small: 1, rowRequests: 1, rows: 0.1, signIns: 2 };

function close(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) <= 1e-9 * Math.abs(expected), `${actual} is not ${expected}`);
}

void test("a day of people alone costs their pages and messages", () => {
  const alone = parameters({ tokenUserShare: 0, crawlerShare: 0, backgroundShare: 0, securityEventsPerDay: 0 });
  const { total } = dayOf(alone);
  const { visitsPerDay, visitsOfActive, messagesPerVisit, countedLabels, newMessagesPerDay, newUsersPerDay } = alone;
  const known = mailboxPage(25, countedLabels, 0).quotaUnits + mailboxPage(25, 0, 0).quotaUnits;
  const visit = known + 20 * (newMessagesPerDay / visitsOfActive) + messagesPerVisit * PATHS.message.quotaUnits;
  close(total.quotaUnits, visitsPerDay * visit + newUsersPerDay * EXTRAS["first-rows"].quotaUnits);
});

void test("the kinds of a day add up to it", () => {
  const day = dayOf(parameters());
  const all = sum(...day.kinds.values());
  for (const counter of ["requests", "quotaUnits", "kvKeysRead", "token"] as const)
    close(all[counter], day.total[counter]);
});

void test("what a month includes costs nothing, a million more its price", () => {
  assert.equal(priceOf(PRICES.requests, 10e6), 0);
  assert.equal(priceOf(PRICES.requests, 11e6), 0.3);
  const bill = billOf(quantitiesOf(1_000, dayOf(parameters()), parameters(), CPU));
  assert.equal(
    [...bill.values()].reduce((all, one) => all + one, 0),
    5,
    "a thousand users are included in the plan",
  );
});

void test("numbers as people read them", () => {
  assert.deepEqual(
    [amount(0), amount(999_600), amount(2_427_690), amount(0.3834)],
    ["0", "1 million", "2.43 million", "0.383"],
  );
  assert.deepEqual([dollars(5), dollars(-4.167), dollars(58_312)], ["$5.00", "-$4.17", "$58,300"]);
});

void test("docs/scale.md has these numbers", () => {
  const document = readFileSync(path.join(import.meta.dirname, "../../docs/scale.md"), "utf8");
  assert.equal(filledDocument(), document, "run: npm --prefix bench run scale");
});
