/**
 * What an object does later: each purpose has a time, and the object's one alarm is set to the earliest.
 */
import type { Database, ObjectStorage } from "./database.ts";

/** `expiry`: deletes what has expired. `storing`: writes what KV is owed. `rows`: forgets unused ones. */
export type Purpose = "expiry" | "rows" | "storing";

/** How soon work that failed, or was stopped half-way, is done again. */
export const AGAIN_MS = 60_000;

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

  /**
   * The purposes whose time has come. Each is planned again, for the case that it fails, or the object is stopped before
   * {@link set} says what comes next.
   *
   * @param nowMs epoch milliseconds
   */
  take(nowMs: number): Purpose[] {
    const due = this.#database.rows<{ purpose: Purpose }>(
      // What may delete everything comes last.
      "SELECT purpose FROM schedule WHERE at_ms <= ? ORDER BY purpose = 'expiry'",
      nowMs,
    );
    if (due.length > 0) this.#database.run("UPDATE schedule SET at_ms = ? WHERE at_ms <= ?", nowMs + AGAIN_MS, nowMs);
    this.#setAlarm();
    return due.map(({ purpose }) => purpose);
  }

  /** Plans a purpose, whatever was planned. @param atMs epoch milliseconds; null: never */
  set(purpose: Purpose, atMs: number | null): void {
    if (atMs !== null)
      this.#database.run("INSERT OR REPLACE INTO schedule (purpose, at_ms) VALUES (?, ?)", purpose, atMs);
    else this.#database.run("DELETE FROM schedule WHERE purpose = ?", purpose);
    this.#setAlarm();
  }

  #setAlarm(): void {
    const [next] = this.#database.rows<{ at: number | null }>("SELECT min(at_ms) AS at FROM schedule");
    // Storage keeps the order of writes: nothing here waits for it.
    if (next?.at != null) void this.#storage.setAlarm(next.at);
  }
}
