/**
 * What sessions, API tokens and services did, a day and a counter each, for 30 days. Counts only: nothing of any message. One
 * row is written for each request, once its answer has ended.
 */
import type { ActivityDay, Actor, Usage } from "./rpc.ts";
import type { ApiTokens } from "./api-tokens.ts";
import type { Database } from "./database.ts";
import type { Sessions } from "./sessions.ts";

const KEPT_DAYS = 30;
const DAY_MS = 24 * 60 * 60 * 1000;
/** Rows of a day: further sessions and API tokens are counted together, so that making and ending them fills no object. */
const MAX_PER_DAY = 100;
const OTHERS = "others";
const MAX_LISTED = 1_000;
const MINUTE_MS = 60_000;

type Row = {
  day: string;
  kind: Actor["kind"];
  id: string;
  label: string | null;
  requests: number;
  messagesListed: number;
  messagesRead: number;
  units: number;
};

export interface ActivityParts {
  readonly database: Database;
  readonly sessions: Sessions;
  readonly apiTokens: ApiTokens;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

export class Activity {
  readonly #parts: ActivityParts;

  constructor(parts: ActivityParts) {
    this.#parts = parts;
  }

  /** Counts a request. */
  count(actor: Actor, { messagesListed, messagesRead, units }: Usage): void {
    const { database, now } = this.#parts;
    const nowMs = now();
    const day = toDay(nowMs);
    const id = this.#hasRoom(actor, day) ? actor.id : OTHERS;
    // Who has ended meanwhile keeps the label.
    database.run(
      `INSERT INTO activity (day, kind, id, label, requests, messages_listed, messages_read, units, last_used_at_ms)
       VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?)
       ON CONFLICT (kind, id, day) DO UPDATE SET
         label = coalesce(excluded.label, label),
         requests = requests + 1,
         messages_listed = messages_listed + excluded.messages_listed,
         messages_read = messages_read + excluded.messages_read,
         units = units + excluded.units,
         last_used_at_ms = excluded.last_used_at_ms`,
      day,
      actor.kind,
      id,
      this.#labelOf({ ...actor, id }),
      messagesListed,
      messagesRead,
      units,
      nowMs - (nowMs % MINUTE_MS),
    );
  }

  /** The last 30 days, the latest first. */
  list(): ActivityDay[] {
    const { database, now } = this.#parts;
    return database.rows<Row>(
      `SELECT day, kind, id, label, requests, messages_listed AS messagesListed, messages_read AS messagesRead, units
       FROM activity WHERE day > ? ORDER BY day DESC, kind, requests DESC, id LIMIT ${MAX_LISTED}`,
      toDay(now() - KEPT_DAYS * DAY_MS),
    );
  }

  /** When something was counted last, in epoch milliseconds; 0 for never. */
  latestMs(): number {
    const [row] = this.#parts.database.rows<{ at: number | null }>("SELECT max(last_used_at_ms) AS at FROM activity");
    return row?.at ?? 0;
  }

  /** Whether an actor was counted here. */
  knows({ kind, id }: Actor): boolean {
    return this.#parts.database.rows("SELECT 1 FROM activity WHERE kind = ? AND id = ? LIMIT 1", kind, id).length > 0;
  }

  #hasRoom({ kind, id }: Actor, day: string): boolean {
    const { database } = this.#parts;
    const isThere = database.rows("SELECT 1 FROM activity WHERE kind = ? AND id = ? AND day = ?", kind, id, day);
    if (isThere.length > 0) return true;
    const [row] = database.rows<{ count: number }>("SELECT count(*) AS count FROM activity WHERE day = ?", day);
    return (row?.count ?? 0) < MAX_PER_DAY;
  }

  #labelOf({ kind, id }: Pick<Actor, "id" | "kind">): string | null {
    const { apiTokens, sessions } = this.#parts;
    return { session: () => sessions.device(id), token: () => apiTokens.nameOf(id), offline: () => null }[kind]();
  }

  /** Deletes what is older, but of API tokens in force: it tells when they were used last. @returns whether there is more */
  expire(): boolean {
    const { database, now } = this.#parts;
    database.run(
      "DELETE FROM activity WHERE day <= ? AND NOT (kind = 'token' AND id IN (SELECT id FROM tokens))",
      toDay(now() - KEPT_DAYS * DAY_MS),
    );
    return database.rows("SELECT 1 FROM activity LIMIT 1").length > 0;
  }
}

/** `YYYY-MM-DD` in UTC. */
function toDay(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
