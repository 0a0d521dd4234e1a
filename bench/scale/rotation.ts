/** The walk that seals everything anew, src/operator/rotation.ts: how long it takes, and what it costs. */
import type { Parameters } from "./assumptions.ts";
import { priceOf, PRICES } from "./limits.ts";

/** Keys of a page, and operations one after another for each record: look, write, look again. */
const PAGE_KEYS = 100;
const OPERATIONS_PER_RECORD = 3;
/** Keys read of a record: itself, and twice what could be in the way: user mark and dead marks, or credential and user mark. */
const KEYS_PER_CREDENTIAL = 1 + 2 * 5;
const KEYS_PER_OTHER = 1 + 2 * 2;

export interface Rotation {
  readonly calls: number;
  readonly seconds: number;
  readonly dollars: number;
}

/** One walk over the records of so many users, as the first to use them. @param walkers at once, each over its share */
export function rotationOf(users: number, parameters: Parameters, walkers = 1): Rotation {
  const tokens = parameters.tokenUserShare + parameters.crawlerShare;
  // Credential, address, and the record and access token of a program.
  const sealedPerUser = 2 + 2 * tokens;
  // And what is not sealed, but listed: a mark, an index, a day of use.
  const keysPerUser = sealedPerUser + 1 + 2 * tokens;
  const calls = (users * keysPerUser) / PAGE_KEYS;
  const operations = calls * 2 + users * sealedPerUser * OPERATIONS_PER_RECORD;
  const keysRead = users * (KEYS_PER_CREDENTIAL + (sealedPerUser - 1) * KEYS_PER_OTHER);
  return {
    calls,
    // No walker is done before one call is.
    seconds: (operations / Math.min(walkers, Math.max(1, calls))) * (parameters.kvOperationMs / 1_000),
    dollars:
      priceOf(PRICES.kvWrites, users * sealedPerUser) +
      priceOf(PRICES.kvKeysRead, keysRead) +
      priceOf(PRICES.kvLists, calls),
  };
}
