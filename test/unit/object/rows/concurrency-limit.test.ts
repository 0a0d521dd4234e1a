/** How many parts may be in flight: a hidden limit is found, kept, and found anew when it rises. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ConcurrencyLimit, type Flight } from "../../../../src/object/rows/concurrency-limit.ts";
import { START_MS } from "../../fixtures.ts";
import { freshLimit, randomFrom } from "./fixtures.ts";

const INITIAL = 25;
const MIN = 4;
const MAX = 300;

interface Outcome {
  readonly sent: number;
  readonly refused: number;
  /** Of each round, once it was settled. */
  readonly limits: readonly number[];
}

/**
 * Fills the limit with up to three batches, round after round, before a server that lets `level` parts through at once.
 *
 * @param chance of each part to be refused all the same
 */
function play(limit: ConcurrencyLimit, level: (sent: number) => number, parts: number, chance = () => false): Outcome {
  let sent = 0;
  let refused = 0;
  const limits: number[] = [];
  while (sent < parts) {
    const batches: { flight: Flight; over: number }[] = [];
    const size = Math.max(1, Math.ceil(limit.limit / 3));
    let reading = 0;
    for (let batch = 0; batch < 3 && limit.available > 0; batch += 1) {
      const count = Math.min(size, limit.available);
      const flight = limit.send(count);
      let accepted = 0;
      // The server refuses whatever exceeds its level when it arrives.
      for (let part = 0; part < count; part += 1) if (reading + accepted < level(sent) && !chance()) accepted += 1;
      reading += accepted;
      batches.push({ flight, over: count - accepted });
      sent += count;
      refused += count - accepted;
    }
    for (const { flight, over } of batches) limit.settle(flight, over);
    limits.push(limit.limit);
  }
  return { sent, refused, limits };
}

function settleOne(limit: ConcurrencyLimit, parts: number, refused = 0): void {
  limit.settle(limit.send(parts), refused);
}

describe("the limit", () => {
  test("begins near 25", () => {
    expect(freshLimit().limit).toBe(INITIAL);
    expect(freshLimit().available).toBe(INITIAL);
  });

  test("doubles with every full round that goes well, up to three of the largest batches", () => {
    const limit = freshLimit();
    const seen = [limit.limit];
    for (let round = 0; round < 6; round += 1) {
      settleOne(limit, limit.limit);
      seen.push(limit.limit);
    }
    expect(seen).toEqual([25, 50, 100, 200, MAX, MAX, MAX]);
  });

  test("does not grow by rounds that leave most of it unused", () => {
    const limit = freshLimit();
    for (let round = 0; round < 1_000; round += 1) settleOne(limit, 5);
    expect(limit.limit).toBe(INITIAL);
  });

  test("falls to what was let through, in whichever order the batches are answered", () => {
    for (const isReversed of [false, true]) {
      const limit = freshLimit();
      // Of a level of 10: all of the first, four of the second, none of the third.
      const flights = [0, 2, 6].map((refused) => ({ flight: limit.send(6), refused }));
      for (const { flight, refused } of isReversed ? flights.toReversed() : flights) limit.settle(flight, refused);
      expect(limit.limit).toBe(10);
    }
  });

  test.each([
    ["a fifth of its only batch", 25, 5, 20],
    ["half of a batch, and nothing is known of the level", 8, 4, INITIAL],
    ["most of a batch, however little is in flight", 5, 4, MIN],
  ])("falls by a refusal of %s", (_, parts, refused, expected) => {
    const limit = freshLimit();
    settleOne(limit, parts, refused);
    expect(limit.limit).toBe(expected);
  });

  test("falls to a level that has fallen a little once that was the best of eight batches", () => {
    const limit = freshLimit();
    for (const parts of [25, 50]) settleOne(limit, parts);
    settleOne(limit, 100, 50);
    expect(limit.limit).toBe(50);
    const limits = Array.from({ length: 8 }, () => {
      settleOne(limit, limit.limit, limit.limit - 40);
      return limit.limit;
    });
    expect(Math.min(...limits.slice(0, 7))).toBeGreaterThanOrEqual(50);
    expect(limits.at(-1)).toBe(40);
  });

  test("never rises by a refusal", () => {
    const limit = freshLimit();
    const early = limit.send(60);
    const late = limit.send(10);
    limit.settle(early, 50);
    expect(limit.limit).toBe(10);
    limit.settle(late, 5);
    expect(limit.limit).toBe(10);
  });

  test("does not fall by a refusal while fewer were in flight than were let through a moment ago", () => {
    const limit = freshLimit();
    settleOne(limit, 25);
    settleOne(limit, 50);
    const before = limit.limit;
    settleOne(limit, 10, 2);
    expect(limit.limit).toBe(before);
  });

  test("does not fall because the last part of a list is refused again and again", () => {
    const limit = freshLimit();
    for (let retry = 0; retry < 10; retry += 1) settleOne(limit, 1, 1);
    expect(limit.limit).toBe(INITIAL);
  });

  test("is never below its minimum, whatever is refused", () => {
    const limit = freshLimit();
    for (let round = 0; round < 20; round += 1) settleOne(limit, limit.limit, limit.limit);
    expect(limit.limit).toBe(MIN);
  });

  test("grows by batches that fill half of it", () => {
    const limit = freshLimit();
    settleOne(limit, 25);
    settleOne(limit, 24);
    expect(limit.limit).toBe(50);
    settleOne(limit, 25);
    expect(limit.limit).toBe(75);
  });

  test("is tried one higher only after three rounds that went well, and grows fast again from the second on", () => {
    const limit = freshLimit();
    settleOne(limit, 25, 15);
    const limits = Array.from({ length: 8 }, () => {
      settleOne(limit, limit.limit);
      return limit.limit;
    });
    expect(limits).toEqual([10, 10, 11, 11, 11, 12, 24, 48]);
  });

  test("is not tried higher by parts that were refused", () => {
    const limit = freshLimit();
    settleOne(limit, 25, 15);
    for (const refused of [0, 1, 0]) settleOne(limit, 10, refused);
    expect(limit.limit).toBe(10);
    settleOne(limit, 10);
    expect(limit.limit).toBe(11);
  });
});

describe("in-flight parts", () => {
  test("are counted until they are settled or taken back", () => {
    const limit = freshLimit();
    const lost = limit.send(10);
    const good = limit.send(5);
    expect([limit.inFlight, limit.available]).toEqual([15, INITIAL - 15]);
    limit.release(lost);
    expect([limit.inFlight, limit.available, limit.limit]).toEqual([5, INITIAL - 5, INITIAL]);
    limit.settle(good, 0);
    expect([limit.inFlight, limit.available]).toEqual([0, limit.limit]);
  });

  test("of a request that the runtime has ended count for half a minute, and then no more", () => {
    let nowMs = START_MS;
    const limit = new ConcurrencyLimit(() => nowMs);
    limit.send(20);
    nowMs += 30_000;
    expect(limit.available).toBe(INITIAL - 20);
    nowMs += 1;
    expect([limit.inFlight, limit.available]).toEqual([0, INITIAL]);
    settleOne(limit, 25);
    expect(limit.limit).toBe(50);
  });

  test("are never lost, in whichever order batches succeed, are refused or fail (property)", () => {
    const step = fc.record({
      parts: fc.integer({ min: 1, max: 100 }),
      end: fc.constantFrom("good", "refused", "lost"),
      last: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const limit = freshLimit();
        const open: Flight[] = [];
        const settle = (flight: Flight | undefined, end: string): void => {
          if (flight === undefined) return;
          if (end === "lost") limit.release(flight);
          else limit.settle(flight, end === "refused" ? Math.ceil(flight.parts / 2) : 0);
        };
        for (const { parts, end, last } of steps) {
          open.push(limit.send(parts));
          if (last) settle(open.shift(), end);
          expect(limit.limit).toBeGreaterThanOrEqual(MIN);
          expect(limit.limit).toBeLessThanOrEqual(MAX);
        }
        for (const flight of open) settle(flight, "good");
        expect(limit.available).toBe(limit.limit);
      }),
    );
  });
});

describe("before a server with a limit that it does not tell", () => {
  test.each([10, 25, 50, 200])(
    "of %i: at most 10 %% of 1,000 parts are refused, and the limit settles there",
    (level) => {
      const limit = freshLimit();
      const first = play(limit, () => level, 1_000);
      expect(first.refused / first.sent).toBeLessThanOrEqual(0.1);
      const later = play(limit, () => level, 1_000);
      // Settled: the best part of the level is used, and it is exceeded by probes only.
      expect(Math.min(...later.limits)).toBeGreaterThanOrEqual(0.8 * level);
      expect(Math.max(...later.limits)).toBeLessThanOrEqual(level + 2);
      expect(later.refused / later.sent).toBeLessThanOrEqual(0.05);
    },
  );

  test("that rises from 10 to 100 grows after it", () => {
    const limit = freshLimit();
    play(limit, () => 10, 500);
    const { limits, refused, sent } = play(limit, () => 100, 2_000);
    expect(limits.at(-1)).toBeGreaterThanOrEqual(80);
    expect(limits.at(-1)).toBeLessThanOrEqual(102);
    expect(refused / sent).toBeLessThanOrEqual(0.1);
  });

  test("and that refuses one part in ten by chance, too, leaves room for two batches on average", () => {
    const averages = [1, 2, 3, 4, 5].map((seed) => {
      const random = randomFrom(seed);
      const { limits } = play(
        freshLimit(),
        () => 50,
        2_000,
        () => random() < 0.1,
      );
      return limits.reduce((sum, value) => sum + value, 0) / limits.length;
    });
    expect(Math.min(...averages)).toBeGreaterThanOrEqual(8);
  });

  test("that falls from 100 to 10 shrinks at once", () => {
    const limit = freshLimit();
    play(limit, () => 100, 1_000);
    expect(play(limit, () => 10, 200).limits.at(0)).toBeLessThanOrEqual(12);
  });
});
