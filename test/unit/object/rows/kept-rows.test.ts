/** Rows in SQLite: what history makes of them, how many are kept, and what is readable of them there. */
import { describe, expect, test } from "vitest";
import type { MessageMetadata } from "../../../../src/gmail/message.ts";
import { Database } from "../../../../src/object/database.ts";
import { changed, KeptRows, type RowState } from "../../../../src/object/rows/kept-rows.ts";
import { RowKey, type RowSeal } from "../../../../src/object/rows/row-key.ts";
import { createKv, createWorld } from "../../fixtures.ts";
import { inObject, MINUTE_MS, SUB, type TestObject } from "../fixtures.ts";
import { change } from "./fixtures-history.ts";

const LIMIT = 5_000;

function row(id: string, labelIds: string[] = ["INBOX"]): MessageMetadata {
  return {
    id,
    threadId: `thread of ${id}`,
    labelIds,
    snippet: "Dear Ann",
    date: "2026-11-22T12:00:00.000Z",
    from: "Bob <bob@example.test>",
    to: "ann@example.test",
    subject: "A secret",
    unread: labelIds.includes("UNREAD"),
  };
}

/** Seals nothing: quick. */
const OPEN: RowSeal = {
  seal: async (messageId, content) => JSON.stringify({ messageId, content }),
  open: async (messageId, sealed) => {
    const kept = JSON.parse(sealed);
    return kept.messageId === messageId ? kept.content : null;
  },
};

function live(object: TestObject): KeptRows {
  return new KeptRows(new Database(object.storage), () => object.clock.nowMs);
}

async function sealOf(object: TestObject): Promise<RowSeal> {
  const world = { ...createWorld(() => new Response()), now: () => object.clock.nowMs };
  const parts = { database: new Database(object.storage), kv: createKv(world, { kv: object.kv.at("here") }) };
  const key = new RowKey({ ...parts, dropRows: () => {}, onMade: () => {}, warn: (detail) => expect.fail(detail) });
  return (await key.get(SUB)) ?? expect.fail("there is no key");
}

/** Keeps rows as they were read. */
async function keep(kept: KeptRows, rows: readonly MessageMetadata[], seal = OPEN, version = "10"): Promise<void> {
  const read = rows.map((message) => ({ message, state: { version, labelIds: message.labelIds } }));
  const write = await kept.seal(read, seal);
  write(({ state }) => state);
}

const labelsOf = async (kept: KeptRows, id: string): Promise<string[] | undefined> =>
  (await kept.find([id], OPEN)).get(id)?.labelIds;

/** IDs as Gmail has them: numbers in hexadecimal that grow with time. */
const idOf = (number: number): string => (0x18_00_00_00 + number).toString(16).padStart(16, "0");

function count({ storage }: TestObject): number {
  return Number(storage.sql.exec("SELECT count(*) AS count FROM rows").one()["count"]);
}

describe("history makes of a row", () => {
  const state: RowState = { version: "10", labelIds: ["A", "B"] };
  test.each([
    ["nothing, where there is none", [], state],
    ["one label more", [change("11", { add: ["C"] })], { version: "11", labelIds: ["A", "B", "C"] }],
    ["one label less", [change("11", { remove: ["A"] })], { version: "11", labelIds: ["B"] }],
    ["both", [change("11", { add: ["C"], remove: ["A"] })], { version: "11", labelIds: ["B", "C"] }],
    ["the same labels, that it has", [change("11", { add: ["A"], remove: ["C"] })], { ...state, version: "11" }],
    [
      "the same, where a change is undone",
      [change("11", { add: ["C"] }), change("12", { remove: ["C"] })],
      { ...state, version: "12" },
    ],
    [
      "as the last one says, of those that come twice",
      [change("11", { remove: ["A"] }), change("12", { add: ["A"] }), change("11", { remove: ["A"] })],
      { version: "12", labelIds: ["B", "A"] },
    ],
    ["nothing, by what it is newer than", [change("9", { remove: ["A"] }), change("10", { kind: "deleted" })], state],
    ["nothing that is there, deleted", [change("11", { kind: "deleted" }), change("12", { add: ["C"] })], null],
    ["one to read again, replaced", [change("11", { kind: "replaced" })], null],
    ["one to read again, added", [change("11", { kind: "added" })], null],
  ])("%s", (_, changes, expected) => {
    expect(changed(state, changes)).toEqual(expected);
  });

  test("the same object, where nothing is newer", () => {
    expect(changed(state, [change("3", { add: ["C"] })])).toBe(state);
  });

  test("the right thing beyond 2^53", () => {
    const big = { version: "9007199254740993", labelIds: [] };
    expect(changed(big, [change("9007199254740992", { add: ["A"] })])).toBe(big);
    expect(changed(big, [change("9007199254740994", { add: ["A"] })])?.labelIds).toEqual(["A"]);
  });
});

describe("kept rows", () => {
  test("are found in another life as they were read, and by those IDs only", async () => {
    await inObject(async (object) => {
      const seal = await sealOf(object);
      const rows = [row("a1", ["INBOX", "UNREAD"]), row("a2", [])];
      const kept = live(object);
      kept.begin("10");
      await keep(kept, rows, seal);
      for (const life of [kept, live(object)]) {
        expect([...(await life.find(["a2", "a1", "a3"], seal)).values()]).toEqual(expect.arrayContaining(rows));
        expect([...(await life.find(["a2"], seal)).keys()]).toEqual(["a2"]);
        expect(life.position).toBe("10");
      }
    });
  });

  test("have the labels that history says, in this life and the next, or are gone", async () => {
    await inObject(async (object) => {
      const kept = live(object);
      kept.begin("10");
      await keep(kept, [row("a"), row("b"), row("c")]);
      kept.apply([change("12", { add: ["UNREAD"] }), change("13", { id: "b", kind: "deleted" })], "15");
      for (const life of [kept, live(object)]) {
        expect([...(await life.find(["a", "b", "c"], OPEN)).values()]).toEqual([
          row("a", ["INBOX", "UNREAD"]),
          row("c"),
        ]);
        expect(life.position).toBe("15");
      }
    });
  });

  test("never go back to an earlier position", async () => {
    await inObject(async (object) => {
      const kept = live(object);
      kept.begin("10");
      kept.apply([], "20");
      kept.apply([change("12", { add: ["X"] })], "15");
      expect(kept.position).toBe("20");
      expect(live(object).position).toBe("20");
    });
  });

  test("have a position that is written with rows and changes, and else once an hour", async () => {
    await inObject(async (object) => {
      const kept = live(object);
      kept.begin("10");
      kept.apply([], "11");
      expect([kept.position, live(object).position]).toEqual(["11", "10"]);
      await keep(kept, [row("a")]);
      expect(live(object).position).toBe("11");
      kept.apply([], "12");
      object.clock.nowMs += 60 * MINUTE_MS + 1;
      expect(live(object).position).toBe("11");
      kept.apply([], "13");
      expect(live(object).position).toBe("13");
      kept.apply([change("14", { id: "of nobody's" })], "14");
      expect(live(object).position).toBe("14");
    });
  });

  test("are kept as they are when they are written, and not, where that is not known", async () => {
    await inObject(async (object) => {
      const kept = live(object);
      kept.begin("10");
      const read = [row("a"), row("b")].map((message) => ({ message, state: { version: "10", labelIds: [] } }));
      const write = await kept.seal(read, OPEN);
      write(({ message }) => (message.id === "a" ? { version: "11", labelIds: ["X"] } : null));
      expect([await labelsOf(kept, "a"), await labelsOf(kept, "b")]).toEqual([["X"], undefined]);
      kept.apply([change("11", { remove: ["X"] })], "11");
      expect(await labelsOf(kept, "a"), "a change that it is as new as").toEqual(["X"]);
    });
  });

  test("that are forgotten are gone, and so is how new they were", async () => {
    await inObject(async (object) => {
      const kept = live(object);
      kept.begin("10");
      await keep(kept, [row("a")]);
      kept.clear();
      for (const life of [kept, live(object)]) {
        expect([await labelsOf(life, "a"), life.position, count(object)]).toEqual([undefined, null, 0]);
      }
    });
  });
});

describe("in SQLite", () => {
  test("nobody reads more of a message than its ID, its version and its labels", async () => {
    await inObject(async (object) => {
      const seal = await sealOf(object);
      const kept = live(object);
      kept.begin("10");
      const message = row("a1");
      await keep(kept, [message], seal);
      const found = object.storage.sql.exec<{ sealed: string }>("SELECT * FROM rows").one();
      expect(found).toEqual({ id: "a1", version: "10", labels: '["INBOX"]', sealed: expect.any(String) });
      const everything = ["rows", "meta"].map((table) => object.storage.sql.exec(`SELECT * FROM ${table}`).toArray());
      const text = JSON.stringify(everything) + atob(found.sealed.split(".")[0] ?? "");
      for (const secret of [message.subject, message.from, message.to, message.snippet, message.threadId]) {
        expect(text).not.toContain(secret);
      }
    });
  });

  test("a sealed row that lies under another ID, or is broken, is not known", async () => {
    await inObject(async (object) => {
      const seal = await sealOf(object);
      const kept = live(object);
      kept.begin("10");
      await keep(kept, [row("a"), row("b"), row("c")], seal);
      const { sql } = object.storage;
      sql.exec("UPDATE rows SET sealed = (SELECT sealed FROM rows WHERE id = 'b') WHERE id = 'a'");
      sql.exec("UPDATE rows SET sealed = 'x' WHERE id = 'c'");
      expect([...(await live(object).find(["a", "b", "c"], seal)).keys()]).toEqual(["b"]);
    });
  });
});

/** Lists page by page, each of new messages. */
async function fill(kept: KeptRows, from: number, to: number): Promise<void> {
  for (let start = from; start < to; start += 500) {
    const numbers = Array.from({ length: Math.min(500, to - start) }, (_, index) => start + index);
    await keep(
      kept,
      numbers.map((number) => row(idOf(number))),
    );
  }
}

describe("of more rows than are kept,", () => {
  test("the newest stay, and room is left only as far as there is need for it", async () => {
    await inObject(async (object) => {
      const kept = live(object);
      kept.begin("10");
      await fill(kept, 0, LIMIT - 1);
      await fill(kept, LIMIT - 1, LIMIT + 700);
      expect(count(object)).toBeLessThanOrEqual(LIMIT);
      expect(count(object)).toBeGreaterThan(LIMIT * 0.9);
      const newest = await kept.find([idOf(LIMIT + 699), idOf(LIMIT), idOf(1_000)], OPEN);
      expect(newest.size).toBe(3);
      expect((await live(object).find([idOf(0), idOf(500)], OPEN)).size).toBe(0);
    });
  });

  test("few at a time, in many lives, there are never more", async () => {
    await inObject(async (object) => {
      const kept = live(object);
      kept.begin("10");
      await fill(kept, 0, LIMIT);
      let most = 0;
      for (let list = 0; list < 60; list += 1) {
        await fill(live(object), LIMIT + list * 10, LIMIT + (list + 1) * 10);
        most = Math.max(most, count(object));
      }
      expect(most).toBeLessThanOrEqual(LIMIT);
      expect(await labelsOf(live(object), idOf(LIMIT + 599))).toBeDefined();
    });
  });

  test("older ones than those are not kept, and push out none", async () => {
    await inObject(async (object) => {
      const kept = live(object);
      kept.begin("10");
      await fill(kept, 10_000, 10_000 + LIMIT + 300);
      const before = count(object);
      await fill(kept, 0, 1_000);
      expect(count(object)).toBe(before);
      // A shorter number is an older one.
      await keep(kept, [row("ffff")]);
      expect(await labelsOf(live(object), "ffff")).toBeUndefined();
    });
  });
});
