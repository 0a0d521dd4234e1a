/** Random numbers that come again with the same seed. */

/** A source of numbers from 0 up to 1. */
export type Random = () => number;

/** Mulberry32: small, and good enough for drawing when somebody reads their mail. @param seed 32 bits */
export function mulberry32(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** How often something happens that happens `mean` times on average. Knuth's way, for small means. */
export function poisson(random: Random, mean: number): number {
  const limit = Math.exp(-mean);
  let count = -1;
  for (let product = 1; product > limit; count += 1) product *= random();
  return count;
}

/** How long until something happens that takes `mean` on average. */
export function exponential(random: Random, mean: number): number {
  return -Math.log(1 - random()) * mean;
}

/** One of the positions of a list of weights. */
export function weighted(random: Random, weights: readonly number[]): number {
  let left = random() * weights.reduce((sum, weight) => sum + weight, 0);
  for (const [position, weight] of weights.entries()) {
    left -= weight;
    if (left < 0) return position;
  }
  return weights.length - 1;
}
