/**
 * Domain-wide delegation: access tokens for the users of a Workspace domain by the key of a service account that the
 * domain's administrator has authorized, without a consent and a refresh token. Stores nothing, and does not decide who
 * is delegated: `isDelegated` of src/config.ts.
 *
 * https://developers.google.com/identity/protocols/oauth2/service-account
 */
import { type CryptoKey, SignJWT } from "jose";
import type { GoogleConfig } from "../config.ts";
import { AppError, type AppErrorOptions } from "../errors.ts";
import type { ServiceAccount } from "../lib/service-account-key.ts";
import type { Upstream } from "../lib/upstream.ts";
import { exchangeAssertion, gmailScopes, type GrantedTokens, OAuthError } from "../oauth.ts";

const ALGORITHM = "RS256";
/** The same in Web Crypto's words: RFC 7518 §3.3. */
const KEY_ALGORITHM = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
/** The longest life of an assertion that Google takes, and what its own clients use. */
const ASSERTION_LIFETIME_SECONDS = 3600;

const OPERATOR = "Whoever runs this site must look at its service account in Google's console.";

export interface DelegatedUser {
  /** The verified address. It names the account that has the address now, so an address must not outlive its user. */
  readonly email: string;
  /** Scopes of which the Gmail ones are asked for. */
  readonly scopes: readonly string[];
  /** Epoch milliseconds. */
  readonly nowMs: number;
}

/**
 * Gets an access token for a user of a domain (RFC 7523 §2.1). No refresh token comes with it.
 *
 * @returns with the Gmail scopes that were asked for, where the answer does not say (RFC 6749 §5.1)
 * @throws AppError `ACCESS_BLOCKED` when the administrator has not authorized the client or a scope, when Google does not
 *   know the account, the key or a scope; never `CONSENT_REQUIRED`, as consent changes none of these
 * @throws AppError `UPSTREAM_UNAVAILABLE` when Google is down, slow, rate limits, answers nonsense or refuses otherwise;
 *   `INTERNAL` for a key that cannot sign and for `invalid_client`, which only the operator can fix
 */
export async function delegatedAccessToken(
  upstream: Upstream,
  google: GoogleConfig,
  serviceAccount: ServiceAccount,
  user: DelegatedUser,
): Promise<GrantedTokens> {
  const scopes = gmailScopes(user.scopes);
  const assertion = await signAssertion(serviceAccount, google.tokenEndpoint, { ...user, scopes });
  try {
    const response = await exchangeAssertion(upstream, google, assertion);
    return { ...response, scopes: response.scopes ?? scopes };
  } catch (error) {
    throw error instanceof OAuthError ? refused(error, serviceAccount, scopes) : error;
  }
}

/**
 * Whether a key can sign, which the form of its file does not say.
 *
 * @throws AppError `INTERNAL` where it cannot
 */
export async function requireSigningKey(serviceAccount: ServiceAccount): Promise<void> {
  await signAssertion(serviceAccount, "check", { email: "check", scopes: [], nowMs: 0 });
}

async function signAssertion(
  serviceAccount: ServiceAccount,
  audience: string,
  { email, scopes, nowMs }: DelegatedUser,
): Promise<string> {
  const issuedAt = Math.floor(nowMs / 1000);
  const jwt = new SignJWT({ scope: scopes.join(" ") })
    .setProtectedHeader({ alg: ALGORITHM, typ: "JWT", kid: serviceAccount.keyId })
    .setIssuer(serviceAccount.email)
    .setSubject(email)
    .setAudience(audience)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + ASSERTION_LIFETIME_SECONDS);
  try {
    return await jwt.sign(await signingKey(serviceAccount));
  } catch (error) {
    throw new AppError("INTERNAL", "The server is not set up correctly.", {
      logDetail: "GOOGLE_SERVICE_ACCOUNT: private_key is not an RSA key of 2048 bits or more",
      cause: error,
    });
  }
}

// Resolved keys only: a promise that one request made must not be awaited by another.
const imported = new WeakMap<ServiceAccount, CryptoKey>();

async function signingKey(serviceAccount: ServiceAccount): Promise<CryptoKey> {
  const known = imported.get(serviceAccount);
  if (known !== undefined) return known;
  const der = Uint8Array.fromBase64(serviceAccount.privateKeyPem.replaceAll(/-----[A-Z ]+-----/g, ""));
  const key = await crypto.subtle.importKey("pkcs8", der, KEY_ALGORITHM, false, ["sign"]);
  imported.set(serviceAccount, key);
  return key;
}

/** Error code → what is wrong, and who can do what. Two codes depend on more: {@link refused}. */
const BLOCKED: ReadonlyMap<string, string> = new Map([
  [
    "invalid_scope",
    "Google does not know a permission that this site asks for. Whoever runs this site must look at GOOGLE_SCOPES.",
  ],
  [
    "admin_policy_enforced",
    "The administrator of your organization does not let this app use Gmail. " +
      "Ask them to trust it in the Google Admin console, under Security, API controls.",
  ],
  ["org_internal", `Google lets this site's service account act for one organization only. ${OPERATOR}`],
  ["deleted_client", `This site's service account was deleted at Google. ${OPERATOR}`],
  ["disabled_client", `This site's service account is disabled at Google. ${OPERATOR}`],
]);

/** https://developers.google.com/identity/protocols/oauth2/service-account#error-codes */
function refused(cause: OAuthError, { clientId }: ServiceAccount, scopes: readonly string[]): AppError {
  const { code } = cause;
  const options: AppErrorOptions = { metadata: { error: code }, logDetail: `delegation: ${code}`, cause };
  if (code === "unauthorized_client" || code === "access_denied") {
    const list = scopes.join(",");
    const message =
      "The administrator of your organization has not authorized this site for your mailbox. " +
      "Ask them to add it in the Google Admin console, under Security, API controls, Domain-wide delegation, " +
      `with the client ID ${clientId} and the OAuth scopes ${list}. It can take up to a day to take effect.`;
    return new AppError("ACCESS_BLOCKED", message, {
      ...options,
      metadata: { error: code, clientId, scopes: list },
    });
  }
  if (code === "invalid_grant") return isAboutAssertion(cause) ? keyRefused(options) : unknownAccount(options);
  const message = BLOCKED.get(code);
  if (message !== undefined) return new AppError("ACCESS_BLOCKED", message, options);
  return new AppError("UPSTREAM_UNAVAILABLE", "Google refused to give access. Try again in a moment.", {
    logDetail: `delegation: ${code}`,
    cause,
  });
}

/** `invalid_grant` is about the user, unless Google says that it is about the assertion or who signed it. */
function isAboutAssertion({ description }: OAuthError): boolean {
  return /^Invalid JWT\b|\baccount not found\b/i.test(description ?? "");
}

function keyRefused(options: AppErrorOptions): AppError {
  const message = `Google does not accept the key of this site's service account, or the site's clock is wrong. ${OPERATOR}`;
  return new AppError("ACCESS_BLOCKED", message, {
    ...options,
    logDetail: "delegation: invalid_grant for the assertion: the key of GOOGLE_SERVICE_ACCOUNT was deleted or disabled",
  });
}

function unknownAccount(options: AppErrorOptions): AppError {
  const message =
    "Google does not know this account any more, or it is suspended, or this site's clock is wrong. " +
    "Ask the administrator of your organization, or use another account.";
  return new AppError("ACCESS_BLOCKED", message, { ...options, signInAgain: { prompt: "select_account" } });
}
