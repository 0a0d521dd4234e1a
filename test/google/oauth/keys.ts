/**
 * Signing keys of two kinds, and ID tokens, the right ones and every wrong one that a verifier must refuse.
 */
import { exportJWK, exportSPKI, generateKeyPair, type JWK, SignJWT } from "jose";
import { toBase64Url } from "../base64.ts";
import type { Config, User } from "../protocol.ts";
import type { KeyPurpose } from "../actions.ts";
import { type Instance, nowMs } from "../state.ts";

/** As jose has them in every runtime. */
type Key = Awaited<ReturnType<typeof generateKeyPair>>["privateKey"];

export interface SigningKey {
  readonly privateKey: Key;
  readonly publicKey: Key;
  readonly publicJwk: JWK;
}

// Making RSA keys is slow, so all instances of a process share them; the `kid` still tells instances apart.
const pool = new Map<string, Promise<SigningKey>>();

/** The key of a generation. A purpose has keys of its own, and `forger`'s stands in no JWK Set. */
export function signingKey(purpose: KeyPurpose | "forger", generation = 0): Promise<SigningKey> {
  const name = `${purpose}-${generation}`;
  let key = pool.get(name);
  if (key === undefined) {
    key = makeKey();
    pool.set(name, key);
  }
  return key;
}

async function makeKey(): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair("RS256", { extractable: true });
  return { privateKey, publicKey, publicJwk: await exportJWK(publicKey) };
}

/** The `kid` of a generation's key; no two instances and no two purposes share one. */
export function kid(instance: Instance, purpose: KeyPurpose, generation: number): string {
  return `${instance.name}-${purpose}-${generation}`;
}

/** The JWK Set of a purpose: its newest key, and the one before it. */
export async function jwks(instance: Instance, purpose: KeyPurpose): Promise<{ keys: JWK[] }> {
  const newest = instance.keyGenerations[purpose];
  const oldest = instance.config.keepOldKeys ? Math.max(0, newest - 1) : newest;
  const keys: JWK[] = [];
  for (let generation = newest; generation >= oldest; generation -= 1) {
    const { publicJwk } = await signingKey(purpose, generation);
    keys.push({ ...publicJwk, kid: kid(instance, purpose, generation), alg: "RS256", use: "sig" });
  }
  return { keys };
}

/** The newest key of ID tokens in the older form, PEM by key ID. */
export async function pemKeys(instance: Instance): Promise<Record<string, string>> {
  const generation = instance.keyGenerations["id-token"];
  const { publicKey } = await signingKey("id-token", generation);
  return { [kid(instance, "id-token", generation)]: await exportSPKI(publicKey) };
}

export interface IdTokenRequest {
  readonly user: User;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly nonce: string | null;
}

/** An ID token in the variant that the configuration asks for; `null` where none is to be sent. */
export async function issueIdToken(instance: Instance, request: IdTokenRequest): Promise<string | null> {
  const variant = instance.config.idToken;
  if (variant === "absent") return null;
  if (variant === "garbage") return "not.a-token";
  const claims = buildClaims(instance, request);
  const encoded = encodePart({ alg: "none", typ: "JWT" });
  if (variant === "alg-none") return `${encoded}.${encodePart(claims)}.`;
  const generation = instance.keyGenerations["id-token"];
  const header = { alg: "RS256", typ: "JWT", kid: kid(instance, "id-token", generation) };
  const right = await signingKey("id-token", generation);
  if (variant === "hs256-client-secret" || variant === "hs256-public-key") {
    const secret = variant === "hs256-client-secret" ? request.clientSecret : JSON.stringify(right.publicJwk);
    return new SignJWT(claims).setProtectedHeader({ ...header, alg: "HS256" }).sign(new TextEncoder().encode(secret));
  }
  const forged = variant === "wrong-key" || variant === "unknown-kid";
  const { privateKey } = forged ? await signingKey("forger") : right;
  const shownHeader = variant === "unknown-kid" ? { ...header, kid: "unknown" } : header;
  return new SignJWT(claims).setProtectedHeader(shownHeader).sign(privateKey);
}

function buildClaims(instance: Instance, request: IdTokenRequest): Record<string, unknown> {
  const { user, clientId, nonce } = request;
  const issuedAt = Math.floor(nowMs(instance) / 1000);
  const claims: Record<string, unknown> = {
    iss: instance.config.issuer,
    azp: clientId,
    aud: clientId,
    sub: user.sub,
    email: user.email,
    email_verified: user.emailVerified,
    at_hash: "HK6E_P6Dh8Y93mRNtsDB1Q",
    name: user.name,
    picture: user.picture,
    iat: issuedAt,
    exp: issuedAt + 3600,
  };
  if (user.hd !== undefined) claims["hd"] = user.hd;
  if (nonce !== null && nonce !== "") claims["nonce"] = nonce;
  return { ...claims, ...wrongClaims(instance, issuedAt) };
}

/** What a variant changes in the claims; `undefined` is left out of the JSON. */
function wrongClaims(instance: Instance, issuedAt: number): Record<string, unknown> {
  const changes: Partial<Record<Config["idToken"], Record<string, unknown>>> = {
    "other-aud": { aud: "someone-else.apps.googleusercontent.com" },
    "other-iss": { iss: "https://accounts.example.com" },
    "iss-without-scheme": { iss: instance.config.issuer.replace("https://", "") },
    expired: { iat: issuedAt - 7200, exp: issuedAt - 3600 },
    "other-nonce": { nonce: "another-flow" },
    "no-nonce": { nonce: undefined },
    "no-sub": { sub: undefined },
  };
  return changes[instance.config.idToken] ?? {};
}

/** A part of a compact JWT: base64url of JSON. */
export function encodePart(value: unknown): string {
  return toBase64Url(JSON.stringify(value));
}
