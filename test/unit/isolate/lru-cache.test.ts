/** What an isolate remembers: bounded, and the entry that was unused for longest goes first. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { LruCache } from "../../../src/isolate/lru-cache.ts";

test("what was neither read nor written for longest is forgotten first", () => {
  const cache = new LruCache<number>(2);
  cache.set("a", 1);
  cache.set("b", 2);
  cache.get("a");
  cache.set("c", 3);
  expect(["a", "b", "c"].map((key) => cache.get(key))).toEqual([1, null, 3]);
});

test("an entry is replaced and deleted", () => {
  const cache = new LruCache<number>(2);
  cache.set("a", 1);
  cache.set("a", 2);
  expect(cache.get("a")).toBe(2);
  cache.delete("a");
  expect(cache.get("a")).toBeNull();
});

test("behaves as a list of the latest entries does (property)", () => {
  const key = fc.constantFrom("a", "b", "c", "d", "e");
  const step = fc.tuple(fc.constantFrom("get", "set", "delete"), key, fc.integer());
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 60 }), (size, steps) => {
      const cache = new LruCache<number>(size);
      let model: [string, number][] = [];
      for (const [action, name, value] of steps) {
        const known = model.find(([other]) => other === name);
        const others = model.filter(([other]) => other !== name);
        if (action === "get") expect(cache.get(name)).toBe(known?.[1] ?? null);
        if (action === "set") cache.set(name, value);
        if (action === "delete") cache.delete(name);
        if (action === "set") model = [...others, [name, value] satisfies [string, number]].slice(-size);
        else if (action === "delete") model = others;
        else if (known !== undefined) model = [...others, known];
      }
      for (const [name, value] of model) expect(cache.get(name)).toBe(value);
    }),
  );
});
