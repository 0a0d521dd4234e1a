/**
 * The KV keys, all of them: docs/storage-schema.md has each with an example.
 */
import { toAsciiLowerCase } from "../lib/ascii.ts";
import { sha256 } from "../lib/key-ring.ts";

/** How Google's security events name a refresh token. */
export type TokenIdentifierAlgorithm = "prefix" | "hash_base64_sha512_sha512";

export const storageKeys = {
  credential: (sub: string) => `credential:${sub}`,
  /** The key that a user's rows are sealed under in their object. */
  mailboxKey: (sub: string) => `mailbox-key:${sub}`,
  /** Which user has an address. */
  address: async (email: string) => `address:${await sha256(toAsciiLowerCase(email))}`,
  /** A refresh token that is dead by what Google's security event calls it. */
  deadTokenIdentifier: async (algorithm: TokenIdentifierAlgorithm, identifier: string) =>
    `dead-token-${algorithm === "prefix" ? "prefix" : "hash"}:${await sha256(identifier)}`,
  /** Written and deleted to see whether storage works. */
  probe: (requestId: string) => `probe:${requestId}`,
  securityEvent: async (jti: string) => `security-event:${await sha256(jti)}`,
};
