/**
 * Signing keys and ID tokens, the right ones and every wrong one that a verifier must refuse.
 */
import { exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { type Instance, nowMs } from "./state.ts";
import type { Config, User } from "./protocol.ts";

interface SigningKey {
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

// Making RSA keys is slow, so all instances of a process share them; the `kid` still tells instances apart.
const pool = new Map<number, Promise<SigningKey>>();
const FORGER = -1;

function signingKey(generation: number): Promise<SigningKey> {
  let key = pool.get(generation);
  if (key === undefined) {
    key = makeKey();
    pool.set(generation, key);
  }
  return key;
}

async function makeKey(): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair("RS256", { extractable: true });
  return { privateKey, publicJwk: await exportJWK(publicKey) };
}

function kid(instance: Instance, generation: number): string {
  return `${instance.name}-${generation}`;
}

/** The JWK Set that `/certs` answers. */
export async function jwks(instance: Instance): Promise<{ keys: JWK[] }> {
  const oldest = instance.config.keepOldKeys ? Math.max(0, instance.keyGeneration - 1) : instance.keyGeneration;
  const keys: JWK[] = [];
  for (let generation = instance.keyGeneration; generation >= oldest; generation -= 1) {
    const { publicJwk } = await signingKey(generation);
    keys.push({ ...publicJwk, kid: kid(instance, generation), alg: "RS256", use: "sig" });
  }
  return { keys };
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
  const generation = instance.keyGeneration;
  const header = { alg: "RS256", typ: "JWT", kid: kid(instance, generation) };
  const right = await signingKey(generation);
  if (variant === "hs256-client-secret" || variant === "hs256-public-key") {
    const secret = variant === "hs256-client-secret" ? request.clientSecret : JSON.stringify(right.publicJwk);
    return new SignJWT(claims).setProtectedHeader({ ...header, alg: "HS256" }).sign(new TextEncoder().encode(secret));
  }
  const forged = variant === "wrong-key" || variant === "unknown-kid";
  const { privateKey } = forged ? await signingKey(FORGER) : right;
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
  if (nonce !== null) claims["nonce"] = nonce;
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

function encodePart(value: unknown): string {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}
