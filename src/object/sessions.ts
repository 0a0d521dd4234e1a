/**
 * The sessions of a user: a row is a session in force, so that an end is an end at once. Times are epoch milliseconds.
 */
import type { SessionInfo, SignIn } from "./rpc.ts";
import type { Database } from "./database.ts";

/** A session ends this long after sign-in; signing in again asks Google, not the person. */
export const SESSION_TTL_SECONDS = 30 * 24 * 60 * 60;
/** Sessions that a user may have: a further one ends the oldest. */
const MAX_SESSIONS = 100;

type Row = { id: string; device: string; place: string | null; createdAtMs: number; lastUsedAtMs: number };

export class Sessions {
  readonly #database: Database;
  readonly #now: () => number;

  constructor(database: Database, now: () => number) {
    this.#database = database;
    this.#now = now;
  }

  /** Begins a session. */
  begin({ id, signedInAtMs, device, place }: SignIn["session"]): void {
    this.#database.run(
      "INSERT OR REPLACE INTO sessions (id, signed_in_at_ms, device, place) VALUES (?, ?, ?, ?)",
      id,
      signedInAtMs,
      device,
      place,
    );
    this.#database.run(
      `DELETE FROM sessions WHERE id IN (SELECT id FROM sessions ORDER BY signed_in_at_ms DESC LIMIT -1 OFFSET ?)`,
      MAX_SESSIONS,
    );
  }

  /** When a session signed in; null where it is not in force. */
  signedInAtMs(id: string): number | null {
    const [row] = this.#database.rows<{ at: number }>("SELECT signed_in_at_ms AS at FROM sessions WHERE id = ?", id);
    return row === undefined || row.at <= this.#oldestMs() ? null : row.at;
  }

  /** Those in force, the latest used first. */
  list(): SessionInfo[] {
    return this.#database.rows<Row>(
      `SELECT id, device, place, signed_in_at_ms AS createdAtMs, max(signed_in_at_ms, coalesce(
         (SELECT max(last_used_at_ms) FROM activity WHERE kind = 'session' AND activity.id = sessions.id), 0
       )) AS lastUsedAtMs FROM sessions WHERE signed_in_at_ms > ? ORDER BY lastUsedAtMs DESC, id`,
      this.#oldestMs(),
    );
  }

  device(id: string): string | null {
    return this.#database.rows<{ device: string }>("SELECT device FROM sessions WHERE id = ?", id)[0]?.device ?? null;
  }

  /** @returns whether it was in force */
  end(id: string): boolean {
    const isInForce = this.signedInAtMs(id) !== null;
    if (isInForce) this.#database.run("DELETE FROM sessions WHERE id = ?", id);
    return isInForce;
  }

  /** Ends those that signed in until then. */
  endUntil(untilMs: number): void {
    this.#database.run("DELETE FROM sessions WHERE signed_in_at_ms <= ?", untilMs);
  }

  /** When the latest signed in, in epoch milliseconds; 0 where there is none. */
  latestMs(): number {
    return this.#database.rows<{ at: number | null }>("SELECT max(signed_in_at_ms) AS at FROM sessions")[0]?.at ?? 0;
  }

  /** Deletes those that have ended by themselves. @returns whether there are others */
  expire(): boolean {
    this.endUntil(this.#oldestMs());
    return this.latestMs() > 0;
  }

  #oldestMs(): number {
    return this.#now() - SESSION_TTL_SECONDS * 1000;
  }
}
