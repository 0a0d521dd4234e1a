/**
 * The KV keys, all of them: docs/storage-schema.md has each with an example.
 */
import { toAsciiLowerCase } from "../lib/ascii.ts";
import { sha256 } from "../lib/key-ring.ts";

/** What a session is known by in storage. */
export interface SessionKey {
  readonly id: string;
  readonly sub: string;
}

/**
 * What can end all sessions of a user: the user, a new consent, a security event. Each has a marker of its own, so
 * that none overwrites the later time of another.
 */
export const USER_MARK_WRITERS = ["user", "consent", "event"] as const;

export type UserMarkWriter = (typeof USER_MARK_WRITERS)[number];

/** How Google's security events name a refresh token. */
export type TokenIdentifierAlgorithm = "prefix" | "hash_base64_sha512_sha512";

export const storageKeys = {
  credential: (sub: string) => `credential:${sub}`,
  accessToken: (session: SessionKey) => `${storageKeys.accessTokens(session.sub)}${session.id}`,
  /** Prefix of the access tokens of all sessions of a user, and of no other user whose `sub` begins alike. */
  accessTokens: (sub: string) => `access-token:${encodeURIComponent(sub)}:`,
  /** Which user has an address. */
  address: async (email: string) => `address:${await sha256(toAsciiLowerCase(email))}`,
  deadToken: async (refreshToken: string) => `dead-token:${await sha256(refreshToken)}`,
  /** A refresh token that is dead by what Google's security event calls it. */
  deadTokenIdentifier: async (algorithm: TokenIdentifierAlgorithm, identifier: string) =>
    `dead-token-${algorithm === "prefix" ? "prefix" : "hash"}:${await sha256(identifier)}`,
  revokedSession: (session: Pick<SessionKey, "id">) => `revoked-session:${session.id}`,
  /** When a session was ended first. Only who ends a session reads it. */
  sessionEnd: (session: Pick<SessionKey, "id">) => `session-end:${session.id}`,
  revokedUser: (sub: string, by: UserMarkWriter) => `revoked-user${by === "user" ? "" : `-${by}`}:${sub}`,
  disabledAccount: (sub: string) => `disabled-account:${sub}`,
  /** @param id SHA-256 of the token */
  apiToken: (id: string) => `api-token:${id}`,
  apiTokenAccess: (id: string) => `api-token-access:${id}`,
  apiTokenUsed: (id: string) => `api-token-used:${id}`,
  apiTokenOf: (sub: string, id: string) => `${storageKeys.apiTokensOf(sub)}${id}`,
  /** Prefix of the index of a user's API tokens. */
  apiTokensOf: (sub: string) => `api-token-of:${encodeURIComponent(sub)}:`,
  /** Written and deleted to see whether storage works. */
  probe: (requestId: string) => `probe:${requestId}`,
  securityEvent: async (jti: string) => `security-event:${await sha256(jti)}`,
};
