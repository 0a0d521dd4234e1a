/**
 * A user's grant at rest: the credential by user, and the user by address. Everything secret is sealed, bound to its KV key:
 * docs/storage-schema.md. Access to KV itself is kv-store/sealed-kv.ts.
 *
 * Only the object of a user writes and deletes these records: object/records.ts.
 */
import * as z from "zod/mini";
import { openedOrNull, SealError, sha512 } from "./lib/key-ring.ts";
import type { SealedKv } from "./kv-store/sealed-kv.ts";
import { storageKeys, type TokenIdentifierAlgorithm } from "./kv-store/key-names.ts";

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

/** Google lets an unused refresh token die after six months; a dead one need not be remembered for longer. */
const DEAD_TOKEN_TTL_SECONDS = 180 * 24 * 60 * 60;
/** Characters of a refresh token that Google's security events call its prefix. */
const TOKEN_PREFIX_CHARACTERS = 16;

/** `null` means "not there"; a value that does not open throws SealError, an outage AppError `STORAGE_UNAVAILABLE`. */
export class CredentialStore {
  readonly #kv: SealedKv;

  constructor(kv: SealedKv) {
    this.#kv = kv;
  }

  /** The stored credential of a user, or null. */
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

  /** Seals a credential as it is stored. */
  async sealCredential(credential: Credential): Promise<string> {
    return this.#kv.keyRing.seal({ purpose: "credential", owner: storageKeys.credential(credential.sub) }, credential);
  }

  /** Stores a credential; it has a refresh token by its type, so a missing one can never replace a stored one. */
  async writeCredential(credential: Credential): Promise<void> {
    await this.#kv.putSealed("credential", storageKeys.credential(credential.sub), credential);
  }

  async deleteCredential(sub: string): Promise<void> {
    await this.#kv.delete(storageKeys.credential(sub));
  }

  /** Remembers which user has an address, for those who ask by it. The newest one to sign in with it counts. */
  async writeAddress(email: string, sub: string): Promise<void> {
    await this.#kv.putSealed("address", await storageKeys.address(email), sub);
  }

  /** The user who has an address, or null. */
  async readAddress(email: string): Promise<string | null> {
    return this.#kv.getSealed("address", await storageKeys.address(email), z.string());
  }

  /** Forgets that a user has an address, unless it has gone to another one meanwhile. */
  async deleteAddress(email: string, sub: string): Promise<void> {
    if ((await openedOrNull(this.readAddress(email))) === sub) await this.#kv.delete(await storageKeys.address(email));
  }

  /** Whether a security event has named a refresh token as dead. One storage operation. */
  async isNamedDead(refreshToken: string): Promise<boolean> {
    const marks = await this.#kv.getMany(await identifierKeys(refreshToken));
    return marks.some((mark) => mark !== null);
  }

  /** Remembers that the refresh token which Google calls so is dead. Whose it is need not be known. */
  async markIdentifierDead(algorithm: TokenIdentifierAlgorithm, identifier: string): Promise<void> {
    const nowMs = this.#kv.now();
    const key = await storageKeys.deadTokenIdentifier(algorithm, identifier);
    await this.#kv.put(key, new Date(nowMs).toISOString(), nowMs + DEAD_TOKEN_TTL_SECONDS * 1000);
  }
}

/**
 * What a security event may call a refresh token: its prefix, or base64 of SHA-512 of its SHA-512. Google does not say
 * whether the inner hash is taken raw or as hex, so both count.
 */
async function identifierKeys(refreshToken: string): Promise<string[]> {
  const inner = await sha512(new TextEncoder().encode(refreshToken));
  const hashes = [await sha512(inner), await sha512(new TextEncoder().encode(toHex(inner)))];
  return Promise.all([
    storageKeys.deadTokenIdentifier("prefix", refreshToken.slice(0, TOKEN_PREFIX_CHARACTERS)),
    ...hashes.map((hash) => storageKeys.deadTokenIdentifier("hash_base64_sha512_sha512", toBase64(hash))),
  ]);
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}
