/**
 * How many messages are unread under each label, as far as history has not touched them since they were read. In memory only:
 * a label costs one unit.
 */
import type { MessageChange } from "../../gmail/history.ts";

export class UnreadCounts {
  readonly #counts = new Map<string, number>();
  /** Each knows which labels have changed since it began; null for all. */
  readonly #readings = new Set<{ changed: Set<string> | null }>();

  /** Counts of labels, as far as they are known. */
  known(labelIds: readonly string[]): Map<string, number> {
    const known = new Map<string, number>();
    for (const id of labelIds) {
      const count = this.#counts.get(id);
      if (count !== undefined) known.set(id, count);
    }
    return known;
  }

  /** Reads counts, and keeps those whose labels do not change meanwhile. */
  async read(work: () => Promise<Map<string, number>>): Promise<Map<string, number>> {
    const reading = { changed: new Set<string>() as Set<string> | null };
    this.#readings.add(reading);
    try {
      const counts = await work();
      for (const [id, count] of counts) if (reading.changed?.has(id) === false) this.#counts.set(id, count);
      return counts;
    } finally {
      this.#readings.delete(reading);
    }
  }

  /** Forgets the counts of all labels that a changed message has or had. */
  hear(changes: readonly MessageChange[]): void {
    for (const { labelIds, labelsAdded, labelsRemoved } of changes) {
      if (labelIds === null) return this.clear();
      for (const id of [...labelIds, ...labelsAdded, ...labelsRemoved]) {
        this.#counts.delete(id);
        for (const reading of this.#readings) reading.changed?.add(id);
      }
    }
  }

  clear(): void {
    this.#counts.clear();
    for (const reading of this.#readings) reading.changed = null;
  }
}
