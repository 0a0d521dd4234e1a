/**
 * Access tokens that this isolate got for work without a session. Memory only: they are gone with the isolate, and
 * belong to the refresh token that they came from, so that a new consent or a disconnect leaves them behind.
 */
import type { AccessToken } from "./kv-store.ts";

/** Users whose token an isolate keeps; the one unused for longest goes first. */
const MAX_TOKENS = 1_000;

export class AccessTokenCache {
  readonly #byRefreshToken = new Map<string, AccessToken>();

  get(refreshToken: string): AccessToken | null {
    return this.#byRefreshToken.get(refreshToken) ?? null;
  }

  /** @param accessToken null to forget it */
  set(refreshToken: string, accessToken: AccessToken | null): void {
    this.#byRefreshToken.delete(refreshToken);
    if (accessToken === null) return;
    this.#byRefreshToken.set(refreshToken, accessToken);
    const [oldest] = this.#byRefreshToken.keys();
    if (this.#byRefreshToken.size > MAX_TOKENS && oldest !== undefined) this.#byRefreshToken.delete(oldest);
  }
}
