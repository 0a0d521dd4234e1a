/**
 * The SQLite database of one object: its schema, migrated forward when the object wakes. An object to which nobody has
 * signed in has no tables: reading finds nothing, and writes nothing.
 */

/** Each brings the schema to the next version. They only add: an older deployment may come back for a while. */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE schedule (purpose TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) WITHOUT ROWID;
   CREATE TABLE sessions (
     id TEXT PRIMARY KEY,
     signed_in_at_ms INTEGER NOT NULL,
     device TEXT NOT NULL,
     place TEXT
   ) WITHOUT ROWID;
   CREATE TABLE tokens (
     hash TEXT PRIMARY KEY,
     id TEXT NOT NULL,
     name TEXT NOT NULL,
     access TEXT NOT NULL,
     scopes TEXT NOT NULL,
     made_by_session_at_ms INTEGER NOT NULL,
     created_at_ms INTEGER NOT NULL,
     expires_at_ms INTEGER NOT NULL
   ) WITHOUT ROWID;
   CREATE TABLE activity (
     day TEXT NOT NULL,
     kind TEXT NOT NULL,
     id TEXT NOT NULL,
     label TEXT,
     requests INTEGER NOT NULL,
     messages_listed INTEGER NOT NULL,
     messages_read INTEGER NOT NULL,
     units INTEGER NOT NULL,
     last_used_at_ms INTEGER NOT NULL,
     PRIMARY KEY (kind, id, day)
   ) WITHOUT ROWID;`,
  // With a rowid: a row of more than a thousand bytes would take a page of its own otherwise.
  `CREATE TABLE rows (
     id TEXT PRIMARY KEY,
     version TEXT NOT NULL,
     labels TEXT NOT NULL,
     sealed TEXT NOT NULL
   );`,
];

/** What the database is kept in. */
export type ObjectStorage = Pick<
  DurableObjectStorage,
  "deleteAll" | "deleteAlarm" | "setAlarm" | "sql" | "transactionSync"
>;

type Value = SqlStorageValue;

export class Database {
  readonly #storage: ObjectStorage;
  #isMade: boolean;

  constructor(storage: ObjectStorage) {
    this.#storage = storage;
    this.#isMade = storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'meta'").toArray().length > 0;
    if (this.#isMade) this.#migrate();
  }

  /** What a query finds. Values are bound, and never stand in its text: traces keep it. */
  rows<T extends Record<string, Value>>(query: string, ...values: readonly Value[]): T[] {
    return this.#isMade ? this.#storage.sql.exec<T>(query, ...values).toArray() : [];
  }

  /** Writes. */
  run(query: string, ...values: readonly Value[]): void {
    if (!this.#isMade) this.#migrate();
    this.#storage.sql.exec(query, ...values);
  }

  /** Does all of it or nothing. Must not wait for anything. */
  transaction<T>(work: () => T): T {
    // Not in it: undone, the tables would be gone that this knows of.
    if (!this.#isMade) this.#migrate();
    return this.#storage.transactionSync(work);
  }

  /** A value of `meta`; null where there is none. */
  get(name: string): string | null {
    return this.rows<{ value: string }>("SELECT value FROM meta WHERE name = ?", name)[0]?.value ?? null;
  }

  /** @param value null: forgets it */
  set(name: string, value: string | null): void {
    if (value !== null) this.run("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", name, value);
    else if (this.#isMade) this.run("DELETE FROM meta WHERE name = ?", name);
  }

  /** Deletes all that there is, the alarm included. */
  async deleteAll(): Promise<void> {
    this.#isMade = false;
    await this.#storage.deleteAlarm();
    await this.#storage.deleteAll();
  }

  #migrate(): void {
    this.#storage.transactionSync(() => {
      const version = this.#isMade ? Number(this.get("schema") ?? 0) : 0;
      for (const migration of MIGRATIONS.slice(version)) this.#storage.sql.exec(migration);
      this.#isMade = true;
      if (version < MIGRATIONS.length) this.set("schema", String(MIGRATIONS.length));
    });
  }
}
