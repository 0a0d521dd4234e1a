/**
 * The key ring and sealing: values leave the Worker (to a cookie, to KV, as a page token) only as compact JWE under
 * one of the operator's keys. The first key seals, every key opens, so that keys rotate without downtime.
 *
 * The plaintext is a JWT claims set (RFC 7519 §4.1) with `aud` for the purpose and `sub` for the owner, both checked
 * when it is opened: a value that was moved to another place does not open there.
 */
import {
  base64url,
  type CryptoKey,
  decodeProtectedHeader,
  EncryptJWT,
  errors,
  jwtDecrypt,
  type JWTPayload,
} from "jose";
import * as z from "zod/mini";
import { AppError } from "../errors.ts";

/** What a sealed value is for. A value sealed for one purpose never opens for another. */
export const PURPOSES = [
  "session",
  "transaction",
  "credential",
  "address",
  "access-token",
  "page-token",
  "mailbox-key",
  "operator",
] as const;

export type Purpose = (typeof PURPOSES)[number];

/** Purpose and owner that are bound into a sealed value. */
export interface Binding {
  readonly purpose: Purpose;
  /** Whose or where: a KV key, the origin of a cookie, the state of a sign-in. */
  readonly owner: string;
}

/** A 256-bit symmetric key: RFC 7518 §6.4. */
const TokenKeySchema = z.object(
  {
    kty: z.literal("oct", 'must be "oct"'),
    kid: z
      .string("must be text")
      .check(z.minLength(1, "must not be empty"), z.maxLength(128, "must have at most 128 characters")),
    // The last character carries 4 bits. With any other character there, one key could be written in several ways.
    k: z
      .string("must be text")
      .check(z.regex(/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/, "must be 256 bits in base64url without padding")),
  },
  "must be an object",
);

/** The value of `TOKEN_KEYS`: a JWK Set (RFC 7517 §5), the sealing key first. */
export const TokenKeysSchema = z.object(
  {
    keys: z.array(TokenKeySchema, "must be a list of keys").check(
      z.minLength(1, "must hold at least one key"),
      z.refine((keys) => new Set(keys.map((key) => key.kid)).size === keys.length, "must not repeat a kid"),
      z.refine((keys) => new Set(keys.map((key) => key.k)).size === keys.length, "must not repeat a key"),
    ),
  },
  "must be an object",
);

export type TokenKey = z.infer<typeof TokenKeySchema>;

/** Why a sealed value did not open. `unknown-key`: it was sealed under a `kid` that is not in the ring (any more). */
export type SealErrorCode = "malformed" | "unknown-key" | "not-authentic" | "expired" | "wrong-binding";

/** A sealed value that does not open. Says why, never what is in it. */
export class SealError extends Error {
  override readonly name = "SealError";
  readonly code: SealErrorCode;
  readonly kid: string | null;

  constructor(code: SealErrorCode, kid: string | null, cause?: unknown) {
    super(`Sealed value does not open: ${code}${kid === null ? "" : ` (kid ${kid})`}`, { cause });
    this.code = code;
    this.kid = kid;
  }
}

/** What is stored cannot be opened because the operator has taken its key away. Only the log says which. */
export function missingKey(what: string, error: SealError): AppError {
  return new AppError("INTERNAL", "The server is not set up correctly.", {
    logDetail: `${what} is sealed under kid ${error.kid}, which TOKEN_KEYS does not hold: add that key again`,
    cause: error,
  });
}

/**
 * What became of opening a sealed value. `unknown-key`: the operator has taken its key away. `tampered`: it was not sealed
 * here, or not for this purpose and owner, or not in this form.
 */
export type Opened<T> =
  | { readonly kind: "opened"; readonly value: T }
  | { readonly kind: "unknown-key" | "expired" | "tampered"; readonly error: SealError };

/** Waits for a sealed value to open. What is no question of opening is thrown. */
export async function tryOpen<T>(opening: Promise<T>): Promise<Opened<T>> {
  try {
    return { kind: "opened", value: await opening };
  } catch (error) {
    if (!(error instanceof SealError)) throw error;
    const { code } = error;
    return { kind: code === "unknown-key" || code === "expired" ? code : "tampered", error };
  }
}

/**
 * What a sealed value holds, or null where it does not open.
 *
 * @param what names the value, if a missing key is an error for the operator and not an absent value
 * @throws AppError `INTERNAL` for such a key
 */
export async function openedOrNull<T>(opening: Promise<T>, what: string | null = null): Promise<T | null> {
  const opened = await tryOpen(opening);
  if (opened.kind === "unknown-key" && what !== null) throw missingKey(what, opened.error);
  return opened.kind === "opened" ? opened.value : null;
}

export class KeyRing {
  readonly #keys: readonly [TokenKey, ...TokenKey[]];
  // Resolved keys only: a promise that one request made must not be awaited by another.
  readonly #imported = new Map<string, CryptoKey>();

  /** @param keys validated by {@link TokenKeysSchema}; the first one seals */
  constructor(keys: readonly TokenKey[]) {
    const [first, ...rest] = keys;
    if (first === undefined) throw new TypeError("A key ring needs a key.");
    this.#keys = [first, ...rest];
  }

  /** The key that seals. */
  get activeKid(): string {
    return this.#keys[0].kid;
  }

  /** How many keys open. */
  get size(): number {
    return this.#keys.length;
  }

  /** Whether a sealed value names the key that seals now, and not an older one. */
  isActive(sealed: string): boolean {
    return keyId(sealed) === this.activeKid;
  }

  /**
   * Seals a JSON value as compact JWE, `dir` with `A256GCM` (RFC 7516 §3.1, RFC 7518 §4.5 and §5.3).
   *
   * @param expiresAtMs epoch milliseconds from which on it no longer opens; null for never
   */
  async seal(binding: Binding, data: unknown, expiresAtMs: number | null = null): Promise<string> {
    const [active] = this.#keys;
    const jwt = new EncryptJWT({ data })
      .setProtectedHeader({ alg: "dir", enc: "A256GCM", kid: active.kid })
      .setAudience(binding.purpose)
      .setSubject(binding.owner);
    if (expiresAtMs !== null) jwt.setExpirationTime(Math.floor(expiresAtMs / 1000));
    return jwt.encrypt(await this.#cryptoKey(active));
  }

  /**
   * Opens what {@link seal} made, with the key that its header names.
   *
   * @param nowMs epoch milliseconds
   * @returns the sealed JSON value, whose form the caller still has to check
   * @throws SealError
   */
  async open(binding: Binding, sealed: string, nowMs: number): Promise<unknown> {
    return (await this.#claims(binding, sealed, nowMs))["data"];
  }

  /** Re-seals a value with the active key. Its end stays. @throws as {@link open} */
  async reseal(binding: Binding, sealed: string, nowMs: number): Promise<string> {
    const { data, exp } = await this.#claims(binding, sealed, nowMs);
    return this.seal(binding, data, exp === undefined ? null : exp * 1000);
  }

  async #claims(binding: Binding, sealed: string, nowMs: number): Promise<JWTPayload> {
    const kid = keyId(sealed);
    const key = this.#keys.find((candidate) => candidate.kid === kid);
    if (key === undefined) throw new SealError("unknown-key", kid);
    try {
      const { payload } = await jwtDecrypt(sealed, await this.#cryptoKey(key), {
        keyManagementAlgorithms: ["dir"],
        contentEncryptionAlgorithms: ["A256GCM"],
        audience: binding.purpose,
        subject: binding.owner,
        currentDate: new Date(nowMs),
      });
      return payload;
    } catch (error) {
      throw new SealError(sealErrorCode(error), kid, error);
    }
  }

  /** Opens a value of a known form. @returns null where it does not open, or is not of that form */
  async openAs<T>(binding: Binding, sealed: string, nowMs: number, schema: z.ZodMiniType<T>): Promise<T | null> {
    return schema.safeParse(await openedOrNull(this.open(binding, sealed, nowMs))).data ?? null;
  }

  async #cryptoKey(key: TokenKey): Promise<CryptoKey> {
    const known = this.#imported.get(key.kid);
    if (known !== undefined) return known;
    const imported = await crypto.subtle.importKey("raw", base64url.decode(key.k), "AES-GCM", false, [
      "encrypt",
      "decrypt",
    ]);
    this.#imported.set(key.kid, imported);
    return imported;
  }
}

function keyId(sealed: string): string {
  try {
    const { kid } = decodeProtectedHeader(sealed);
    if (typeof kid === "string") return kid;
  } catch (error) {
    throw new SealError("malformed", null, error);
  }
  throw new SealError("malformed", null);
}

function sealErrorCode(error: unknown): SealErrorCode {
  if (error instanceof errors.JWTExpired) return "expired";
  if (error instanceof errors.JWTClaimValidationFailed) return "wrong-binding";
  if (error instanceof errors.JWEDecryptionFailed) return "not-authentic";
  return "malformed";
}

/** SHA-256 of a UTF-8 string in base64url: for naming a secret without holding it. */
export async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return base64url.encode(new Uint8Array(digest));
}

/** SHA-512 of bytes. */
export async function sha512(bytes: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-512", bytes));
}

/** 256 random bits in base64url (43 characters): a state, a nonce, a PKCE verifier. */
export function randomToken(): string {
  return base64url.encode(crypto.getRandomValues(new Uint8Array(32)));
}
