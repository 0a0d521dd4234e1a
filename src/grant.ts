/**
 * Acting for a user with their grant: an access token that is good, a refresh when it is not, one replay when Google
 * answers 401, and `CONSENT_REQUIRED` when the grant is gone. Sits above OAuth and storage, and knows neither the
 * Gmail API nor HTTP of our own.
 */
import { isAllowedAccount } from "./accounts.ts";
import type { Config } from "./config.ts";
import { AppError } from "./errors.ts";
import type { CallOptions, Upstream } from "./http.ts";
import { openedOrNull } from "./keys.ts";
import type { AccessToken, Credential, CredentialStore } from "./kv-store.ts";
import { OAuthError, refreshAccessToken, type TokenResponse } from "./oauth.ts";
import type { Trace } from "./trace.ts";

/** An access token is replaced when it has this long to live or less, so that it lasts for the request. */
const REFRESH_MARGIN_MS = 60_000;

/** What a grant works with: a request's scope has it all. */
export interface GrantServices {
  readonly config: Config;
  readonly store: CredentialStore;
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
  /** Reads the access token that storage holds for the caller's session, where the cookie was too small for it. */
  readonly readStoredAccessToken: (() => Promise<AccessToken | null>) | null;
}

/** The access token of a token response. @param nowMs epoch milliseconds at which it came */
export function toAccessToken(response: TokenResponse, nowMs: number): AccessToken {
  return { value: response.accessToken, expiresAtMs: Math.floor(nowMs + response.expiresInSeconds * 1000) };
}

export function accountNotAllowed(): AppError {
  return new AppError("ACCOUNT_NOT_ALLOWED", "This account may not be used here. Sign in with another one.", {
    signInAgain: { prompt: "select_account" },
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
  #isGone = false;

  constructor({ config, store, upstream, trace, world, defer }: GrantServices, holder: GrantHolder) {
    this.#options = { config, store, upstream, trace, world, defer, ...holder };
    this.#current = holder.accessToken;
  }

  get tokenChange(): TokenChange {
    return this.#change;
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
    const accessToken = await this.accessToken();
    const first = await this.#send(accessToken, input, init, options);
    if (first.status !== 401) return first;
    await first.body?.cancel();
    const second = await this.#send(await this.#tokenAfter401(accessToken), input, init, options);
    if (second.status !== 401) return second;
    await second.body?.cancel();
    throw this.#consentRequired();
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
    return this.#options.upstream.fetch(input, { ...init, headers }, options);
  }

  #usable(token: AccessToken | null): AccessToken | null {
    return token !== null && token.expiresAtMs - this.#options.world.now() > REFRESH_MARGIN_MS ? token : null;
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
    if (this.#refresh === null && this.#isReplaced) throw this.#consentRequired();
    const fresh = await this.#refreshOnce();
    this.#isReplaced = true;
    return fresh;
  }

  async #refreshOnce(): Promise<string> {
    this.#refresh ??= this.#options.trace
      .time("refresh", () => this.#refreshed())
      .finally(() => {
        this.#refresh = null;
      });
    return this.#refresh;
  }

  async #refreshed(): Promise<string> {
    const { config, store, upstream, world } = this.#options;
    // The operator can add a key that is missing; consenting again would only hide it.
    const credential = await openedOrNull(store.readCredential(this.#options.user.sub), "A credential");
    if (credential === null || credential.clientId !== config.google.clientId) throw this.#consentRequired();
    if (!isAllowedAccount(config.allowedAccounts, credential)) {
      throw accountNotAllowed();
    }
    if (await store.isDead(credential.refreshToken)) throw this.#consentRequired();
    let response: TokenResponse;
    try {
      response = await refreshAccessToken(upstream, config.google, credential.refreshToken);
    } catch (error) {
      if (error instanceof OAuthError) throw await this.#refused(error, credential);
      throw error;
    }
    this.#options.defer(store.reseal(credential));
    this.#current = toAccessToken(response, world.now());
    this.#change = this.#current;
    this.#generation += 1;
    return this.#current.value;
  }

  /** Only `invalid_grant` ends a grant. What is stored stays: the read may be older than a newer record. */
  async #refused(error: OAuthError, credential: Credential): Promise<AppError> {
    if (error.code !== "invalid_grant") {
      return new AppError("UPSTREAM_UNAVAILABLE", "Google refused to refresh the access. Try again in a moment.", {
        logDetail: `refresh: ${error.code}`,
        cause: error,
      });
    }
    try {
      await this.#options.store.markDead(credential.refreshToken);
    } catch {
      // The mark saves a later call; without it the person is led to consent all the same.
    }
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
