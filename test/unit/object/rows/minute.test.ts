/** A user's quota of the minute: what a person and a program may still spend, and when there is more. */
import { describe, expect, test } from "vitest";
import type { Actor } from "../../../../src/object/rpc.ts";
import { MinuteQuota } from "../../../../src/object/rows/minute.ts";
import { START_MS } from "../../fixtures.ts";

const MINUTE_MS = 60_000;
/** Of 1,000 units: 2 % are for lists, and a tenth is the person's. */
const PERSONS = 980;
const PROGRAMS = 880;

function create(limit = 1_000) {
  const clock = { nowMs: START_MS };
  const minute = new MinuteQuota(limit, () => clock.nowMs);
  const spend = (units: number, ms = 0): void => {
    minute.spend(units);
    clock.nowMs += ms;
  };
  return { clock, minute, spend };
}

const ALL: readonly [Actor["kind"], number][] = [
  ["session", PERSONS],
  ["token", PROGRAMS],
  ["offline", PROGRAMS],
];

describe("units of a minute", () => {
  test.each(ALL)("%s: so many may be spent by all, and those of a minute ago are free again", (kind, units) => {
    const { clock, minute, spend } = create();
    expect(minute.available(kind)).toBe(units);
    spend(300, 20_000);
    spend(200, 39_999);
    expect(minute.available(kind)).toBe(units - 500);
    clock.nowMs += 1;
    expect(minute.available(kind)).toBe(units - 200);
    clock.nowMs += 20_000;
    expect(minute.available(kind)).toBe(units);
  });

  test("a program that has spent all of its own leaves a tenth to the person", () => {
    const { minute, spend } = create();
    spend(PROGRAMS);
    expect([minute.available("token"), minute.available("offline"), minute.available("session")]).toEqual([0, 0, 100]);
  });

  test("what was spent beyond is owed", () => {
    const { minute, spend } = create();
    spend(1_500);
    expect(minute.available("session")).toBe(PERSONS - 1_500);
  });

  test("nothing that was spent is nothing", () => {
    const { minute, spend } = create();
    spend(0, MINUTE_MS);
    expect([minute.available("session"), minute.waitMs("session", PERSONS)]).toEqual([PERSONS, 0]);
  });
});

describe("the wait", () => {
  test("is none while they are there, and else until enough of the oldest are free", () => {
    const { minute, spend } = create();
    spend(500, 10_000);
    spend(400, 10_000);
    expect(minute.waitMs("session", 80)).toBe(0);
    expect(minute.waitMs("session", 81)).toBe(40_000);
    expect(minute.waitMs("session", 580)).toBe(40_000);
    expect(minute.waitMs("session", 581)).toBe(50_000);
    expect(minute.waitMs("token", 20)).toBe(40_000);
    expect(minute.waitMs("token", 481)).toBe(50_000);
  });

  test.each(ALL)("%s: they are there when it is over, and not a millisecond before", (kind) => {
    const { clock, minute, spend } = create();
    for (let time = 0; time < 10; time += 1) spend(100, 1_234);
    const waitMs = minute.waitMs(kind, 20);
    clock.nowMs += waitMs - 1;
    expect(minute.available(kind)).toBeLessThan(20);
    clock.nowMs += 1;
    expect(minute.available(kind)).toBeGreaterThanOrEqual(20);
  });

  test("of more than a minute has is a minute", () => {
    const { minute } = create();
    expect(minute.waitMs("session", PERSONS + 1)).toBe(MINUTE_MS);
  });
});
