/**
 * Acting for a user with their grant: an access token that is good, a refresh when it is not, one replay when Google
 * answers 401, and `CONSENT_REQUIRED` when the grant is gone. Sits above OAuth and storage, and knows neither the
 * Gmail API nor HTTP of our own.
 */
import { accessBlocked } from "./access-blocked.ts";
import { isAllowedAccount } from "./accounts.ts";
import { AppError, scopeMissing, type SignInAgain } from "../errors.ts";
import type { RequestScope } from "../context.ts";
import type { CallOptions } from "../lib/upstream.ts";
import { openedOrNull } from "../lib/key-ring.ts";
import type { Credential, FoundCredential } from "../kv-store.ts";
import type { AccessToken } from "../identity.ts";
import { OAuthError, refreshAccessToken, scopesInUse, type TokenResponse } from "../oauth.ts";
import { handled } from "../lib/settle.ts";

/** An access token is replaced when it has this long to live or less, so that it lasts for the request. */
const REFRESH_MARGIN_MS = 60_000;

/** What a grant works with. */
export type GrantServices = Pick<RequestScope, "config" | "defer" | "grantMemory" | "store" | "trace" | "upstream"> & {
  readonly world: { readonly now: () => number };
};

/** Who acts with a grant. */
export interface GrantHolder {
  /** Whose grant. */
  readonly user: { readonly sub: string; readonly email: string | null };
  /** The access token that the caller brings, if any. */
  readonly accessToken: AccessToken | null;
  /**
   * Reads the access token that storage may hold for the caller: where a cookie was too small for it, or another isolate has
   * kept it for an API token.
   */
  readonly readStoredAccessToken: (() => Promise<AccessToken | null>) | null;
}

/** The access token of a token response. @param nowMs epoch milliseconds at which it came */
export function toAccessToken(response: TokenResponse, nowMs: number): AccessToken {
  return { value: response.accessToken, expiresAtMs: Math.floor(nowMs + response.expiresInSeconds * 1000) };
}

/** @param again where to go after signing in with another account; without it, the page that asked */
export function accountNotAllowed(again: Pick<SignInAgain, "returnTo"> = {}): AppError {
  return new AppError("ACCOUNT_NOT_ALLOWED", "You cannot use this account here. Sign in with another one.", {
    signInAgain: { ...again, prompt: "select_account" },
  });
}

/** The grant no longer holds what it was stored with. It is as good as before for what it does hold: nothing is deleted. */
function scopesGone(cause: OAuthError): AppError {
  return scopeMissing({ logDetail: `refresh: ${cause.code}`, cause });
}

/** What became of the access token in this request: `undefined` as it was, `null` none is left. */
export type TokenChange = AccessToken | null | undefined;

/** The access token of a request. */
type State =
  /** As the caller brought it, or storage had it. */
  | { readonly kind: "brought"; readonly token: AccessToken | null }
  /** From a refresh of this request. `isForced`: the one before was refused by Google, which leads to one refresh. */
  | { readonly kind: "renewed"; readonly token: AccessToken; readonly isForced: boolean }
  /** Google no longer grants access. */
  | { readonly kind: "gone"; readonly token: null };

/** One user's grant during one request. */
export class Grant {
  readonly #options: GrantServices & GrantHolder;
  #state: State;
  /** Shared by concurrent calls of this request, and no other's. */
  #refresh: Promise<string> | null = null;

  constructor(services: GrantServices, holder: GrantHolder) {
    this.#options = { ...services, ...holder };
    this.#state = { kind: "brought", token: holder.accessToken };
  }

  get tokenChange(): TokenChange {
    return this.#state.kind === "brought" ? undefined : this.#state.token;
  }

  /** The access token in use, if any: the caller's, a stored one, or a refreshed one. */
  get inUse(): AccessToken | null {
    return this.#state.token;
  }

  /**
   * For a batch that is about to be sent, whose parts may be answered 401 one by one.
   *
   * @returns replaces the access token that is in use now, unless that has been done since. Throws AppError
   *   `CONSENT_REQUIRED` where it is a replacement already
   */
  renewal(): () => Promise<void> {
    const { refreshCount } = this.#options.grantMemory;
    const change = this.tokenChange;
    return async () => {
      const isRenewed = this.#state.kind === "renewed" && this.#state.token !== change;
      if (!isRenewed) await this.#forcedRefresh(refreshCount);
    };
  }

  /**
   * Calls Google with the user's access token. Answers 401, the token is refreshed once for the whole request and the
   * call made again.
   *
   * @throws AppError `CONSENT_REQUIRED`: refresh answers `invalid_grant`, or Google still answers 401
   */
  async fetch(input: string, init: RequestInit & { headers?: Headers }, options: CallOptions): Promise<Response> {
    const { grantMemory, upstream } = this.#options;
    let accessToken = await this.accessToken();
    for (;;) {
      const headers = new Headers(init.headers);
      headers.set("Authorization", `Bearer ${accessToken}`);
      const { refreshCount } = grantMemory;
      const response = await upstream.fetch(input, { ...init, headers }, options);
      if (response.status !== 401) return response;
      await response.body?.cancel();
      // Another call of this request may have refreshed meanwhile.
      const { token } = this.#state;
      const isRefused = token === null || token.value === accessToken;
      accessToken = isRefused ? await this.#forcedRefresh(refreshCount) : token.value;
    }
  }

  /** An access token with more than a minute to live. @throws AppError as {@link fetch} */
  async accessToken(): Promise<string> {
    const { kind, token } = this.#state;
    if (kind === "gone") throw this.#consentRequired();
    // One that came in this request is as fresh as they get, however short its life is.
    if (kind === "renewed") return token.value;
    const usable = this.#usable(token) ?? this.#usable(await this.#storedAccessToken());
    if (usable === null) return this.#refreshOnce();
    // Another call of this request may have refreshed meanwhile.
    if (this.#state.kind === "brought") this.#state = { kind: "brought", token: usable };
    return usable.value;
  }

  /** The caller's or stored access token, if it has not expired. Does not call Google. */
  async heldAccessToken(): Promise<string | null> {
    const token = this.#state.token ?? (await this.#storedAccessToken());
    return token !== null && token.expiresAtMs > this.#options.world.now() ? token.value : null;
  }

  #usable(token: AccessToken | null): AccessToken | null {
    const { grantMemory, world } = this.#options;
    if (token === null || grantMemory.deadTokens.get(token.value)) return null;
    return token.expiresAtMs - world.now() > REFRESH_MARGIN_MS ? token : null;
  }

  async #storedAccessToken(): Promise<AccessToken | null> {
    if (this.#options.readStoredAccessToken === null || this.#state.kind !== "brought") return null;
    // It is only a shortcut: where it does not open, a refresh gives another.
    return openedOrNull(this.#options.readStoredAccessToken());
  }

  /** Replaces an access token that Google has refused. @param since refreshes of this isolate before the call that it refused */
  async #forcedRefresh(since: number): Promise<string> {
    const { kind, token } = this.#state;
    if (token !== null) this.#options.grantMemory.deadTokens.set(token.value, true);
    const isOver = kind === "gone" || (kind === "renewed" && this.#state.isForced);
    if (this.#refresh === null && isOver) throw this.#consentRequired();
    const fresh = await this.#refreshOnce(since);
    if (this.#state.kind === "renewed") this.#state = { ...this.#state, isForced: true };
    return fresh;
  }

  /** @param since see {@link GrantMemory.accessToken} */
  async #refreshOnce(since = 0): Promise<string> {
    this.#refresh ??= this.#options.trace
      .time("refresh", () => this.#refreshed(since))
      .finally(() => {
        this.#refresh = null;
      });
    return this.#refresh;
  }

  async #refreshed(since: number): Promise<string> {
    const { grantMemory, upstream, world } = this.#options;
    const found = await this.#credential();
    const { refreshToken } = found.credential;
    const token = await grantMemory.refreshes.share(upstream, refreshToken, {
      nowMs: world.now(),
      find: () => {
        if (grantMemory.deadTokens.get(refreshToken)) throw this.#consentRequired();
        return this.#usable(grantMemory.accessToken(refreshToken, since));
      },
      work: () => this.#askGoogle(found),
    });
    this.#state = { kind: "renewed", token, isForced: false };
    return token.value;
  }

  /** What is stored, if it may be used. */
  async #credential(): Promise<FoundCredential> {
    const { config, grantMemory, store, user } = this.#options;
    // The operator can add a key that is missing; consenting again would only hide it.
    const found = await openedOrNull(store.findCredential(user.sub), "A credential");
    if (found === null || found.credential.clientId !== config.google.clientId) throw this.#consentRequired();
    const { credential } = found;
    if (!isAllowedAccount(config.allowedAccounts, credential)) throw accountNotAllowed();
    // A record with none of the configured scopes counts as absent.
    if (scopesInUse(config.google.scopes, credential.scopes).length === 0) throw this.#consentRequired();
    // KV may still answer with a refresh token that was replaced a moment ago.
    const refreshToken = grantMemory.latestRefreshToken(credential.refreshToken);
    if (await store.isDead(refreshToken)) throw this.#consentRequired();
    return { ...found, credential: { ...credential, refreshToken } };
  }

  /** The refresh itself, for all requests that wait for it. */
  async #askGoogle(found: FoundCredential): Promise<AccessToken> {
    const { config, grantMemory, upstream, world, defer } = this.#options;
    const { credential } = found;
    try {
      const { refreshToken } = credential;
      // A grant may hold more than is asked for now, from the time before, or for another part of the same project.
      const scopes = scopesInUse(config.google.scopes, credential.scopes);
      const response = await refreshAccessToken(upstream, config.google, { refreshToken, scopes });
      const accessToken = toAccessToken(response, world.now());
      grantMemory.keep(refreshToken, accessToken);
      defer(this.#keepCredential(found, response.refreshToken ?? refreshToken));
      return accessToken;
    } catch (error) {
      throw error instanceof OAuthError ? this.#refused(error, credential) : error;
    }
  }

  /** RFC 6749 §6: a refresh token that came with a refresh replaces the one before. */
  async #keepCredential(found: FoundCredential, refreshToken: string): Promise<void> {
    const { grantMemory, store } = this.#options;
    const { credential } = found;
    if (refreshToken === credential.refreshToken) return void (await store.reseal(found));
    grantMemory.replace(credential.refreshToken, refreshToken);
    await store.replaceRefreshToken(credential, refreshToken);
  }

  /** Only `invalid_grant` ends a grant. What is stored stays: the read may be older than a newer record. */
  #refused(error: OAuthError, credential: Credential): AppError {
    if (error.code === "invalid_scope") return scopesGone(error);
    const blocked = accessBlocked(error);
    if (blocked !== null) return blocked;
    if (error.code !== "invalid_grant") {
      return new AppError("UPSTREAM_UNAVAILABLE", "Google refused to refresh the access. Try again in a moment.", {
        logDetail: `refresh: ${error.code}`,
        cause: error,
      });
    }
    // The marker saves other isolates a call; the person is redirected to consent with or without it.
    this.#options.defer(handled(this.#options.store.markDead(credential.refreshToken)));
    return this.#consentRequired();
  }

  #consentRequired(): AppError {
    this.#state = { kind: "gone", token: null };
    const { email, sub } = this.#options.user;
    return new AppError("CONSENT_REQUIRED", "Google no longer grants access to this mailbox. Give consent again.", {
      signInAgain: { prompt: "consent", loginHint: email ?? sub },
    });
  }
}
