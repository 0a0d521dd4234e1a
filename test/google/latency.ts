/**
 * How long Google takes: drawn from a log-normal distribution, whose long tail is that of services over a network, by a
 * seeded generator. The draw depends on the seed, the endpoint and the number of the call alone, so that whoever calls meets
 * the same latencies, and the benchmark can compute what nobody can beat.
 */
import type { Config, Endpoint } from "./protocol.ts";
import { createRandom, hashNumbers, hashText } from "./random.ts";

/** Latency of an endpoint as a multiple of that of a list call; 1 for those that are not named. */
const FACTORS: Partial<Record<Endpoint, number>> = {
  // A person takes their time, and nobody's is measured.
  auth: 0,
  "token:code": 1.5,
  "token:refresh": 1.5,
  "token:assertion": 1.5,
  certs: 0.5,
  risc: 0.5,
  "risc:certs": 0.5,
  userinfo: 0.8,
  get: 0.8,
  history: 0.8,
  profile: 0.8,
};

/** Spread of the logarithm: the 99th percentile is 2.5 times the median, the 99.9th 3.4 times. */
const SIGMA = 0.4;

/** What latencies follow from. */
export type Pace = Pick<Config, "seed" | "medianLatencyMs" | "partMs">;

/**
 * Milliseconds that a call takes.
 *
 * @param call.number which call of its endpoint since the calls were forgotten, from 0
 * @param call.parts of a batch
 */
export function latencyMs(
  { seed, medianLatencyMs, partMs }: Pace,
  { endpoint, number, parts = 0 }: { readonly endpoint: Endpoint; readonly number: number; readonly parts?: number },
): number {
  if (medianLatencyMs === 0) return 0;
  // A draw that depends on these numbers alone.
  const normal = createRandom(hashNumbers([seed, hashText(endpoint), number])).normal();
  return medianLatencyMs * (FACTORS[endpoint] ?? 1) * Math.exp(SIGMA * normal) + parts * partMs;
}
