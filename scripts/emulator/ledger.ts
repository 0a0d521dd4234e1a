/**
 * What the emulated Google remembers of consents and tokens: which are live, and to whom they
 * belong. No HTTP here, and no clock but the one that is passed in.
 *
 * `emulate` keeps no such book: it takes any bearer token for its first user, never expires one, and
 * ends only the single token that is revoked.
 */

/** What one person allowed one client. It lives until it is revoked; tokens come and go. */
export interface Grant {
  readonly clientId: string;
  readonly email: string;
  readonly scopes: ReadonlySet<string>;
}

/** What an authorization code stands for. */
export interface CodeRecord {
  readonly clientId: string;
  readonly email: string;
  readonly redirectUri: string;
  /** Google answers a refresh token only when the consent page was shown, for offline access. */
  readonly yieldsRefreshToken: boolean;
}

/** Tokens as the token endpoint is about to answer them. */
export interface IssuedTokens {
  readonly clientId: string;
  readonly email: string;
  readonly scopes: Iterable<string>;
  readonly accessToken: string;
  readonly refreshToken: string | null;
  readonly expiresInSeconds: number;
}

interface AccessTokenRecord {
  readonly grantKey: string;
  readonly scopes: ReadonlySet<string>;
  readonly expiresAtMs: number;
}

function keyOf(owner: { readonly clientId: string; readonly email: string }): string {
  return `${owner.clientId}\n${owner.email}`;
}

/** The book of consents, codes and tokens. */
export class Ledger {
  readonly #grants = new Map<string, Grant>();
  readonly #codes = new Map<string, CodeRecord>();
  readonly #accessTokens = new Map<string, AccessTokenRecord>();
  readonly #refreshTokens = new Map<string, string>();
  readonly #emailBySub = new Map<string, string>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** The grant of this person and client, or null. */
  findGrant(owner: { readonly clientId: string; readonly email: string }): Grant | null {
    return this.#grants.get(keyOf(owner)) ?? null;
  }

  /** Every grant that lives. */
  grants(): Grant[] {
    return [...this.#grants.values()];
  }

  /** The live grants of this person, one per client. */
  grantsOf(email: string): Grant[] {
    return this.grants().filter((grant) => grant.email === email);
  }

  /** Remembers what a person answered on the consent page; what was not asked for now stays. */
  recordConsent(answer: {
    readonly clientId: string;
    readonly email: string;
    readonly asked: readonly string[];
    readonly ticked: readonly string[];
  }): Grant {
    const earlier = [...(this.findGrant(answer)?.scopes ?? [])];
    const kept = earlier.filter((scope) => !answer.asked.includes(scope));
    const grant: Grant = {
      clientId: answer.clientId,
      email: answer.email,
      scopes: new Set([...answer.ticked, ...kept]),
    };
    this.#grants.set(keyOf(grant), grant);
    return grant;
  }

  rememberCode(code: string, record: CodeRecord): void {
    this.#codes.set(code, record);
  }

  /** What the code stands for, or null. It stays until {@link Ledger.forgetCode}. */
  findCode(code: string): CodeRecord | null {
    return this.#codes.get(code) ?? null;
  }

  forgetCode(code: string): void {
    this.#codes.delete(code);
  }

  /** From now on these tokens are known, until they expire or their grant ends. */
  recordTokens(tokens: IssuedTokens): void {
    const grantKey = keyOf(tokens);
    this.#accessTokens.set(tokens.accessToken, {
      grantKey,
      scopes: new Set(tokens.scopes),
      expiresAtMs: this.#now() + tokens.expiresInSeconds * 1000,
    });
    if (tokens.refreshToken !== null) this.#refreshTokens.set(tokens.refreshToken, grantKey);
  }

  /** A `sub` may be given as `login_hint`, and only the ID token says whose it is. */
  rememberSub(sub: string, email: string): void {
    this.#emailBySub.set(sub, email);
  }

  emailOfSub(sub: string): string | null {
    return this.#emailBySub.get(sub) ?? null;
  }

  /** The `sub` of this address; null before its first sign-in. */
  subOf(email: string): string | null {
    return [...this.#emailBySub].find(([, owner]) => owner === email)?.[0] ?? null;
  }

  /** The grant and scopes of a live access token; null when it is unknown, expired or revoked. */
  openAccessToken(token: string): { grant: Grant; scopes: ReadonlySet<string> } | null {
    const record = this.#accessTokens.get(token);
    if (record === undefined || record.expiresAtMs <= this.#now()) return null;
    const grant = this.#grants.get(record.grantKey);
    return grant === undefined ? null : { grant, scopes: record.scopes };
  }

  /** Whose refresh token this is, or null. */
  findRefreshToken(token: string): Grant | null {
    return this.#grants.get(this.#refreshTokens.get(token) ?? "") ?? null;
  }

  /** The live refresh tokens of this person, oldest first. */
  refreshTokensOf(email: string): string[] {
    return [...this.#refreshTokens.keys()].filter((token) => this.findRefreshToken(token)?.email === email);
  }

  /** The grant that a live token of either kind belongs to, or null. */
  findGrantOfToken(token: string): Grant | null {
    return this.findRefreshToken(token) ?? this.openAccessToken(token)?.grant ?? null;
  }

  /**
   * Ends a grant, as revoking any one of its tokens does at Google: all its tokens die, and the
   * person must consent again. Answers the refresh tokens that died.
   */
  endGrant(grant: Grant): string[] {
    const dead = this.killTokens(grant);
    this.#grants.delete(keyOf(grant));
    return dead;
  }

  /**
   * Kills the tokens of a grant and leaves the consent, as a password change does at Google: without
   * `prompt=consent` the next sign-in succeeds and brings no refresh token.
   */
  killTokens(grant: Grant): string[] {
    this.expireAccessTokens(grant);
    const key = keyOf(grant);
    const dead = [...this.#refreshTokens].filter(([, owner]) => owner === key);
    for (const [token] of dead) this.#refreshTokens.delete(token);
    return dead.map(([token]) => token);
  }

  /** Kills the access tokens only: the next call gets 401, and a refresh helps. */
  expireAccessTokens(grant: Grant): void {
    const key = keyOf(grant);
    for (const [token, record] of this.#accessTokens) {
      if (record.grantKey === key) this.#accessTokens.delete(token);
    }
  }
}
