/**
 * The ID token: verifying who signed in, by Google's published keys. Knows no cookies, no storage, no Gmail and no web
 * framework.
 */
import { createRemoteJWKSet, customFetch, errors, type JWKSCacheInput, jwksCache, jwtVerify } from "jose";
import * as z from "zod/mini";
import type { GoogleConfig } from "./config.ts";
import { AppError } from "./errors.ts";
import { unavailable, unexpectedAnswer, type Upstream } from "./http.ts";

const JWKS_ENDPOINT = "Google's key endpoint";

/** How long fetched ID token keys are used. An unknown `kid` fetches them anew at once. */
const JWKS_MAX_AGE_MS = 60 * 60 * 1000;

const IdTokenClaimsSchema = z.pipe(
  z.object({
    // OpenID Connect Core §2: at most 255 ASCII characters. It becomes part of a KV key.
    sub: z.string().check(z.regex(/^[\x21-\x7e]{1,255}$/)),
    nonce: z.string(),
    azp: z.optional(z.string()),
    email: z.optional(z.string()),
    email_verified: z.optional(z.boolean()),
    hd: z.optional(z.string()),
  }),
  z.transform((claims) => ({
    sub: claims.sub,
    nonce: claims.nonce,
    authorizedParty: claims.azp ?? null,
    email: claims.email ?? null,
    emailVerified: claims.email_verified ?? false,
    /** The Workspace domain. Only this says who runs the account: a consumer account may carry any address. */
    hostedDomain: claims.hd ?? null,
  })),
);

export type IdTokenClaims = z.infer<typeof IdTokenClaimsSchema>;

/** Fetched keys per JWKS URI, for the life of the isolate. Plain data: requests share no promise. */
const jwksCaches = new Map<string, JWKSCacheInput>();

/**
 * Verifies an ID token (OpenID Connect Core §3.1.3.7): RS256 signature by Google's keys, `iss` with or without
 * `https://`, `aud`, `azp`, `exp` and `nonce`.
 * https://developers.google.com/identity/openid-connect/openid-connect#validatinganidtoken
 *
 * @throws AppError `INVALID_ID_TOKEN`, or `UPSTREAM_UNAVAILABLE` when the keys cannot be fetched
 */
export async function verifyIdToken(
  upstream: Upstream,
  google: GoogleConfig,
  expected: { idToken: string | null; nonce: string; nowMs: number },
): Promise<IdTokenClaims> {
  if (expected.idToken === null) throw invalidIdToken("missing");
  try {
    const { payload } = await jwtVerify(expected.idToken, googleKeys(upstream, google), {
      algorithms: ["RS256"],
      issuer: [google.issuer, google.issuer.replace(/^https:\/\//, "")],
      audience: google.clientId,
      requiredClaims: ["exp"],
      currentDate: new Date(expected.nowMs),
    });
    return checkClaims(payload, google.clientId, expected.nonce);
  } catch (error) {
    throw idTokenError(error, google.jwksUri);
  }
}

function checkClaims(payload: unknown, clientId: string, nonce: string): IdTokenClaims {
  const claims = IdTokenClaimsSchema.safeParse(payload);
  if (!claims.success) throw invalidIdToken("claims");
  if (claims.data.nonce !== nonce) throw invalidIdToken("nonce");
  if (claims.data.authorizedParty !== null && claims.data.authorizedParty !== clientId) throw invalidIdToken("azp");
  return claims.data;
}

function googleKeys(upstream: Upstream, google: GoogleConfig) {
  const cache = jwksCaches.get(google.jwksUri) ?? {};
  jwksCaches.set(google.jwksUri, cache);
  return createRemoteJWKSet(new URL(google.jwksUri), {
    // jose's own limit is shorter than ours and would hide which endpoint was slow.
    timeoutDuration: 60_000,
    cacheMaxAge: JWKS_MAX_AGE_MS,
    // ID tokens come from Google's token endpoint, not from callers, so nobody can drive fetches by unknown kids.
    cooldownDuration: 0,
    [jwksCache]: cache,
    [customFetch]: async (url, init) => {
      const response = await upstream.fetch(url, { headers: init.headers }, { endpoint: JWKS_ENDPOINT });
      if (response.status !== 200) throw unavailable(JWKS_ENDPOINT, response);
      return response;
    },
  });
}

function idTokenError(error: unknown, jwksUri: string): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof errors.JOSEError && !isKeyError(error)) return invalidIdToken(error.code);
  // The keys are at fault, not the token: do not keep them.
  jwksCaches.delete(jwksUri);
  return unexpectedAnswer(JWKS_ENDPOINT, 200);
}

/** Errors of jose that are about the key set. What is no error of jose's at all comes from importing a broken key. */
function isKeyError(error: errors.JOSEError): boolean {
  return error instanceof errors.JWKSInvalid || error.code === "ERR_JOSE_GENERIC";
}

function invalidIdToken(logDetail: string): AppError {
  return new AppError("INVALID_ID_TOKEN", "Google's identity token is not valid. Sign in again.", {
    logDetail: `ID token: ${logDetail}`,
  });
}
