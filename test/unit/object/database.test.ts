/** The database of an object: when it comes to be, how it goes forward, and what undoes what. */
import { expect, test } from "vitest";
import { Database } from "../../../src/object/database.ts";
import { inObject, newToken, signIn, SUB, type TestObject } from "./fixtures.ts";

function tables({ storage }: TestObject): unknown[] {
  // `_cf_…` are the runtime's own.
  const query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '!_%' ESCAPE '!' ORDER BY name";
  return storage.sql
    .exec(query)
    .toArray()
    .map(({ name }) => name);
}

test("an object to which nobody has signed in has no tables, whatever it is asked", async () => {
  await inObject(async (object) => {
    const { core } = object;
    await core.wake(SUB);
    expect(await core.checkSession("s")).toBe(false);
    expect(await core.endSession("s")).toBe(false);
    expect(await core.makeToken("s", "t", newToken())).toBeNull();
    expect(await core.revokeToken("t")).toBe(false);
    expect(await core.openToken("hash")).toBeNull();
    expect(await core.openOffline(SUB, null)).toBeNull();
    expect(await core.consentedAt(SUB)).toBeNull();
    await core.report({ kind: "token", id: "t" }, { messagesListed: 1, messagesRead: 1, units: 1 });
    expect([await core.listSessions(), await core.listTokens(), await core.listActivity()]).toEqual([[], [], []]);
    expect([tables(object), object.alarmAtMs()]).toEqual([[], null]);
  });
});

test("the first write makes the tables, and another life finds what was written", async () => {
  await inObject(async (object) => {
    await signIn(object, "s");
    expect(tables(object)).toEqual(["activity", "meta", "rows", "schedule", "sessions", "tokens"]);
    const database = new Database(object.storage);
    expect(database.get("schema")).toBe("2");
    database.set("name", "value");
    expect(new Database(object.storage).get("name")).toBe("value");
    database.set("name", null);
    expect(new Database(object.storage).get("name")).toBeNull();
  });
});

test("a newer schema is left alone", async () => {
  await inObject(async (object) => {
    const database = new Database(object.storage);
    database.set("schema", "9");
    database.run("ALTER TABLE sessions ADD COLUMN newer TEXT");
    object.evict();
    await signIn(object, "s");
    expect(await object.core.checkSession("s")).toBe(true);
    expect(new Database(object.storage).get("schema")).toBe("9");
  });
});

test("a transaction is all or nothing, also where it is the first write", async () => {
  await inObject(async ({ storage }) => {
    const database = new Database(storage);
    const undone = (): unknown =>
      database.transaction(() => {
        database.set("one", "1");
        database.transaction(() => database.set("two", "2"));
        throw new Error("no");
      });
    for (let time = 0; time < 2; time += 1) expect(undone).toThrow("no");
    expect([database.get("one"), database.get("two")]).toEqual([null, null]);
    database.transaction(() => database.set("one", "1"));
    expect(database.get("one")).toBe("1");
  });
});

test("deleting all leaves no table and no alarm, and the next write begins anew", async () => {
  await inObject(async (object) => {
    await signIn(object, "s");
    const database = new Database(object.storage);
    await database.deleteAll();
    expect([tables(object), object.alarmAtMs(), database.get("schema")]).toEqual([[], null, null]);
    database.set("name", "value");
    expect(database.get("name")).toBe("value");
  });
});
