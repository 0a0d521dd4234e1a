/** Parts that Gmail refuses: they alone are read again, as soon as that may help and no sooner. */
import { describe, expect, test } from "vitest";
import { START_MS } from "../../fixtures.ts";
import { googleError, idsOf, messageOf } from "../../gmail/fixtures-batch.ts";
import { batchEndpoint, but, createRows, grownLimit, ids, limited } from "./fixtures.ts";

describe("a part that is refused", () => {
  test.each<[string, () => Response]>([
    ["429", limited],
    ["403 rateLimitExceeded", () => googleError(403, { errors: [{ reason: "rateLimitExceeded" }] })],
    ["403 userRateLimitExceeded", () => googleError(403, { errors: [{ reason: "userRateLimitExceeded" }] })],
    ["500", () => googleError(500)],
    ["503", () => googleError(503)],
    ["200 without a message", () => new Response("<html>")],
    ["200 with another message", () => messageOf("m99")],
    ["a status that no GET answers", () => new Response(null, { status: 204 })],
  ])("by %s is read again, and no other", async (_, answer) => {
    const rows = createRows(batchEndpoint(but(["m3", "m11"], answer, 2)));
    const found = await rows.read(18);
    expect(found.map(({ id }) => id)).toEqual(ids(18));
    expect(found.filter((row) => "error" in row)).toEqual([]);
    for (const id of ids(18)) expect([id, rows.triesOf(id)]).toEqual([id, id === "m3" || id === "m11" ? 3 : 1]);
  });

  test.each<[string, () => Response]>([
    ["without a message", () => new Response("<html>")],
    ["empty", () => new Response("")],
    ["with another message", () => messageOf("m99")],
  ])("by 200 %s, each time, is an error row within half a second and three tries", async (_, answer) => {
    const rows = createRows(batchEndpoint(but(["m3"], answer, 100)));
    const beganMs = rows.world.clock.nowMs;
    const found = await rows.read(6);
    expect(found.filter((row) => "error" in row).map(({ id }) => id)).toEqual(["m3"]);
    expect(rows.triesOf("m3")).toBe(3);
    expect(rows.world.clock.nowMs - beganMs).toBeLessThan(500);
  });

  test("is missing from the answer: it is read again, and no other", async () => {
    const rows = createRows(async (call, index) => {
      const response = await batchEndpoint()(call, index);
      if (index > 0) return response;
      const text = new TextDecoder()
        .decode(await response.arrayBuffer())
        .replace("<response-part-2>", "<response-of-nobody>");
      return new Response(text, response);
    });
    expect((await rows.read(6)).map(({ id }) => id)).toEqual(ids(6));
    expect(ids(6).filter((id) => rows.triesOf(id) > 1)).toHaveLength(1);
  });

  test.each<[string, () => Response]>([
    ["Retry-After", () => limited({ "Retry-After": "7" })],
    ["Retry-After of a 503", () => googleError(503, {}, { "Retry-After": "7" })],
    [
      "the time in its message",
      () => googleError(429, { message: `Retry after ${new Date(START_MS + 7_000).toISOString()}` }),
    ],
  ])("is not asked for again before %s", async (_, answer) => {
    const askedAt: number[] = [];
    const endpoint = batchEndpoint(but(["m3"], answer, 1));
    const rows = createRows((call, index) => {
      if (idsOf(call).includes("m3")) askedAt.push(rows.world.clock.nowMs - START_MS);
      return endpoint(call, index);
    });
    expect((await rows.read(18)).map(({ id }) => id)).toEqual(ids(18));
    expect(askedAt).toHaveLength(2);
    expect(askedAt[1]).toBeGreaterThanOrEqual(7_000);
    expect(askedAt[1]).toBeLessThanOrEqual(9_000);
  });

  test("does not hold up others meanwhile", async () => {
    const rows = createRows(batchEndpoint(but(["m30"], () => limited({ "Retry-After": "7" }), 1)));
    await rows.read(100);
    expect(rows.world.sleeps.filter((ms) => ms > 0)).toHaveLength(1);
    expect(rows.batches().at(-1)).toEqual(["m30"]);
  });

  test("with its whole batch, while others of the user are still being read, waits for these and no longer", async () => {
    const gates: PromiseWithResolvers<void>[] = [];
    const refusedFirst = batchEndpoint(but(["m12", "m13", "m14", "m15", "m16", "m17"], limited, 1));
    const rows = createRows(async (call, index) => {
      if (index < 2) {
        const gate = Promise.withResolvers<void>();
        gates.push(gate);
        await gate.promise;
      } else {
        // The refusal is there before the two that it stood behind.
        setTimeout(() => gates.forEach(({ resolve }) => resolve()), 5);
      }
      return refusedFirst(call, index);
    });
    expect((await rows.read(18)).map(({ id }) => id)).toEqual(ids(18));
    expect(rows.world.sleeps.filter((ms) => ms > 0)).toEqual([]);
  });

  test("alone, which may be chance, is asked for again soon, and then later and later", async () => {
    const rows = createRows(batchEndpoint(but(["m3"], limited, 4)));
    expect((await rows.read(4)).map(({ id }) => id)).toEqual(ids(4));
    const [first = 0, second = 0, third = 0] = rows.world.sleeps.filter((ms) => ms > 0);
    expect(first).toBeGreaterThanOrEqual(125);
    expect(first).toBeLessThanOrEqual(250);
    expect(second).toBeGreaterThanOrEqual(first);
    expect(third).toBeGreaterThanOrEqual(second);
  });

  test("with all of a batch, and nothing else in reading, is asked for again after a second or so", async () => {
    const refused = ids(5);
    const rows = createRows(batchEndpoint(but(refused, limited, 2)), { concurrency: grownLimit(60) });
    expect((await rows.read(20)).map(({ id }) => id)).toEqual(ids(20));
    expect(rows.world.sleeps[0]).toBeGreaterThanOrEqual(500);
  });

  test("waits longer each time, not always the same, and not for ever", async () => {
    const firsts = new Set<number>();
    for (let round = 0; round < 10; round += 1) {
      const rows = createRows(batchEndpoint((id) => (id === "m0" ? null : googleError(503))));
      const found = await rows.read(4);
      expect(found.map((row) => "error" in row)).toEqual([false, true, true, true]);
      expect(rows.world.clock.nowMs - START_MS).toBeLessThan(25_000);
      expect(rows.triesOf("m1")).toBeLessThanOrEqual(7);
      expect(rows.triesOf("m1")).toBeGreaterThanOrEqual(3);
      firsts.add(rows.world.sleeps[0] ?? 0);
    }
    expect(firsts.size).toBeGreaterThan(5);
  });
});
