/**
 * A user's grant, as their object keeps it: the credential, which object/records.ts stores, and the access token that it
 * brings. One refresh for all who need it, everywhere: who comes while one is in progress waits for it.
 */
import * as z from "zod/mini";
import { type Config, isDelegated } from "../config.ts";
import { AppError, consentRequired, scopeMissing } from "../errors.ts";
import { type AccessToken, AccessTokenSchema, isFreshEnough } from "../identity.ts";
import type { Credential, FoundCredential } from "../kv-store.ts";
import { type Binding, type KeyRing, missingKey, openedOrNull, sha256, tryOpen } from "../lib/key-ring.ts";
import { toAsciiLowerCase } from "../lib/ascii.ts";
import { readJson, unavailable, type Upstream } from "../lib/upstream.ts";
import { coversSignIn, OAuthError, refreshAccessToken, scopesInUse, toAccessToken } from "../oauth.ts";
import { accessBlocked } from "../oauth/access-blocked.ts";
import { delegatedAccessToken } from "../oauth/service-account.ts";
import { accountNotAllowed, isAllowedAccount } from "../oauth/accounts.ts";
import type { Records, RecordsParts } from "./records.ts";
import type { Disconnected, Renewed, ResealOutcome, SignIn } from "./rpc.ts";
import { settle } from "../lib/settle.ts";
import type { SealedKv } from "../kv-store/sealed-kv.ts";
import type { Turns } from "./turns.ts";

/** Names in `meta`. */
const META = {
  /** SHA-256 of the refresh token that Google has called dead. */
  dead: "dead_token",
  accessToken: "access_token",
  /** Whose mailbox the service account opens, as JSON: {@link DelegatedSchema}. */
  delegated: "delegated",
} as const;

export interface GrantParts extends RecordsParts {
  readonly config: Config;
  readonly keyRing: KeyRing;
  readonly kv: SealedKv;
  readonly records: Records;
  /** In hexadecimal. */
  readonly objectId: string;
  /** The calls of one refresh. */
  readonly openUpstream: () => Upstream;
  /** Logs what an operator should know. */
  readonly warn: (detail: string) => void;
  /** Lets work go on beside the answer, and logs where it fails. */
  readonly defer: (work: Promise<unknown>) => void;
  /** What changes the grant. */
  readonly turns: Turns;
}

/** Makes what a sign-in brings the grant in force, in the transaction that begins the session. @returns the access token */
type Keep = () => AccessToken | null;

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
   * Prepares the grant of a sign-in: seals the refresh token that came, or relies on the stored one. Changes nothing yet.
   *
   * @returns null where none is usable
   * @throws AppError `STORAGE_UNAVAILABLE` where the stored one cannot be read
   */
  async prepare(request: SignIn): Promise<Keep | null> {
    const { config, database, store } = this.#parts;
    const { accessToken, delegated, identity, refreshToken, scopes } = request;
    const found = await this.#storedForSignIn(request);
    if (delegated) return this.#prepareDelegated(request, found);
    if (refreshToken !== null) {
      const credential = toCredential(request, refreshToken, { found, clientId: config.google.clientId });
      const sealed = await store.sealCredential(credential);
      return () => {
        this.#generation += 1;
        this.#store(identity.sub, sealed);
        database.set(META.dead, null);
        database.set(META.delegated, null);
        return accessToken;
      };
    }
    if (found === null) return null;
    const { credential, isOutdated } = found;
    if (credential.clientId !== config.google.clientId) return null;
    if (!coversSignIn(credential.scopes, config.google.scopes, [...scopes])) return null;
    if (await this.#isDead(credential.refreshToken)) return null;
    const sealed = isOutdated ? await store.sealCredential(credential) : null;
    return () => {
      if (sealed !== null) this.#store(identity.sub, sealed);
      return accessToken;
    };
  }

  /** A record that does not open counts as none: signing in replaces it. */
  async #storedForSignIn({ delegated, identity, refreshToken }: SignIn): Promise<FoundCredential | null> {
    const woken = this.#woken;
    this.#woken = null;
    const isReplaced = refreshToken !== null && !delegated;
    // What is replaced is not waited for: it may be known by now.
    const result = await (isReplaced ? Promise.race([woken, Promise.resolve(null)]) : woken);
    const known = result?.status === "fulfilled" ? result.value : null;
    // What was not there, or could not be read, is looked for again where it is needed.
    if (known !== null || isReplaced) return known;
    const opened = await tryOpen(this.#find(identity.sub, null));
    if (opened.kind === "opened") return opened.value;
    // The person consents once more and never notices; the operator should.
    if (opened.kind === "unknown-key") this.#parts.warn(missingKey("A credential", opened.error).logDetail ?? "");
    return null;
  }

  #store(sub: string, sealed: string): void {
    this.#woken = null;
    this.#parts.records.decide(sub, { credential: sealed });
  }

  /** Stores a newer form of the record, unless the grant has ended by then, or another one has come. */
  async #storeNewer(credential: Credential, generation: number): Promise<void> {
    const { defer, records, store, turns } = this.#parts;
    await turns.take(async () => {
      const sealed = await store.sealCredential(credential);
      if (generation === this.#generation) this.#store(credential.sub, sealed);
    });
    defer(records.write());
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
   * What a disconnect ends.
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

  /** Ends the grant; its records are not touched. */
  end(): void {
    const { database } = this.#parts;
    this.#generation += 1;
    this.#woken = null;
    this.#dropAccessToken();
    database.set(META.dead, null);
    database.set(META.delegated, null);
  }

  /** Seals a record again, under the key that seals now. @throws SealError where it does not open */
  async reseal(
    sub: string,
    { purpose, key }: { purpose: "credential" | "address"; key: string },
  ): Promise<ResealOutcome> {
    const { kv, store } = this.#parts;
    const found = await this.#find(sub, null);
    if (found === null && this.#delegated() === null) return "dead";
    const sealed = await kv.get(key);
    if (sealed === null) return "dead";
    if (kv.keyRing.isActive(sealed)) return "current";
    if (purpose === "address" || found === null) await kv.reseal(purpose, { key, sealed });
    else if (await this.#isDead(found.credential.refreshToken)) return "dead";
    else this.#store(sub, await store.sealCredential(found.credential));
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
    const { records, store } = this.#parts;
    const newest = records.newest();
    if (newest === null) return null;
    const finding = newest === undefined ? store.findCredential(sub) : store.openCredential(sub, newest);
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
      // RFC 6749 §6: a refresh token that comes with a refresh replaces the one before. The record keeps the time of its
      // consent.
      const isReplaced = response.refreshToken !== null && response.refreshToken !== refreshToken;
      if (isReplaced || found.isOutdated) {
        await this.#storeNewer({ ...credential, refreshToken: response.refreshToken ?? refreshToken }, generation);
      }
      // A grant that has ended meanwhile stays ended; a new one has its own access token.
      if (generation !== this.#generation) return this.#afterChange(sub);
      await this.remember(accessToken);
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
  async #prepareDelegated(
    { identity: { email, sub }, hostedDomain, session }: SignIn,
    found: FoundCredential | null,
  ): Promise<Keep> {
    const { config, database, openUpstream, records } = this.#parts;
    if (email === null) throw notTheirs();
    const delegated: Delegated = { email, hostedDomain, sinceMs: session.signedInAtMs };
    const upstream = openUpstream();
    const accessToken = await this.#assert(delegated, upstream);
    const headers = new Headers({ Authorization: `Bearer ${accessToken.value}` });
    const url = `${config.gmailApiUrl}/gmail/v1/users/me/profile?fields=emailAddress`;
    const response = await upstream.fetch(url, { headers }, { endpoint: "Gmail" });
    if (response.status !== 200) throw unavailable("Gmail", response);
    const { emailAddress } = await readJson(response, ProfileSchema, "Gmail");
    if (toAsciiLowerCase(emailAddress) !== toAsciiLowerCase(email)) throw notTheirs();
    return () => {
      this.#generation += 1;
      database.set(META.delegated, JSON.stringify(delegated));
      // No refresh token is kept for who needs none.
      if (found !== null) records.decide(sub, { credential: null });
      return accessToken;
    };
  }

  async #delegatedAccess(sub: string, delegated: Delegated, generation: number): Promise<AccessToken> {
    const { database, records, store } = this.#parts;
    // Google finds the mailbox by the address, which may have gone to somebody else who has signed in here since.
    const isOwed = records.owesAddress(delegated.email);
    const holder = await openedOrNull(store.readAddress(delegated.email), "An address");
    if (holder !== sub && (holder !== null || !isOwed)) {
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
