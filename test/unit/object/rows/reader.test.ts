/** Reading rows: in their order, each once, as soon as they are known. What is refused: rows-refused.test.ts */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { appErrorOf } from "../../fixtures.ts";
import { googleError, idsOf, messageOf, answerBatch } from "../../gmail/fixtures-batch.ts";
import { messages } from "../../gmail/fixtures.ts";
import { batchEndpoint, but, createRows, grownLimit, ids, limited, randomFrom } from "./fixtures.ts";

const scopeMissing = (): Response => googleError(403, { errors: [{ reason: "insufficientPermissions" }] });

const tooLarge = (): Response => Response.json({ id: "m3", threadId: "m3", snippet: "x".repeat(17 * 1024 * 1024) });

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

  test("of a message whose headers are too large is an error at once, and the others are there", async () => {
    const rows = createRows(batchEndpoint(but(["m3"], tooLarge)));
    const found = await rows.read(8);
    expect(found.map(({ id }) => id)).toEqual(ids(8));
    expect(found.flatMap((row) => ("error" in row ? [[row.id, row.error.code]] : []))).toEqual([["m3", 502]]);
    // Once in each half that it was looked for in, and never again.
    expect(rows.triesOf("m3")).toBeLessThanOrEqual(4);
    expect(rows.world.sleeps).toEqual([]);
  });

  test("take few calls: a hundred at most twelve", async () => {
    const rows = createRows(batchEndpoint());
    await rows.read(100);
    expect(rows.world.calls.length).toBeLessThanOrEqual(12);
  });

  test("are asked for with what a row shows and no more, without the access token in a part", async () => {
    const rows = createRows(batchEndpoint());
    await rows.read(1);
    const [call] = rows.world.calls;
    expect([call?.method, call?.url.href]).toEqual(["POST", "https://gmail.localhost/batch/gmail/v1"]);
    const [, target = ""] = /^GET (\S+) HTTP\/1\.1/m.exec(call?.body ?? "") ?? [];
    const { pathname, searchParams } = new URL(target, "https://gmail.localhost");
    expect(pathname).toBe("/gmail/v1/users/me/messages/m0");
    expect(searchParams.getAll("metadataHeaders")).toEqual(["From", "To", "Subject"]);
    expect(Object.fromEntries(searchParams)).toMatchObject({
      format: "metadata",
      fields: "id,threadId,historyId,labelIds,snippet,internalDate,payload/headers",
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
    const sizes = [];
    for (const isStreamed of [false, true]) {
      const rows = createRows(batchEndpoint(), { concurrency: grownLimit(60), isStreamed });
      await rows.read(60);
      sizes.push(rows.batches().map((batch) => batch.length));
    }
    expect(sizes).toEqual([
      [15, 15, 15, 15],
      [4, 15, 15, 15, 11],
    ]);
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
