/** 401 in the middle of rows, with a real grant: one refresh for the whole request, then on with what is left. */
import { describe, expect, test } from "vitest";
import { AppError, type Reason } from "../../../../src/errors.ts";
import type { ConcurrencyLimit } from "../../../../src/object/rows/concurrency-limit.ts";
import { Gmail } from "../../../../src/gmail.ts";
import { RowReader } from "../../../../src/object/rows/reader.ts";
import { appErrorOf, createWorld, STAYING, type World } from "../../fixtures.ts";
import { answerBatch, googleError, idsOf, messageOf } from "../../gmail/fixtures-batch.ts";
import { API_URL, messages } from "../../gmail/fixtures.ts";
import { createGrant, createMailbox, giveFresh } from "../../auth/fixtures-grant.ts";
import { ALONE, freshLimit, grownLimit, ids } from "./fixtures.ts";

const unauthorized = (): Response => googleError(401, { status: "UNAUTHENTICATED", errors: [{ reason: "authError" }] });

interface Access {
  /** Whether a part that comes with this token is answered. */
  readonly part: (token: string, id: string) => boolean;
  /** Whether the batch as a whole is. */
  readonly batch?: (token: string, index: number) => boolean;
  /** What the object fails with in place of another access token. */
  readonly failure?: Reason;
  readonly concurrency?: ConcurrencyLimit;
}

interface Session {
  readonly world: World;
  readonly read: (count: number) => Promise<string[]>;
  readonly refreshes: () => number;
  /** How often a message was asked for. */
  readonly triesOf: (id: string) => number;
}

function createSession({ part, batch = () => true, failure, concurrency = freshLimit() }: Access): Session {
  let batches = 0;
  const world = createWorld(async (call) => {
    const token = call.headers.get("Authorization")?.replace("Bearer ", "") ?? "";
    batches += 1;
    if (!batch(token, batches - 1)) return unauthorized();
    return answerBatch(call, (id) => (part(token, id) ? messageOf(id) : unauthorized()));
  });
  const { upstream, trace, now } = world;
  const { asked, mailbox } = createMailbox(world, (refused, count) => {
    if (failure !== undefined) throw new AppError(failure, "It has failed.");
    return giveFresh(refused, count);
  });
  const access = createGrant(world, { mailbox });
  const gmail = new Gmail({ apiUrl: API_URL, access, upstream, trace, now });
  const reader = new RowReader({
    ...ALONE,
    gmail,
    access,
    upstream,
    trace,
    quotaBudget: 100_000,
    concurrency,
    isStreamed: false,
    signal: STAYING,
    now,
  });
  return {
    world,
    read: async (count) =>
      (await Array.fromAsync(reader.read(messages(count)))).flat().map((row) => ("error" in row ? "error" : row.id)),
    refreshes: () => asked.length,
    triesOf: (id) => world.calls.flatMap(idsOf).filter((other) => other === id).length,
  };
}

describe("a 401", () => {
  test("of one part: one refresh, and only that part again", async () => {
    const session = createSession({ part: (token, id) => id !== "m4" || token === "fresh-1" });
    expect(await session.read(18)).toEqual(ids(18));
    expect(session.refreshes()).toBe(1);
    expect(ids(18).filter((id) => session.triesOf(id) > 1)).toEqual(["m4"]);
    expect(session.triesOf("m4")).toBe(2);
  });

  test("of the parts of three batches at once: one refresh for them all", async () => {
    const dead = new Set(["m2", "m3", "m8", "m14", "m15"]);
    const session = createSession({ part: (token, id) => !dead.has(id) || token === "fresh-1" });
    expect(await session.read(60)).toEqual(ids(60));
    expect(session.refreshes()).toBe(1);
    expect(ids(60).filter((id) => session.triesOf(id) > 1)).toEqual([...dead]);
  });

  test("of every part: one refresh, each part twice", async () => {
    const session = createSession({ part: (token) => token === "fresh-1" });
    expect(await session.read(18)).toEqual(ids(18));
    expect(session.refreshes()).toBe(1);
  });

  test("of whole batches: one refresh, and each batch again", async () => {
    const session = createSession({ part: () => true, batch: (token) => token === "fresh-1" });
    expect(await session.read(60)).toEqual(ids(60));
    expect(session.refreshes()).toBe(1);
  });

  test("of a part and of a whole batch in one request: one refresh", async () => {
    const session = createSession({
      part: (token, id) => id !== "m0" || token === "fresh-1",
      batch: (token, index) => index === 0 || token === "fresh-1",
    });
    expect(await session.read(60)).toEqual(ids(60));
    expect(session.refreshes()).toBe(1);
  });

  test("is no sign of congestion: as many may be in flight as before", async () => {
    const concurrency = grownLimit(60);
    const session = createSession({ part: (token) => token === "fresh-1", concurrency });
    await session.read(60);
    expect(concurrency.limit).toBeGreaterThanOrEqual(60);
    expect(concurrency.available).toBe(concurrency.limit);
  });
});

describe("CONSENT_REQUIRED", () => {
  test("for a part that answers 401 after the refresh, too, and no second refresh", async () => {
    const session = createSession({ part: (_, id) => id !== "m4" });
    expect(await appErrorOf(session.read(18))).toMatchObject({ reason: "CONSENT_REQUIRED" });
    expect(session.refreshes()).toBe(1);
    expect(session.triesOf("m4")).toBe(2);
  });

  test("for a token that dies twice in one request", async () => {
    const session = createSession({
      part: (token, id) => (Number(id.slice(1)) < 18 ? token !== "held" : token === "fresh-2"),
    });
    expect(await appErrorOf(session.read(60))).toMatchObject({ reason: "CONSENT_REQUIRED" });
    expect(session.refreshes()).toBe(1);
  });

  test("where the object says that the grant is gone", async () => {
    const session = createSession({ part: (_, id) => id !== "m4", failure: "CONSENT_REQUIRED" });
    expect(await appErrorOf(session.read(18))).toMatchObject({ reason: "CONSENT_REQUIRED" });
    expect(session.refreshes()).toBe(1);
  });
});

test("UPSTREAM_UNAVAILABLE, and not a lost grant, where the refresh is down", async () => {
  const session = createSession({ part: (_, id) => id !== "m4", failure: "UPSTREAM_UNAVAILABLE" });
  expect(await appErrorOf(session.read(18))).toMatchObject({ reason: "UPSTREAM_UNAVAILABLE" });
});
