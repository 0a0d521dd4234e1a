/**
 * A user's grant, as their object keeps it: the credential in KV, which this class alone writes and deletes, and the access
 * token that it brings. One refresh for all who need it, everywhere: who comes while one is in progress waits for it.
 */
import * as z from "zod/mini";
import { type Config, isDelegated } from "../config.ts";
import { AppError, consentRequired, scopeMissing } from "../errors.ts";
import { type AccessToken, AccessTokenSchema, isFreshEnough } from "../identity.ts";
import type { Credential, CredentialStore, FoundCredential } from "../kv-store.ts";
import { type Binding, type KeyRing, missingKey, openedOrNull, sha256, tryOpen } from "../lib/key-ring.ts";
import { toAsciiLowerCase } from "../lib/ascii.ts";
import { readJson, unavailable, type Upstream } from "../lib/upstream.ts";
import { coversSignIn, OAuthError, refreshAccessToken, scopesInUse, toAccessToken } from "../oauth.ts";
import { accessBlocked } from "../oauth/access-blocked.ts";
import { delegatedAccessToken } from "../oauth/service-account.ts";
import { accountNotAllowed, isAllowedAccount } from "../oauth/accounts.ts";
import type { Database } from "./database.ts";
import type { Disconnected, Renewed, ResealOutcome, SignIn } from "./rpc.ts";
import { settle } from "../lib/settle.ts";
import type { SealedKv } from "../kv-store/sealed-kv.ts";
import type { Turns } from "./turns.ts";

/** KV shows a change everywhere after "60 seconds or more": by then it surely does. */
const KV_SETTLED_MS = 5 * 60 * 1000;

/** Names in `meta`. */
const META = {
  /** Set by a disconnect until the next sign-in: there is no grant, whatever KV says. */
  gone: "grant_gone",
  /** The credential that was written last, sealed as in KV, and until when KV may not know it. */
  recent: "recent_credential",
  /** SHA-256 of the refresh token that Google has called dead. */
  dead: "dead_token",
  accessToken: "access_token",
  /** Whose mailbox the service account opens, as JSON: {@link DelegatedSchema}. */
  delegated: "delegated",
} as const;

export interface GrantParts {
  readonly config: Config;
  readonly database: Database;
  readonly keyRing: KeyRing;
  readonly kv: SealedKv;
  readonly store: CredentialStore;
  /** In hexadecimal. */
  readonly objectId: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** The calls of one refresh. */
  readonly openUpstream: () => Upstream;
  /** Logs what an operator should know. */
  readonly warn: (detail: string) => void;
  /** Lets work go on beside the answer, and logs where it fails. */
  readonly defer: (work: Promise<unknown>) => void;
  /** What changes the grant. */
  readonly turns: Turns;
}

export class ObjectGrant {
  readonly #parts: GrantParts;
  /** Undefined until it is asked for. */
  #accessToken: AccessToken | null | undefined;
  #refreshing: Promise<AccessToken> | null = null;
  /** What a sign-in in progress will ask for. */
  #woken: Promise<PromiseSettledResult<FoundCredential | null>> | null = null;
  /** Grows when a grant ends or another one takes its place: what was asked with the one before is not kept. */
  #generation = 0;

  constructor(parts: GrantParts) {
    this.#parts = parts;
  }

  /** Reads the stored credential, while a sign-in asks Google who it is. */
  wake(sub: string): void {
    this.#woken = settle(this.#find(sub, null));
  }

  /**
   * Keeps the grant of a sign-in: stores the refresh token that came, or relies on the stored one.
   *
   * @returns false where none is usable
   * @throws AppError `STORAGE_UNAVAILABLE`
   */
  async keep(request: SignIn): Promise<boolean> {
    const { config } = this.#parts;
    const found = await this.#storedForSignIn(request);
    if (request.delegated) {
      await this.#keepDelegated(request);
      // No refresh token is kept for who needs none.
      if (found !== null) await this.#parts.store.deleteCredential(request.identity.sub);
      return true;
    }
    if (request.refreshToken !== null) {
      await this.#write(toCredential(request, request.refreshToken, { found, clientId: config.google.clientId }));
      return true;
    }
    if (found === null) return false;
    const { credential, isOutdated } = found;
    if (credential.clientId !== config.google.clientId) return false;
    if (!coversSignIn(credential.scopes, config.google.scopes, [...request.scopes])) return false;
    if (await this.#isDead(credential.refreshToken)) return false;
    if (isOutdated) this.#storeLater(credential);
    return true;
  }

  /** A record that does not open counts as none: signing in replaces it. */
  async #storedForSignIn({ identity, refreshToken }: SignIn): Promise<FoundCredential | null> {
    const woken = this.#woken;
    this.#woken = null;
    const result = woken === null ? null : await woken;
    // What was not there, or could not be read, is looked for again where it is needed.
    if (result?.status === "fulfilled" && (result.value !== null || refreshToken !== null)) return result.value;
    const opened = await tryOpen(this.#find(identity.sub, null));
    if (opened.kind === "opened") return opened.value;
    // The person consents once more and never notices; the operator should.
    if (opened.kind === "unknown-key") this.#parts.warn(missingKey("A credential", opened.error).logDetail ?? "");
    return null;
  }

  async #write(credential: Credential): Promise<void> {
    const { database } = this.#parts;
    this.#generation += 1;
    await this.#store(credential);
    // Who has begun to refresh meanwhile has read the one before.
    this.#generation += 1;
    database.transaction(() => {
      database.set(META.gone, null);
      database.set(META.dead, null);
      database.set(META.delegated, null);
    });
  }

  async #store(credential: Credential): Promise<void> {
    const { database, now, store } = this.#parts;
    const sealed = await store.writeCredential(credential);
    this.#woken = null;
    database.set(META.recent, JSON.stringify({ sealed, untilMs: now() + KV_SETTLED_MS }));
  }

  /** Stores a newer form of the record beside the answer, unless the grant has ended by then, or another one has come. */
  #storeLater(credential: Credential): void {
    const { defer, turns } = this.#parts;
    const generation = this.#generation;
    defer(
      turns.take(async () => {
        if (generation === this.#generation) await this.#store(credential);
      }),
    );
  }

  /** Remembers the access token of a sign-in, for programs and for work while the user is offline. */
  async remember(accessToken: AccessToken): Promise<void> {
    this.#accessToken = accessToken;
    const { database, keyRing } = this.#parts;
    const sealed = await keyRing.seal(this.#binding, accessToken, accessToken.expiresAtMs);
    if (this.#accessToken === accessToken) database.set(META.accessToken, sealed);
  }

  /** The access token that is kept, if it lasts for a request. */
  async held(): Promise<AccessToken | null> {
    const { database, keyRing, now } = this.#parts;
    if (this.#accessToken === undefined) {
      const sealed = database.get(META.accessToken);
      const opened = sealed === null ? null : await keyRing.openAs(this.#binding, sealed, now(), AccessTokenSchema);
      // Another request may have got one meanwhile, or lost it.
      if (this.#accessToken === undefined) this.#accessToken = opened;
    }
    const token = this.#accessToken ?? null;
    return isFreshEnough(token, now()) ? token : null;
  }

  /**
   * An access token.
   *
   * @param refused one that Google has refused; null where there is none, or it has expired
   * @throws AppError `CONSENT_REQUIRED`, `ACCOUNT_NOT_ALLOWED`, `ACCESS_BLOCKED`, `SCOPE_REQUIRED`, `UPSTREAM_UNAVAILABLE`,
   *   `STORAGE_UNAVAILABLE`, `INTERNAL`
   */
  async accessToken(sub: string, refused: string | null): Promise<Renewed> {
    const held = await this.held();
    const byService = this.#delegated() !== null;
    if (held !== null && held.value !== refused) return { accessToken: held, isFresh: false, isDelegated: byService };
    if (held !== null) this.#dropAccessToken();
    this.#refreshing ??= this.#refresh(sub).finally(() => {
      this.#refreshing = null;
    });
    return { accessToken: await this.#refreshing, isFresh: true, isDelegated: byService };
  }

  /** The address that the stored grant came with; null where there is none. */
  async emailOf(sub: string): Promise<string | null> {
    return (await this.#find(sub, "A credential"))?.credential.email ?? null;
  }

  /** When the stored grant came, in epoch milliseconds; null where there is none that opens. */
  async consentedAtMs(sub: string): Promise<number | null> {
    return (await openedOrNull(this.#find(sub, null)))?.credential.updatedAtMs ?? null;
  }

  /** The same, and for a delegated user when they signed in last. */
  async sinceMs(sub: string): Promise<number | null> {
    return this.#delegated()?.sinceMs ?? this.consentedAtMs(sub);
  }

  /**
   * What a disconnect leaves behind: {@link end} ends the grant, {@link erase} deletes its records in KV.
   *
   * @returns the tokens to give back to Google, and the address to forget
   * @throws AppError `STORAGE_UNAVAILABLE`: nothing has changed
   */
  async read(sub: string): Promise<Disconnected & { readonly email: string | null }> {
    const found = await openedOrNull(this.#find(sub, null));
    const accessToken = (await this.held())?.value ?? null;
    const delegated = this.#delegated();
    return {
      refreshToken: found?.credential.refreshToken ?? null,
      email: delegated?.email ?? found?.credential.email ?? null,
      accessToken: delegated === null ? accessToken : null,
      wasDelegated: delegated !== null,
    };
  }

  /** Ends the grant here: nothing that KV says brings it back. */
  end(): void {
    const { database } = this.#parts;
    this.#generation += 1;
    this.#woken = null;
    this.#dropAccessToken();
    database.set(META.recent, null);
    database.set(META.dead, null);
    database.set(META.delegated, null);
    database.set(META.gone, "yes");
  }

  /** Deletes the records in KV. @throws AppError `STORAGE_UNAVAILABLE`: doing it again does the rest */
  async erase(sub: string, addresses: readonly (string | null)[]): Promise<void> {
    const { store } = this.#parts;
    await store.deleteCredential(sub);
    for (const email of new Set(addresses)) if (email !== null) await store.deleteAddress(email, sub);
  }

  /** Seals a record in KV again, under the key that seals now. @throws SealError where it does not open */
  async reseal(
    sub: string,
    { purpose, key }: { purpose: "credential" | "address"; key: string },
  ): Promise<ResealOutcome> {
    const { kv } = this.#parts;
    // The credential that was written last, which KV may not tell yet.
    const found = await this.#find(sub, null);
    if (found === null && this.#delegated() === null) return "dead";
    const sealed = await kv.get(key);
    if (sealed === null) return "dead";
    if (kv.keyRing.isActive(sealed)) return "current";
    if (purpose === "address" || found === null) await kv.reseal(purpose, { key, sealed });
    else if (await this.#isDead(found.credential.refreshToken)) return "dead";
    else await this.#store(found.credential);
    return "resealed";
  }

  /** The access token opens in this object only. */
  get #binding(): Binding {
    return { purpose: "access-token", owner: this.#parts.objectId };
  }

  #dropAccessToken(): void {
    this.#accessToken = null;
    this.#parts.database.set(META.accessToken, null);
  }

  /** @param what names the credential, if a missing key is an error for the operator. @throws SealError where `what` is null */
  async #find(sub: string, what: string | null): Promise<FoundCredential | null> {
    const { database, now, store } = this.#parts;
    if (database.get(META.gone) !== null) return null;
    const recent = parseRecent(database.get(META.recent));
    const finding =
      recent !== null && recent.untilMs > now() ? store.openCredential(sub, recent.sealed) : store.findCredential(sub);
    return what === null ? finding : openedOrNull(finding, what);
  }

  /** What is stored, if it may be used; null where only consent helps. */
  async #usable(sub: string): Promise<FoundCredential | null> {
    const { config } = this.#parts;
    // The operator can add a key that is missing; consenting again would only hide it.
    const found = await this.#find(sub, "A credential");
    if (found === null || found.credential.clientId !== config.google.clientId) return null;
    if (!isAllowedAccount(config.allowedAccounts, found.credential)) throw accountNotAllowed();
    // A record with none of the configured scopes counts as absent.
    if (scopesInUse(config.google.scopes, found.credential.scopes).length === 0) return null;
    return (await this.#isDead(found.credential.refreshToken)) ? null : found;
  }

  async #isDead(refreshToken: string): Promise<boolean> {
    const { database, store } = this.#parts;
    const dead = database.get(META.dead);
    if (dead !== null && dead === (await sha256(refreshToken))) return true;
    return store.isNamedDead(refreshToken);
  }

  async #refresh(sub: string): Promise<AccessToken> {
    const { config, now, openUpstream } = this.#parts;
    const generation = this.#generation;
    const delegated = this.#delegated();
    if (delegated !== null) return this.#delegatedAccess(sub, delegated, generation);
    const found = await this.#usable(sub);
    if (found === null) throw consentRequired(sub);
    const { credential } = found;
    const { refreshToken } = credential;
    // A grant may hold more than is asked for now, from the time before, or for another part of the same project.
    const scopes = scopesInUse(config.google.scopes, credential.scopes);
    try {
      const response = await refreshAccessToken(openUpstream(), config.google, { refreshToken, scopes });
      const accessToken = toAccessToken(response, now());
      // A grant that has ended meanwhile stays ended; a new one has its own access token.
      if (generation !== this.#generation) return this.#afterChange(sub);
      await this.remember(accessToken);
      // RFC 6749 §6: a refresh token that comes with a refresh replaces the one before. The record keeps the time of its
      // consent.
      const isReplaced = response.refreshToken !== null && response.refreshToken !== refreshToken;
      if (isReplaced || found.isOutdated) {
        this.#storeLater({ ...credential, refreshToken: response.refreshToken ?? refreshToken });
      }
      return accessToken;
    } catch (error) {
      if (!(error instanceof OAuthError)) throw error;
      if (generation !== this.#generation) return this.#afterChange(sub);
      throw await this.#refused(error, credential);
    }
  }

  #delegated(): Delegated | null {
    const { config, database } = this.#parts;
    const text = database.get(META.delegated);
    if (text === null) return null;
    const delegated = DelegatedSchema.parse(JSON.parse(text));
    // A domain that the operator has taken away counts at once.
    const isAllowed = isAllowedAccount(config.allowedAccounts, { ...delegated, emailVerified: true });
    return isAllowed && isDelegated(config, delegated.hostedDomain) ? delegated : null;
  }

  /** The service account's access to a mailbox, once that is known to be the user's own. */
  async #keepDelegated({ identity: { email }, hostedDomain, session }: SignIn): Promise<void> {
    const { config, database, openUpstream } = this.#parts;
    if (email === null) throw notTheirs();
    this.#generation += 1;
    const delegated: Delegated = { email, hostedDomain, sinceMs: session.signedInAtMs };
    const upstream = openUpstream();
    const accessToken = await this.#assert(delegated, upstream);
    const headers = new Headers({ Authorization: `Bearer ${accessToken.value}` });
    const url = `${config.gmailApiUrl}/gmail/v1/users/me/profile?fields=emailAddress`;
    const response = await upstream.fetch(url, { headers }, { endpoint: "Gmail" });
    if (response.status !== 200) throw unavailable("Gmail", response);
    const { emailAddress } = await readJson(response, ProfileSchema, "Gmail");
    if (toAsciiLowerCase(emailAddress) !== toAsciiLowerCase(email)) throw notTheirs();
    database.transaction(() => {
      database.set(META.delegated, JSON.stringify(delegated));
      database.set(META.recent, null);
      database.set(META.gone, null);
    });
    await this.remember(accessToken);
  }

  async #delegatedAccess(sub: string, delegated: Delegated, generation: number): Promise<AccessToken> {
    const { database, store } = this.#parts;
    // Google finds the mailbox by the address, which may have gone to somebody else who has signed in here since.
    if ((await openedOrNull(store.readAddress(delegated.email), "An address")) !== sub) {
      database.set(META.delegated, null);
      throw consentRequired(sub);
    }
    const accessToken = await this.#assert(delegated, this.#parts.openUpstream());
    if (generation === this.#generation) await this.remember(accessToken);
    return accessToken;
  }

  async #assert({ email }: Delegated, upstream: Upstream): Promise<AccessToken> {
    const { config, now } = this.#parts;
    if (config.delegation === null) throw notTheirs();
    const { serviceAccount } = config.delegation;
    const user = { email, scopes: config.google.scopes, nowMs: now() };
    return toAccessToken(await delegatedAccessToken(upstream, config.google, serviceAccount, user), now());
  }

  async #afterChange(sub: string): Promise<AccessToken> {
    return (await this.held()) ?? this.#refresh(sub);
  }

  /** Only `invalid_grant` ends a grant. What is stored stays: signing in again replaces it. */
  async #refused(error: OAuthError, { sub, email, refreshToken }: Credential): Promise<AppError> {
    // The grant no longer holds what it was stored with. It is as good as before for what it does hold.
    if (error.code === "invalid_scope") return scopeMissing({ logDetail: `refresh: ${error.code}`, cause: error });
    const blocked = accessBlocked(error);
    if (blocked !== null) return blocked;
    if (error.code !== "invalid_grant") {
      return new AppError("UPSTREAM_UNAVAILABLE", "Google refused to refresh the access. Try again in a moment.", {
        logDetail: `refresh: ${error.code}`,
        cause: error,
      });
    }
    this.#parts.database.set(META.dead, await sha256(refreshToken));
    return consentRequired(email ?? sub);
  }
}

/** Whose mailbox the service account opens: the verified address, `hd` of the ID token, and when that was. */
const DelegatedSchema = z.object({ email: z.string(), hostedDomain: z.nullable(z.string()), sinceMs: z.int() });
type Delegated = z.infer<typeof DelegatedSchema>;

const ProfileSchema = z.object({ emailAddress: z.string() });

/** Never another one's mail, whatever the service account may open. */
function notTheirs(): AppError {
  return new AppError("ACCESS_BLOCKED", "Your organization's access does not open a mailbox of this address.", {
    signInAgain: { prompt: "select_account" },
  });
}

function toCredential(
  { identity, emailVerified, hostedDomain, scopes, session }: SignIn,
  refreshToken: string,
  { found, clientId }: { found: FoundCredential | null; clientId: string },
): Credential {
  return {
    version: 1,
    sub: identity.sub,
    email: identity.email,
    emailVerified,
    hostedDomain,
    refreshToken,
    scopes: [...scopes],
    clientId,
    createdAtMs: found?.credential.createdAtMs ?? session.signedInAtMs,
    updatedAtMs: session.signedInAtMs,
  };
}

function parseRecent(text: string | null): { sealed: string; untilMs: number } | null {
  return text === null ? null : JSON.parse(text);
}
