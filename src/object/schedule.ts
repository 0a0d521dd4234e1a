/**
 * What an object does later: each purpose has a time, and the object's one alarm is set to the earliest.
 */
import type { Database, ObjectStorage } from "./database.ts";

/** `expiry`: deletes what has expired. `erasure`: deletes in KV what a disconnect could not. */
export type Purpose = "expiry" | "erasure";

export class Schedule {
  readonly #database: Database;
  readonly #storage: ObjectStorage;

  constructor(database: Database, storage: ObjectStorage) {
    this.#database = database;
    this.#storage = storage;
  }

  /** Plans a purpose, unless it is planned for an earlier time. @param atMs epoch milliseconds */
  plan(purpose: Purpose, atMs: number): void {
    const [planned] = this.#database.rows<{ at: number }>(
      "SELECT at_ms AS at FROM schedule WHERE purpose = ?",
      purpose,
    );
    if (planned !== undefined && planned.at <= atMs) return;
    this.#database.run("INSERT OR REPLACE INTO schedule (purpose, at_ms) VALUES (?, ?)", purpose, atMs);
    this.#setAlarm();
  }

  /** Takes the purposes whose time has come. @param nowMs epoch milliseconds */
  take(nowMs: number): Purpose[] {
    const due = this.#database.rows<{ purpose: Purpose }>("SELECT purpose FROM schedule WHERE at_ms <= ?", nowMs);
    if (due.length > 0) this.#database.run("DELETE FROM schedule WHERE at_ms <= ?", nowMs);
    this.#setAlarm();
    return due.map(({ purpose }) => purpose);
  }

  #setAlarm(): void {
    const [next] = this.#database.rows<{ at: number | null }>("SELECT min(at_ms) AS at FROM schedule");
    // Storage keeps the order of writes: nothing here waits for it.
    if (next?.at != null) void this.#storage.setAlarm(next.at);
  }
}
