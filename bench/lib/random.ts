/** Random numbers that come again with the same seed. */

/** A source of numbers from 0 up to 1. */
export type Random = () => number;

/** Mulberry32: small, and good enough for latencies and for when somebody reads their mail. @param seed 32 bits */
export function mulberry32(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
