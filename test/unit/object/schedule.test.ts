/** What an object does later: the one alarm is set to the earliest of several times. */
import { expect, test } from "vitest";
import { Database } from "../../../src/object/database.ts";
import { Schedule } from "../../../src/object/schedule.ts";
import { inObject } from "./fixtures.ts";

test("the alarm is the earliest time that is planned, and each purpose keeps its earliest", async () => {
  await inObject(async ({ alarmAtMs, storage }) => {
    const schedule = new Schedule(new Database(storage), storage);
    expect(schedule.take(1_000)).toEqual([]);
    expect(alarmAtMs()).toBeNull();
    schedule.plan("expiry", 300);
    expect(alarmAtMs()).toBe(300);
    schedule.plan("storing", 200);
    expect(alarmAtMs()).toBe(200);
    schedule.plan("storing", 250);
    schedule.plan("storing", 400);
    expect(alarmAtMs()).toBe(200);
    schedule.plan("storing", 100);
    expect(alarmAtMs()).toBe(100);
  });
});

test("what is due is taken once, and the alarm goes on to what is left", async () => {
  await inObject(async ({ alarmAtMs, storage }) => {
    const schedule = new Schedule(new Database(storage), storage);
    schedule.plan("storing", 100);
    schedule.plan("expiry", 300);
    expect(schedule.take(99)).toEqual([]);
    expect(schedule.take(200)).toEqual(["storing"]);
    expect(alarmAtMs()).toBe(300);
    const later = new Schedule(new Database(storage), storage);
    expect(later.take(200)).toEqual([]);
    later.plan("storing", 900);
    expect(later.take(300)).toEqual(["expiry"]);
    expect(alarmAtMs()).toBe(900);
  });
});
