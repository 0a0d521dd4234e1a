/** KV as everything uses it: many values at once, listings in pages, sealing anew, and what is asked of KV. */
import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import * as z from "zod/mini";
import type { KeyPage, SealedKv } from "../../../src/kv-store/sealed-kv.ts";
import { createKv, createWorld, failureOf, json, KEY_A, KEY_B, START_MS } from "../fixtures.ts";

const world = createWorld(json({}));
const kv = createKv(world);

/** Real KV. `change` sees the arguments of each call of a method, and gives those to call it with. */
function observed(method: string, change: (input: unknown[]) => unknown[]): SealedKv {
  const namespace = new Proxy(env.CREDENTIALS, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return (...input: unknown[]): unknown => Reflect.apply(value, target, name === method ? change(input) : input);
    },
  });
  return createKv(world, { kv: namespace });
}

beforeEach(async () => {
  await reset();
  world.clock.nowMs = START_MS;
});

// What is left would expire while another file compares what is stored.
afterAll(() => reset());

describe("reading many values", () => {
  test.each([
    [0, []],
    [1, [1]],
    [100, [100]],
    [101, [100, 1]],
    [250, [100, 100, 50]],
  ])("%d of them takes operations of %j keys, and keeps their order", async (count, parts) => {
    const keys = Array.from({ length: count }, (_, index) => `key-${index}`);
    const last = keys.at(-1);
    if (last !== undefined) await kv.put(last, "the last one", null);
    const asked: number[] = [];
    const values = await observed("get", (input) => {
      asked.push([input[0]].flat().length);
      return input;
    }).getMany(keys);
    expect(asked).toEqual(parts);
    expect(values).toEqual(keys.map((key) => (key === last ? "the last one" : null)));
  });
});

describe("a listing", () => {
  test("goes on with its cursor, and gives nothing of another prefix", async () => {
    const names = Array.from({ length: 7 }, (_, index) => `of:1:${index}`);
    for (const name of [...names, "of:11:0", "other"]) await kv.put(name, "", null);
    const found: string[] = [];
    let cursor: string | null = null;
    let pages = 0;
    do {
      const page: KeyPage = await kv.list({ prefix: "of:1:", cursor, limit: 3 });
      found.push(...page.keys.map(({ name }) => name));
      cursor = page.cursor;
      pages += 1;
    } while (cursor !== null);
    expect([found, pages]).toEqual([names, 3]);
    expect(await kv.list({ prefix: "nothing:" })).toEqual({ keys: [], cursor: null });
  });

  test("shows by metadata under which key a value is sealed, and nothing of a mark", async () => {
    await kv.putSealed("credential", "a-sealed", "value");
    await kv.put("b-mark", "value", null);
    const { keys, cursor } = await kv.list({ prefix: "" });
    expect(keys.map(({ name, metadata }) => [name, metadata])).toEqual([
      ["a-sealed", { kid: "a" }],
      ["b-mark", undefined],
    ]);
    expect(cursor).toBeNull();
  });
});

describe("a sealed value", () => {
  test("is sealed anew with the active key, and then opens without the older one", async () => {
    const written = await kv.putSealed("address", "key", "value");
    expect(await kv.get("key")).toBe(written);
    await createKv(world, { keys: [KEY_B, KEY_A] }).reseal("address", { key: "key", sealed: written });
    expect((await env.CREDENTIALS.list()).keys).toEqual([{ name: "key", metadata: { kid: "b" } }]);
    expect(await createKv(world, { keys: [KEY_B] }).getSealed("address", "key", z.string())).toBe("value");
  });

  test("has no end, and a mark ends when it shall, after a minute at least", async () => {
    await kv.putSealed("address", "a-value", "value");
    await kv.put("b-mark", "x", START_MS + 7_200_000);
    await kv.put("c-short", "x", START_MS + 1_000);
    const nowSeconds = Date.now() / 1000;
    const left = (await env.CREDENTIALS.list()).keys.map(({ expiration }) => (expiration ?? Infinity) - nowSeconds);
    for (const [index, seconds] of [7_200, 60].entries()) {
      expect(Math.abs((left[index + 1] ?? 0) - seconds)).toBeLessThan(5);
    }
    expect(left[0]).toBe(Infinity);
  });

  test("that does not open for its key is not sealed anew", async () => {
    await kv.putSealed("address", "mine", "value");
    const sealed = (await kv.get("mine")) ?? "";
    expect(await failureOf(kv.reseal("address", { key: "yours", sealed }))).toMatchObject({ code: "wrong-binding" });
    expect(await kv.get("yours")).toBeNull();
  });

  test("of another form than is asked for is malformed", async () => {
    await kv.putSealed("address", "key", { not: "a text" });
    expect(await failureOf(kv.getSealed("address", "key", z.string()))).toMatchObject({
      name: "SealError",
      code: "malformed",
    });
  });
});

test("time that storage takes is counted as such", async () => {
  const slow = observed("get", (input) => {
    world.clock.nowMs += 5;
    return input;
  });
  await slow.get("key");
  expect(world.trace.serverTiming()).toContain("storage;dur=5,");
});
