/** A listing over an injected network and clock. */
import { ConcurrencyLimit } from "../../../src/object/rows/concurrency-limit.ts";
import { type ListChunk, listMessages, type ListRequest } from "../../../src/mailbox/pagination.ts";
import { RowReader } from "../../../src/object/rows/reader.ts";
import { type Network, STAYING, type World } from "../fixtures.ts";
import type { MessageRef } from "../../../src/gmail.ts";
import { createGmail, FILTER } from "../gmail/fixtures.ts";
import { ALONE } from "../object/rows/fixtures.ts";

export interface Budgets {
  readonly maxCalls?: number;
  readonly quotaBudget?: number;
}

export interface Listing {
  /** Lists every message by its ID, unless changes say otherwise. */
  readonly chunks: (changes?: Partial<ListRequest>) => AsyncGenerator<ListChunk, void>;
  readonly world: World;
}

export function createListing(network: Network, { maxCalls = 50, quotaBudget = 5_000 }: Budgets = {}): Listing {
  const { gmail, access, world } = createGmail(network, { maxCalls });
  const { upstream, trace, now } = world;
  const shared = { gmail, upstream, trace, quotaBudget };
  const rowReader = new RowReader({
    ...shared,
    ...ALONE,
    access,
    concurrency: new ConcurrencyLimit(now),
    isStreamed: false,
    signal: STAYING,
    now,
  });
  const chunks = (changes: Partial<ListRequest> = {}): AsyncGenerator<ListChunk, void> => {
    const request: ListRequest = {
      filter: FILTER,
      limit: Infinity,
      view: "id",
      from: null,
      delivery: "whole",
      ...changes,
    };
    const rows = {
      read: (refs: readonly MessageRef[]) => rowReader.read(refs),
      end: async () => {},
      retryAfterSeconds: null,
    };
    return listMessages({ ...shared, openRows: () => rows }, request);
  };
  return { chunks, world };
}
