/**
 * A user's grant at rest: credentials by user, addresses, access tokens that do not fit in their cookie, and the
 * markers of dead refresh tokens. Everything secret is sealed, bound to its KV key: docs/storage-schema.md. Access to KV
 * itself is kv-store/sealed-kv.ts.
 *
 * A KV read may be a minute old, and there is no compare-and-set. So a credential is replaced only by a newer refresh
 * token from Google, or by itself under another key ({@link CredentialStore.reseal}).
 */
import * as z from "zod/mini";
import { type AccessToken, AccessTokenSchema } from "./identity.ts";
import { openedOrNull, SealError, sha512 } from "./lib/key-ring.ts";
import type { LruCache } from "./isolate/lru-cache.ts";
import { isFresh, latestEndMs, userMarkKeys } from "./kv-store/revocations.ts";
import type { SealedKv } from "./kv-store/sealed-kv.ts";
import { type SessionKey, storageKeys, type TokenIdentifierAlgorithm } from "./kv-store/key-names.ts";

/** A user's stored grant, as sealed under `credential:<sub>`. Times are epoch milliseconds. */
export const CredentialSchema = z.object({
  version: z.literal(1),
  sub: z.string(),
  email: z.nullable(z.string()),
  emailVerified: z.boolean(),
  /** `hd` of the ID token: the Workspace domain that runs the account. */
  hostedDomain: z.nullable(z.string()),
  refreshToken: z.string().check(z.minLength(1)),
  /** Granted scopes, as Google named them. */
  scopes: z.array(z.string()),
  /** The OAuth client that the grant was given to. */
  clientId: z.string(),
  createdAtMs: z.int(),
  updatedAtMs: z.int(),
});

export type Credential = z.infer<typeof CredentialSchema>;

/** A credential as it was read. */
export interface FoundCredential {
  readonly credential: Credential;
  /** Sealed under an older key than the active one. */
  readonly isOutdated: boolean;
}

/**
 * What became of re-sealing a credential. `current`: it was under the active key already. `dead`: its refresh token is, so
 * that it is of no use under any key. `changing`: its user has just consented again or ended sessions, and KV may not know
 * it everywhere yet.
 */
export type ResealOutcome = "current" | "resealed" | "dead" | "changing";

/** Google lets an unused refresh token die after six months; a dead one need not be remembered for longer. */
const DEAD_TOKEN_TTL_SECONDS = 180 * 24 * 60 * 60;
/** Characters of a refresh token that Google's security events call its prefix. */
const TOKEN_PREFIX_CHARACTERS = 16;

/** One request's view of the grants. `null` means "not there"; a value that does not open throws SealError. */
export class CredentialStore {
  readonly #kv: SealedKv;
  readonly #deadTokens: LruCache<true>;

  /** @param deadTokens dead refresh tokens that the isolate remembers: it may not read back its own marker for a minute */
  constructor(kv: SealedKv, deadTokens: LruCache<true>) {
    this.#kv = kv;
    this.#deadTokens = deadTokens;
  }

  /** The stored credential of a user, or null. @throws SealError, AppError `STORAGE_UNAVAILABLE` */
  async readCredential(sub: string): Promise<Credential | null> {
    return (await this.findCredential(sub))?.credential ?? null;
  }

  /** The same, and whether it is to be re-sealed. */
  async findCredential(sub: string): Promise<FoundCredential | null> {
    const sealed = await this.#kv.get(storageKeys.credential(sub));
    return sealed === null ? null : this.openCredential(sub, sealed);
  }

  /** Opens the credential of a user that was read. @throws SealError */
  async openCredential(sub: string, sealed: string): Promise<FoundCredential> {
    const key = storageKeys.credential(sub);
    const credential = await this.#kv.open("credential", { key, sealed }, CredentialSchema);
    if (credential.sub !== sub) throw new SealError("wrong-binding", null);
    return { credential, isOutdated: !this.#kv.keyRing.isActive(sealed) };
  }

  /** Stores a credential; it has a refresh token by its type, so a missing one can never replace a stored one. */
  async writeCredential(credential: Credential): Promise<void> {
    await this.#kv.putSealed("credential", storageKeys.credential(credential.sub), credential);
  }

  /**
   * Writes a credential back under the active key, where it was read under an older one. What a disconnect deleted does
   * not come back: it marks the refresh token as dead before it deletes. Neither does a new consent get lost: it marks
   * the user, and while that mark is fresh, what was read may be older than what is stored.
   */
  async reseal({ credential, isOutdated }: FoundCredential): Promise<ResealOutcome> {
    return isOutdated ? this.#writeBack(credential, credential) : "current";
  }

  /** @param read what was read. Used to detect a newer consent or a disconnect */
  async #writeBack(read: Credential, credential: Credential): Promise<ResealOutcome> {
    const obstacle = await this.#obstacle(read);
    if (obstacle !== null) return obstacle;
    await this.writeCredential(credential);
    if ((await this.#obstacle(read)) !== "dead") return "resealed";
    await this.#kv.delete(storageKeys.credential(credential.sub));
    return "dead";
  }

  /**
   * Stores the refresh token that Google has put in place of one that was read, unless the grant was ended or renewed
   * meanwhile, as {@link reseal} does. The record keeps the time of its consent.
   */
  async replaceRefreshToken(read: Credential, refreshToken: string): Promise<ResealOutcome> {
    return this.#writeBack(read, { ...read, refreshToken });
  }

  /** Why a credential must not be written now. One storage operation. */
  async #obstacle({ sub, refreshToken, updatedAtMs }: Credential): Promise<"dead" | "changing" | null> {
    const userKeys = userMarkKeys(sub);
    const marks = await this.#kv.getMany([...userKeys, ...(await deadTokenKeys(refreshToken))]);
    if (marks.slice(userKeys.length).some((mark) => mark !== null)) return "dead";
    const endMs = latestEndMs(marks.slice(0, userKeys.length));
    return endMs >= updatedAtMs && isFresh(endMs, this.#kv.now()) ? "changing" : null;
  }

  /** Remembers which user has an address, for those who ask by it. The newest one to sign in with it counts. */
  async writeAddress(email: string, sub: string): Promise<void> {
    await this.#kv.putSealed("address", await storageKeys.address(email), sub);
  }

  /** The user who has an address, or null. @throws as {@link readCredential} */
  async readAddress(email: string): Promise<string | null> {
    return this.#kv.getSealed("address", await storageKeys.address(email), z.string());
  }

  /** Forgets that a user has an address, unless it has gone to another one meanwhile. */
  async deleteAddress(email: string, sub: string): Promise<void> {
    if ((await openedOrNull(this.readAddress(email))) === sub) await this.#kv.delete(await storageKeys.address(email));
  }

  /**
   * Deletes a user's credential. Its refresh token is remembered as dead first, so that a place which still reads the
   * old record does not use it.
   */
  async deleteCredential(sub: string, refreshToken: string | null): Promise<void> {
    if (refreshToken !== null) await this.markDead(refreshToken);
    await this.#kv.delete(storageKeys.credential(sub));
  }

  /**
   * Whether a refresh token is known to be dead: Google has answered `invalid_grant` to it, or has sent a security
   * event about it, or its owner has disconnected. One storage operation, or none where this isolate marked it.
   */
  async isDead(refreshToken: string): Promise<boolean> {
    if (this.#deadTokens.get(refreshToken)) return true;
    const marks = await this.#kv.getMany(await deadTokenKeys(refreshToken));
    return marks.some((mark) => mark !== null);
  }

  /** Remembers by its hash that a refresh token is dead. */
  async markDead(refreshToken: string): Promise<void> {
    this.#deadTokens.set(refreshToken, true);
    await this.#mark(await storageKeys.deadToken(refreshToken));
  }

  /** Remembers that the refresh token which Google calls so is dead. Whose it is need not be known. */
  async markIdentifierDead(algorithm: TokenIdentifierAlgorithm, identifier: string): Promise<void> {
    await this.#mark(await storageKeys.deadTokenIdentifier(algorithm, identifier));
  }

  async #mark(key: string): Promise<void> {
    const nowMs = this.#kv.now();
    await this.#kv.put(key, new Date(nowMs).toISOString(), nowMs + DEAD_TOKEN_TTL_SECONDS * 1000);
  }

  /** The access token that was too long for the cookie of a session, or null. */
  async readAccessToken(session: SessionKey): Promise<AccessToken | null> {
    return this.#kv.getSealed("access-token", storageKeys.accessToken(session), AccessTokenSchema);
  }

  /** Keeps an access token for a session until it expires. */
  async writeAccessToken(session: SessionKey, accessToken: AccessToken): Promise<void> {
    await this.#kv.putSealed("access-token", storageKeys.accessToken(session), accessToken, accessToken.expiresAtMs);
  }

  /** Forgets the access token of a session. */
  async deleteAccessToken(session: SessionKey): Promise<void> {
    await this.#kv.delete(storageKeys.accessToken(session));
  }

  /** Forgets the access tokens of all sessions of a user. */
  async deleteAccessTokens(sub: string): Promise<void> {
    for (const key of await this.#kv.listAll(storageKeys.accessTokens(sub))) await this.#kv.delete(key);
  }
}

/** The keys of all marks that say that a refresh token is dead. */
async function deadTokenKeys(refreshToken: string): Promise<string[]> {
  return Promise.all([storageKeys.deadToken(refreshToken), ...(await identifierKeys(refreshToken))]);
}

/**
 * What a security event may call a refresh token: its prefix, or base64 of SHA-512 of its SHA-512. Google does not say
 * whether the inner hash is taken raw or as hex, so both count.
 */
async function identifierKeys(refreshToken: string): Promise<Promise<string>[]> {
  const inner = await sha512(new TextEncoder().encode(refreshToken));
  const hashes = [await sha512(inner), await sha512(new TextEncoder().encode(toHex(inner)))];
  return [
    storageKeys.deadTokenIdentifier("prefix", refreshToken.slice(0, TOKEN_PREFIX_CHARACTERS)),
    ...hashes.map((hash) => storageKeys.deadTokenIdentifier("hash_base64_sha512_sha512", toBase64(hash))),
  ];
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}
