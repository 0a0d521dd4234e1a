import { describe, expect, test } from "vitest";
import type { Cursor, ListChunk, ListRequest } from "../../../src/mailbox/pagination.ts";
import { appErrorOf, json, type Network } from "../fixtures.ts";
import { mailbox, messages } from "../gmail/fixtures.ts";
import { type Budgets, createListing } from "./fixtures-listing.ts";

async function collect(chunks: AsyncGenerator<ListChunk, void>) {
  const all = await Array.fromAsync(chunks);
  return { ids: all.flatMap(({ rows }) => rows.map(({ id }) => id)), next: all.at(-1)?.next ?? null, all };
}

/** The beginning of a page. */
const pageAt = (pageToken: string): Cursor => ({ pageToken, skip: 0, afterId: null });

const ids = (count: number): string[] => messages(count).map(({ id }) => id);

/** Pages that each begin with the same message. */
const again: Network = ({ url }) => {
  const page = Number(url.searchParams.get("pageToken") ?? 0);
  const refs = [{ id: "same", threadId: "t" }, ...messages(1).map(() => ({ id: `m${page}`, threadId: "t" }))];
  return Response.json({ messages: refs, ...(page < 4 ? { nextPageToken: String(page + 1) } : {}) });
};

/** Two empty pages that lead to each other. */
const circle: Network = ({ url }) =>
  Response.json({ nextPageToken: url.searchParams.get("pageToken") === "a" ? "b" : "a" });

/** Two pages, and then an outage. */
const failing: Network = (call, index) =>
  index < 2 ? mailbox({ refs: messages(5_000) })(call, index) : Response.json({ error: {} }, { status: 503 });

describe("a listing", () => {
  test("of everything gives each message once, newest first, and no token at the end", async () => {
    const { chunks, world } = createListing(mailbox({ refs: messages(1_234) }));
    expect(await collect(chunks())).toMatchObject({ ids: ids(1_234), next: null });
    expect(world.calls.map(({ url }) => url.searchParams.get("maxResults"))).toEqual(["500", "500", "500"]);
  });

  test.each([
    [1, ["1"]],
    [25, ["25"]],
    [500, ["500"]],
    [501, ["500", "1"]],
    [1_100, ["500", "500", "100"]],
  ])("of %i asks for exactly that many", async (limit, asked) => {
    const { chunks, world } = createListing(mailbox({ refs: messages(2_000) }));
    expect(await collect(chunks({ limit }))).toMatchObject({ ids: ids(limit), next: pageAt(String(limit)) });
    expect(world.calls.map(({ url }) => url.searchParams.get("maxResults"))).toEqual(asked);
  });

  test("of an empty mailbox yields, without a row and without a next page", async () => {
    const { chunks } = createListing(json({ resultSizeEstimate: 0 }));
    const { all } = await collect(chunks());
    expect(all[0]).toEqual({ rows: [], resultSizeEstimate: 0, next: null, retryAfterSeconds: null });
    expect(all.filter(({ rows, next }) => rows.length > 0 || next !== null)).toEqual([]);
  });

  test("that ends exactly at its limit, and at the end of the mailbox, has no token", async () => {
    const { chunks } = createListing(mailbox({ refs: messages(10) }));
    expect(await collect(chunks({ limit: 10 }))).toMatchObject({ ids: ids(10), next: null });
  });

  test("sends the same filter on every page, and each page's token on the next", async () => {
    const { chunks, world } = createListing(mailbox({ refs: messages(1_200) }));
    const filter = { q: "from:ann é", labelIds: ["A", "B"], includeSpamTrash: true };
    await collect(chunks({ filter }));
    expect(world.calls.map(({ url }) => url.searchParams.get("pageToken"))).toEqual([null, "500", "1000"]);
    for (const { url } of world.calls) {
      expect(url.searchParams.get("q")).toBe("from:ann é");
      expect(url.searchParams.getAll("labelIds")).toEqual(["A", "B"]);
      expect(url.searchParams.get("includeSpamTrash")).toBe("true");
    }
  });

  test("goes on over pages without messages", async () => {
    const { chunks } = createListing(mailbox({ refs: messages(700), emptyAt: [0, 500] }));
    expect(await collect(chunks())).toMatchObject({ ids: ids(700), next: null });
  });

  test.each(["whole", "streamed"] as const)("drops what the next page repeats (delivery: %s)", async (delivery) => {
    const { chunks } = createListing(mailbox({ refs: messages(1_300), overlap: 3, emptyAt: [500] }));
    expect((await collect(chunks({ delivery }))).ids).toEqual(ids(1_300));
  });

  test("drops what comes again many pages later, where it remembers all", async () => {
    expect((await collect(createListing(again).chunks())).ids).toEqual(["same", "m0", "m1", "m2", "m3", "m4"]);
  });

  test("that leads back to the page it came from: UPSTREAM_UNAVAILABLE, and no endless loop", async () => {
    const { chunks, world } = createListing(json({ messages: messages(1), nextPageToken: "again" }));
    expect(await appErrorOf(collect(chunks()))).toMatchObject({ reason: "UPSTREAM_UNAVAILABLE" });
    expect(world.calls).toHaveLength(2);
  });

  test("whose pages go round in a circle ends with the request's calls", async () => {
    const { chunks, world } = createListing(circle, { maxCalls: 10 });
    await collect(chunks()).catch(() => null);
    expect(world.calls.length).toBeLessThanOrEqual(10);
  });

  test("whose later page fails for good ends with that error", async () => {
    expect(await appErrorOf(collect(createListing(failing).chunks()))).toMatchObject({
      reason: "UPSTREAM_UNAVAILABLE",
    });
  });

  test("that is streamed goes on after a page that took nearly all of the time", async () => {
    const pages = mailbox({ refs: messages(1_000) });
    const { chunks, world } = createListing(async (call, index) => {
      if (index === 0) world.clock.nowMs += 16_000;
      return pages(call, index);
    });
    const seen: string[] = [];
    for await (const { rows } of chunks({ delivery: "streamed" })) {
      seen.push(...rows.map(({ id }) => id));
      if (rows.length > 0) world.upstream.restartDeadline();
    }
    expect(seen).toEqual(ids(1_000));
  });

  test("fetches a first page alone, and then one page ahead of what is asked for, and no more", async () => {
    const { chunks, world } = createListing(mailbox({ refs: messages(5_000) }));
    const generator = chunks();
    const calls: number[] = [];
    // Each page comes as an empty chunk and one with its messages.
    for (let chunk = 0; chunk < 4; chunk += 1) {
      await generator.next();
      await new Promise((resolve) => setTimeout(resolve, 5));
      calls.push(world.calls.length);
    }
    expect(calls).toEqual([1, 1, 3, 3]);
  });
});

describe("a budget that is spent stops at a page's end, and the token goes on without a hole", () => {
  const all = mailbox({ refs: messages(3_333) });

  async function resumed(budgets: Budgets, changes: Partial<ListRequest> = {}) {
    const seen: string[] = [];
    let from: Cursor | null = null;
    let requests = 0;
    do {
      const { chunks, world } = createListing(all, budgets);
      const part = await collect(chunks({ ...changes, from }));
      expect(world.calls.length).toBeLessThanOrEqual(budgets.maxCalls ?? 50);
      expect(world.trace.quotaUnits).toBeLessThanOrEqual(budgets.quotaBudget ?? 5_000);
      seen.push(...part.ids);
      from = part.next;
      requests += 1;
    } while (from !== null && requests < 100);
    return { seen, requests };
  }

  test("calls", async () => {
    const { seen, requests } = await resumed({ maxCalls: 3 });
    expect(seen).toEqual(ids(3_333));
    expect(requests).toBe(3);
  });

  test("quota units", async () => {
    const { seen, requests } = await resumed({ quotaBudget: 25 });
    expect(seen).toEqual(ids(3_333));
    expect(requests).toBe(2);
  });

  test("time: an answer does not wait for a page that may come too late", async () => {
    const { chunks, world } = createListing((call, index) => {
      world.clock.nowMs += 9_000;
      return all(call, index);
    });
    const part = await collect(chunks());
    expect(part.next).not.toBeNull();
    expect(part.ids).toEqual(ids(part.ids.length));
    expect(world.calls.length).toBeLessThanOrEqual(3);
  });
});
