import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as z from "zod/mini";
import {
  AnswerTooLargeError,
  BudgetSpentError,
  MAX_ANSWER_BYTES,
  parseRetryAfterMs,
  readJson,
  readJsonOrNull,
  toRetryAfterSeconds,
  unavailable,
  unexpectedAnswer,
} from "../../../src/lib/upstream.ts";
import { appErrorOf, createWorld, failureOf, json, type Network, START_MS } from "../fixtures.ts";

const URL_OF_TEST = "https://google.test/x";
const ENDPOINT = { endpoint: "Google's test endpoint" };

function abortOf({ init }: { init: RequestInit }): Promise<never> {
  return new Promise((_, reject) => {
    if (init.signal?.aborted) reject(init.signal.reason);
    init.signal?.addEventListener("abort", () => reject(init.signal?.reason));
  });
}

/** Never answers, until it is given up on. */
const silent: Network = (call) => abortOf(call);

/** Answers, but not at once. */
const slow: Network = (call) =>
  Promise.race([abortOf(call), new Promise<Response>((resolve) => setTimeout(resolve, 30, Response.json({})))]);

/** Answers headers and the first half, as real connections do when they stall. */
const stalling: Network = (call) => {
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode('{"half":'));
      call.init.signal?.addEventListener("abort", () => controller.error(call.init.signal?.reason));
    },
  });
  return new Response(body);
};

const unreachable: Network = () => {
  throw new TypeError("Network connection lost.");
};

describe("Retry-After (RFC 9110 §10.2.3)", () => {
  test.each<[string | null, number | null]>([
    [null, null],
    ["0", 0],
    ["120", 120_000],
    [" 5 ", 5_000],
    ["999999999", 999_999_999_000],
    ["Sun, 22 Nov 2026 12:00:10 GMT", 10_000],
    ["Sunday, 22-Nov-26 12:00:10 GMT", 10_000],
    ["Sun, 22 Nov 2026 11:59:00 GMT", 0],
    [" Sun, 22 Nov 2026 12:00:10 GMT ", 10_000],
  ])("%j is a wait of %j ms", (header, waitMs) => {
    expect(parseRetryAfterMs(header, START_MS)).toBe(waitMs);
  });

  test.each([
    "",
    " ",
    "soon",
    "5 seconds",
    "-5",
    "1.5",
    "1e3",
    "0x10",
    "٥",
    "99999999999999999999",
    "NaN",
    "5, 10",
    "1, 22 Nov 2026 12:00:10 GMT",
    "x Sun, 22 Nov 2026 12:00:10 GMT",
    "Sun, 22 Nov 2026 12:00:10 GMT+0100",
  ])("%j is nonsense, and as if it were not there", (header) => {
    expect(parseRetryAfterMs(header, START_MS)).toBeNull();
  });

  test("a wait is never negative and never NaN, whatever the header says (property)", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.date().map(String), fc.integer().map(String)), (header) => {
        const waitMs = parseRetryAfterMs(header, START_MS);
        expect(waitMs === null || waitMs >= 0).toBe(true);
      }),
    );
  });

  test.each([
    [0, 1],
    [1, 1],
    [1_000, 1],
    [1_001, 2],
    [29_500, 30],
  ])("%i ms are told as %i s", (waitMs, seconds) => {
    expect(toRetryAfterSeconds(waitMs)).toBe(seconds);
  });
});

describe("the budget of a request", () => {
  test("counts every call, and refuses the one too many without making it", async () => {
    const world = createWorld(json({}), { maxCalls: 2 });
    expect(world.upstream.remainingCalls).toBe(2);
    await world.upstream.fetch(URL_OF_TEST, {}, ENDPOINT);
    await world.upstream.fetch(URL_OF_TEST, {}, ENDPOINT);
    expect(world.upstream.remainingCalls).toBe(0);
    const error = await failureOf(world.upstream.fetch(URL_OF_TEST, {}, ENDPOINT));
    expect(error).toBeInstanceOf(BudgetSpentError);
    expect(String(error)).toBe("BudgetSpentError: No upstream call is left for this request.");
    expect(world.calls).toHaveLength(2);
    expect(world.trace.upstreamCalls).toBe(2);
  });

  test("counts calls that fail, too", async () => {
    const world = createWorld(unreachable, { maxCalls: 2 });
    await appErrorOf(world.upstream.fetch(URL_OF_TEST, {}, ENDPOINT));
    expect(world.upstream.remainingCalls).toBe(1);
  });

  test("holds for calls at the same time", async () => {
    const world = createWorld(json({}), { maxCalls: 3 });
    const calls = Array.from({ length: 5 }, () => world.upstream.fetch(URL_OF_TEST, {}, ENDPOINT));
    const results = await Promise.allSettled(calls);
    expect(results.filter((result) => result.status === "fulfilled")).toHaveLength(3);
    expect(world.calls).toHaveLength(3);
  });
});

/** Answers with so many bytes, a mebibyte at a time, and counts those that were taken. */
function answerOf(bytes: number): { network: Network; taken: () => number; isEnded: () => boolean } {
  let taken = 0;
  let isEnded = false;
  const body = (): ReadableStream<Uint8Array> =>
    new ReadableStream(
      {
        pull(controller) {
          const chunk = Math.min(1024 * 1024, bytes - taken);
          if (chunk === 0) return controller.close();
          taken += chunk;
          controller.enqueue(new Uint8Array(chunk));
        },
        cancel() {
          isEnded = true;
        },
      },
      { highWaterMark: 0 },
    );
  return { network: () => new Response(body()), taken: () => taken, isEnded: () => isEnded };
}

describe("the size of an answer that is read whole", () => {
  test("may be 16 MiB", async () => {
    const { network } = answerOf(MAX_ANSWER_BYTES);
    const response = await createWorld(network).upstream.fetch(URL_OF_TEST, {}, ENDPOINT);
    expect((await response.arrayBuffer()).byteLength).toBe(16 * 1024 * 1024);
  });

  test("above that is 502 UPSTREAM_UNAVAILABLE, and the rest is not taken", async () => {
    const { network, taken, isEnded } = answerOf(40 * 1024 * 1024);
    const world = createWorld(network);
    const error = await failureOf(world.upstream.fetch(URL_OF_TEST, {}, ENDPOINT));
    expect(error).toBeInstanceOf(AnswerTooLargeError);
    expect(error).toMatchObject({ reason: "UPSTREAM_UNAVAILABLE", code: 502 });
    expect(taken()).toBeLessThan(20 * 1024 * 1024);
    expect(isEnded()).toBe(true);
    expect(world.calls).toHaveLength(1);
  });

  test("is not looked at where it is streamed on", async () => {
    const { network } = answerOf(20 * 1024 * 1024);
    const response = await createWorld(network).upstream.fetch(URL_OF_TEST, {}, { ...ENDPOINT, streaming: true });
    expect((await response.arrayBuffer()).byteLength).toBe(20 * 1024 * 1024);
  });
});

describe("the time of a request", () => {
  test("leaves some of the 30 s in which an answer must begin, and begins anew where asked", () => {
    const { upstream, clock } = createWorld(json({}));
    expect(upstream.remainingMs).toBeGreaterThan(10_000);
    expect(upstream.remainingMs).toBeLessThan(30_000);
    const whole = upstream.remainingMs;
    clock.nowMs += 20_000;
    expect(upstream.remainingMs).toBe(whole - 20_000);
    upstream.restartDeadline();
    expect(upstream.remainingMs).toBe(whole);
  });

  test("an endpoint that does not answer in time: 504 UPSTREAM_UNAVAILABLE", async () => {
    const world = createWorld(silent, { callTimeoutMs: 20 });
    const error = await appErrorOf(world.upstream.fetch(URL_OF_TEST, {}, ENDPOINT));
    expect(error).toMatchObject({ reason: "UPSTREAM_UNAVAILABLE", code: 504, status: "DEADLINE_EXCEEDED" });
    expect(error.message).toContain(ENDPOINT.endpoint);
    expect(String(error.cause)).toBe("TimeoutError: The time limit is reached.");
  });

  test("an endpoint that takes its time, but not too much, is waited for", async () => {
    const world = createWorld(slow, { callTimeoutMs: 5_000 });
    expect((await world.upstream.fetch(URL_OF_TEST, {}, ENDPOINT)).status).toBe(200);
  });

  test("waiting between two tries is the caller's clock's", async () => {
    const world = createWorld(json({}));
    await world.upstream.sleep(1_234);
    expect(world.sleeps).toEqual([1_234]);
  });

  test("a body that stalls counts too: 504", async () => {
    const world = createWorld(stalling, { callTimeoutMs: 20 });
    const error = await appErrorOf(world.upstream.fetch(URL_OF_TEST, {}, ENDPOINT));
    expect(error).toMatchObject({ reason: "UPSTREAM_UNAVAILABLE", code: 504 });
  });

  test("a streamed body may take its time, once its headers are there", async () => {
    const world = createWorld(stalling, { callTimeoutMs: 20 });
    const response = await world.upstream.fetch(URL_OF_TEST, {}, { ...ENDPOINT, streaming: true });
    const reader = response.body?.getReader();
    await reader?.read();
    const more = await Promise.race([reader?.read(), new Promise((done) => setTimeout(done, 60, "still open"))]);
    expect(more).toBe("still open");
  });

  test("a call near the deadline gets only what is left", async () => {
    const world = createWorld(silent, { callTimeoutMs: 60_000 });
    world.clock.nowMs += world.upstream.remainingMs - 20;
    const error = await appErrorOf(world.upstream.fetch(URL_OF_TEST, {}, ENDPOINT));
    expect(error.code).toBe(504);
    world.clock.nowMs += 60_000;
    expect((await appErrorOf(world.upstream.fetch(URL_OF_TEST, {}, ENDPOINT))).code).toBe(504);
  });
});

describe("a call", () => {
  test("that cannot connect: 502 UPSTREAM_UNAVAILABLE, the cause kept for the log", async () => {
    const world = createWorld(unreachable);
    const error = await appErrorOf(world.upstream.fetch(URL_OF_TEST, {}, ENDPOINT));
    expect(error).toMatchObject({ reason: "UPSTREAM_UNAVAILABLE", code: 502, status: "UNAVAILABLE" });
    expect(error.message).not.toContain("lost");
    expect(error.cause).toBeInstanceOf(TypeError);
  });

  test("whose body breaks off: 502", async () => {
    const world = createWorld(
      () => new Response(new ReadableStream({ pull: (controller) => controller.error(new Error("reset")) })),
    );
    expect((await appErrorOf(world.upstream.fetch(URL_OF_TEST, {}, ENDPOINT))).code).toBe(502);
  });

  test("that the client gave up ends, and is no timeout of Google's", async () => {
    const gone = new AbortController();
    const world = createWorld(silent);
    const failure = appErrorOf(world.upstream.fetch(URL_OF_TEST, {}, { ...ENDPOINT, signal: gone.signal }));
    gone.abort();
    expect((await failure).code).toBe(502);
  });

  test("follows no redirect, so that credentials go nowhere else", async () => {
    const world = createWorld(() => Response.redirect("https://evil.test/", 302));
    const headers = { Authorization: "Bearer x" };
    const response = await world.upstream.fetch(URL_OF_TEST, { headers, redirect: "follow" }, ENDPOINT);
    expect(response.status).toBe(302);
    expect(world.calls).toHaveLength(1);
    expect(world.calls[0]?.init.redirect).toBe("manual");
  });

  test("gives status, headers and body as they came", async () => {
    const world = createWorld(json({ a: 1 }, { status: 418, headers: { "X-A": "b" } }));
    const response = await world.upstream.fetch(URL_OF_TEST, {}, ENDPOINT);
    expect([response.status, response.headers.get("X-A"), await response.json()]).toEqual([418, "b", { a: 1 }]);
  });

  test.each([204, 304])("that is answered %i has no body, and that is no error", async (status) => {
    const world = createWorld(() => new Response(null, { status }));
    const response = await world.upstream.fetch(URL_OF_TEST, {}, ENDPOINT);
    expect([response.status, response.body]).toEqual([status, null]);
  });
});

describe("reading JSON", () => {
  const schema = z.object({ a: z.number() });
  test("of the right form gives the value", async () => {
    expect(await readJson(Response.json({ a: 1, b: 2 }), schema, "Google")).toEqual({ a: 1 });
  });

  test.each(["", "<html>", '{"a":', "null", "[]", '"a"', '{"a":"1"}', "{}", "\u0000", '\uFEFF{"a":'])(
    "%j: 502 UPSTREAM_UNAVAILABLE, naming the endpoint and showing nothing of it",
    async (text) => {
      const error = await appErrorOf(readJson(new Response(text), schema, "Google's test endpoint"));
      expect(error).toMatchObject({ reason: "UPSTREAM_UNAVAILABLE", code: 502, logDetail: "HTTP 200" });
      expect(error.message).toBe("Google's test endpoint is not working properly. Try again in a moment.");
    },
  );

  test("or null never throws", async () => {
    expect(await readJsonOrNull(new Response("<html>"))).toBeNull();
    expect(await readJsonOrNull(new Response("[1]"))).toEqual([1]);
    const broken = new ReadableStream({ pull: (controller) => controller.error(new Error("reset")) });
    expect(await readJsonOrNull(new Response(broken))).toBeNull();
  });
});

describe("an outage", () => {
  test("passes on how long to wait", () => {
    const response = new Response(null, { status: 503, headers: { "Retry-After": "7" } });
    expect(unavailable("Google", response, START_MS)).toMatchObject({ code: 502, retryAfterSeconds: 7 });
    const date = new Response(null, { status: 503, headers: { "Retry-After": "Sun, 22 Nov 2026 12:00:10 GMT" } });
    expect(unavailable("Google", date, START_MS).retryAfterSeconds).toBe(10);
  });

  test("says no time where Google named none", () => {
    expect(unavailable("Google", new Response(null, { status: 500 }), START_MS).retryAfterSeconds).toBeNull();
    expect(unexpectedAnswer("Google", 500)).toMatchObject({ retryAfterSeconds: null, logDetail: "HTTP 500" });
  });
});
