/** The double of production KV, rule by rule; the pages are below https://developers.cloudflare.com/kv/ */
import { describe, expect, test } from "vitest";
import { failureOf } from "../unit/fixtures.ts";
import { LaggingKv, type LaggingKvOptions } from "../support/lagging-kv.ts";

function createKv(options: Partial<LaggingKvOptions> = {}) {
  const clock = { nowMs: 1_000_000 };
  const kv = new LaggingKv({ now: () => clock.nowMs, ...options });
  return { clock, kv, here: kv.at("here"), there: kv.at("there") };
}

// concepts/how-kv-works/#consistency: "Changes may take up to 60 seconds or more to be visible in other global network locations"
describe("a change is seen", () => {
  test("at once where it was made, and where the key was never read", async () => {
    const { here, there } = createKv();
    await here.put("k", "v");
    expect([await here.get("k"), await there.get("k")]).toEqual(["v", "v"]);
  });

  // concepts/how-kv-works/#consistency: "This behavior is not guaranteed and therefore it is not advised to rely on this behavior"
  test("not even where it was made, when KV does not feel like it", async () => {
    const { here } = createKv({ ownWritesAreSeen: false });
    expect(await here.get("k")).toBeNull();
    await here.put("k", "v");
    expect(await here.get("k")).toBeNull();
  });

  test("elsewhere after 60 s, where an older value was read", async () => {
    const { clock, here, there } = createKv();
    await here.put("k", "old");
    expect(await there.get("k")).toBe("old");
    clock.nowMs += 1_000;
    await here.put("k", "new");
    clock.nowMs += 58_999;
    expect(await there.get("k")).toBe("old");
    clock.nowMs += 1;
    expect(await there.get("k")).toBe("new");
  });

  // concepts/how-kv-works/#consistency: "Negative lookups indicating that the key does not exist are also cached"
  test("elsewhere after 60 s, where the key was missing", async () => {
    const { clock, here, there } = createKv();
    expect(await there.get("k")).toBeNull();
    await here.put("k", "v");
    clock.nowMs += 59_999;
    expect(await there.get("k")).toBeNull();
    clock.nowMs += 1;
    expect(await there.get("k")).toBe("v");
  });

  test("elsewhere after 60 s, where it is a deletion", async () => {
    const { clock, here, there } = createKv();
    await here.put("k", "v");
    await there.get("k");
    await here.delete("k");
    expect([await here.get("k"), await there.get("k")]).toEqual([null, "v"]);
    clock.nowMs += 60_000;
    expect(await there.get("k")).toBeNull();
  });

  test("by all Workers of one place together", async () => {
    const { kv, here, there } = createKv();
    expect(await there.get("k")).toBeNull();
    await here.put("k", "v");
    expect(await kv.at("there").get("k")).toBeNull();
  });

  test("in a list after 60 s, and at once where it was made", async () => {
    const { clock, here, there } = createKv();
    expect((await there.list()).keys).toEqual([]);
    await here.put("k", "v");
    expect((await here.list()).keys).toHaveLength(1);
    expect((await there.list()).keys).toEqual([]);
    clock.nowMs += 60_000;
    expect((await there.list()).keys).toHaveLength(1);
  });
});

describe("what KV refuses", () => {
  // platform/limits/: "Writes to same key: 1 per second"
  test("a second write to the same key within a second, from wherever", async () => {
    const { clock, here, there } = createKv();
    await here.put("k", "1");
    clock.nowMs += 999;
    expect(await failureOf(there.put("k", "2"))).toMatchObject({ message: "KV PUT failed: 429 Too Many Requests" });
    await there.put("another", "2");
    clock.nowMs += 1;
    await there.put("k", "3");
    expect(await here.get("k")).toBe("1");
    expect(await there.get("k")).toBe("3");
  });

  // api/write-key-value-pairs/#expiring-keys: "at least 60 seconds in the future"
  test("a lifetime under 60 s", async () => {
    const { here } = createKv();
    expect(await failureOf(here.put("k", "v", { expirationTtl: 59 }))).toMatchObject({
      message: expect.stringMatching(/400/),
    });
    await here.put("k", "v", { expirationTtl: 60 });
  });

  // platform/limits/: "Key size: 512 bytes", "Key metadata: 1024 bytes"
  test("keys over 512 bytes and metadata over 1,024", async () => {
    const { here } = createKv();
    await here.put("é".repeat(256), "v", { metadata: "x".repeat(1_022) });
    const works = [
      () => here.put(`${"é".repeat(256)}x`, "v"),
      () => here.get("x".repeat(513)),
      () => here.get(["k", "x".repeat(513)]),
      () => here.delete("x".repeat(513)),
      () => here.put("k", "v", { metadata: "x".repeat(1_023) }),
    ];
    for (const work of works)
      expect(await failureOf(work())).toMatchObject({ message: expect.stringMatching(/41[34]/) });
  });

  // api/read-key-value-pairs/#request-multiple-keys-with-the-get-method: "up to 100 keys"
  test("more than 100 keys in one read", async () => {
    const { here } = createKv();
    const keys = Array.from({ length: 101 }, (_, index) => `k${index}`);
    expect(await failureOf(here.get(keys))).toMatchObject({ message: expect.stringMatching(/400/) });
    expect((await here.get(keys.slice(1))).size).toBe(100);
  });
});

describe("what KV gives", () => {
  test("several keys as a map, with null for what is missing, in one operation", async () => {
    const { kv, here } = createKv();
    await here.put("a", "1");
    expect(await here.get(["a", "b"])).toEqual(
      new Map([
        ["a", "1"],
        ["b", null],
      ]),
    );
    expect(kv.operations).toEqual([
      { kind: "put", place: "here", keys: ["a"] },
      { kind: "get", place: "here", keys: ["a", "b"] },
    ]);
  });

  test("a value with its metadata", async () => {
    const { here } = createKv();
    await here.put("k", '{"a":1}', { metadata: { b: 2 } });
    expect(await here.getWithMetadata("k")).toMatchObject({ value: '{"a":1}', metadata: { b: 2 } });
    expect(await here.getWithMetadata("x")).toMatchObject({ value: null, metadata: null });
  });

  test("nothing once a value has expired, whether it is cached or not", async () => {
    const { clock, kv, here, there } = createKv();
    await here.put("k", "v", { expirationTtl: 60 });
    clock.nowMs += 59_999;
    expect(await there.get("k")).toBe("v");
    clock.nowMs += 1;
    expect([await here.get("k"), await there.get("k"), kv.central("k"), kv.names]).toEqual([null, null, null, []]);
  });

  // api/list-keys/: in order of their names, with expiration and metadata, and a cursor where there are more
  test("names by prefix, page by page", async () => {
    const { here } = createKv();
    for (const name of ["p:2", "p:1", "q:1", "p:3"]) await here.put(name, "v");
    await here.put("p:4", "v", { expirationTtl: 60, metadata: "m" });
    const first = await here.list({ prefix: "p:", limit: 3 });
    expect(first.keys.map(({ name }) => name)).toEqual(["p:1", "p:2", "p:3"]);
    const second = await here.list({ prefix: "p:", limit: 3, cursor: first.list_complete ? null : first.cursor });
    expect(second).toMatchObject({
      keys: [{ name: "p:4", expiration: 1_060, metadata: "m" }],
      list_complete: true,
    });
  });
});

describe("a gate", () => {
  test("that throws keeps an operation from taking effect", async () => {
    const { kv, here } = createKv();
    kv.gate = async () => {
      throw new Error("down");
    };
    expect(await failureOf(here.put("k", "v"))).toMatchObject({ message: "down" });
    expect(kv.names).toEqual([]);
  });

  test("that throws afterwards leaves the effect", async () => {
    const { kv, here } = createKv();
    kv.gate = async (_, work) => {
      work();
      throw new Error("late");
    };
    expect(await failureOf(here.put("k", "v"))).toMatchObject({ message: "late" });
    expect(kv.central("k")).toBe("v");
  });

  test("that waits holds an operation back, and no other", async () => {
    const { kv, here } = createKv();
    const { promise, resolve } = Promise.withResolvers<void>();
    kv.gate = async ({ keys }, work) => {
      if (keys.includes("slow")) await promise;
      work();
    };
    const slow = here.put("slow", "v");
    await here.put("quick", "v");
    expect(kv.names).toEqual(["quick"]);
    resolve();
    await slow;
    expect(kv.names).toEqual(["quick", "slow"]);
  });
});
