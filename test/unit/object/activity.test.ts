/** What sessions, API tokens and services did: sums per day, for 30 days. */
import { expect, test } from "vitest";
import type { Actor } from "../../../src/object/rpc.ts";
import { DAY_MS, inObject, MINUTE_MS, newToken, signIn, type TestObject } from "./fixtures.ts";

const SESSION: Actor = { kind: "session", id: "s" };
const TOKEN: Actor = { kind: "token", id: "t" };
const OFFLINE: Actor = { kind: "offline", id: "offline" };
const USAGE = { messagesListed: 100, messagesRead: 2, units: 45 };

/** The requests that the table has. */
function written({ storage }: TestObject): unknown[] {
  return storage.sql
    .exec("SELECT requests FROM activity ORDER BY day, id")
    .toArray()
    .map(({ requests }) => requests);
}

test("each actor has one sum a day, with what it is called", async () => {
  await inObject(async (object) => {
    const { clock, core } = object;
    await signIn(object, "s");
    await core.makeToken("s", "t", newToken({ name: "nightly" }));
    for (const actor of [SESSION, TOKEN, TOKEN, OFFLINE, TOKEN]) await core.report(actor, USAGE);
    clock.nowMs += DAY_MS;
    await core.report(SESSION, { messagesListed: 1, messagesRead: 0, units: 5 });
    const day = "2026-11-22";
    expect(await core.listActivity()).toEqual([
      {
        day: "2026-11-23",
        ...SESSION,
        label: "Firefox on Linux",
        requests: 1,
        messagesListed: 1,
        messagesRead: 0,
        units: 5,
      },
      { day, ...OFFLINE, label: null, requests: 1, ...USAGE },
      { day, ...SESSION, label: "Firefox on Linux", requests: 1, ...USAGE },
      { day, ...TOKEN, label: "nightly", requests: 3, messagesListed: 300, messagesRead: 6, units: 135 },
    ]);
  });
});

test("each request is written, and so outlives the object's memory", async () => {
  await inObject(async (object) => {
    const { core } = object;
    await signIn(object, "s");
    await object.afterwards();
    const alarmAtMs = object.alarmAtMs();
    for (let request = 0; request < 50; request += 1) await core.report(SESSION, USAGE);
    expect(written(object)).toEqual([50]);
    expect(object.alarmAtMs(), "nothing is left to be done").toBe(alarmAtMs);
  });
});

test("the last use of an API token is told for as long as the token lives", async () => {
  await inObject(async (object) => {
    const { clock, core } = object;
    await signIn(object, "s");
    await core.makeToken("s", "t", newToken({ expiresAtMs: clock.nowMs + 365 * DAY_MS }));
    expect(await core.listTokens()).toMatchObject([{ id: "t", lastUsedAtMs: null }]);
    await core.report(TOKEN, USAGE);
    const minuteMs = clock.nowMs - (clock.nowMs % MINUTE_MS);
    await object.advance(60 * DAY_MS);
    expect(await core.listTokens()).toMatchObject([{ id: "t", lastUsedAtMs: minuteMs }]);
    expect(await core.listActivity()).toEqual([]);
  });
});

test("who has ended meanwhile keeps the name that it had", async () => {
  await inObject(async (object) => {
    const { core } = object;
    await signIn(object, "s");
    await core.makeToken("s", "t", newToken({ name: "nightly" }));
    await core.report(TOKEN, USAGE);
    await core.report(TOKEN, USAGE);
    await core.revokeToken("t");
    expect(await core.listActivity()).toMatchObject([{ id: "t", label: "nightly", requests: 2 }]);
  });
});

test("what is older than 30 days is not told, and deleted by the alarm", async () => {
  await inObject(async (object) => {
    const { core } = object;
    await signIn(object, "s");
    await core.report(SESSION, USAGE);
    await object.advance(29 * DAY_MS);
    expect(await core.listActivity()).toHaveLength(1);
    await object.advance(DAY_MS - 1);
    await core.report(OFFLINE, USAGE);
    await object.advance(DAY_MS);
    expect(await core.listActivity()).toMatchObject([OFFLINE]);
    expect(written(object)).toEqual([1]);
  });
});
