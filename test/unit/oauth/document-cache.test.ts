import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import * as z from "zod/mini";
import { DocumentCache } from "../../../src/oauth/google-documents.ts";
import { CALL_TIMEOUT_MS } from "../../../src/lib/upstream.ts";
import { appErrorOf, createWorld, json, type Network, START_MS } from "../fixtures.ts";

const HOUR_MS = 60 * 60 * 1000;
const SOURCE = {
  url: "https://documents.test/one",
  endpoint: "The document endpoint",
  schema: z.object({ version: z.number() }),
};

/** An isolate: its requests share the cache, and each has its own access to the network. */
function createIsolate(network: Network) {
  const cache = new DocumentCache<{ version: number }>();
  let fetches = 0;
  const get = (at: { nowMs?: number; sinceMs?: number } = {}, source = SOURCE) => {
    const { upstream } = createWorld(async (call) => network(call, fetches++));
    return cache.get(upstream, source, { nowMs: START_MS, ...at });
  };
  return { cache, get, fetches: () => fetches };
}

/** Each fetch finds a newer version. */
const versions: Network = (_call, index) => Response.json({ version: index });

/** The first request is ended by the runtime: nothing of it ever goes on. */
const endedFirst: Network = (_call, index) => (index === 0 ? new Promise(() => {}) : Response.json({ version: index }));

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe("a document", () => {
  test("is fetched once, and used for an hour", async () => {
    const { get, fetches } = createIsolate(versions);
    expect(await get()).toEqual({ content: { version: 0 }, fetchedAtMs: START_MS });
    expect((await get({ nowMs: START_MS + HOUR_MS - 1 })).content.version).toBe(0);
    expect(fetches()).toBe(1);
    expect((await get({ nowMs: START_MS + HOUR_MS })).content.version).toBe(1);
  });

  test("is fetched anew for who needs one that is newer, and not where a newer one is known", async () => {
    const { get, fetches } = createIsolate(versions);
    await get();
    const later = { nowMs: START_MS + 1, sinceMs: START_MS };
    expect((await get(later)).content.version).toBe(1);
    expect((await get(later)).content.version).toBe(1);
    expect(fetches()).toBe(2);
  });

  test("is one of several, by URL", async () => {
    const { get, fetches } = createIsolate(versions);
    await get();
    expect((await get({}, { ...SOURCE, url: "https://documents.test/two" })).content.version).toBe(1);
    expect((await get()).content.version).toBe(0);
    expect(fetches()).toBe(2);
  });

  test("that was forgotten is fetched anew", async () => {
    const { cache, get } = createIsolate(versions);
    await get();
    cache.forget(SOURCE.url);
    expect((await get()).content.version).toBe(1);
  });

  test.each<[string, () => Response]>([
    ["of another form", json({ version: "one" })],
    ["that is no JSON", () => new Response("<html>")],
    ["with 404", json({ version: 1 }, { status: 404 })],
    ["with 204", () => new Response(null, { status: 204 })],
  ])("%s is an outage, and is not kept", async (_what, answer) => {
    const { get } = createIsolate((_call, index) => (index === 0 ? answer() : Response.json({ version: index })));
    expect(await appErrorOf(get())).toMatchObject({ reason: "UPSTREAM_UNAVAILABLE", code: 502 });
    expect((await get()).content.version).toBe(1);
  });

  test("that cannot be fetched anew leaves the known one to who is content with it", async () => {
    const { get } = createIsolate((_call, index) => Response.json({ version: index }, { status: index ? 500 : 200 }));
    await get();
    await appErrorOf(get({ nowMs: START_MS + 1, sinceMs: START_MS }));
    expect((await get({ nowMs: START_MS + 2 })).content.version).toBe(0);
  });
});

describe("50 requests at once", () => {
  test("share one fetch", async () => {
    const { get, fetches } = createIsolate(async (_call, index) => {
      await pause(50);
      return Response.json({ version: index });
    });
    const all = await Promise.all(Array.from({ length: 50 }, () => get()));
    expect(new Set(all.map(({ content }) => content.version))).toEqual(new Set([0]));
    expect(fetches()).toBe(1);
  });

  test("share the next fetch when the first one fails, and only its own request fails", async () => {
    const { get, fetches } = createIsolate(async (_call, index) => {
      await pause(30);
      if (index === 0) throw new TypeError("Network connection lost.");
      return Response.json({ version: index });
    });
    const all = await Promise.allSettled(Array.from({ length: 50 }, () => get()));
    expect(all.map(({ status }) => status)).toEqual(["rejected", ...Array.from({ length: 49 }, () => "fulfilled")]);
    expect(fetches()).toBe(2);
  });
});

describe("a fetch whose request was ended by the runtime", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test("is waited for no longer than a call may take", async () => {
    const { get } = createIsolate(endedFirst);
    void get();
    let found: number | null = null;
    const waiting = get().then(({ content }) => (found = content.version));
    await vi.advanceTimersByTimeAsync(CALL_TIMEOUT_MS - 100);
    expect(found).toBeNull();
    await vi.advanceTimersByTimeAsync(200);
    await waiting;
    expect(found).toBe(1);
  });

  test("is not waited for by who comes later than that", async () => {
    const { get } = createIsolate(endedFirst);
    void get();
    expect((await get({ nowMs: START_MS + CALL_TIMEOUT_MS })).content.version).toBe(1);
  });

  test("is waited for by who comes a little earlier, for what is left of that time", async () => {
    const { get } = createIsolate(endedFirst);
    void get();
    const waiting = get({ nowMs: START_MS + CALL_TIMEOUT_MS - 50 });
    await vi.advanceTimersByTimeAsync(100);
    expect((await waiting).content.version).toBe(1);
  });

  test("does not stay in the way of those after it", async () => {
    const { get, fetches } = createIsolate(endedFirst);
    void get();
    await get({ nowMs: START_MS + CALL_TIMEOUT_MS });
    expect((await get({ nowMs: START_MS + 2 * HOUR_MS })).content.version).toBe(2);
    expect(fetches()).toBe(3);
  });
});
