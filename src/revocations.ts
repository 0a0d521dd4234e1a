/**
 * What ends sessions and API tokens before their time: marks in KV that every request reads beside its Gmail call.
 * A mark holds everywhere within a minute.
 */
import type { SealedKv } from "./sealed-kv.ts";
import { type SessionKey, storageKeys } from "./storage-keys.ts";

/** A mark of a user must outlive every session and API token that it ends; the latter last a year at most. */
const USER_MARK_TTL_SECONDS = 366 * 24 * 60 * 60;
/** A change is seen everywhere after "60 seconds or more": by then it surely is. */
const KV_SETTLED_MS = 5 * 60 * 1000;
/** How long a place may rely on what it read: the least that KV allows, and half of what we promise. */
export const REVOCATION_CACHE_SECONDS = 30;

export class Revocations {
  readonly #kv: SealedKv;

  constructor(kv: SealedKv) {
    this.#kv = kv;
  }

  /** Ends a session everywhere. @param expiresAtMs epoch milliseconds at which it would have ended by itself */
  async revokeSession(session: SessionKey, expiresAtMs: number): Promise<void> {
    await this.#kv.put(storageKeys.revokedSession(session), toTimestamp(this.#kv.now()), expiresAtMs);
  }

  /** Ends all sessions and API tokens of a user that began until then. @param untilMs epoch milliseconds */
  async revokeUser(sub: string, untilMs = this.#kv.now()): Promise<void> {
    const expiresAtMs = this.#kv.now() + USER_MARK_TTL_SECONDS * 1000;
    await this.#kv.put(storageKeys.revokedUser(sub), toTimestamp(untilMs), expiresAtMs);
  }

  /** Whether a session was ended. One storage operation. @param signedInAtMs epoch milliseconds */
  async isSessionRevoked(session: SessionKey, signedInAtMs: number): Promise<boolean> {
    const keys = [storageKeys.revokedSession(session), storageKeys.revokedUser(session.sub)];
    const [sessionMark = null, userMark = null] = await this.#kv.getMany(keys, REVOCATION_CACHE_SECONDS);
    return sessionMark !== null || endsWhatBegan(userMark, signedInAtMs);
  }
}

/**
 * Whether a user has signed in anew, or has ended sessions, so lately that what was read of them a moment ago may be
 * older than that. @param mark as {@link Revocations.revokeUser} writes it
 */
export function isFresh(mark: string | null, nowMs: number): boolean {
  return mark !== null && nowMs - Date.parse(mark) < KV_SETTLED_MS;
}

/** Whether a user's mark ends what began at a time. @param mark as {@link Revocations.revokeUser} writes it */
export function endsWhatBegan(mark: string | null, sinceMs: number): boolean {
  return mark !== null && Date.parse(mark) >= sinceMs;
}

function toTimestamp(ms: number): string {
  return new Date(ms).toISOString();
}
