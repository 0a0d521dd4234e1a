/**
 * Acting for a user with their grant: an access token that is good, a refresh when it is not, one replay when Google
 * answers 401, and `CONSENT_REQUIRED` when the grant is gone. Sits above OAuth and storage, and knows neither the
 * Gmail API nor HTTP of our own.
 */
import { accessBlocked } from "./access-blocked.ts";
import { isAllowedAccount } from "./accounts.ts";
import type { Config } from "../config.ts";
import { AppError, type SignInAgain } from "../errors.ts";
import type { GrantMemory } from "../isolate/grant-memory.ts";
import type { CallOptions, Upstream } from "../lib/upstream.ts";
import { openedOrNull } from "../lib/key-ring.ts";
import type { Credential, CredentialStore } from "../kv-store.ts";
import type { AccessToken } from "../identity.ts";
import { OAuthError, refreshAccessToken, scopesInUse, type TokenResponse } from "../oauth.ts";
import { settle } from "../lib/settle.ts";
import type { Trace } from "../lib/trace.ts";

/** An access token is replaced when it has this long to live or less, so that it lasts for the request. */
const REFRESH_MARGIN_MS = 60_000;

/** What a grant works with: a request's scope has it all. */
export interface GrantServices {
  readonly config: Config;
  readonly store: CredentialStore;
  readonly grantMemory: GrantMemory;
  readonly upstream: Upstream;
  readonly trace: Trace;
  readonly world: { readonly now: () => number };
  /** Lets work go on beside the answer. */
  readonly defer: (work: Promise<unknown>) => void;
}

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
  return new AppError("ACCOUNT_NOT_ALLOWED", "This account may not be used here. Sign in with another one.", {
    signInAgain: { ...again, prompt: "select_account" },
  });
}

/** The grant no longer holds what it was stored with. It is as good as before for what it does hold: nothing is deleted. */
function scopesGone(cause: OAuthError): AppError {
  return new AppError("SCOPE_REQUIRED", "Google says that a permission is missing. Sign in again and tick all boxes.", {
    signInAgain: { prompt: "consent" },
    logDetail: `refresh: ${cause.code}`,
    cause,
  });
}

/** What became of the access token in this request: `undefined` as it was, `null` none is left. */
export type TokenChange = AccessToken | null | undefined;

/** One user's grant during one request. */
export class Grant {
  readonly #options: GrantServices & GrantHolder;
  #current: AccessToken | null;
  #change: TokenChange;
  /** Shared by concurrent calls of this request, and no other's. */
  #refresh: Promise<string> | null = null;
  /** The token was replaced because Google answered 401 to it: that is done once. */
  #isReplaced = false;
  #generation = 0;
  /** Refreshes of this isolate before the last call: what Google refused is not replaced by an access token of then. */
  #refreshesBefore = 0;
  #isGone = false;

  constructor(services: GrantServices, holder: GrantHolder) {
    this.#options = { ...services, ...holder };
    this.#current = holder.accessToken;
  }

  get tokenChange(): TokenChange {
    return this.#change;
  }

  /** The access token in use, if any, whoever brought it. */
  get inUse(): AccessToken | null {
    return this.#current;
  }

  /** Which access token is in use: grows with each refresh. */
  get generation(): number {
    return this.#generation;
  }

  /**
   * Replaces the access token of a generation, because Google answered 401 to a part of what was sent with it.
   *
   * @throws AppError `CONSENT_REQUIRED` where that was done once already
   */
  async renew(generation: number): Promise<void> {
    if (generation !== this.#generation) return;
    await this.#forcedRefresh();
  }

  /**
   * Calls Google with the user's access token. Answers 401, the token is refreshed once for the whole request and the
   * call made again.
   *
   * @throws AppError `CONSENT_REQUIRED`: refresh answers `invalid_grant`, or Google still answers 401
   */
  async fetch(input: string, init: RequestInit & { headers?: Headers }, options: CallOptions): Promise<Response> {
    let accessToken = await this.accessToken();
    for (;;) {
      const response = await this.#send(accessToken, input, init, options);
      if (response.status !== 401) return response;
      await response.body?.cancel();
      accessToken = await this.#tokenAfter401(accessToken);
    }
  }

  /** An access token with more than a minute to live. @throws AppError as {@link fetch} */
  async accessToken(): Promise<string> {
    if (this.#isGone) throw this.#consentRequired();
    // One that came in this request is as fresh as they get, however short its life is.
    if (this.#current !== null && this.#change === this.#current) return this.#current.value;
    const current = this.#usable(this.#current) ?? this.#usable(await this.#storedAccessToken());
    if (current === null) return this.#refreshOnce();
    this.#current = current;
    return current.value;
  }

  /** The access token that is at hand and has not expired, without asking Google. */
  async heldAccessToken(): Promise<string | null> {
    const token = this.#current ?? (await this.#storedAccessToken());
    return token !== null && token.expiresAtMs > this.#options.world.now() ? token.value : null;
  }

  async #send(accessToken: string, input: string, init: RequestInit, options: CallOptions): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set("Authorization", `Bearer ${accessToken}`);
    this.#refreshesBefore = this.#options.grantMemory.refreshCount;
    return this.#options.upstream.fetch(input, { ...init, headers }, options);
  }

  #usable(token: AccessToken | null): AccessToken | null {
    const { grantMemory, world } = this.#options;
    if (token === null || grantMemory.deadTokens.get(token.value)) return null;
    return token.expiresAtMs - world.now() > REFRESH_MARGIN_MS ? token : null;
  }

  async #storedAccessToken(): Promise<AccessToken | null> {
    if (this.#options.readStoredAccessToken === null || this.#change !== undefined) return null;
    // It is only a shortcut: where it does not open, a refresh gives another.
    return openedOrNull(this.#options.readStoredAccessToken());
  }

  async #tokenAfter401(rejected: string): Promise<string> {
    // Another call of this request may have refreshed meanwhile.
    if (this.#current !== null && this.#current.value !== rejected) return this.#current.value;
    return this.#forcedRefresh();
  }

  async #forcedRefresh(): Promise<string> {
    const { grantMemory } = this.#options;
    if (this.#current !== null) grantMemory.deadTokens.set(this.#current.value, true);
    if (this.#refresh === null && this.#isReplaced) throw this.#consentRequired();
    const fresh = await this.#refreshOnce(this.#refreshesBefore);
    this.#isReplaced = true;
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
    const { config, store, grantMemory, upstream, world } = this.#options;
    // The operator can add a key that is missing; consenting again would only hide it.
    const credential = await openedOrNull(store.readCredential(this.#options.user.sub), "A credential");
    if (credential === null || credential.clientId !== config.google.clientId) throw this.#consentRequired();
    if (!isAllowedAccount(config.allowedAccounts, credential)) {
      throw accountNotAllowed();
    }
    // KV may still answer with what was replaced a moment ago.
    const refreshToken = grantMemory.latestRefreshToken(credential.refreshToken);
    // A record for none of what is asked for now counts as none.
    if (scopesInUse(config.google.scopes, credential.scopes).length === 0) throw this.#consentRequired();
    if (await store.isDead(refreshToken)) throw this.#consentRequired();
    this.#current = await grantMemory.refreshes.share(upstream, refreshToken, {
      nowMs: world.now(),
      find: () => {
        if (grantMemory.deadTokens.get(refreshToken)) throw this.#consentRequired();
        return this.#usable(grantMemory.accessToken(refreshToken, since));
      },
      work: () => this.#askGoogle({ ...credential, refreshToken }),
    });
    this.#change = this.#current;
    this.#generation += 1;
    return this.#current.value;
  }

  /** The refresh itself, for whoever waits for it. */
  async #askGoogle(credential: Credential): Promise<AccessToken> {
    const { config, grantMemory, upstream, world, defer } = this.#options;
    try {
      const { refreshToken } = credential;
      // A grant may hold more than is asked for now, from the time before, or for another part of the same project.
      const scopes = scopesInUse(config.google.scopes, credential.scopes);
      const response = await refreshAccessToken(upstream, config.google, { refreshToken, scopes });
      const accessToken = toAccessToken(response, world.now());
      grantMemory.keep(refreshToken, accessToken);
      defer(this.#keepCredential(credential, response.refreshToken ?? refreshToken));
      return accessToken;
    } catch (error) {
      throw error instanceof OAuthError ? this.#refused(error, credential) : error;
    }
  }

  /** RFC 6749 §6: a refresh token that came with a refresh replaces the one before. */
  async #keepCredential(credential: Credential, refreshToken: string): Promise<void> {
    const { grantMemory, store } = this.#options;
    if (refreshToken === credential.refreshToken) return void (await store.reseal(credential));
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
    // The mark saves other isolates a call; the person is led to consent with or without it.
    this.#options.defer(settle(this.#options.store.markDead(credential.refreshToken)));
    return this.#consentRequired();
  }

  #consentRequired(): AppError {
    this.#current = null;
    this.#change = null;
    this.#isGone = true;
    const { email, sub } = this.#options.user;
    return new AppError("CONSENT_REQUIRED", "Google no longer grants access to this mailbox. Give consent again.", {
      signInAgain: { prompt: "consent", loginHint: email ?? sub },
    });
  }
}
