/**
 * The ID token: verifying who signed in, by Google's published keys. Knows no cookies, no storage, no Gmail and no web
 * framework.
 */
import { errors, type JWTPayload, jwtVerify } from "jose";
import * as z from "zod/mini";
import type { GoogleConfig } from "../config.ts";
import { AppError, type SignInAgain } from "../errors.ts";
import type { GoogleKeys } from "./google-documents.ts";
import type { Upstream } from "../lib/upstream.ts";

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

/** By how much Google's clock may be ahead of ours: `nbf` and `iat`. */
const LEEWAY_SECONDS = 60;

export type IdTokenClaims = z.infer<typeof IdTokenClaimsSchema>;

/** With what an ID token is verified. */
export interface IdTokenVerifier {
  readonly upstream: Upstream;
  readonly google: GoogleConfig;
  readonly keys: GoogleKeys;
}

/** What an ID token is checked against. */
interface Expected {
  readonly idToken: string | null;
  readonly nonce: string;
  readonly nowMs: number;
  /** How the person begins again where the token is not valid. */
  readonly again: SignInAgain;
}

/**
 * Verifies an ID token (OpenID Connect Core §3.1.3.7): RS256 signature by Google's keys, `iss` with or without
 * `https://`, `aud`, `azp`, `exp` and `nonce`.
 * https://developers.google.com/identity/openid-connect/openid-connect#validatinganidtoken
 *
 * @throws AppError `INVALID_ID_TOKEN`, or `UPSTREAM_UNAVAILABLE` when the keys cannot be fetched
 */
export async function verifyIdToken(
  { upstream, google, keys }: IdTokenVerifier,
  expected: Expected,
): Promise<IdTokenClaims> {
  if (expected.idToken === null) throw invalidIdToken("missing", expected);
  // ID tokens come from Google's token endpoint, not from callers, so nobody can drive fetches by unknown kids.
  const keySet = keys.of(upstream, { jwksUri: google.jwksUri, cooldownMs: 0, nowMs: expected.nowMs });
  try {
    const { payload } = await jwtVerify(expected.idToken, keySet, {
      algorithms: ["RS256"],
      issuer: [google.issuer, google.issuer.replace(/^https:\/\//, "")],
      audience: google.clientId,
      requiredClaims: ["exp"],
      currentDate: new Date(expected.nowMs),
      clockTolerance: LEEWAY_SECONDS,
    });
    checkTimes(payload, expected);
    return checkClaims(payload, google.clientId, expected);
  } catch (error) {
    const fault = error instanceof errors.JOSEError ? error.code : "?";
    throw keys.keyFault(error, google.jwksUri) ?? invalidIdToken(fault, expected);
  }
}

/** The leeway is for a token that seems to be from the future: one that has expired has had its time. */
function checkTimes({ exp = 0, iat = 0 }: JWTPayload, expected: Expected): void {
  const nowSeconds = expected.nowMs / 1000;
  if (exp <= Math.floor(nowSeconds)) throw invalidIdToken("ERR_JWT_EXPIRED", expected);
  if (iat > nowSeconds + LEEWAY_SECONDS) throw invalidIdToken("iat", expected);
}

function checkClaims(payload: unknown, clientId: string, expected: Expected): IdTokenClaims {
  const claims = IdTokenClaimsSchema.safeParse(payload);
  if (!claims.success) throw invalidIdToken("claims", expected);
  if (claims.data.nonce !== expected.nonce) throw invalidIdToken("nonce", expected);
  const { authorizedParty } = claims.data;
  if (authorizedParty !== null && authorizedParty !== clientId) throw invalidIdToken("azp", expected);
  return claims.data;
}

function invalidIdToken(logDetail: string, { again }: Expected): AppError {
  return new AppError("INVALID_ID_TOKEN", "Google's identity token is not valid. Sign in again.", {
    signInAgain: again,
    logDetail: `ID token: ${logDetail}`,
  });
}
