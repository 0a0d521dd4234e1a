/** The key of a user's rows: made once, whatever KV shows of it and whenever, and gone for good once it is forgotten. */
import { describe, expect, test } from "vitest";
import { storageKeys } from "../../../../src/kv-store/key-names.ts";
import type { TokenKey } from "../../../../src/lib/key-ring.ts";
import { Database } from "../../../../src/object/database.ts";
import { RowKey, type RowSeal } from "../../../../src/object/rows/row-key.ts";
import { createKv, createWorld, failureOf, KEY_A, KEY_B } from "../../fixtures.ts";
import { breakKv, holdKv, inObject, MINUTE_MS, SUB, type TestObject } from "../fixtures.ts";

const RECORD = storageKeys.mailboxKey(SUB);
const CONTENT = { subject: "a letter" };

interface Life {
  readonly key: RowKey;
  readonly warnings: readonly string[];
  /** How often the rows were dropped. */
  readonly drops: () => number;
}

/** A life of the object, at a place that sees KV. */
function live(
  object: TestObject,
  { keys = [KEY_A], place = "here" }: { keys?: TokenKey[]; place?: string } = {},
): Life {
  const warnings: string[] = [];
  let drops = 0;
  const world = { ...createWorld(() => new Response()), now: () => object.clock.nowMs };
  const key = new RowKey({
    database: new Database(object.storage),
    kv: createKv(world, { kv: object.kv.at(place), keys }),
    dropRows: () => {
      drops += 1;
    },
    onMade: () => {},
    warn: (detail) => void warnings.push(detail),
  });
  return { key, warnings, drops: () => drops };
}

async function sealOf({ key }: Life): Promise<RowSeal> {
  return (await key.get(SUB)) ?? expect.fail("there is no key");
}

const writes = ({ kv }: TestObject): number => kv.operations.filter(({ kind }) => kind === "put").length;

describe("the key", () => {
  test("is made once, for all who ask, and opens in another life what it sealed in this", async () => {
    await inObject(async (object) => {
      const first = live(object);
      const seals = await Promise.all(Array.from({ length: 5 }, () => first.key.get(SUB)));
      expect([new Set(seals).size, writes(object), object.kv.names]).toEqual([1, 1, [RECORD]]);
      const sealed = await (await sealOf(first)).seal("m1", CONTENT);
      const second = live(object);
      expect(await (await sealOf(second)).open("m1", sealed)).toEqual(CONTENT);
      expect([writes(object), first.drops() + second.drops(), second.warnings]).toEqual([1, 0, []]);
    });
  });

  test("is bound to the message, and opens nothing that was changed", async () => {
    await inObject(async (object) => {
      const seal = await sealOf(live(object));
      const sealed = await seal.seal("m1", CONTENT);
      expect(await seal.open("m2", sealed)).toBeNull();
      const [header = "", key, iv, text, tag = ""] = sealed.split(".");
      const forged = btoa(atob(header).replace("m1", "m2")).replaceAll("=", "");
      expect(await seal.open("m2", [forged, key, iv, text, tag].join("."))).toBeNull();
      expect(await seal.open("m1", [header, key, iv, text, `A${tag.slice(2)}A`].join("."))).toBeNull();
      expect(await seal.open("m1", "")).toBeNull();
      expect(sealed).not.toBe(await seal.seal("m1", CONTENT));
    });
  });

  test("is neither in the object nor readable in KV", async () => {
    await inObject(async (object) => {
      const { key } = live(object);
      expect(await key.ofKept(SUB), "nobody waits for one that is not made").toBeNull();
      await key.get(SUB);
      expect(await key.ofKept(SUB)).not.toBeNull();
      const note = new Database(object.storage).get("rows_key") ?? "{}";
      expect(Object.keys(JSON.parse(note))).toEqual(["id", "madeAtMs"]);
      expect(object.kv.central(RECORD)?.split(".")).toHaveLength(5);
    });
  });

  test("that KV does not show yet is waited for, and no second one is made", async () => {
    await inObject(async (object) => {
      // "elsewhere" has seen that there is none.
      await object.kv.at("elsewhere").get(RECORD);
      const first = live(object);
      const sealed = await (await sealOf(first)).seal("m1", CONTENT);
      const moved = live(object, { place: "elsewhere" });
      expect(await moved.key.get(SUB)).toBeNull();
      object.clock.nowMs += MINUTE_MS + 1;
      expect(await (await sealOf(moved)).open("m1", sealed)).toEqual(CONTENT);
      expect([writes(object), moved.drops(), moved.warnings]).toEqual([1, 0, []]);
    });
  });

  test("that is gone for five minutes is replaced, and what it had sealed is dropped", async () => {
    await inObject(async (object) => {
      const first = live(object);
      const sealed = await (await sealOf(first)).seal("m1", CONTENT);
      await object.kv.at("here").delete(RECORD);
      object.clock.nowMs += 5 * MINUTE_MS - 1;
      const second = live(object);
      expect([await second.key.get(SUB), second.drops()]).toEqual([null, 0]);
      object.clock.nowMs += MINUTE_MS + 1;
      const seal = await sealOf(second);
      expect([await seal.open("m1", sealed), second.drops(), object.kv.names]).toEqual([null, 1, [RECORD]]);
      expect(second.warnings).toEqual([expect.stringContaining("Kept rows are lost")]);
    });
  });

  test("in whose place another one lies, which opens, is not taken for it", async () => {
    await inObject(async (object) => {
      const sealed = await (await sealOf(live(object))).seal("m1", CONTENT);
      object.clock.nowMs += 2_000;
      const world = { ...createWorld(() => new Response()), now: () => object.clock.nowMs };
      const kv = createKv(world, { kv: object.kv.at("here") });
      await kv.putSealed("mailbox-key", RECORD, { k: btoa("x".repeat(32)).replaceAll("=", "") });
      expect(await live(object).key.get(SUB)).toBeNull();
      object.clock.nowMs += 5 * MINUTE_MS;
      const later = live(object);
      expect([await (await sealOf(later)).open("m1", sealed), later.drops()]).toEqual([null, 1]);
    });
  });

  test("that is sealed under a key that TOKEN_KEYS has not is replaced, and the operator hears of it", async () => {
    await inObject(async (object) => {
      const first = live(object);
      const sealed = await (await sealOf(first)).seal("m1", CONTENT);
      const early = live(object, { keys: [KEY_B] });
      expect([await early.key.get(SUB), early.drops(), writes(object)]).toEqual([null, 0, 1]);
      object.clock.nowMs += 60 * MINUTE_MS;
      const without = live(object, { keys: [KEY_B] });
      expect(await (await sealOf(without)).open("m1", sealed)).toBeNull();
      expect([without.drops(), writes(object)]).toEqual([1, 2]);
      expect(without.warnings).toEqual([expect.stringContaining("Kept rows are lost")]);
    });
  });

  test.each(["put", "get"])("is there the next time, where KV fails at %s", async (failing) => {
    await inObject(async (object) => {
      if (failing === "get") await live(object).key.get(SUB);
      const life = live(object);
      const mend = breakKv(object, (kind) => kind === failing);
      expect(await life.key.get(SUB)).toBeNull();
      expect(life.warnings).toHaveLength(1);
      mend();
      object.clock.nowMs += 2_000;
      expect(await life.key.get(SUB)).not.toBeNull();
    });
  });
});

describe("forgotten,", () => {
  test("it is another one the next time", async () => {
    await inObject(async (object) => {
      const life = live(object);
      const sealed = await (await sealOf(life)).seal("m1", CONTENT);
      life.key.forget();
      await life.key.erase(SUB);
      expect([life.key.isMade, object.kv.names]).toEqual([false, []]);
      object.clock.nowMs += 2_000;
      expect(await (await sealOf(life)).open("m1", sealed)).toBeNull();
    });
  });

  test("while it is being made, it leaves no record, and serves nobody", async () => {
    await inObject(async (object) => {
      const { key } = live(object);
      const held = holdKv(object, (kind) => kind === "put");
      const making = key.get(SUB);
      await held.arrived();
      key.forget();
      const erasing = key.erase(SUB);
      held.release();
      await erasing;
      expect([await making, key.isMade, object.kv.names]).toEqual([null, false, []]);
    });
  });

  test("and erased where KV fails, that is told", async () => {
    await inObject(async (object) => {
      const { key } = live(object);
      await key.get(SUB);
      breakKv(object, (kind) => kind === "delete");
      expect(await failureOf(key.erase(SUB))).toMatchObject({ reason: "STORAGE_UNAVAILABLE" });
    });
  });
});

test("a rotation seals it again, and it is the same", async () => {
  await inObject(async (object) => {
    const first = live(object);
    expect(await first.key.reseal(SUB)).toBe("dead");
    const sealed = await (await sealOf(first)).seal("m1", CONTENT);
    expect(await first.key.reseal(SUB)).toBe("current");
    object.clock.nowMs += 2_000;
    const rotating = live(object, { keys: [KEY_B, KEY_A] });
    expect([await rotating.key.reseal(SUB), await rotating.key.reseal(SUB)]).toEqual(["resealed", "current"]);
    const after = live(object, { keys: [KEY_B] });
    expect(await (await sealOf(after)).open("m1", sealed)).toEqual(CONTENT);
    after.key.forget();
    expect(await after.key.reseal(SUB)).toBe("dead");
  });
});
