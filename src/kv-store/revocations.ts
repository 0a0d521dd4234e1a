/**
 * What ends sessions and API tokens before their time: marks in KV that every request reads beside its Gmail call.
 * A marker takes effect everywhere within a minute.
 *
 * KV has no compare-and-set, and a read may be a minute old. So each kind of writer has a marker of its own, which only
 * grows, and the latest of them counts.
 */
import { type SessionKey, storageKeys, USER_MARK_WRITERS, type UserMarkWriter } from "./key-names.ts";
import type { SealedKv } from "./sealed-kv.ts";

/** A marker must outlive every API token that it may have to end, and those last a year at most. */
const MARK_TTL_MS = 366 * 24 * 60 * 60 * 1000;
/** A change is seen everywhere after "60 seconds or more": by then it surely is. */
const KV_SETTLED_MS = 5 * 60 * 1000;
/** How long a place may rely on what it read: the least that KV allows, and half of what we promise. */
export const REVOCATION_CACHE_SECONDS = 30;

/** What decides whether an API token was ended. Times are epoch milliseconds. */
export interface TokenOrigin {
  readonly id: string;
  readonly createdAtMs: number;
  /** The session that made it. */
  readonly session: { readonly id: string; readonly signedInAtMs: number };
}

export class Revocations {
  readonly #kv: SealedKv;

  constructor(kv: SealedKv) {
    this.#kv = kv;
  }

  /**
   * Ends a session everywhere, and the API tokens that it makes from now on. Of several ends the first one counts: a
   * later time would bring back a token that was made in between, where the first end was not known yet.
   */
  async endSession(session: Pick<SessionKey, "id">): Promise<void> {
    // No request but this one reads the first key, so no location has cached that it is missing.
    const keys = [storageKeys.sessionEnd(session), storageKeys.revokedSession(session)] as const;
    const [firstEnd = null, mark = null] = await this.#kv.getMany(keys, REVOCATION_CACHE_SECONDS);
    const nowMs = this.#kv.now();
    const end = firstEnd ?? toTimestamp(nowMs);
    if (firstEnd === null) await this.#kv.put(keys[0], end, nowMs + MARK_TTL_MS);
    if (mark !== end) await this.#kv.put(keys[1], end, nowMs + MARK_TTL_MS);
  }

  /** Ends an API token everywhere. @param expiresAtMs epoch milliseconds at which it would have ended by itself */
  async revokeToken(id: string, expiresAtMs: number): Promise<void> {
    await this.#kv.put(storageKeys.revokedSession({ id }), toTimestamp(this.#kv.now()), expiresAtMs);
  }

  /**
   * Ends all sessions of a user that began until then, and all API tokens of such sessions, whenever they were made.
   *
   * @param by who ends them: each has its own marker
   * @param untilMs epoch milliseconds
   */
  async revokeUser(sub: string, by: UserMarkWriter, untilMs = this.#kv.now()): Promise<void> {
    const key = storageKeys.revokedUser(sub, by);
    const known = await this.#kv.getMany([key], REVOCATION_CACHE_SECONDS);
    if (latestEndMs(known) >= untilMs) return;
    await this.#kv.put(key, toTimestamp(untilMs), this.#kv.now() + MARK_TTL_MS);
  }

  /** Whether a session was ended. One storage operation. @param signedInAtMs epoch milliseconds */
  async isSessionRevoked(session: SessionKey, signedInAtMs: number): Promise<boolean> {
    const keys = [storageKeys.revokedSession(session), ...userMarkKeys(session.sub)];
    const [sessionMark = null, ...userMarks] = await this.#kv.getMany(keys, REVOCATION_CACHE_SECONDS);
    return sessionMark !== null || latestEndMs(userMarks) >= signedInAtMs;
  }

  /** Whether an API token of a user was ended. One storage operation. */
  async isTokenRevoked(sub: string, token: TokenOrigin): Promise<boolean> {
    return (await this.revokedTokens(sub, [token])).has(token.id);
  }

  /** Those of a user's API tokens that were ended, by their ID. One storage operation for up to 48 tokens. */
  async revokedTokens(sub: string, tokens: readonly TokenOrigin[]): Promise<ReadonlySet<string>> {
    const ownKeys = tokens
      .flatMap(({ id, session }) => [id, session.id])
      .map((id) => storageKeys.revokedSession({ id }));
    const keys = [...new Set([...userMarkKeys(sub), ...ownKeys])];
    const values = await this.#kv.getMany(keys, REVOCATION_CACHE_SECONDS);
    const marks = new Map(keys.map((key, index) => [key, values[index] ?? null]));
    const markOf = (key: string): string | null => marks.get(key) ?? null;
    const userEndMs = latestEndMs(userMarkKeys(sub).map(markOf));
    const isRevoked = ({ id, createdAtMs, session }: TokenOrigin): boolean => {
      const sessionMark = markOf(storageKeys.revokedSession(session));
      return (
        markOf(storageKeys.revokedSession({ id })) !== null ||
        userEndMs >= session.signedInAtMs ||
        // Tokens made before the sign-out stay valid. A marker that is no time ends everything.
        (sessionMark !== null && !(Date.parse(sessionMark) > createdAtMs))
      );
    };
    return new Set(tokens.filter(isRevoked).map(({ id }) => id));
  }
}

/** The keys of all marks of a user, to be read in one operation with whatever else is needed. */
export function userMarkKeys(sub: string): string[] {
  return USER_MARK_WRITERS.map((by) => storageKeys.revokedUser(sub, by));
}

/**
 * Until when a user's marks end what began. @param marks as {@link Revocations.revokeUser} writes them
 * @returns epoch milliseconds; -Infinity where there are none
 */
export function latestEndMs(marks: readonly (string | null)[]): number {
  const times = marks.map((mark) => (mark === null ? Number.NaN : Date.parse(mark)));
  return Math.max(Number.NEGATIVE_INFINITY, ...times.filter((time) => !Number.isNaN(time)));
}

/**
 * Whether a user has signed in again, or has ended sessions, so recently that a record read a moment ago may be
 * older than that. @param endMs see {@link latestEndMs}
 */
export function isFresh(endMs: number, nowMs: number): boolean {
  return nowMs - endMs < KV_SETTLED_MS;
}

function toTimestamp(ms: number): string {
  return new Date(ms).toISOString();
}

/** How long a delivery is remembered: a day longer than it could be taken, so that none is taken twice. */
const SEEN_TTL_MS = 31 * 24 * 60 * 60 * 1000;

export class SecurityEventStore {
  readonly #kv: SealedKv;

  constructor(kv: SealedKv) {
    this.#kv = kv;
  }

  /** Whether a delivery was dealt with. @param jti of its token */
  async isSeen(jti: string): Promise<boolean> {
    return (await this.#kv.get(await storageKeys.securityEvent(jti))) !== null;
  }

  async markSeen(jti: string): Promise<void> {
    await this.#kv.put(await storageKeys.securityEvent(jti), this.#timestamp(), this.#kv.now() + SEEN_TTL_MS);
  }

  /** Refuses sign-in to a user until {@link enable}. */
  async disable(sub: string): Promise<void> {
    await this.#kv.put(storageKeys.disabledAccount(sub), this.#timestamp(), null);
  }

  async enable(sub: string): Promise<void> {
    await this.#kv.delete(storageKeys.disabledAccount(sub));
  }

  /** Whether Google has disabled the account of a user. */
  async isDisabled(sub: string): Promise<boolean> {
    return (await this.#kv.get(storageKeys.disabledAccount(sub))) !== null;
  }

  #timestamp(): string {
    return new Date(this.#kv.now()).toISOString();
  }
}
