/** Listing with `view=metadata`: pages and rows together, and resuming at a row. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Cursor, ListChunk, ListRequest, Row } from "../../../src/mailbox/pagination.ts";
import type { MessageRef } from "../../../src/gmail.ts";
import { appErrorOf, type Call, type Network, type World } from "../fixtures.ts";
import { googleError } from "../gmail/fixtures-batch.ts";
import { mailbox, type MailboxOptions, messages } from "../gmail/fixtures.ts";
import { type Budgets, createListing } from "./fixtures-listing.ts";
import { type AnswerTry, batchEndpoint, ids, randomFrom } from "../object/rows/fixtures.ts";

/** A mailbox whose messages can be read, too. */
function gmailOf(list: Network, batch: Network = batchEndpoint()): Network {
  return (call, index) => (call.url.pathname === "/batch/gmail/v1" ? batch(call, index) : list(call, index));
}

function open(
  network: Network,
  { maxCalls = 1_000, quotaBudget = 100_000 }: Budgets,
  changes: Partial<ListRequest>,
): { chunks: AsyncGenerator<ListChunk, void>; world: World } {
  const { chunks, world } = createListing(network, { maxCalls, quotaBudget });
  return { chunks: chunks({ view: "metadata", ...changes }), world };
}

async function collect(
  network: Network,
  options: Budgets = {},
  changes: Partial<ListRequest> = {},
): Promise<{ rows: Row[]; next: Cursor | null; world: World }> {
  const { chunks, world } = open(network, options, changes);
  const all = await Array.fromAsync(chunks);
  return { rows: all.flatMap(({ rows }) => rows), next: all.at(-1)?.next ?? null, world };
}

/** Goes on until the end, each time in a new request. */
async function resume(
  network: Network,
  options: Budgets,
  changes: Partial<ListRequest> = {},
): Promise<{ seen: string[]; requests: number }> {
  const seen: string[] = [];
  let from: Cursor | null = null;
  for (let requests = 1; ; requests += 1) {
    const part = await collect(network, options, { ...changes, from });
    expect(part.world.calls.length).toBeLessThanOrEqual(options.maxCalls ?? Infinity);
    expect(part.world.trace.quotaUnits).toBeLessThanOrEqual(options.quotaBudget ?? Infinity);
    seen.push(...part.rows.map(({ id }) => id));
    from = part.next;
    if (from === null || requests >= 200) return { seen, requests };
  }
}

const ofMailbox = (count: number, more: Partial<MailboxOptions> = {}): Network =>
  gmailOf(mailbox({ refs: messages(count), ...more }));
const isList = ({ url }: Call): boolean => url.pathname.endsWith("/messages");

describe("rows of a listing", () => {
  test.each([1, 100, 499, 500, 501, 1_200])(
    "of %i messages are all there, in order, at 20 units each",
    async (count) => {
      const { rows, next, world } = await collect(ofMailbox(count));
      expect(rows.map(({ id }) => id)).toEqual(ids(count));
      expect(next).toBeNull();
      for (const row of rows) expect(row).toMatchObject({ labelIds: ["INBOX"] });
      expect(world.trace.quotaUnits).toBe(20 * count + 5 * Math.ceil(count / 500));
    },
  );

  test("are asked for while the next page is on its way", async () => {
    const order: string[] = [];
    const network = ofMailbox(700);
    await collect((call, index) => {
      order.push(isList(call) ? "list" : "batch");
      return network(call, index);
    });
    expect(order.filter((kind) => kind === "list")).toHaveLength(2);
    // Before more than the first few batches, not behind the last one.
    expect(order.lastIndexOf("list")).toBeLessThanOrEqual(4);
  });

  test("of a later page that fails come first, then the error", async () => {
    const list = mailbox({ refs: messages(1_200) });
    const { chunks } = open(
      gmailOf((call, index) =>
        call.url.searchParams.has("pageToken") ? googleError(404, { status: "NOT_FOUND" }) : list(call, index),
      ),
      {},
      {},
    );
    const seen: string[] = [];
    const error = await appErrorOf(
      (async () => {
        for await (const { rows } of chunks) seen.push(...rows.map(({ id }) => id));
      })(),
    );
    expect(error).toMatchObject({ reason: "NOT_FOUND" });
    expect(seen).toEqual(ids(500));
  });
});

/** What a request of few calls reads of a mailbox of 40, and where it says to go on: in the middle of Gmail's page. */
async function beginning(): Promise<{ count: number; from: Cursor }> {
  const { rows, next } = await collect(ofMailbox(40), { maxCalls: 6 });
  if (next === null) throw new Error("It was to stop before the end.");
  expect(next).toEqual({ pageToken: null, skip: rows.length, afterId: rows.at(-1)?.id });
  expect(rows.length).toBeGreaterThan(5);
  return { count: rows.length, from: next };
}

async function restOf(refs: readonly MessageRef[], from: Cursor, limit = Infinity): Promise<string[]> {
  return (await collect(gmailOf(mailbox({ refs })), {}, { from, limit })).rows.map(({ id }) => id);
}

const newMail = (count: number): MessageRef[] =>
  Array.from({ length: count }, (_, index) => ({ id: `n${index}`, threadId: "n" }));

describe("a listing that stopped at a row goes on at the next one", () => {
  test.each<Budgets>([
    { maxCalls: 8 },
    { maxCalls: 12 },
    { quotaBudget: 205 },
    { quotaBudget: 25 },
    { quotaBudget: 10_105 },
  ])("%o", async (options) => {
    const { seen } = await resume(ofMailbox(130), options);
    expect(seen).toEqual(ids(130));
  });

  test("on whichever page, over empty pages and pages that overlap", async () => {
    const { seen } = await resume(ofMailbox(1_100, { emptyAt: [500] }), { quotaBudget: 4_105 });
    expect(seen).toEqual(ids(1_100));
  });

  test("whatever is refused on the way, within both budgets (property)", async () => {
    const budgets = fc.record({
      maxCalls: fc.integer({ min: 8, max: 20 }),
      quotaBudget: fc.integer({ min: 205, max: 1_200 }),
    });
    await fc.assert(
      fc.asyncProperty(budgets, fc.integer(), async (options, number) => {
        const chance = randomFrom(number);
        const refuse: AnswerTry = (_, tries) => (tries < 4 && chance() < 0.1 ? googleError(429) : null);
        const { seen } = await resume(gmailOf(mailbox({ refs: messages(90) }), batchEndpoint(refuse)), options);
        expect(seen).toEqual(ids(90));
      }),
      { numRuns: 40 },
    );
  });

  test.each([0, 1, 3, 10, 200])("after %i new messages: none of them, none twice, none left out", async (arrived) => {
    const { count, from } = await beginning();
    expect(await restOf([...newMail(arrived), ...messages(40)], from)).toEqual(ids(40).slice(count));
  });

  test.each([1, 3, 10])("after %i new messages, five at a time: none twice, none left out", async (arrived) => {
    const { count, from } = await beginning();
    const found = await restOf([...newMail(arrived), ...messages(40)], from, 5);
    expect(found).toEqual(ids(40).slice(count, count + 5));
  });

  test.each(["the first", "one", "the last"])(
    "after %s of those handed out was deleted: none left out",
    async (which) => {
      const { count, from } = await beginning();
      const gone = `m${which === "the first" ? 0 : which === "one" ? 3 : count - 1}`;
      const refs = messages(40).filter(({ id }) => id !== gone);
      const found = await restOf(refs, from);
      expect(found.slice(-(40 - count))).toEqual(ids(40).slice(count));
      // The last one gone leaves only its place; then one that was handed out may come again, and no more.
      expect(found.length).toBeLessThanOrEqual(40 - count + 1);
    },
  );

  test("after more new mail than a page holds: none left out", async () => {
    const { count, from } = await beginning();
    const found = await restOf([...newMail(600), ...messages(40)], from);
    expect(found).toEqual(expect.arrayContaining(ids(40).slice(count)));
  });
});
