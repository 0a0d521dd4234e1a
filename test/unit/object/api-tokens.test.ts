/** The API tokens of a user: how many, made by whom, for how long, and what is told of them. */
import { describe, expect, test } from "vitest";
import { AppError } from "../../../src/errors.ts";
import { sha256 } from "../../../src/lib/key-ring.ts";
import { Database } from "../../../src/object/database.ts";
import { parseTokenText } from "../../../src/object/token-text.ts";
import { appErrorOf, START_MS } from "../fixtures.ts";
import { DAY_MS, IDENTITY, inObject, MINUTE_MS, newToken, signIn, type TestObject } from "./fixtures.ts";

const ALL = Array.from({ length: 25 }, (_, index) => `token-${index}`);

/** Makes a token and gives its hash. */
async function make({ core }: TestObject, id: string, changes: Parameters<typeof newToken>[0] = {}): Promise<string> {
  const text = await core.makeToken("s", id, newToken(changes));
  return text === null ? expect.fail("its session has ended") : sha256(text);
}

const tooMany = { reason: "FAILED_PRECONDITION" };

describe("a token", () => {
  test("opens for who knows its text, with the identity, the access and the access token of its user", async () => {
    await inObject(async (object) => {
      await signIn(object, "s");
      const text = (await object.core.makeToken("s", "t", newToken({ access: "list", scopes: ["a", "b"] }))) ?? "";
      const parsed = await parseTokenText(text);
      expect(parsed?.objectId).toBe(object.id);
      object.evict();
      expect(await object.core.openToken(parsed?.hash ?? "")).toEqual({
        id: "t",
        identity: IDENTITY,
        access: "list",
        scopes: ["a", "b"],
        expiresAtMs: START_MS + 30 * DAY_MS,
        accessToken: { value: "of-s", expiresAtMs: START_MS + 3_600_000 },
      });
      for (const hash of ["", "t", await sha256(`${text} `)]) expect(await object.core.openToken(hash)).toBeNull();
    });
  });

  test("is stored by its hash only", async () => {
    await inObject(async (object) => {
      await signIn(object, "s");
      const text = (await object.core.makeToken("s", "t", newToken())) ?? "";
      const secret = text.slice(50, 93);
      const rows = object.storage.sql.exec("SELECT * FROM tokens").toArray();
      expect(JSON.stringify(rows)).toContain(await sha256(text));
      expect(JSON.stringify(rows)).not.toContain(secret);
    });
  });

  test("ends with its expiry, whether the alarm has rung or not", async () => {
    await inObject(async (object) => {
      await signIn(object, "s");
      const hash = await make(object, "t", { expiresAtMs: START_MS + DAY_MS });
      object.clock.nowMs = START_MS + DAY_MS - 1;
      expect(await object.core.openToken(hash)).toMatchObject({ id: "t" });
      expect(await object.core.listTokens()).toHaveLength(1);
      object.clock.nowMs += 1;
      expect(await object.core.openToken(hash)).toBeNull();
      expect(await object.core.listTokens()).toEqual([]);
      expect(await object.core.revokeToken("t")).toBe(false);
    });
  });

  test("is revoked once, at once", async () => {
    await inObject(async (object) => {
      await signIn(object, "s");
      const [hash, other] = [await make(object, "t"), await make(object, "other")];
      expect([await object.core.revokeToken("t"), await object.core.revokeToken("t")]).toEqual([true, false]);
      expect([await object.core.openToken(hash), await object.core.openToken(other)]).toEqual([
        null,
        expect.anything(),
      ]);
    });
  });

  test("made by an ended session is none, also where it ends while the token is made", async () => {
    await inObject(async (object) => {
      await signIn(object, "s");
      const making = object.core.makeToken("s", "t", newToken());
      await object.core.endSession("s");
      expect(await making).toBeNull();
      expect(await object.core.makeToken("s", "t", newToken())).toBeNull();
      expect(await object.core.listTokens()).toEqual([]);
    });
  });

  test("outlives the end of its session, and not the end of all sessions", async () => {
    await inObject(async (object) => {
      await signIn(object, "s");
      const hash = await make(object, "t");
      await object.core.endSession("s");
      expect(await object.core.openToken(hash)).toMatchObject({ id: "t" });
      object.clock.nowMs += MINUTE_MS;
      await object.core.endAll();
      expect(await object.core.openToken(hash)).toBeNull();
    });
  });

  test("that is made again, because its text was not received, replaces itself", async () => {
    await inObject(async (object) => {
      await signIn(object, "s");
      const [lost, received] = [await make(object, "t"), await make(object, "t")];
      expect(await object.core.openToken(lost)).toBeNull();
      expect(await object.core.openToken(received)).toMatchObject({ id: "t" });
      expect(await object.core.listTokens()).toHaveLength(1);
    });
  });

  test("is listed, the newest first, with when it was used last, to the minute", async () => {
    await inObject(async (object) => {
      const { clock, core } = object;
      await signIn(object, "s");
      await make(object, "old", { name: "nightly", access: "full" });
      clock.nowMs += 10 * MINUTE_MS + 7;
      await make(object, "new");
      await core.report({ kind: "token", id: "old" }, { messagesListed: 0, messagesRead: 0, units: 0 });
      const expiresAtMs = START_MS + 30 * DAY_MS;
      expect(await core.listTokens()).toEqual([
        { id: "new", name: "a program", access: "read", createdAtMs: clock.nowMs, expiresAtMs, lastUsedAtMs: null },
        {
          id: "old",
          name: "nightly",
          access: "full",
          createdAtMs: START_MS,
          expiresAtMs,
          lastUsedAtMs: clock.nowMs - 7,
        },
      ]);
    });
  });

  test("whose access is of a kind that this deployment does not know may do the least", async () => {
    await inObject(async (object) => {
      await signIn(object, "s");
      const hash = await make(object, "t", { access: "full" });
      new Database(object.storage).run("UPDATE tokens SET access = 'everything', scopes = '7'");
      expect(await object.core.openToken(hash)).toMatchObject({ access: "list", scopes: [] });
      expect(await object.core.listTokens()).toMatchObject([{ access: "list" }]);
    });
  });
});

describe("twenty tokens", () => {
  test("are twenty, one after another, and the twenty-first is refused", async () => {
    await inObject(async (object) => {
      await signIn(object, "s");
      for (const id of ALL.slice(0, 20)) await make(object, id);
      expect(await appErrorOf(make(object, "more"))).toMatchObject(tooMany);
      expect(await object.core.listTokens()).toHaveLength(20);
      await make(object, "token-3");
      await object.core.revokeToken("token-0");
      await make(object, "more");
      expect(await appErrorOf(make(object, "one more"))).toMatchObject(tooMany);
    });
  });

  test("are twenty, too, when many are made at once", async () => {
    await inObject(async (object) => {
      await signIn(object, "s");
      const made = await Promise.allSettled(ALL.map((id) => make(object, id)));
      const refused = made.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
      expect(refused).toHaveLength(5);
      for (const error of refused) {
        expect(error).toBeInstanceOf(AppError);
        expect(error).toMatchObject(tooMany);
      }
      expect(await object.core.listTokens()).toHaveLength(20);
    });
  });

  test("do not count those that have expired", async () => {
    await inObject(async (object) => {
      await signIn(object, "s");
      for (const id of ALL.slice(0, 20)) await make(object, id, { expiresAtMs: START_MS + DAY_MS });
      object.clock.nowMs += DAY_MS;
      await make(object, "more");
      expect(await object.core.listTokens()).toHaveLength(1);
    });
  });
});
