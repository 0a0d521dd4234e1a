/** Work that requests of an isolate share: who works, who waits, and for how long. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { AppError } from "../../../src/errors.ts";
import { BudgetSpentError, CALL_TIMEOUT_MS } from "../../../src/lib/upstream.ts";
import { unwrap } from "../../../src/lib/settle.ts";
import { SharedWork } from "../../../src/isolate/shared-work.ts";
import { appErrorOf, createWorld, failureOf, START_MS } from "../fixtures.ts";

const ANSWER_TIME_MS = 25_000;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const forever = (): Promise<never> => new Promise(() => {});
const outage = (): AppError => new AppError("UPSTREAM_UNAVAILABLE", "Google is not working properly.");

/** An isolate whose requests share work; the nth to work does what `work` says. Nothing is kept of it. */
function createIsolate(work: (count: number) => Promise<number>) {
  const shared = new SharedWork<number>();
  let count = 0;
  const request = (at: { key?: string; nowMs?: number; spentMs?: number } = {}): Promise<number> => {
    const { upstream, clock } = createWorld(() => new Response());
    clock.nowMs += at.spentMs ?? 0;
    return shared.share(upstream, at.key ?? "a", {
      nowMs: at.nowMs ?? START_MS,
      find: () => null,
      work: () => work((count += 1)),
    });
  };
  return { request, count: () => count };
}

const several = (count: number, request: () => Promise<number>): Promise<PromiseSettledResult<number>[]> =>
  Promise.allSettled(Array.from({ length: count }, request));

describe("requests at once", () => {
  test("share a result that none may find later, and who comes then works anew", async () => {
    const { request, count } = createIsolate(async (index) => {
      await pause(30);
      return index;
    });
    expect(await Promise.all(Array.from({ length: 20 }, () => request()))).toEqual(Array(20).fill(1));
    expect(await request()).toBe(2);
    expect(count()).toBe(2);
  });

  test("of different keys share nothing", async () => {
    const { request } = createIsolate(async (index) => {
      await pause(20);
      return index;
    });
    expect(await Promise.all([request({ key: "a" }), request({ key: "b" })])).toEqual([1, 2]);
  });

  test("fail one by one no further than twice: the rest fails with the second", async () => {
    const failures = [outage(), outage()];
    const { request, count } = createIsolate(async (index) => {
      await pause(30);
      throw failures[index - 1];
    });
    const results = await several(20, request);
    const reasons = results.map((result) => (result.status === "rejected" ? failures.indexOf(result.reason) : null));
    expect([reasons.indexOf(0), reasons.filter((reason) => reason === 1).length]).toEqual([0, 19]);
    expect(count()).toBe(2);
  });

  test("do not share that one's budget was spent", async () => {
    const { request, count } = createIsolate(async (index) => {
      await pause(20);
      if (index <= 3) throw new BudgetSpentError("No call is left.");
      return index;
    });
    const results = await several(10, request);
    expect(results.filter(({ status }) => status === "rejected")).toHaveLength(3);
    expect(count()).toBe(4);
  });
});

describe("a request that was ended by the runtime while it worked", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test("holds the others for the time of one call, and then one of them works for all", async () => {
    const { request, count } = createIsolate(async (index) => {
      if (index === 1) return forever();
      await pause(30);
      return index;
    });
    void request();
    const waiting = several(10, request);
    await vi.advanceTimersByTimeAsync(CALL_TIMEOUT_MS - 20);
    expect(count()).toBe(1);
    await vi.advanceTimersByTimeAsync(2_000);
    const results = await waiting;
    expect(results.map((result) => unwrap(result))).toEqual(Array<number>(10).fill(2));
  });

  test("and had little time left holds them for no more than that", async () => {
    const { request } = createIsolate((index) => (index === 1 ? forever() : Promise.resolve(index)));
    void request({ spentMs: ANSWER_TIME_MS - 100 });
    const waiting = request();
    await vi.advanceTimersByTimeAsync(120);
    expect(await waiting).toBe(2);
  });

  test("does not hold who has less time than that for longer", async () => {
    const { request } = createIsolate((index) => (index === 1 ? forever() : Promise.reject(outage())));
    void request();
    const waiting = appErrorOf(request({ spentMs: ANSWER_TIME_MS - 100 }));
    await vi.advanceTimersByTimeAsync(120);
    expect(await waiting).toMatchObject({ reason: "UPSTREAM_UNAVAILABLE" });
  });

  test("takes nothing away from who has worked since", async () => {
    const { promise, resolve } = Promise.withResolvers<number>();
    const { request, count } = createIsolate((index) => [promise, forever()][index - 1] ?? Promise.resolve(index));
    const late = request();
    void request({ nowMs: START_MS + CALL_TIMEOUT_MS });
    resolve(1);
    expect(await late).toBe(1);
    let result: number | null = null;
    void request({ nowMs: START_MS + CALL_TIMEOUT_MS + 10 }).then((value) => (result = value));
    await vi.advanceTimersByTimeAsync(1_000);
    expect([result, count()], "it waits for the second").toEqual([null, 2]);
  });
});

test("what looking finds out ends the waiting, also by an error", async () => {
  const shared = new SharedWork<number>();
  const { upstream } = createWorld(() => new Response());
  const work = vi.fn(forever);
  void shared.share(upstream, "a", { nowMs: START_MS, find: () => null, work });
  let looks = 0;
  const find = (): null => {
    looks += 1;
    if (looks > 2) throw new Error("It is of no use any more.");
    return null;
  };
  expect(await failureOf(shared.share(upstream, "a", { nowMs: START_MS, find, work }))).toMatchObject({
    message: "It is of no use any more.",
  });
  expect(work).toHaveBeenCalledTimes(1);
});

test("work goes on when the client of who does it goes away, for others wait for it, and may fail there", async () => {
  const beside: Promise<unknown>[] = [];
  const { upstream } = createWorld(() => new Response(), { waitUntil: (work) => void beside.push(work) });
  const failing = { nowMs: START_MS, find: () => null, work: () => Promise.reject(outage()) };
  await appErrorOf(new SharedWork<number>().share(upstream, "a", failing));
  expect(await Promise.all(beside)).toMatchObject([{ status: "rejected" }]);
});
