/** KV as everything uses it: many values at once, listings in pages, sealing anew, and what is asked of KV. */
import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import * as z from "zod/mini";
import type { SealedKv } from "../../../src/kv-store/sealed-kv.ts";
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

  test("relies on what this place has read for as long as it was told", async () => {
    const options: unknown[] = [];
    const watched = observed("get", (input) => {
      options.push(input[1]);
      return input;
    });
    await watched.getMany(["one"], 30);
    await watched.getMany(["one"]);
    expect(options).toEqual([{ cacheTtl: 30 }, {}]);
  });
});

describe("a listing", () => {
  test("of all keys goes through every page, and gives nothing of another prefix", async () => {
    const names = Array.from({ length: 7 }, (_, index) => `of:1:${index}`);
    for (const name of [...names, "of:11:0", "other"]) await kv.put(name, "", null);
    const cursors: unknown[] = [];
    const inPages = observed("list", ([options]) => {
      const { cursor } = z.object({ cursor: z.nullable(z.string()) }).parse(options);
      cursors.push(cursor);
      return [{ ...z.looseObject({}).parse(options), limit: 3 }];
    });
    expect(await inPages.listAll("of:1:")).toEqual(names);
    expect(cursors).toEqual([null, expect.any(String), expect.any(String)]);
    expect(await inPages.listAll("nothing:")).toEqual([]);
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
  test("is sealed anew with the active key, and ends when it would have", async () => {
    const expiresAtMs = START_MS + 3_600_000;
    await kv.putSealed("address", "lasting", "for ever");
    await kv.putSealed("address", "ending", "for an hour", expiresAtMs);
    const rotated = createKv(world, { keys: [KEY_B, KEY_A] });
    const expiration = Math.floor(Date.now() / 1000) + 7_200;
    await rotated.reseal("address", { key: "lasting", sealed: (await kv.get("lasting")) ?? "" });
    await rotated.reseal("address", { key: "ending", sealed: (await kv.get("ending")) ?? "", expiration });
    const { keys } = await env.CREDENTIALS.list();
    expect(keys).toEqual([
      { name: "ending", expiration, metadata: { kid: "b" } },
      { name: "lasting", metadata: { kid: "b" } },
    ]);
    const after = createKv(world, { keys: [KEY_B] });
    world.clock.nowMs = expiresAtMs - 1;
    expect(await after.getSealed("address", "ending", z.string())).toBe("for an hour");
    world.clock.nowMs = expiresAtMs;
    expect(await failureOf(after.getSealed("address", "ending", z.string()))).toMatchObject({ code: "expired" });
    expect(await after.getSealed("address", "lasting", z.string())).toBe("for ever");
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
