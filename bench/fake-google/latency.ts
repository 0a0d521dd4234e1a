/**
 * How long the fake takes: drawn from a log-normal distribution, whose long tail is that of services over a network,
 * by a seeded generator. The draw depends on the seed, the kind and the number of the call alone, so that every
 * subject meets the same latencies, and the floor can be computed.
 */
import { mulberry32 } from "../lib/random.ts";
import { type Behaviour, type Kind, KINDS, PART_MS } from "./behaviour.ts";

/** Latency of a kind as a multiple of that of a list call. */
const FACTORS: Readonly<Record<Kind, number>> = {
  token: 1.5,
  jwks: 0.5,
  userinfo: 0.8,
  revoke: 1,
  list: 1,
  get: 0.8,
  batch: 1,
  history: 0.8,
  profile: 0.8,
};

/** Spread of the logarithm: the 99th percentile is 2.5 times the median, the 99.9th 3.4 times. */
const SIGMA = 0.4;

/**
 * Milliseconds that a call takes.
 *
 * @param call.number which call of its kind since the reset, from 0
 * @param call.parts of a batch
 */
export function latencyMs(
  { seed, medianMs }: Pick<Behaviour, "seed" | "medianMs">,
  call: { readonly kind: Kind; readonly number: number; readonly parts?: number },
): number {
  if (medianMs === 0) return 0;
  const { kind, number, parts = 0 } = call;
  const base = medianMs * FACTORS[kind] * Math.exp(SIGMA * normal(seed, KINDS.indexOf(kind), number));
  return base + parts * PART_MS;
}

/** A standard normal draw (Box and Muller) that depends on its three numbers alone. */
function normal(...numbers: readonly [number, number, number]): number {
  const random = mulberry32(hash(numbers));
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** 0 to 1, the same for the same numbers. */
export function chance(...numbers: readonly number[]): number {
  return mulberry32(hash(numbers))();
}

/** FNV-1a over 32-bit numbers. */
function hash(numbers: readonly number[]): number {
  let value = 0x811c9dc5;
  for (const number of numbers) {
    for (let shift = 0; shift < 32; shift += 8) {
      value = Math.imul(value ^ ((number >>> shift) & 0xff), 0x01000193);
    }
  }
  return value;
}
