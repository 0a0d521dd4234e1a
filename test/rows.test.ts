/** Reading rows: in their order, each once, as soon as they are known, and only what was refused again. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { appErrorOf, START_MS } from "./fixtures.ts";
import { googleError, idsOf, messageOf, answerBatch } from "./fixtures-batch.ts";
import { messages } from "./fixtures-gmail.ts";
import { type AnswerTry, batchEndpoint, createRows, grownLimit, ids, randomFrom } from "./fixtures-rows.ts";

const limited = (headers: Record<string, string> = {}): Response => googleError(429, { message: "slow" }, headers);
const scopeMissing = (): Response => googleError(403, { errors: [{ reason: "insufficientPermissions" }] });

/** Answers some messages otherwise, the first time or always. */
function but(wanted: readonly string[], answer: () => Response, times = Infinity): AnswerTry {
  return (id, tries) => (wanted.includes(id) && tries <= times ? answer() : null);
}

describe("rows", () => {
  test.each([0, 1, 17, 18, 19, 100, 500])(
    "of a page of %i are all there, in the list's order, each read once",
    async (count) => {
      const rows = createRows(batchEndpoint(() => null, { arrange: (parts) => parts.toReversed() }));
      const found = await rows.read(count);
      expect(found.map(({ id }) => id)).toEqual(ids(count));
      expect(found.filter((row) => "error" in row)).toEqual([]);
      expect(rows.batches().flat().toSorted()).toEqual(ids(count).toSorted());
      expect(rows.world.trace.quotaUnits).toBe(20 * count);
      expect(rows.concurrency.available).toBe(rows.concurrency.limit);
    },
  );

  test("take few calls: a hundred at most twelve", async () => {
    const rows = createRows(batchEndpoint());
    await rows.read(100);
    expect(rows.world.calls.length).toBeLessThanOrEqual(12);
  });

  test("are asked for with what a row shows and no more, without the access token in a part", async () => {
    const rows = createRows(batchEndpoint());
    await rows.read(1);
    const [call] = rows.world.calls;
    expect([call?.method, call?.url.href]).toEqual(["POST", "https://gmail.test/batch/gmail/v1"]);
    const [, target = ""] = /^GET (\S+) HTTP\/1\.1/m.exec(call?.body ?? "") ?? [];
    const { pathname, searchParams } = new URL(target, "https://gmail.test");
    expect(pathname).toBe("/gmail/v1/users/me/messages/m0");
    expect(searchParams.getAll("metadataHeaders")).toEqual(["From", "To", "Subject"]);
    expect(Object.fromEntries(searchParams)).toMatchObject({
      format: "metadata",
      fields: "id,threadId,labelIds,snippet,internalDate,payload/headers",
      prettyPrint: "false",
    });
    expect(call?.body).not.toMatch(/authorization/i);
  });

  test("come in order and once, whatever order batches end in and parts are refused in (property)", async () => {
    const seed = fc.record({
      count: fc.integer({ min: 1, max: 150 }),
      refuse: fc.double({ min: 0, max: 0.3, noNaN: true }),
    });
    await fc.assert(
      fc.asyncProperty(seed, fc.integer(), async ({ count, refuse }, number) => {
        const chance = randomFrom(number);
        const endpoint = batchEndpoint((_, tries) => (tries <= 3 && chance() < refuse ? limited() : null), {
          arrange: (parts) => parts.toSorted(() => chance() - 0.5),
        });
        const rows = createRows(async (call, index) => {
          for (let turn = chance() * 40; turn > 0; turn -= 1) await Promise.resolve();
          return endpoint(call, index);
        });
        const found = await rows.read(count);
        expect(found.map(({ id }) => id)).toEqual(ids(count));
        expect(found.filter((row) => "error" in row)).toEqual([]);
        expect(rows.concurrency.available).toBe(rows.concurrency.limit);
      }),
      { numRuns: 60 },
    );
  });

  test("are all handed out, also to whoever takes their time over the first", async () => {
    const rows = createRows(async (call) => answerBatch(call, messageOf));
    const found: string[] = [];
    for await (const run of rows.reader.read(messages(60))) {
      found.push(...run.map(({ id }) => id));
      // Long enough for every batch that is under way to end.
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(found).toEqual(ids(60));
  });

  test("leave as soon as they and those before them are known", async () => {
    const held = new Map<string, PromiseWithResolvers<void>>();
    const rows = createRows(async (call) => {
      const gate = Promise.withResolvers<void>();
      held.set(idsOf(call)[0] ?? "", gate);
      await gate.promise;
      return answerBatch(call, messageOf);
    });
    const runs = rows.reader.read(messages(18));
    const first = runs.next();
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect([...held.keys()]).toEqual(["m0", "m6", "m12"]);
    // The second batch alone is not the next row.
    held.get("m6")?.resolve();
    const early = await Promise.race([
      first.then(() => "rows"),
      new Promise((resolve) => setTimeout(resolve, 20, "none")),
    ]);
    expect(early).toBe("none");
    held.get("m0")?.resolve();
    const { value } = await first;
    expect((value ?? []).map(({ id }) => id)).toEqual(ids(12));
    held.get("m12")?.resolve();
    expect((await runs.next()).value?.map(({ id }) => id)).toEqual(ids(18).slice(12));
    expect((await runs.next()).done).toBe(true);
  });

  test("begin, where they are streamed, with a small batch, for the first row's sake, and go on with even ones", async () => {
    const sizesOf = async (isStreamed: boolean): Promise<number[]> => {
      const rows = createRows(batchEndpoint(), { concurrency: grownLimit(60), isStreamed });
      await rows.read(60);
      return rows.batches().map((batch) => batch.length);
    };
    expect(await sizesOf(false)).toEqual([15, 15, 15, 15]);
    expect(await sizesOf(true)).toEqual([4, 15, 15, 15, 11]);
  });

  test.each([
    [39, 3],
    [40, 4],
    [300, 4],
  ])(
    "are read, where %i may be in flight, by %i batches at once at most, of a hundred parts",
    async (limit, batches) => {
      let running = 0;
      let most = 0;
      const endpoint = batchEndpoint();
      const rows = createRows(
        async (call, index) => {
          running += 1;
          most = Math.max(most, running);
          await new Promise((resolve) => setTimeout(resolve, 1));
          running -= 1;
          return endpoint(call, index);
        },
        { concurrency: grownLimit(limit) },
      );
      // No more than fit at once, for each round that goes well raises the limit.
      expect(await rows.read(limit)).toHaveLength(limit);
      expect(most).toBe(batches);
      expect(Math.max(...rows.batches().map((batch) => batch.length))).toBeLessThanOrEqual(100);
    },
  );
});

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

describe("a message that cannot be read", () => {
  test.each<[string, () => Response, object]>([
    [
      "is gone",
      () => googleError(404, { status: "NOT_FOUND", message: "Not found." }),
      { code: 404, status: "NOT_FOUND", message: "Not found." },
    ],
    ["stays limited", limited, { code: 429, status: "RESOURCE_EXHAUSTED" }],
    ["is limited for an hour", () => limited({ "Retry-After": "3600" }), { code: 429, status: "RESOURCE_EXHAUSTED" }],
    ["stays broken", () => googleError(500), { code: 502, status: "UNAVAILABLE" }],
    ["is nonsense", () => new Response("<html>"), { code: 502, status: "UNAVAILABLE" }],
  ])("because it %s stands in its place with its error, and the others as they are", async (_, answer, error) => {
    for (const id of ["m0", "m3", "m17"]) {
      const rows = createRows(batchEndpoint(but([id], answer)));
      const found = await rows.read(18);
      expect(found.map((row) => row.id)).toEqual(ids(18));
      expect(found.filter((row) => "error" in row)).toEqual([
        { id, threadId: id.replace("m", "t"), error: expect.objectContaining(error) },
      ]);
      expect(rows.concurrency.available).toBe(rows.concurrency.limit);
    }
  });

  test("because it alone is limited for an hour is an error row even where it is the first, and all are in one batch", async () => {
    const rows = createRows(batchEndpoint(but(["m0"], () => limited({ "Retry-After": "3600" }))));
    const found = await rows.read(6);
    expect(found.map((row) => "error" in row)).toEqual([true, false, false, false, false, false]);
  });

  test("has the request's ID and its reason in its error", async () => {
    const rows = createRows(batchEndpoint(but(["m1"], () => googleError(404, { message: "Not found." }))));
    const [, row] = await rows.read(2);
    expect(row).toMatchObject({
      error: { details: [{ reason: "NOT_FOUND", metadata: { requestId: rows.world.trace.requestId } }] },
    });
  });

  test("because the scope is missing ends the whole listing", async () => {
    expect(await appErrorOf(createRows(batchEndpoint(but(["m3"], scopeMissing))).read(18))).toMatchObject({
      reason: "SCOPE_REQUIRED",
    });
  });
});
