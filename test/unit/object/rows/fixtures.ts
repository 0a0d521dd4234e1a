/** A reader of rows over an injected network and clock. */
import { ConcurrencyLimit } from "../../../../src/object/rows/concurrency-limit.ts";
import type { MetadataRow } from "../../../../src/object/rows/queue.ts";
import { RowReader, type RowReaderOptions } from "../../../../src/object/rows/reader.ts";
import { type Network, STAYING, START_MS, type World } from "../../fixtures.ts";
import { answerBatch, type BatchAnswerOptions, googleError, idsOf, messageOf } from "../../gmail/fixtures-batch.ts";
import { createGmail, messages } from "../../gmail/fixtures.ts";

/** What the endpoint answers for a message at its nth try; null for the message itself. */
export type AnswerTry = (id: string, tries: number) => Response | null;

/** A batch endpoint whose parts answer what is wanted of them. */
export function batchEndpoint(answer: AnswerTry = () => null, options: BatchAnswerOptions = {}): Network {
  const tries = new Map<string, number>();
  return (call) =>
    answerBatch(
      call,
      (id) => {
        tries.set(id, (tries.get(id) ?? 0) + 1);
        return answer(id, tries.get(id) ?? 0) ?? messageOf(id);
      },
      options,
    );
}

/** Answers some messages otherwise, the first time or always. */
export function but(wanted: readonly string[], answer: () => Response, times = Infinity): AnswerTry {
  return (id, tries) => (wanted.includes(id) && tries <= times ? answer() : null);
}

/** What Gmail answers where it limits. */
export function limited(headers: Record<string, string> = {}): Response {
  return googleError(429, { message: "slow" }, headers);
}

export interface RowsOptions {
  readonly maxCalls?: number;
  readonly quotaBudget?: number;
  readonly concurrency?: ConcurrencyLimit;
  readonly isStreamed?: boolean;
  readonly signal?: AbortSignal;
}

export interface Rows {
  readonly world: World;
  readonly concurrency: ConcurrencyLimit;
  readonly reader: RowReader;
  /** Reads the rows of a page of that many messages. */
  readonly read: (count: number) => Promise<MetadataRow[]>;
  /** The messages that each batch asked for. */
  readonly batches: () => string[][];
  /** How often a message was asked for. */
  readonly triesOf: (id: string) => number;
}

/** What a reader has that nobody else reads beside. */
export const ALONE = {
  source: { find: () => null, read: () => {}, failed: () => {}, isAwaited: () => false },
  minuteUnits: () => Infinity,
  hasRead: false,
} satisfies Partial<RowReaderOptions>;

export function createRows(network: Network, options: RowsOptions = {}): Rows {
  const {
    maxCalls = 1_000,
    quotaBudget = 100_000,
    concurrency = freshLimit(),
    isStreamed = false,
    signal = STAYING,
  } = options;
  const { gmail, access, world } = createGmail(network, { maxCalls });
  const { upstream, trace, now } = world;
  const own = { gmail, access, upstream, trace, now };
  const reader = new RowReader({ ...own, ...ALONE, quotaBudget, concurrency, isStreamed, signal });
  const batches = (): string[][] => world.calls.map(idsOf);
  return {
    world,
    concurrency,
    reader,
    read: async (count) => (await Array.fromAsync(reader.read(messages(count)))).flat(),
    batches,
    triesOf: (id) =>
      batches()
        .flat()
        .filter((other) => other === id).length,
  };
}

/** The limit of a mailbox of which nothing is known, at a time that stands still. */
export function freshLimit(): ConcurrencyLimit {
  return new ConcurrencyLimit(() => START_MS);
}

/** A limit that has been found to let that many parts through. */
export function grownLimit(parts: number): ConcurrencyLimit {
  const limit = freshLimit();
  while (limit.limit < parts) limit.settle(limit.send(limit.limit), 0);
  const over = limit.limit - parts;
  if (over > 0) limit.settle(limit.send(limit.limit), over);
  return limit;
}

/** The IDs of the first messages. */
export function ids(count: number): string[] {
  return messages(count).map(({ id }) => id);
}

/** Numbers from 0 to 1 that look random and are the same for the same seed (mulberry32): fast-check's own shrink to the worst. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
