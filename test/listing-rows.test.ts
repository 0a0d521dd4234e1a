/** `view=metadata`: the rows of a page, in their places, whatever becomes of each. */
import { describe, expect, test } from "vitest";
import { listPages, type Row } from "../src/listing.ts";
import { appErrorOf, type Call, type Network } from "./fixtures.ts";
import { createGmail, FILTER, mailbox, messages } from "./fixtures-gmail.ts";

interface Rows {
  readonly rows: readonly Row[];
  readonly next: string | null;
}

interface Options {
  readonly limit?: number;
  readonly maxCalls?: number;
  readonly quotaBudget?: number;
  readonly pageToken?: string | null;
}

/** A mailbox of 200 whose messages answer what `answer` gives for them, or themselves. */
function createListing(answer: (id: string, tries: number) => Response | null, maxCalls = 1_000) {
  const list = mailbox({ refs: messages(200) });
  const tries = new Map<string, number>();
  const network: Network = async (call: Call, index) => {
    const id = /\/messages\/(\w+)$/.exec(call.url.pathname)?.[1];
    if (id === undefined) return list(call, index);
    const count = (tries.get(id) ?? 0) + 1;
    tries.set(id, count);
    // Later messages answer sooner, so that order is not an accident.
    await new Promise((resolve) => setTimeout(resolve, 20 - (Number(id.slice(1)) % 20)));
    return (
      answer(id, count) ?? Response.json({ id, threadId: id.replace("m", "t"), internalDate: "0", labelIds: ["INBOX"] })
    );
  };
  return createGmail(network, { maxCalls });
}

async function read(listing: ReturnType<typeof createListing>, options: Options = {}): Promise<Rows> {
  const { gmail, world } = listing;
  const { limit = 20, quotaBudget = 5_000, pageToken = null } = options;
  const pages = await Array.fromAsync(
    listPages(
      { gmail, upstream: world.upstream, trace: world.trace, quotaBudget },
      { filter: FILTER, limit, view: "metadata", pageToken, distinct: "all" },
    ),
  );
  return { rows: pages.flatMap(({ rows }) => rows), next: pages.at(-1)?.nextPageToken ?? null };
}

const ids = (count: number): string[] => messages(count).map(({ id }) => id);
const googleError = (code: number, error: object): Response =>
  Response.json({ error: { code, ...error } }, { status: code });

describe("rows", () => {
  test("stand in the order of the list, in whichever order they are answered", async () => {
    const { rows, next } = await read(createListing(() => null));
    expect(rows.map(({ id }) => id)).toEqual(ids(20));
    for (const row of rows) expect(row).toMatchObject({ labelIds: ["INBOX"] });
    expect(next).toBe("20");
  });

  test("that are limited at first are tried again, alone", async () => {
    const { rows } = await read(
      createListing((id, tries) => (id === "m3" && tries === 1 ? googleError(429, {}) : null)),
    );
    expect(rows.map(({ id }) => id)).toEqual(ids(20));
    expect(rows.filter((row) => "error" in row)).toEqual([]);
  });

  test.each<[string, () => Response, object]>([
    ["is gone meanwhile", () => googleError(404, { status: "NOT_FOUND", message: "Not found." }), { code: 404 }],
    ["stays limited", () => googleError(429, {}), { code: 429, status: "RESOURCE_EXHAUSTED" }],
    ["stays broken", () => googleError(500, {}), { code: 502, status: "UNAVAILABLE" }],
    ["is nonsense", () => new Response("<html>"), { code: 502, status: "UNAVAILABLE" }],
  ])("of which one %s have its error in its place, and the others as they are", async (_, answer, error) => {
    const { rows } = await read(createListing((id) => (id === "m3" ? answer() : null)));
    expect(rows.map(({ id }) => id)).toEqual(ids(20));
    expect(rows[3]).toMatchObject({ id: "m3", threadId: "t3", error });
    expect(rows.filter((row) => "error" in row)).toHaveLength(1);
  });

  test("of which one says that the scope is missing end the whole listing", async () => {
    const missing = { errors: [{ reason: "insufficientPermissions" }] };
    const listing = createListing((id) => (id === "m3" ? googleError(403, missing) : null));
    expect(await appErrorOf(read(listing))).toMatchObject({ reason: "SCOPE_REQUIRED" });
  });
});

describe("budgets", () => {
  test.each<Options>([{ maxCalls: 50 }, { maxCalls: 12 }, { maxCalls: 8 }, { quotaBudget: 405 }, { quotaBudget: 25 }])(
    "%o: stops at a page's end, and its token goes on without a hole",
    async (options) => {
      const seen: string[] = [];
      let pageToken: string | null = null;
      do {
        const listing = createListing(() => null, options.maxCalls);
        const { rows, next } = await read(listing, { ...options, limit: Infinity, pageToken });
        expect(rows.filter((row) => "error" in row)).toEqual([]);
        expect(listing.world.trace.upstreamCalls).toBeLessThanOrEqual(options.maxCalls ?? Infinity);
        expect(listing.world.trace.quotaUnits).toBeLessThanOrEqual(options.quotaBudget ?? 5_000);
        seen.push(...rows.map(({ id }) => id));
        pageToken = next;
      } while (pageToken !== null && seen.length < 60);
      expect(seen).toEqual(ids(seen.length));
    },
  );

  test("hold for tries again, too: no unit and no call more than was allowed", async () => {
    const listing = createListing(() => googleError(503, {}), 30);
    const { rows } = await read(listing, { quotaBudget: 205 });
    expect(rows.every((row) => "error" in row)).toBe(true);
    expect(listing.world.trace.upstreamCalls).toBeLessThanOrEqual(30);
    expect(listing.world.trace.quotaUnits).toBeLessThanOrEqual(205);
  });
});
