/**
 * Signing keys of two kinds, and ID tokens, the right ones and every wrong one that a verifier must refuse.
 */
import { exportJWK, exportSPKI, generateKeyPair, type JWK, type JWTHeaderParameters, SignJWT } from "jose";
import { toBase64Url } from "../text.ts";
import type { Config, User } from "../protocol.ts";
import { type Instance, type KeyPurpose, nowMs } from "../state.ts";

/** As jose has them in every runtime. */
type Key = Awaited<ReturnType<typeof generateKeyPair>>["privateKey"];

interface SigningKey {
  readonly privateKey: Key;
  readonly publicKey: Key;
  readonly publicJwk: JWK;
}

// Making RSA keys is slow, so all instances of a process share them; the `kid` still tells instances apart.
const pool = new Map<string, Promise<SigningKey>>();

/** The key of a generation. A purpose has keys of its own, and `forger`'s stands in no JWK Set. */
function signingKey(purpose: KeyPurpose | "forger", generation = 0): Promise<SigningKey> {
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
function kid(instance: Instance, purpose: KeyPurpose, generation = instance.keyGenerations[purpose]): string {
  return `${instance.name}-${purpose}-${generation}`;
}

/** The JWK Set of a purpose: its newest key, and the one before it, as at Google. */
export async function jwks(instance: Instance, purpose: KeyPurpose): Promise<{ keys: JWK[] }> {
  const newest = instance.keyGenerations[purpose];
  const generations = newest === 0 ? [0] : [newest, newest - 1];
  const keys = generations.map(async (generation) => {
    const { publicJwk } = await signingKey(purpose, generation);
    return Object.assign({}, publicJwk, { kid: kid(instance, purpose, generation), alg: "RS256", use: "sig" });
  });
  return { keys: await Promise.all(keys) };
}

/** The newest key of ID tokens in the older form, PEM by key ID. */
export async function pemKeys(instance: Instance): Promise<Record<string, string>> {
  const { publicKey } = await signingKey("id-token", instance.keyGenerations["id-token"]);
  return { [kid(instance, "id-token")]: await exportSPKI(publicKey) };
}

// prettier-ignore
export type WrongSignature =
  | "garbage" | "alg-none" | "hs256-public-key" | "wrong-key" | "unknown-kid" | "no-kid" | "id-token-key" | "tampered";

interface Signing {
  readonly purpose: KeyPurpose;
  readonly typ: string | null;
  readonly claims: Record<string, unknown>;
  /** What is wrong about it; other flaws are not the signature's. */
  readonly flaw?: string | null;
}

export async function sign(instance: Instance, { purpose, typ, claims, flaw = null }: Signing): Promise<string> {
  const right = await signingKey(purpose, instance.keyGenerations[purpose]);
  const header = { alg: "RS256", kid: kid(instance, purpose), ...(typ === null ? {} : { typ }) };
  const make = (shown: JWTHeaderParameters, key: Key | Uint8Array, said = claims): Promise<string> =>
    new SignJWT(said).setProtectedHeader(shown).sign(key);
  const { kid: _kid, ...withoutKid } = header;
  const forger = await signingKey("forger");
  const wrong: Readonly<Record<WrongSignature, () => string | Promise<string>>> = {
    garbage: () => "not.a-token",
    "alg-none": () => `${encodePart({ ...header, alg: "none" })}.${encodePart(claims)}.`,
    "hs256-public-key": () =>
      make({ ...header, alg: "HS256" }, new TextEncoder().encode(JSON.stringify(right.publicJwk))),
    "wrong-key": () => make(header, forger.privateKey),
    "unknown-kid": () => make({ ...header, kid: "unknown" }, forger.privateKey),
    "no-kid": () => make(withoutKid, forger.privateKey),
    "id-token-key": async () => {
      const { privateKey } = await signingKey("id-token", instance.keyGenerations["id-token"]);
      return make({ ...header, kid: kid(instance, "id-token") }, privateKey);
    },
    tampered: async () => {
      const [head, , signature] = (await make(header, right.privateKey, { ...claims, jti: "another" })).split(".");
      return `${head}.${encodePart(claims)}.${signature}`;
    },
  };
  return flaw !== null && flaw in wrong ? wrong[flaw as WrongSignature]() : make(header, right.privateKey);
}

function encodePart(value: unknown): string {
  return toBase64Url(JSON.stringify(value));
}

interface IdTokenRequest {
  readonly user: User;
  readonly client: { readonly id: string; readonly secret: string };
  readonly nonce: string | null;
}

/** An ID token in the variant that the configuration asks for; `null` where none is to be sent. */
export async function issueIdToken(instance: Instance, { user, client, nonce }: IdTokenRequest) {
  const { idToken: flaw, issuer } = instance.config;
  if (flaw === "absent") return null;
  const issuedAt = Math.floor(nowMs(instance) / 1000);
  const wrong: Partial<Record<Config["idToken"], Record<string, unknown>>> = {
    "other-aud": { aud: "someone-else.apps.googleusercontent.com" },
    "other-iss": { iss: "https://accounts.example.com" },
    "iss-without-scheme": { iss: issuer.replace("https://", "") },
    expired: { iat: issuedAt - 7200, exp: issuedAt - 3600 },
    "other-nonce": { nonce: "another-flow" },
    "no-nonce": { nonce: undefined },
    "no-sub": { sub: undefined },
  };
  const claims = {
    iss: issuer,
    azp: client.id,
    aud: client.id,
    sub: user.sub,
    email: user.email,
    email_verified: user.emailVerified,
    at_hash: "HK6E_P6Dh8Y93mRNtsDB1Q",
    name: user.name,
    picture: user.picture,
    iat: issuedAt,
    exp: issuedAt + 3600,
    ...(user.hd === undefined ? {} : { hd: user.hd }),
    ...(nonce === null || nonce === "" ? {} : { nonce }),
    ...wrong[flaw],
  };
  if (flaw === "hs256-client-secret") {
    const header = { alg: "HS256", typ: "JWT", kid: kid(instance, "id-token") };
    return new SignJWT(claims).setProtectedHeader(header).sign(new TextEncoder().encode(client.secret));
  }
  return sign(instance, { purpose: "id-token", typ: "JWT", claims, flaw });
}
