/** The sessions of a user: which are in force, and what is told of them. */
import { describe, expect, test } from "vitest";
import { START_MS } from "../fixtures.ts";
import { DAY_MS, inObject, MINUTE_MS, signIn, signInOf } from "./fixtures.ts";

const NOTHING = { messagesListed: 0, messagesRead: 0, units: 0 };

describe("a session", () => {
  test("is in force from its sign-in to its end, in each life of the object", async () => {
    await inObject(async (object) => {
      await signIn(object, "one");
      object.evict();
      expect(await object.core.checkSession("one")).toBe(true);
      expect(await object.core.checkSession("another")).toBe(false);
      expect([await object.core.endSession("one"), await object.core.endSession("one")]).toEqual([true, false]);
      expect(await object.core.checkSession("one")).toBe(false);
      object.evict();
      expect(await object.core.checkSession("one")).toBe(false);
    });
  });

  test("ends 30 days after its sign-in, whether the alarm has rung or not", async () => {
    await inObject(async (object) => {
      await signIn(object, "one");
      object.clock.nowMs += 30 * DAY_MS - 1;
      expect(await object.core.checkSession("one")).toBe(true);
      object.clock.nowMs += 1;
      expect(await object.core.checkSession("one")).toBe(false);
      expect([await object.core.listSessions(), await object.core.endSession("one")]).toEqual([[], false]);
    });
  });

  test("replaces the one that its browser had", async () => {
    await inObject(async (object) => {
      await signIn(object, "one");
      await signIn(object, "other");
      await signIn(object, "two", { refreshToken: null, previousSession: "one" });
      const inForce = await Promise.all(["one", "other", "two"].map((id) => object.core.checkSession(id)));
      expect(inForce).toEqual([false, true, true]);
    });
  });

  test("is told with its device, place and times, the latest used first", async () => {
    await inObject(async (object) => {
      const { clock, core } = object;
      await signIn(object, "first");
      clock.nowMs += 90_500;
      const session = { id: "second", signedInAtMs: clock.nowMs, device: "Safari on iPhone", place: "Bern, CH" };
      await core.signIn(signInOf(clock.nowMs, "second", { session, refreshToken: null }));
      await core.report({ kind: "session", id: "second" }, NOTHING);
      const [second, first] = await core.listSessions();
      const secondAtMs = START_MS + 90_500;
      expect(second).toEqual({
        id: "second",
        device: "Safari on iPhone",
        place: "Bern, CH",
        createdAtMs: secondAtMs,
        lastUsedAtMs: secondAtMs,
      });
      expect(first).toEqual({
        id: "first",
        device: "Firefox on Linux",
        place: null,
        createdAtMs: START_MS,
        lastUsedAtMs: START_MS,
      });
      clock.nowMs = START_MS + 5 * MINUTE_MS + 59_999;
      await core.report({ kind: "session", id: "first" }, NOTHING);
      expect(await core.listSessions()).toMatchObject([
        { id: "first", lastUsedAtMs: START_MS + 5 * MINUTE_MS },
        { id: "second" },
      ]);
    });
  });

  test("that is the hundred and first ends the oldest", async () => {
    await inObject(async (object) => {
      await signIn(object, "0");
      for (let index = 1; index < 100; index += 1) {
        object.clock.nowMs += MINUTE_MS;
        await signIn(object, String(index), { refreshToken: null });
      }
      object.clock.nowMs += MINUTE_MS;
      await signIn(object, "100", { refreshToken: null });
      expect(await object.core.listSessions()).toHaveLength(100);
      const inForce = await Promise.all(["0", "1", "2", "100"].map((id) => object.core.checkSession(id)));
      expect(inForce).toEqual([false, true, true, true]);
    });
  });
});
