/**
 * Acting for a user with their grant during one request: an access token that is good, another one from the user's object
 * when it is not, one replay when Google answers 401, and `CONSENT_REQUIRED` when the grant is gone. The refresh itself is
 * object/grant.ts.
 */
import { AppError, consentRequired, signInRequired } from "../errors.ts";
import { type AccessToken, isFreshEnough } from "../identity.ts";
import type { CallOptions, Upstream } from "../lib/upstream.ts";
import type { LruCache } from "../isolate/lru-cache.ts";
import type { Trace } from "../lib/trace.ts";
import type { Actor, Renewed } from "./rpc.ts";

/** What a grant works with. */
export interface GrantServices {
  readonly refusedTokens: LruCache<true>;
  readonly trace: Trace;
  readonly upstream: Upstream;
  readonly world: { readonly now: () => number };
}

/** Who acts with a grant. */
export interface GrantHolder {
  /** Whose grant. */
  readonly user: { readonly sub: string; readonly email: string | null };
  readonly actor: Actor;
  /** The user's object. */
  readonly mailbox: {
    ask(question: "accessToken", sub: string, actor: Actor, refused: string | null): Promise<Renewed>;
  };
  /** The access token that the caller brings, if any. */
  readonly accessToken: AccessToken | null;
  /** Whether the caller has ended. Known by the time of the second call, which waits for it. */
  readonly isRevoked: Promise<boolean>;
}

/** What became of the access token in this request: `undefined` as it was, `null` none is left. */
export type TokenChange = AccessToken | null | undefined;

/** The access token of a request. */
type State =
  /** As the caller brought it. */
  | { readonly kind: "brought"; readonly token: AccessToken | null }
  /** From the object. `isFinal`: Google gave it after it had refused the one before, so that another would be no better. */
  | { readonly kind: "renewed"; readonly token: AccessToken; readonly isFinal: boolean; readonly isDelegated: boolean }
  /** Google no longer grants access. */
  | { readonly kind: "gone"; readonly token: null };

/** One user's grant during one request. */
export class Grant {
  readonly #options: GrantServices & GrantHolder;
  #state: State;
  #isCalled = false;
  /** Shared by concurrent calls of this request. */
  #renewing: Promise<string> | null = null;

  constructor(services: GrantServices, holder: GrantHolder) {
    this.#options = { ...services, ...holder };
    this.#state = { kind: "brought", token: holder.accessToken };
  }

  get tokenChange(): TokenChange {
    return this.#state.kind === "brought" ? undefined : this.#state.token;
  }

  /** The access token in use, if any: the caller's, or a renewed one. */
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
    const { token } = this.#state;
    return async () => {
      if (token !== null && this.#state.token === token) await this.#replace(token.value);
    };
  }

  /**
   * Calls Google with the user's access token. Answers 401, the token is renewed once for the whole request and the
   * call made again.
   *
   * @throws AppError `CONSENT_REQUIRED`: refresh answers `invalid_grant`, or Google still answers 401
   */
  async fetch(input: string, init: RequestInit & { headers?: Headers }, options: CallOptions): Promise<Response> {
    await this.#requireInForce();
    let accessToken = await this.accessToken();
    for (;;) {
      const headers = new Headers(init.headers);
      headers.set("Authorization", `Bearer ${accessToken}`);
      const response = await this.#options.upstream.fetch(input, { ...init, headers }, options);
      if (response.status !== 401) return response;
      await response.body?.cancel();
      // Another call of this request may have renewed it meanwhile.
      const { token } = this.#state;
      accessToken = token === null || token.value === accessToken ? await this.#replace(accessToken) : token.value;
    }
  }

  /** The first call goes out beside the question; a copy of an ended session must not spend the user's quota on others. */
  async #requireInForce(): Promise<void> {
    const isFirst = !this.#isCalled;
    this.#isCalled = true;
    if (isFirst || !(await this.#options.isRevoked)) return;
    throw signInRequired();
  }

  /** An access token with more than a minute to live. @throws AppError as {@link fetch} */
  async accessToken(): Promise<string> {
    const { kind, token } = this.#state;
    if (kind === "gone") throw this.#consentRequired();
    // One that came in this request is as fresh as they get, however short its life is.
    if (kind === "renewed") return token.value;
    const { refusedTokens, world } = this.#options;
    if (token === null || !isFreshEnough(token, world.now())) return this.#renew(null);
    // A copy of the cookie may still bring one that Google has refused.
    return refusedTokens.get(token.value) ? this.#renew(token.value) : token.value;
  }

  /** The access token in use, if it has not expired. Does not call Google. */
  heldAccessToken(): string | null {
    const { token } = this.#state;
    return token !== null && token.expiresAtMs > this.#options.world.now() ? token.value : null;
  }

  /** Replaces an access token that Google has refused. */
  async #replace(refused: string): Promise<string> {
    const { kind } = this.#state;
    this.#options.refusedTokens.set(refused, true);
    const isOver = kind === "gone" || (kind === "renewed" && this.#state.isFinal);
    if (this.#renewing === null && isOver) throw this.#consentRequired();
    return this.#renew(refused);
  }

  async #renew(refused: string | null): Promise<string> {
    this.#renewing ??= this.#options.trace
      .time("refresh", () => this.#ask(refused))
      .finally(() => {
        this.#renewing = null;
      });
    return this.#renewing;
  }

  async #ask(refused: string | null): Promise<string> {
    const { actor, mailbox, user } = this.#options;
    try {
      const { accessToken, isFresh, isDelegated } = await mailbox.ask("accessToken", user.sub, actor, refused);
      this.#state = { kind: "renewed", token: accessToken, isFinal: isFresh && refused !== null, isDelegated };
      return accessToken.value;
    } catch (error) {
      if (error instanceof AppError && error.reason === "CONSENT_REQUIRED") throw this.#consentRequired();
      throw error;
    }
  }

  /** The object has found out that Google no longer grants access. */
  lose(): void {
    this.#state = { kind: "gone", token: null };
  }

  #consentRequired(): AppError {
    if (this.#state.kind === "renewed" && this.#state.isDelegated) {
      return new AppError(
        "ACCESS_BLOCKED",
        "Gmail refuses the access that your organization gave. Ask its administrator.",
      );
    }
    this.lose();
    const { email, sub } = this.#options.user;
    return consentRequired(email ?? sub);
  }
}
