/**
 * What holds whatever the order, the clocks and the number of those who ask: found by somebody who attacked it.
 */
import { expect, test } from "vitest";
import {
  at,
  breakKv,
  elsewhere,
  EMAIL,
  holdKv,
  inForce,
  inObject,
  makeToken,
  MINUTE_MS,
  newToken,
  signIn,
  signInOf,
  SUB,
} from "./fixtures.ts";

const ANN = { sub: SUB, email: EMAIL };
const USAGE = { messagesListed: 1, messagesRead: 1, units: 5 };

test("an end counts whatever the clock of those who began: sessions, tokens and sign-ins in progress", async () => {
  await inObject(async (object) => {
    const { clock, core } = object;
    const aheadMs = clock.nowMs + 300;
    await core.signIn(signInOf(aheadMs, "ahead"));
    const hash = await makeToken(object, "ahead");
    const ends = await core.wake(SUB);
    await core.endAll();
    expect(await inForce(object, ["ahead"], [hash])).toEqual([false, false]);
    expect(await core.signIn(signInOf(aheadMs + 300, "late", { ends }))).toBe("ended");
    expect(await core.signIn(signInOf(aheadMs + 300, "next", { ends: await core.wake(SUB) }))).toBe("signed-in");
  });
});

test("a new consent has ended the older ones when it is answered, whatever KV does", async () => {
  await inObject(async (object) => {
    const { clock } = object;
    await signIn(object, "old");
    const hash = await makeToken(object, "old");
    clock.nowMs += MINUTE_MS;
    const held = holdKv(object, (kind, key) => kind === "put" && key.startsWith("address:"));
    const consenting = signIn(object, "new");
    expect(await consenting).toBe("signed-in");
    expect(await inForce(object, ["old", "new"], [hash])).toEqual([false, true, false]);
    await held.arrived();
    held.release();
  });
});

test("of an account's events the one that was issued last counts, however late another one comes", async () => {
  await inObject(async (object) => {
    const { clock, core } = object;
    await core.secure(SUB, "enable", at(clock.nowMs));
    await core.secure(SUB, "disable", at(clock.nowMs - MINUTE_MS));
    expect(await signIn(object, "s")).toBe("signed-in");
    await core.secure(SUB, "disable", at(clock.nowMs + 1));
    await core.secure(SUB, "enable", at(clock.nowMs));
    expect(await signIn(object, "t")).toBe("disabled");
  });
});

test("an address that has changed is found by its new name, and not by its old one", async () => {
  await inObject(async (object) => {
    await signIn(object, "s");
    const renamed = { sub: SUB, email: "new@example.test", name: null, picture: null };
    object.clock.nowMs += MINUTE_MS;
    expect(await signIn(object, "t", { identity: renamed, refreshToken: null })).toBe("signed-in");
    await object.afterwards();
    object.clock.nowMs += MINUTE_MS;
    const store = elsewhere(object);
    expect([await store.readAddress("new@example.test"), await store.readAddress(EMAIL)]).toEqual([SUB, null]);
  });
});

test("an address that changes in its letters' case only is still found", async () => {
  await inObject(async (object) => {
    await signIn(object, "s");
    object.clock.nowMs += MINUTE_MS;
    const renamed = { sub: SUB, email: EMAIL.toUpperCase(), name: null, picture: null };
    expect(await signIn(object, "t", { identity: renamed, refreshToken: null })).toBe("signed-in");
    await object.afterwards();
    expect(await elsewhere(object).readAddress(EMAIL)).toBe(SUB);
  });
});

test.each([
  ["one who has signed in with it since keeps it", true],
  ["but a sign-in takes it", false],
])("an address that KV gets late: %s", async (_, isLate) => {
  await inObject(async (object) => {
    await elsewhere(object).writeAddress(EMAIL, "2");
    object.clock.nowMs += MINUTE_MS;
    const restore = breakKv(object, (kind) => isLate && kind === "put");
    expect(await signIn(object, "s")).toBe("signed-in");
    await object.afterwards();
    restore();
    await object.advance(MINUTE_MS);
    expect(await elsewhere(object).readAddress(EMAIL)).toBe(isLate ? "2" : SUB);
  });
});

test("work that the alarm was stopped in is done a minute later", async () => {
  await inObject(async (object) => {
    await signIn(object, "s");
    const restore = breakKv(object, (kind) => kind === "delete");
    await object.core.disconnect(ANN);
    const held = holdKv(object, (kind) => kind === "delete");
    object.clock.nowMs += MINUTE_MS;
    // The object is stopped in the middle: nobody hears of this any more.
    void object.core.alarm();
    await held.arrived();
    restore();
    expect(object.alarmAtMs()).toBe(object.clock.nowMs + MINUTE_MS);
    held.release();
  });
});

test("sessions and tokens that are made to fill the object are counted together", async () => {
  await inObject(async (object) => {
    await signIn(object, "s");
    for (let index = 0; index < 150; index += 1) {
      await object.core.makeToken("s", `t${index}`, newToken());
      await object.core.report({ kind: "token", id: `t${index}` }, USAGE);
      await object.core.revokeToken(`t${index}`);
    }
    const days = await object.core.listActivity();
    expect(days).toHaveLength(101);
    expect(days.find(({ id }) => id === "others")).toMatchObject({ kind: "token", label: null, requests: 50 });
  });
});
