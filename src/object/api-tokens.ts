/**
 * The API tokens of a user: what programs call the API with in place of a session. A token is shown once; only the SHA-256
 * of its text is stored. Times are epoch milliseconds.
 */
import { ACCESS_LEVELS, type Access } from "../access.ts";
import { AppError } from "../errors.ts";
import type { NewToken, OpenToken, TokenInfo } from "./rpc.ts";
import type { Database } from "./database.ts";
import { makeTokenText } from "./token-text.ts";

/** Tokens that a user may have. */
export const MAX_TOKENS_PER_USER = 20;

type InfoRow = {
  id: string;
  name: string;
  access: string;
  createdAtMs: number;
  expiresAtMs: number;
  lastUsedAtMs: number | null;
};
type OpenRow = { id: string; access: string; scopes: string; expiresAtMs: number };

export class ApiTokens {
  readonly #database: Database;
  readonly #objectId: string;
  readonly #now: () => number;

  /** @param objectId of the object, in hexadecimal: a token's text names it */
  constructor(database: Database, objectId: string, now: () => number) {
    this.#database = database;
    this.#objectId = objectId;
    this.#now = now;
  }

  /**
   * Makes a token for a session.
   *
   * @param id of the token. The same one again replaces the token, whose text was not received then
   * @param signedInAtMs of the session, asked once the text is made. What ends all sessions of that time ends the token, too
   * @returns its text, which is not kept; null where the session has ended
   * @throws AppError `FAILED_PRECONDITION` where the user has too many
   */
  async make(id: string, token: NewToken, signedInAtMs: () => number | null): Promise<string | null> {
    const { text, hash } = await makeTokenText(this.#objectId);
    const madeBy = signedInAtMs();
    if (madeBy === null) return null;
    this.#database.transaction(() => {
      this.#database.run("DELETE FROM tokens WHERE id = ? OR expires_at_ms <= ?", id, this.#now());
      const [row] = this.#database.rows<{ count: number }>("SELECT count(*) AS count FROM tokens");
      if ((row?.count ?? 0) >= MAX_TOKENS_PER_USER) throw tooManyTokens();
      this.#database.run(
        `INSERT INTO tokens
         (hash, id, name, access, scopes, made_by_session_at_ms, created_at_ms, expires_at_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
        hash,
        id,
        token.name,
        token.access,
        JSON.stringify(token.scopes),
        madeBy,
        this.#now(),
        token.expiresAtMs,
      );
    });
    return text;
  }

  /** Those in force, the newest first. */
  list(): TokenInfo[] {
    const rows = this.#database.rows<InfoRow>(
      `SELECT id, name, access, created_at_ms AS createdAtMs, expires_at_ms AS expiresAtMs,
       (SELECT max(last_used_at_ms) FROM activity WHERE kind = 'token' AND activity.id = tokens.id) AS lastUsedAtMs
       FROM tokens WHERE expires_at_ms > ? ORDER BY created_at_ms DESC, id`,
      this.#now(),
    );
    return rows.map(({ access, ...row }) => Object.assign(row, { access: toAccess(access) }));
  }

  /** The token of a text, if it is in force. @param hash SHA-256 of the text */
  find(hash: string): Omit<OpenToken, "accessToken" | "identity"> | null {
    const [row] = this.#database.rows<OpenRow>(
      `SELECT id, access, scopes, expires_at_ms AS expiresAtMs FROM tokens WHERE hash = ? AND expires_at_ms > ?`,
      hash,
      this.#now(),
    );
    if (row === undefined) return null;
    const scopes: unknown = JSON.parse(row.scopes);
    return { ...row, access: toAccess(row.access), scopes: Array.isArray(scopes) ? scopes.map(String) : [] };
  }

  isInForce(id: string): boolean {
    const query = "SELECT 1 FROM tokens WHERE id = ? AND expires_at_ms > ?";
    return this.#database.rows(query, id, this.#now()).length > 0;
  }

  nameOf(id: string): string | null {
    return this.#database.rows<{ name: string }>("SELECT name FROM tokens WHERE id = ?", id)[0]?.name ?? null;
  }

  /** @returns whether it was in force */
  revoke(id: string): boolean {
    const isInForce = this.isInForce(id);
    if (isInForce) this.#database.run("DELETE FROM tokens WHERE id = ?", id);
    return isInForce;
  }

  /** Ends those whose session signed in until then. */
  endUntil(untilMs: number): void {
    this.#database.run("DELETE FROM tokens WHERE made_by_session_at_ms <= ?", untilMs);
  }

  /** When the latest session signed in that made one, in epoch milliseconds; 0 where there is none. */
  latestMs(): number {
    const [row] = this.#database.rows<{ at: number | null }>("SELECT max(made_by_session_at_ms) AS at FROM tokens");
    return row?.at ?? 0;
  }

  /** Deletes those that have expired. @returns whether there are others */
  expire(): boolean {
    this.#database.run("DELETE FROM tokens WHERE expires_at_ms <= ?", this.#now());
    return this.latestMs() > 0;
  }
}

/** Written by this class only; what an older or newer deployment may have written counts as the least. */
function toAccess(text: string): Access {
  return ACCESS_LEVELS.find((level) => level === text) ?? "list";
}

function tooManyTokens(): AppError {
  return new AppError("FAILED_PRECONDITION", `You have ${MAX_TOKENS_PER_USER} API tokens. Revoke one first.`);
}
