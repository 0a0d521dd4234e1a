/**
 * What is kept in Workers KV: credentials by user, access tokens that outgrew their cookie, and the hashes of refresh
 * tokens that Google has declared dead. Everything secret is sealed, bound to its KV key. This module alone knows the
 * keys, forms and lifetimes: docs/storage-schema.md.
 *
 * KV is eventually consistent and has no compare-and-set: a read may be a minute old. So nothing here writes a record
 * back after reading it, and a credential is replaced only by a newer refresh token from Google.
 */
import * as z from "zod/mini";
import { AppError } from "./errors.ts";
import { type KeyRing, type Purpose, SealError, sha256 } from "./keys.ts";
import type { Trace } from "./trace.ts";

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

/** An access token that did not fit in the session cookie, as sealed under `access-token:<session ID>`. */
export const AccessTokenSchema = z.object({
  value: z.string().check(z.minLength(1)),
  expiresAtMs: z.int(),
});

export type AccessToken = z.infer<typeof AccessTokenSchema>;

/** KV refuses shorter lifetimes. https://developers.cloudflare.com/kv/api/write-key-value-pairs/#expiring-keys */
const MIN_TTL_SECONDS = 60;
/** Google lets an unused refresh token die after six months; a dead one need not be remembered for longer. */
const DEAD_TOKEN_TTL_SECONDS = 180 * 24 * 60 * 60;
/** How long a place may rely on what it read of revocations: the least that KV allows, and half of what we promise. */
const REVOCATION_CACHE_SECONDS = 30;
/** KV takes one write a second to a key; a second sign-in at the same moment waits for its turn. */
const WRITE_RETRY_MS = 1_100;

/** The KV keys. */
export const storageKeys = {
  credential: (sub: string) => `credential:${sub}`,
  accessToken: (session: SessionKey) => `${storageKeys.accessTokens(session.sub)}${session.id}`,
  /** Prefix of the access tokens of all sessions of a user, and of no other user whose `sub` begins alike. */
  accessTokens: (sub: string) => `access-token:${encodeURIComponent(sub)}:`,
  /** Which user has an address. */
  address: async (email: string) => `address:${await sha256(email.toLowerCase())}`,
  deadToken: async (refreshToken: string) => `dead-token:${await sha256(refreshToken)}`,
  revokedSession: (session: SessionKey) => `revoked-session:${session.id}`,
  revokedUser: (sub: string) => `revoked-user:${sub}`,
};

/** What a session is known by in storage. */
export interface SessionKey {
  readonly id: string;
  readonly sub: string;
}

export interface CredentialStoreOptions {
  readonly kv: KVNamespace;
  readonly keyRing: KeyRing;
  readonly trace: Trace;
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
}

/**
 * One request's view of the store. `null` means "not there"; an outage throws `STORAGE_UNAVAILABLE`, and a value that
 * does not open throws SealError.
 */
export class CredentialStore {
  readonly #options: CredentialStoreOptions;

  constructor(options: CredentialStoreOptions) {
    this.#options = options;
  }

  /** The stored credential of a user, or null. @throws SealError, AppError `STORAGE_UNAVAILABLE` */
  async readCredential(sub: string): Promise<Credential | null> {
    const record = await this.#readSealed("credential", storageKeys.credential(sub), CredentialSchema);
    if (record !== null && record.sub !== sub) throw new SealError("wrong-binding", null);
    return record;
  }

  /** Stores a credential; it has a refresh token by its type, so a missing one can never replace a stored one. */
  async writeCredential(credential: Credential): Promise<void> {
    const key = storageKeys.credential(credential.sub);
    const sealed = await this.#options.keyRing.seal({ purpose: "credential", owner: key }, credential);
    await this.#write(key, sealed);
  }

  /** Remembers which user has an address, for those who ask by it. The newest one to sign in with it counts. */
  async writeAddress(email: string, sub: string): Promise<void> {
    const key = await storageKeys.address(email);
    await this.#write(key, await this.#options.keyRing.seal({ purpose: "address", owner: key }, sub));
  }

  /** The user who has an address, or null. @throws as {@link readCredential} */
  async readAddress(email: string): Promise<string | null> {
    return this.#readSealed("address", await storageKeys.address(email), z.string());
  }

  /** Forgets that a user has an address, unless it has gone to another one meanwhile. */
  async deleteAddress(email: string, sub: string): Promise<void> {
    if ((await this.#addressOwner(email)) === sub) await this.#delete(await storageKeys.address(email));
  }

  async #addressOwner(email: string): Promise<string | null> {
    try {
      return await this.readAddress(email);
    } catch (error) {
      if (error instanceof SealError) return null;
      throw error;
    }
  }

  /**
   * Deletes a user's credential. Its refresh token is remembered as dead first, so that a place which still reads the
   * old record does not use it.
   */
  async deleteCredential(sub: string, refreshToken: string | null): Promise<void> {
    if (refreshToken !== null) await this.markDead(refreshToken);
    await this.#delete(storageKeys.credential(sub));
  }

  /** Whether Google has answered `invalid_grant` to this refresh token, or its owner has disconnected. */
  async isDead(refreshToken: string): Promise<boolean> {
    const key = await storageKeys.deadToken(refreshToken);
    return (await this.#storage(() => this.#options.kv.get(key))) !== null;
  }

  /** Remembers by its hash that a refresh token is dead. */
  async markDead(refreshToken: string): Promise<void> {
    const key = await storageKeys.deadToken(refreshToken);
    await this.#write(key, this.#timestamp(), DEAD_TOKEN_TTL_SECONDS);
  }

  /** The access token that was too long for the cookie of a session, or null. */
  async readAccessToken(session: SessionKey): Promise<AccessToken | null> {
    return this.#readSealed("access-token", storageKeys.accessToken(session), AccessTokenSchema);
  }

  /** Keeps an access token for a session until it expires. */
  async writeAccessToken(session: SessionKey, accessToken: AccessToken): Promise<void> {
    const key = storageKeys.accessToken(session);
    const sealed = await this.#options.keyRing.seal(
      { purpose: "access-token", owner: key },
      accessToken,
      accessToken.expiresAtMs,
    );
    await this.#write(key, sealed, this.#ttlSeconds(accessToken.expiresAtMs));
  }

  /** Forgets the access token of a session. */
  async deleteAccessToken(session: SessionKey): Promise<void> {
    await this.#delete(storageKeys.accessToken(session));
  }

  /** Forgets the access tokens of all sessions of a user. */
  async deleteAccessTokens(sub: string): Promise<void> {
    const { kv } = this.#options;
    let cursor: string | null = null;
    do {
      const options: KVNamespaceListOptions = { prefix: storageKeys.accessTokens(sub), cursor };
      const page: KVNamespaceListResult<unknown> = await this.#storage(() => kv.list(options));
      for (const { name } of page.keys) await this.#delete(name);
      cursor = page.list_complete ? null : page.cursor;
    } while (cursor !== null);
  }

  /** Ends a session everywhere. @param expiresAtMs epoch milliseconds at which it would have ended by itself */
  async revokeSession(session: SessionKey, expiresAtMs: number): Promise<void> {
    await this.#write(storageKeys.revokedSession(session), this.#timestamp(), this.#ttlSeconds(expiresAtMs));
  }

  /** Ends all sessions of a user that began until now. @param ttlSeconds how long a session may last */
  async revokeSessions(sub: string, ttlSeconds: number): Promise<void> {
    await this.#write(storageKeys.revokedUser(sub), this.#timestamp(), ttlSeconds);
  }

  /** Whether a session was ended. Known here within a minute of it. One storage operation. */
  async isRevoked(session: SessionKey & { readonly signedInAtMs: number }): Promise<boolean> {
    const bySession = storageKeys.revokedSession(session);
    const byUser = storageKeys.revokedUser(session.sub);
    const marks = await this.#storage(() =>
      this.#options.kv.get([bySession, byUser], { cacheTtl: REVOCATION_CACHE_SECONDS }),
    );
    const revokedUntil = marks.get(byUser);
    const isUserRevoked = typeof revokedUntil === "string" && Date.parse(revokedUntil) >= session.signedInAtMs;
    return isUserRevoked || typeof marks.get(bySession) === "string";
  }

  #timestamp(): string {
    return new Date(this.#options.now()).toISOString();
  }

  #ttlSeconds(expiresAtMs: number): number {
    return Math.max(MIN_TTL_SECONDS, Math.ceil((expiresAtMs - this.#options.now()) / 1000));
  }

  async #readSealed<T>(purpose: Purpose, key: string, schema: z.ZodMiniType<T>): Promise<T | null> {
    const sealed = await this.#storage(() => this.#options.kv.get(key));
    if (sealed === null) return null;
    const data = await this.#options.keyRing.open({ purpose, owner: key }, sealed, this.#options.now());
    const parsed = schema.safeParse(data);
    if (!parsed.success) throw new SealError("malformed", null);
    return parsed.data;
  }

  async #write(key: string, value: string, expirationTtl?: number): Promise<void> {
    const options = expirationTtl === undefined ? {} : { expirationTtl };
    await this.#storage(async () => {
      try {
        await this.#options.kv.put(key, value, options);
      } catch {
        await this.#options.sleep(WRITE_RETRY_MS);
        await this.#options.kv.put(key, value, options);
      }
    });
  }

  async #delete(key: string): Promise<void> {
    await this.#storage(() => this.#options.kv.delete(key));
  }

  async #storage<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await this.#options.trace.time("storage", work);
    } catch (cause) {
      throw new AppError("STORAGE_UNAVAILABLE", "Our storage cannot be reached. Try again in a moment.", { cause });
    }
  }
}
