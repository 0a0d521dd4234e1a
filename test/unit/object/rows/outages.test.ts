/** Reading rows while Gmail is down, limits everything, or the request's budgets come to an end. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { appErrorOf, type Network, START_MS } from "../../fixtures.ts";
import { answerBatch, googleError, messageOf } from "../../gmail/fixtures-batch.ts";
import { messages } from "../../gmail/fixtures.ts";
import { batchEndpoint, createRows, freshLimit, grownLimit, ids, type Rows } from "./fixtures.ts";

const MULTIPART = { headers: { "Content-Type": "multipart/mixed; boundary=b" } };
const LAST_CALL_MS = 25_000;

/** The batch endpoint, out of order for some of its calls. */
function broken(answer: () => Response, calls: (index: number) => boolean): Network {
  const endpoint = batchEndpoint();
  return (call, index) => (calls(index) ? answer() : endpoint(call, index));
}

function expectNothingLost({ concurrency }: Rows): void {
  expect(concurrency.available).toBe(concurrency.limit);
}

const OUTAGES: [string, () => Response][] = [
  ["answers 500", () => googleError(500)],
  ["answers 503 without a body", () => new Response(null, { status: 503 })],
  ["answers a page of HTML", () => new Response("<!doctype html><title>Error</title>", { status: 200 })],
  ["answers JSON", () => Response.json({ messages: [] })],
  ["answers a batch without parts", () => new Response("--b--\r\n", MULTIPART)],
  ["answers a batch that is cut off", () => new Response("--b\r\nContent-Type: application/http\r\nCont", MULTIPART)],
  ["answers a redirect", () => new Response(null, { status: 302, headers: { Location: "https://other.test/" } })],
  [
    "breaks the connection",
    () => {
      throw new TypeError("Network connection lost.");
    },
  ],
];

describe("a batch endpoint that always", () => {
  test.each(OUTAGES)("%s is UPSTREAM_UNAVAILABLE, soon and after few calls", async (_, answer) => {
    const rows = createRows(broken(answer, () => true));
    expect(await appErrorOf(rows.read(100))).toMatchObject({ reason: "UPSTREAM_UNAVAILABLE", code: 502 });
    expect(rows.world.calls.length).toBeLessThanOrEqual(8);
    expect(rows.world.clock.nowMs - START_MS).toBeLessThan(LAST_CALL_MS);
  });

  test("answers 404 is passed on, at once", async () => {
    const rows = createRows(
      broken(
        () => googleError(404, { status: "NOT_FOUND", message: "There is no batch." }),
        () => true,
      ),
    );
    expect(await appErrorOf(rows.read(100))).toMatchObject({ reason: "NOT_FOUND", code: 404 });
    expect(rows.world.calls.length).toBeLessThanOrEqual(3);
  });
});

describe("a batch endpoint that for once", () => {
  test.each(OUTAGES.filter(([title]) => !title.includes("redirect")))("%s costs no row", async (_, answer) => {
    const rows = createRows(broken(answer, (index) => index === 1));
    const found = await rows.read(100);
    expect(found.map(({ id }) => id)).toEqual(ids(100));
    expect(found.filter((row) => "error" in row)).toEqual([]);
    expectNothingLost(rows);
  });

  test("is limited as a whole waits as it is told, and costs no row", async () => {
    const rows = createRows(
      broken(
        () => googleError(429, {}, { "Retry-After": "5" }),
        (index) => index === 0,
      ),
    );
    expect((await rows.read(6)).map(({ id }) => id)).toEqual(ids(6));
    expect(rows.world.sleeps.at(0)).toBeGreaterThanOrEqual(5_000);
    expectNothingLost(rows);
  });

  test("breaks off tells nothing of the limit", async () => {
    const concurrency = grownLimit(60);
    const rows = createRows(
      broken(
        () => googleError(500),
        (index) => index === 0,
      ),
      { concurrency },
    );
    await rows.read(20);
    expect(concurrency.limit).toBeGreaterThanOrEqual(60);
  });
});

describe("a limit before the first row", () => {
  test.each<[string, Record<string, string>, number]>([
    ["for an hour", { "Retry-After": "3600" }, 3_600],
    ["for as long as an answer may take", { "Retry-After": "25" }, 25],
  ])("%s is RATE_LIMITED at once, with Retry-After", async (_, headers, retryAfterSeconds) => {
    const rows = createRows(batchEndpoint(() => googleError(429, {}, headers)));
    expect(await appErrorOf(rows.read(100))).toMatchObject({ reason: "RATE_LIMITED", code: 429, retryAfterSeconds });
    expect(rows.world.sleeps).toEqual([]);
    expect(rows.world.calls.length).toBeLessThanOrEqual(3);
  });

  test.each([
    [1, 1_000, 100_000],
    [6, 1_000, 100_000],
    [100, 1_000, 100_000],
    [100, 50, 5_000],
    [100, 8, 5_000],
    [100, 1_000, 205],
  ])(
    "that lasts, for %i rows by %i calls and %i units, is RATE_LIMITED with Retry-After and no empty page",
    async (count, maxCalls, quotaBudget) => {
      const rows = createRows(
        batchEndpoint(() => googleError(429)),
        { maxCalls, quotaBudget },
      );
      expect(await appErrorOf(rows.read(count))).toMatchObject({
        reason: "RATE_LIMITED",
        retryAfterSeconds: expect.any(Number),
      });
      expect(rows.world.clock.nowMs - START_MS).toBeLessThan(LAST_CALL_MS);
      expectNothingLost(rows);
    },
  );

  test("is not answered by hammering: a few dozen calls at most, however many are allowed", async () => {
    const rows = createRows(batchEndpoint(() => googleError(429)));
    await appErrorOf(rows.read(100));
    expect(rows.world.calls.length).toBeLessThanOrEqual(50);
  });
});

describe("a limit after the first row", () => {
  test("leaves error rows in the places of what was not read, and keeps the rest", async () => {
    const rows = createRows(
      batchEndpoint((id) => (Number(id.slice(1)) < 40 ? null : googleError(429, {}, { "Retry-After": "3600" }))),
    );
    const found = await rows.read(100);
    expect(found.map(({ id }) => id)).toEqual(ids(100));
    expect(found.findIndex((row) => "error" in row)).toBe(40);
    expect(rows.world.sleeps).toEqual([]);
  });
});

describe("time", () => {
  test("that is nearly over ends the rows at a row boundary", async () => {
    const endpoint = batchEndpoint();
    const rows = createRows((call, index) => {
      rows.world.clock.nowMs += 4_000;
      return endpoint(call, index);
    });
    const found = await rows.read(500);
    expect(found.map(({ id }) => id)).toEqual(ids(found.length));
    expect(found.length).toBeGreaterThan(0);
    expect(found.length).toBeLessThan(500);
    expect(rows.world.clock.nowMs - START_MS).toBeLessThanOrEqual(LAST_CALL_MS + 10_000);
  });
});

describe("budgets", () => {
  test.each([
    [5, 100_000],
    [8, 100_000],
    [1_000, 20],
    [1_000, 205],
    [1_000, 0],
    [1_000, 19],
    [3, 100_000],
  ])("of %i calls and %i units are kept, and the rows end at a row boundary", async (maxCalls, quotaBudget) => {
    const rows = createRows(batchEndpoint(), { maxCalls, quotaBudget });
    const found = await rows.read(100);
    expect(found.map(({ id }) => id)).toEqual(ids(found.length));
    expect(rows.world.calls.length).toBeLessThanOrEqual(maxCalls);
    expect(rows.world.trace.quotaUnits).toBeLessThanOrEqual(quotaBudget);
    if (maxCalls === 1_000) expect(found).toHaveLength(Math.floor(quotaBudget / 20));
  });

  test("leave calls for a refresh and the list", async () => {
    const rows = createRows(batchEndpoint(), { maxCalls: 8 });
    await rows.read(500);
    expect(rows.world.upstream.remainingCalls).toBe(3);
  });

  test("are kept whatever is refused, and what was read before is not lost (property)", async () => {
    const fate = fc.constantFrom("ok", "ok", "ok", "429", "503", "404");
    const budgets = fc.record({
      maxCalls: fc.integer({ min: 4, max: 30 }),
      quotaBudget: fc.integer({ min: 0, max: 2_000 }),
    });
    await fc.assert(
      fc.asyncProperty(budgets, fc.infiniteStream(fate), async (options, fates) => {
        const rows = createRows(
          (call) =>
            answerBatch(call, (id) => {
              const next: unknown = fates.next().value;
              return next === "ok" ? messageOf(id) : googleError(Number(next), { message: "No, never." });
            }),
          options,
        );
        const found = await rows.read(80).catch((error: unknown) => {
          expect(error).toMatchObject({ reason: "RATE_LIMITED" });
          return [];
        });
        expect(found.map(({ id }) => id)).toEqual(ids(found.length));
        expect(rows.world.calls.length).toBeLessThanOrEqual(options.maxCalls);
        expect(rows.world.trace.quotaUnits).toBeLessThanOrEqual(options.quotaBudget);
        expectNothingLost(rows);
      }),
    );
  });
});

describe("a client that goes away", () => {
  test("leaves no places taken, although nothing more of its request is run", async () => {
    const client = new AbortController();
    const rows = createRows(() => new Promise(() => {}), { signal: client.signal });
    void rows.reader.read(messages(18)).next();
    expect(rows.concurrency.inFlight).toBe(18);
    client.abort();
    expect(rows.concurrency.inFlight).toBe(0);
  });

  test("is told of by the runtime", () => {
    expect(Cloudflare.compatibilityFlags).toMatchObject({ enable_request_signal: true });
  });

  test("may not be told of: the next request of the same user reads by small batches then, and not one by one", async () => {
    const concurrency = freshLimit();
    concurrency.send(25);
    const rows = createRows(batchEndpoint(), { concurrency });
    expect((await rows.read(20)).map(({ id }) => id)).toEqual(ids(20));
    expect(rows.batches().map((batch) => batch.length)).toEqual([4, 4, 4, 4, 4]);
  });
});
