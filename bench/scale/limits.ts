/**
 * Prices and limits of Cloudflare's and Google's, as their pages had them in November 2026 (stored copies, which may be
 * older than the live ones). US dollars, month of 30 days.
 */

export const DAYS_PER_MONTH = 30;

/** What a month includes, and what a million more costs. */
export interface Price {
  readonly what: string;
  readonly includedPerMonth: number;
  readonly perMillion: number;
  readonly source: string;
}

const KV_PRICING = "https://developers.cloudflare.com/kv/platform/pricing/";
const WORKERS_PRICING = "https://developers.cloudflare.com/workers/platform/pricing/";

const DURABLE_OBJECTS = "https://developers.cloudflare.com/durable-objects/platform/pricing/";

/** Workers Paid, which has to be paid in any case. */
export const PLAN_PER_MONTH = 5;

export const PRICES = {
  requests: { what: "requests", includedPerMonth: 10e6, perMillion: 0.3, source: WORKERS_PRICING },
  cpuMs: { what: "CPU milliseconds", includedPerMonth: 30e6, perMillion: 0.02, source: WORKERS_PRICING },
  kvKeysRead: { what: "KV keys read", includedPerMonth: 10e6, perMillion: 0.5, source: KV_PRICING },
  kvWrites: { what: "KV writes", includedPerMonth: 1e6, perMillion: 5, source: KV_PRICING },
  kvDeletes: { what: "KV deletes", includedPerMonth: 1e6, perMillion: 5, source: KV_PRICING },
  kvLists: { what: "KV lists", includedPerMonth: 1e6, perMillion: 5, source: KV_PRICING },
  /** A GB-month is a million kilobytes. */
  kvStoredKilobytes: { what: "KV storage (kB-months)", includedPerMonth: 1e6, perMillion: 0.5, source: KV_PRICING },
  objectRequests: { what: "Durable Object requests", includedPerMonth: 1e6, perMillion: 0.15, source: DURABLE_OBJECTS },
  objectGbSeconds: { what: "Durable Object GB-s", includedPerMonth: 400e3, perMillion: 12.5, source: DURABLE_OBJECTS },
  rowsRead: { what: "Durable Object rows read", includedPerMonth: 25e9, perMillion: 0.001, source: DURABLE_OBJECTS },
  rowsWritten: { what: "Durable Object rows written", includedPerMonth: 50e6, perMillion: 1, source: DURABLE_OBJECTS },
  objectStoredKilobytes: {
    what: "Durable Object storage (kB-months)",
    includedPerMonth: 5e6,
    perMillion: 0.2,
    source: DURABLE_OBJECTS,
  },
  logEvents: {
    what: "log events",
    includedPerMonth: 20e6,
    perMillion: 0.6,
    source: "https://developers.cloudflare.com/workers/observability/logs/workers-logs/",
  },
} as const satisfies Record<string, Price>;
export type PriceName = keyof typeof PRICES;

/** Log events of a request: the runtime's own, and our line. `[observability]` of wrangler.toml samples nothing. */
export const LOG_EVENTS_PER_REQUEST = 2;

/** What other designs would use. */
export const DESIGN_PRICES = {
  /** $40 per TiB, in kilobytes; 10 GiB are free. */
  pubSubKilobytes: {
    what: "Pub/Sub throughput (kB)",
    includedPerMonth: 10 * 1.024 ** 3 * 1e6,
    perMillion: 40 / (1.024 ** 4 * 1e3),
    source: "https://cloud.google.com/pubsub/pricing",
  },
} as const satisfies Record<string, Price>;

/** Costs beyond what a month includes. */
export function priceOf(price: Price, quantity: number): number {
  return (Math.max(0, quantity - price.includedPerMonth) / 1e6) * price.perMillion;
}

const GMAIL_QUOTA = "https://developers.google.com/workspace/gmail/api/reference/quota";

/** Gmail's limits for projects made since May 2026. */
export const GMAIL = {
  unitsPerMinute: 1_200_000,
  unitsPerUserAndMinute: 6_000,
  /** The billing threshold: above it, use is billed in the Scaled tier. */
  unitsPerDay: 80_000_000,
  source: GMAIL_QUOTA,
} as const;

/** Users who may consent before Google has verified the app. */
export const UNVERIFIED_USERS = 100;

/** Workers Free, a day. */
export const FREE_PER_DAY = {
  requests: 100_000,
  objectRequests: 100_000,
  kvKeysRead: 100_000,
  kvWrites: 1_000,
  kvDeletes: 1_000,
  kvLists: 1_000,
  logEvents: 200_000,
} as const;
export const FREE_KV_KILOBYTES = 1e6;
/** CPU milliseconds of a request on Workers Free. */
export const FREE_CPU_MS = 10;
