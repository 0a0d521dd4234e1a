/**
 * Assertions of service accounts (RFC 7523) with domain-wide delegation: who signed, for whom, and whether an administrator
 * has authorized that. Which of two things that are wrong Google names first is guessed.
 *
 * https://developers.google.com/identity/protocols/oauth2/service-account
 */
import { compactVerify, decodeJwt, decodeProtectedHeader, importJWK } from "jose";
import * as z from "zod";
import { oauthError } from "../errors.ts";
import type { ServiceAccount, User } from "../protocol.ts";
import { findUser, type Instance, nowMs } from "../state.ts";
import { parseScopes } from "./scopes.ts";

export const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";

const MAX_LIFETIME_SECONDS = 3600;
/** How far ahead the client's clock may be. */
const MAX_AHEAD_SECONDS = 300;

const claimsSchema = z.object({
  iss: z.string(),
  aud: z.string(),
  iat: z.number(),
  exp: z.number(),
  sub: z.string().optional(),
  scope: z.string().default(""),
});
type Claims = z.infer<typeof claimsSchema>;

/** What an assertion entitles to. */
export interface Delegated {
  readonly clientId: string;
  readonly user: User;
  readonly scopes: readonly string[];
}

/** @param audience the URL of the token endpoint @returns the refusal where it is not right */
export async function checkAssertion(
  instance: Instance,
  assertion: string,
  audience: string,
): Promise<Delegated | Response> {
  const read = readAssertion(assertion);
  if (read === null) return invalidGrant("Invalid JWT: Failed to decode.");
  const { kid, claims } = read;
  const account = instance.config.serviceAccounts.find(({ clientEmail }) => clientEmail === claims.iss);
  if (account === undefined) return invalidGrant("Invalid grant: account not found");
  if (!(await isSignedBy(account, assertion, kid))) return invalidGrant("Invalid JWT Signature.");
  if (claims.aud !== audience) {
    return invalidGrant(`Invalid JWT: Failed audience check. The right audience is ${audience}`);
  }
  if (!isTimely(claims, nowMs(instance) / 1000)) {
    return invalidGrant(
      "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. " +
        "Check your iat and exp values in the JWT claim.",
    );
  }
  return checkDelegation(instance, account, claims);
}

function readAssertion(assertion: string): { kid: string | undefined; claims: Claims } | null {
  try {
    return { kid: decodeProtectedHeader(assertion).kid, claims: claimsSchema.parse(decodeJwt(assertion)) };
  } catch {
    return null;
  }
}

/** By the key that its header names; without a `kid`, by any of the account's. */
async function isSignedBy({ keys }: ServiceAccount, assertion: string, kid: string | undefined): Promise<boolean> {
  for (const key of keys.filter((each) => kid === undefined || each.kid === kid)) {
    try {
      await compactVerify(assertion, await importJWK(key, "RS256"), { algorithms: ["RS256"] });
      return true;
    } catch {
      // Another key may fit.
    }
  }
  return false;
}

function isTimely({ iat, exp }: Claims, nowSeconds: number): boolean {
  return iat <= nowSeconds + MAX_AHEAD_SECONDS && exp > nowSeconds && exp > iat && exp - iat <= MAX_LIFETIME_SECONDS;
}

function checkDelegation(instance: Instance, account: ServiceAccount, { sub, scope }: Claims): Delegated | Response {
  const scopes = parseScopes(scope);
  if (scopes.length === 0) return oauthError("invalid_scope", "Invalid OAuth scope or ID token audience provided.");
  const user = sub?.includes("@") === true ? findUser(instance, sub) : null;
  if (user === null) return invalidGrant("Invalid email or User ID");
  const isGranted = account.domains.includes(user.hd ?? "") && scopes.every((each) => account.scopes.includes(each));
  if (isGranted) return { clientId: account.clientId, user, scopes };
  return oauthError(
    "unauthorized_client",
    "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested.",
    401,
  );
}

function invalidGrant(description: string): Response {
  return oauthError("invalid_grant", description);
}
