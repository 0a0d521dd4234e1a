/**
 * What an isolate remembers of grants, so that requests of one user share what Google has answered to one of them.
 * In memory only, and never instead of what storage says of a grant: whether it is there, and in force.
 */
import type { AccessToken } from "../identity.ts";
import { LruCache } from "./lru-cache.ts";
import { SharedWork } from "./shared-work.ts";

/** Tokens of a kind that an isolate remembers. */
const MAX_REMEMBERED = 1_000;

/** The memory of one isolate. */
export class GrantMemory {
  /** Access tokens that Google has answered 401 to, and refresh tokens that are dead: none of them works again. */
  readonly deadTokens = new LruCache<true>(MAX_REMEMBERED);
  /** Refreshes in progress, by refresh token. */
  readonly refreshes = new SharedWork<AccessToken>();
  readonly #accessTokens = new LruCache<{ readonly accessToken: AccessToken; readonly refresh: number }>(
    MAX_REMEMBERED,
  );
  /** Refresh token → the one that Google has put in its place. */
  readonly #successors = new LruCache<string>(MAX_REMEMBERED);
  #refreshCount = 0;

  /** Refreshes that succeeded: tells what came before and what after, which the clock does not between two calls. */
  get refreshCount(): number {
    return this.#refreshCount;
  }

  /**
   * The newest access token that a refresh token has brought, whatever is left of its life; null where there is none.
   *
   * @param since only what came after that many refreshes
   */
  accessToken(refreshToken: string, since = 0): AccessToken | null {
    const known = this.#accessTokens.get(refreshToken);
    return known !== null && known.refresh > since ? known.accessToken : null;
  }

  /** Remembers the access token that a refresh token has brought. */
  keep(refreshToken: string, accessToken: AccessToken): void {
    this.#refreshCount += 1;
    this.#accessTokens.set(refreshToken, { accessToken, refresh: this.#refreshCount });
  }

  /** Remembers that a refresh token was replaced. Call {@link keep} first: its access token is copied to the successor. */
  replace(refreshToken: string, successor: string): void {
    this.#successors.delete(successor);
    this.#successors.set(refreshToken, successor);
    const known = this.#accessTokens.get(refreshToken);
    if (known !== null) this.#accessTokens.set(successor, known);
  }

  /** The refresh token that is in force now, where this isolate has seen it replaced. */
  latestRefreshToken(refreshToken: string): string {
    let latest = refreshToken;
    for (let next = this.#successors.get(latest); next !== null; next = this.#successors.get(latest)) latest = next;
    return latest;
  }
}
