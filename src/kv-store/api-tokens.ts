/**
 * API tokens: what programs call the API with in place of a session. A token is shown once; only its SHA-256 is
 * stored, and that is its ID. Forms, storage and lifetimes: docs/storage-schema.md.
 */
import * as z from "zod/mini";
import { type Access, ACCESS_LEVELS } from "../access.ts";
import { CHECKSUM_CHARACTERS, type KeyRing, openedOrNull, randomToken, sha256 } from "../lib/key-ring.ts";
import { type AccessToken, AccessTokenSchema, IdentitySchema } from "../identity.ts";
import { Revocations } from "./revocations.ts";
import type { SealedKv } from "./sealed-kv.ts";
import { storageKeys } from "./key-names.ts";

/** Makes a token recognizable where it was leaked, to people and to secret scanners. */
const TOKEN_PREFIX = "gmedge_";
/** The prefix, 256 random bits, and a checksum of what stands before it. */
const TOKEN_PATTERN = /^gmedge_[A-Za-z0-9_-]{63}$/;
/** The SHA-256 of a token, in base64url. */
const ID_PATTERN = /^[A-Za-z0-9_-]{43}$/;

/** Tokens that a user may have. */
export const MAX_TOKENS_PER_USER = 20;

const ApiTokenSchema = z.object({
  // Version 1 did not say which session made the token, and its tokens had no checksum: they are refused by their form.
  version: z.literal(2),
  name: z.string(),
  identity: IdentitySchema,
  /** What the user had granted when the token was made; a new consent ends it. */
  scopes: z.array(z.string()),
  access: z.enum(ACCESS_LEVELS),
  createdAtMs: z.int(),
  expiresAtMs: z.int(),
  /** The session that made it: what ends all sessions of its user ends the token, too. */
  session: z.object({ id: z.string(), signedInAtMs: z.int() }),
});

/** Who an API token speaks for, and until when. */
export type ApiToken = z.infer<typeof ApiTokenSchema>;

/** A token as its owner sees it later: without the secret. */
export interface ApiTokenInfo {
  readonly id: string;
  readonly name: string;
  readonly access: Access;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  /** `YYYY-MM-DD` in UTC; null for never. */
  readonly lastUsedOn: string | null;
}

/** What is stored of a token that a request came with. */
export interface FoundApiToken {
  readonly token: ApiToken;
  /** Sealed under an older key than the active one. */
  readonly isOutdated: boolean;
  /** The user's access token, if one is kept for it. */
  readonly accessToken: AccessToken | null;
  readonly lastUsedOn: string | null;
}

/** A token that is not stored yet. */
export interface ApiTokenSecret {
  /** What its owner gets, and nobody keeps. */
  readonly secret: string;
  readonly id: string;
}

/** The ID of a token. @returns null for what was not made under one of our keys: it costs no storage to refuse it */
export async function apiTokenId(keyRing: KeyRing, text: string): Promise<string | null> {
  if (!TOKEN_PATTERN.test(text)) return null;
  const [made, checksum] = [text.slice(0, -CHECKSUM_CHARACTERS), text.slice(-CHECKSUM_CHARACTERS)];
  return (await keyRing.isChecksum(made, checksum)) ? sha256(text) : null;
}

/** A new token, and its ID. */
export async function newApiToken(keyRing: KeyRing): Promise<ApiTokenSecret> {
  const made = TOKEN_PREFIX + randomToken();
  const secret = made + (await keyRing.checksum(made));
  return { secret, id: await sha256(secret) };
}

/** One request's view of the API tokens. */
export class ApiTokenStore {
  readonly #kv: SealedKv;
  readonly #revocations: Revocations;

  constructor(kv: SealedKv) {
    this.#kv = kv;
    this.#revocations = new Revocations(kv);
  }

  /** Stores a new token. @returns its secret, which is not kept, and its ID */
  async create(token: Omit<ApiToken, "version">, fresh?: ApiTokenSecret): Promise<ApiTokenSecret> {
    const { secret, id } = fresh ?? (await newApiToken(this.#kv.keyRing));
    const record: ApiToken = { version: 2, ...token };
    // The index first: a token that is in force and in no list could not be revoked.
    await this.#kv.put(storageKeys.apiTokenOf(token.identity.sub, id), "", token.expiresAtMs);
    await this.#kv.putSealed("api-token", storageKeys.apiToken(id), record, token.expiresAtMs);
    return { secret, id };
  }

  /**
   * Finds the token of an ID, its access token, and its last use, in one storage operation. {@link Revocations} says
   * whether it was revoked.
   *
   * @returns null where there is none
   * @throws AppError `INTERNAL` where a key is missing that it was sealed under
   */
  async find(id: string): Promise<FoundApiToken | null> {
    const keys = [storageKeys.apiToken(id), storageKeys.apiTokenAccess(id), storageKeys.apiTokenUsed(id)];
    const [sealed = null, access = null, lastUsedOn = null] = await this.#kv.getMany(keys);
    const token = await this.#open(id, sealed, "An API token");
    if (token === null || sealed === null) return null;
    const isOutdated = !this.#kv.keyRing.isActive(sealed);
    return { token, isOutdated, accessToken: await this.#openAccess(id, access), lastUsedOn };
  }

  /** Re-seals a token's record with the active key. One that was revoked meanwhile stays so, by its marker. */
  async reseal(id: string, token: ApiToken): Promise<void> {
    await this.#kv.putSealed("api-token", storageKeys.apiToken(id), token, token.expiresAtMs);
  }

  /**
   * A user's tokens that are in force, newest first. One under a key that is missing is not: it must not keep its owner
   * from the others, or from making another. Nor is one of an older version, whose form is refused.
   */
  async list(sub: string): Promise<ApiTokenInfo[]> {
    const ids = await this.#idsOf(sub);
    const sealed = await this.#kv.getMany(ids.map((id) => storageKeys.apiToken(id)));
    const used = await this.#kv.getMany(ids.map((id) => storageKeys.apiTokenUsed(id)));
    const tokens: (ApiToken & ApiTokenInfo)[] = [];
    for (const [index, id] of ids.entries()) {
      const token = await this.#open(id, sealed[index] ?? null, null);
      if (token !== null) tokens.push({ ...token, id, lastUsedOn: used[index] ?? null });
    }
    if (tokens.length === 0) return [];
    const revoked = await this.#revocations.revokedTokens(sub, tokens);
    return tokens
      .filter(({ id }) => !revoked.has(id))
      .sort((one, other) => other.createdAtMs - one.createdAtMs)
      .map(({ id, name, access, createdAtMs, expiresAtMs, lastUsedOn }) => ({
        id,
        name,
        access,
        createdAtMs,
        expiresAtMs,
        lastUsedOn,
      }));
  }

  /** Whether a user has more tokens in force than are allowed. One storage operation, as a rule. */
  async isOverLimit(sub: string): Promise<boolean> {
    if ((await this.#idsOf(sub)).length <= MAX_TOKENS_PER_USER) return false;
    return (await this.list(sub)).length > MAX_TOKENS_PER_USER;
  }

  /** Revokes a token of a user. @returns false where that user has no such token */
  async revoke(sub: string, id: string): Promise<boolean> {
    if (!ID_PATTERN.test(id)) return false;
    const token = await this.#open(id, await this.#kv.get(storageKeys.apiToken(id)), "An API token");
    if (token === null || token.identity.sub !== sub) return false;
    // The marker first: it outlasts what another location has cached, or writes just after.
    await this.#revocations.revokeToken(id, token.expiresAtMs);
    await this.delete(sub, id);
    return true;
  }

  /**
   * Deletes the tokens of a user that a revocation marker has ended, or will end; also one that does not open.
   *
   * @param untilMs epoch milliseconds of the marker: the tokens of a later session stay
   */
  async deleteUntil(sub: string, untilMs: number): Promise<void> {
    const ids = await this.#idsOf(sub);
    const sealed = await this.#kv.getMany(ids.map((id) => storageKeys.apiToken(id)));
    for (const [index, id] of ids.entries()) {
      const token = await this.#open(id, sealed[index] ?? null, null);
      if (token === null || token.session.signedInAtMs <= untilMs) await this.delete(sub, id);
    }
  }

  /** The user's access token that was kept last for this API token, by any isolate; null where there is none that opens. */
  async readAccessToken(id: string): Promise<AccessToken | null> {
    return this.#openAccess(id, await this.#kv.get(storageKeys.apiTokenAccess(id)));
  }

  /** Keeps the user's access token for the next request with this API token. */
  async writeAccessToken(id: string, accessToken: AccessToken): Promise<void> {
    await this.#kv.putSealed("access-token", storageKeys.apiTokenAccess(id), accessToken, accessToken.expiresAtMs);
  }

  /** Notes the day of use. A key of its own: the token's record is never written again, so it cannot come back. */
  async markUsed(id: string, { expiresAtMs }: ApiToken, day: string): Promise<void> {
    await this.#kv.put(storageKeys.apiTokenUsed(id), day, expiresAtMs);
  }

  async #idsOf(sub: string): Promise<string[]> {
    const prefix = storageKeys.apiTokensOf(sub);
    return (await this.#kv.listAll(prefix)).map((name) => name.slice(prefix.length));
  }

  /** Deletes a token. One that somebody has must be revoked. */
  async delete(sub: string, id: string): Promise<void> {
    await this.#kv.delete(storageKeys.apiToken(id));
    await this.#kv.delete(storageKeys.apiTokenAccess(id));
    await this.#kv.delete(storageKeys.apiTokenUsed(id));
    // The index last: as long as it is there, the rest can be deleted again.
    await this.#kv.delete(storageKeys.apiTokenOf(sub, id));
  }

  /** @param what as {@link openedOrNull} has it */
  async #open(id: string, sealed: string | null, what: string | null): Promise<ApiToken | null> {
    if (sealed === null) return null;
    const key = storageKeys.apiToken(id);
    return openedOrNull(this.#kv.open("api-token", { key, sealed }, ApiTokenSchema), what);
  }

  /** It is only a shortcut: without it there is a refresh. */
  async #openAccess(id: string, sealed: string | null): Promise<AccessToken | null> {
    if (sealed === null) return null;
    const key = storageKeys.apiTokenAccess(id);
    return openedOrNull(this.#kv.open("access-token", { key, sealed }, AccessTokenSchema));
  }
}
