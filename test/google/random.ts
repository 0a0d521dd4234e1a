/**
 * Chance that comes out the same every time, so that mail, latencies and shares of faults do too.
 */

/** A source of repeatable chance. */
export interface Random {
  /** From 0 up to and without 1. */
  next(): number;
  /** An integer from `min` to `max`, both included. */
  integer(min: number, max: number): number;
  pick<T>(items: readonly T[]): T;
  chance(probability: number): boolean;
  /** A standard normal draw (Box and Muller). */
  normal(): number;
}

/** Mulberry32: small, fast, and good enough for mail that no one sent. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const integer = (min: number, max: number): number => min + Math.floor(next() * (max - min + 1));
  return {
    next,
    integer,
    pick: (items) => {
      const item = items[integer(0, items.length - 1)];
      if (item === undefined) throw new RangeError("Nothing to pick from.");
      return item;
    },
    chance: (probability) => next() < probability,
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
  };
}

/** FNV-1a over 32-bit numbers. */
export function hashNumbers(numbers: readonly number[]): number {
  let value = 0x811c9dc5;
  for (const number of numbers) {
    for (let shift = 0; shift < 32; shift += 8) value = Math.imul(value ^ ((number >>> shift) & 0xff), 0x01000193);
  }
  return value >>> 0;
}

export function hashText(text: string): number {
  return hashNumbers(Array.from(text, (character) => character.codePointAt(0) ?? 0));
}
