/**
 * Orders of events: two flows whose storage operations are let through one at a time, in an order that the test gives.
 * What a flow does between two operations, such as a call to Google, belongs to the one before.
 */
import type { LaggingKv } from "./lagging-kv.ts";

/** Flows by the place at which they run; a flow must be alone there. */
export type Flows = Readonly<Record<string, () => Promise<unknown>>>;

/**
 * Plays flows at once.
 *
 * @param order places, one for each operation; a place whose flow has ended is passed over, and what is left when the
 * order ends goes in the order of the flows
 * @returns the places in the order in which operations were let through
 */
export async function playInOrder(kv: LaggingKv, order: readonly string[], flows: Flows): Promise<string[]> {
  const played: string[] = [];
  const waiting = new Map<string, (() => void)[]>(Object.keys(flows).map((place) => [place, []]));
  const running = new Set(waiting.keys());
  let news = Promise.withResolvers<void>();
  const tell = (): void => {
    news.resolve();
    news = Promise.withResolvers<void>();
  };
  kv.gate = async ({ place }, work) => {
    const turn = Promise.withResolvers<void>();
    waiting.get(place)?.push(turn.resolve);
    tell();
    await turn.promise;
    work();
  };
  const ends = Object.entries(flows).map(async ([place, flow]) => {
    try {
      await flow();
    } finally {
      running.delete(place);
      tell();
    }
  });
  const all = Promise.all(ends);
  const rest = [...order];
  while (running.size > 0) {
    // Everyone stands in front of the storage or has ended: only then is it decided who goes on.
    if ([...running].some((place) => waiting.get(place)?.length === 0)) {
      await news.promise;
      continue;
    }
    const [first] = running;
    const place = rest.splice(0, rest.findIndex((next) => running.has(next)) + 1).at(-1) ?? first;
    if (place === undefined) break;
    played.push(place);
    waiting.get(place)?.shift()?.();
  }
  kv.gate = null;
  await all;
  return played;
}

/** All orders of so many events of one flow and so many of another. */
export function interleavings([a, countA]: [string, number], [b, countB]: [string, number]): string[][] {
  if (countA === 0) return [Array<string>(countB).fill(b)];
  if (countB === 0) return [Array<string>(countA).fill(a)];
  const beginsWithA = interleavings([a, countA - 1], [b, countB]).map((rest) => [a].concat(rest));
  const beginsWithB = interleavings([a, countA], [b, countB - 1]).map((rest) => [b].concat(rest));
  return [...beginsWithA, ...beginsWithB];
}

/** At most so many of them, spread evenly, the first and the last among them. */
export function spread<T>(items: readonly T[], most: number): T[] {
  if (items.length <= most) return [...items];
  const step = (items.length - 1) / (most - 1);
  return Array.from({ length: most }, (_, index) => items[Math.round(index * step)]).filter(
    (item): item is T => item !== undefined,
  );
}
