/**
 * What sessions, API tokens and services did, a day and a counter each, for 30 days. Counts only: nothing of any message.
 * Requests are counted in memory and written once a minute, so that a program that calls often costs few writes.
 */
import type { ActivityDay, Actor, Usage } from "./rpc.ts";
import type { ApiTokens } from "./api-tokens.ts";
import type { Database } from "./database.ts";
import type { Schedule } from "./schedule.ts";
import type { Sessions } from "./sessions.ts";

const KEPT_DAYS = 30;
const DAY_MS = 24 * 60 * 60 * 1000;
const WRITE_EVERY_MS = 60_000;

type Counted = Usage & { readonly requests: number };
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
  readonly schedule: Schedule;
  readonly sessions: Sessions;
  readonly apiTokens: ApiTokens;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

export class Activity {
  readonly #parts: ActivityParts;
  readonly #pending = new Map<string, { readonly actor: Actor; day: string; counted: Counted; lastMs: number }>();
  #writtenAtMs = Number.NEGATIVE_INFINITY;

  constructor(parts: ActivityParts) {
    this.#parts = parts;
  }

  /** Counts a request. */
  count(actor: Actor, usage: Usage): void {
    const { now, schedule } = this.#parts;
    const day = toDay(now());
    const key = `${day}:${actor.kind}:${actor.id}`;
    const before = this.#pending.get(key)?.counted ?? NOTHING;
    this.#pending.set(key, { actor, day, counted: add(before, { ...usage, requests: 1 }), lastMs: now() });
    const nextMs = this.#writtenAtMs + WRITE_EVERY_MS;
    if (nextMs <= now()) this.write();
    else schedule.plan("usage", nextMs);
  }

  /** Writes what was counted since the last time. */
  write(): void {
    const { apiTokens, database, now, sessions } = this.#parts;
    this.#writtenAtMs = now();
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    if (pending.length === 0) return;
    database.transaction(() => {
      for (const { actor, counted, day, lastMs } of pending) {
        const { kind, id } = actor;
        const label = { session: () => sessions.device(id), token: () => apiTokens.nameOf(id), offline: () => null }[
          kind
        ]();
        // Who has ended meanwhile leaves the label that it had.
        database.run(
          `INSERT INTO activity (day, kind, id, label, requests, messages_listed, messages_read, units)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (day, kind, id) DO UPDATE SET
             label = coalesce(excluded.label, label),
             requests = requests + excluded.requests,
             messages_listed = messages_listed + excluded.messages_listed,
             messages_read = messages_read + excluded.messages_read,
             units = units + excluded.units`,
          day,
          kind,
          id,
          label,
          counted.requests,
          counted.messagesListed,
          counted.messagesRead,
          counted.units,
        );
        const minuteMs = lastMs - (lastMs % WRITE_EVERY_MS);
        if (kind === "session") sessions.markUsed(id, minuteMs);
        if (kind === "token") apiTokens.markUsed(id, minuteMs);
      }
    });
  }

  /** The last 30 days, the latest first. */
  list(): ActivityDay[] {
    this.write();
    const { database, now } = this.#parts;
    return database.rows<Row>(
      `SELECT day, kind, id, label, requests, messages_listed AS messagesListed, messages_read AS messagesRead, units
       FROM activity WHERE day > ? ORDER BY day DESC, kind, requests DESC, id`,
      toDay(now() - KEPT_DAYS * DAY_MS),
    );
  }

  /** Forgets what was counted and not written. */
  forget(): void {
    this.#pending.clear();
  }

  /** Deletes what is older. @returns how many rows are left */
  expire(): number {
    const { database, now } = this.#parts;
    database.run("DELETE FROM activity WHERE day <= ?", toDay(now() - KEPT_DAYS * DAY_MS));
    return this.list().length;
  }
}

const NOTHING: Counted = { requests: 0, messagesListed: 0, messagesRead: 0, units: 0 };

function add(one: Counted, other: Counted): Counted {
  return {
    requests: one.requests + other.requests,
    messagesListed: one.messagesListed + other.messagesListed,
    messagesRead: one.messagesRead + other.messagesRead,
    units: one.units + other.units,
  };
}

/** `YYYY-MM-DD` in UTC. */
function toDay(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
