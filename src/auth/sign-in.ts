/**
 * Sign-in: the authorization flow, from the redirect to Google to the stored grant. Decides; the routes do the HTTP.
 *
 * https://developers.google.com/workspace/gmail/api/auth/web-server
 */
import { isAllowedAccount } from "./accounts.ts";
import { AppError } from "../errors.ts";
import { accountNotAllowed, Grant, type GrantServices, toAccessToken } from "./grant.ts";
import { type IdTokenClaims, verifyIdToken } from "../oauth/id-token.ts";
import { missingKey, randomToken, tryOpen } from "../lib/key-ring.ts";
import type { FoundCredential } from "../kv-store.ts";
import { logWarning } from "../lib/log.ts";
import {
  buildAuthorizationUrl,
  createPkcePair,
  exchangeCode,
  fetchUserInfo,
  OAuthError,
  revokeToken,
  type GrantedTokens,
  type UserInfo,
  coversSignIn,
  missingGmailScopes,
} from "../oauth.ts";
import type { RequestScope } from "../context.ts";
import { handled } from "../lib/settle.ts";
import { createSession, type Session } from "./session.ts";
import { beginAgain, sealTransaction, type Transaction } from "./transaction.ts";

/** What begins an authorization flow. */
type TripServices = Pick<RequestScope, "config" | "keyRing" | "origin" | "world">;

/** What ends one. */
type SignInServices = TripServices &
  GrantServices &
  Pick<RequestScope, "googleKeys" | "revocations" | "securityEvents">;

/** Google's consent page, and the sealed transaction that the browser must bring back. */
export interface Trip {
  readonly authorizationUrl: string;
  readonly state: string;
  readonly sealedTransaction: string;
}

/** Why the browser is redirected to Google. Each redirect gets its own PKCE verifier and nonce. */
export type TripPurpose = Omit<Transaction, "codeVerifier" | "nonce">;

/** Begins an authorization flow: a redirect to Google's consent page. */
export async function beginTrip(scope: TripServices, purpose: TripPurpose): Promise<Trip> {
  const { codeVerifier, codeChallenge } = await createPkcePair();
  const state = randomToken();
  const nonce = randomToken();
  const transaction: Transaction = { ...purpose, codeVerifier, nonce };
  return {
    state,
    authorizationUrl: buildAuthorizationUrl(scope.config.google, {
      redirectUri: redirectUri(scope.origin),
      state,
      nonce,
      codeChallenge,
      loginHint: purpose.loginHint,
      prompt: purpose.prompt,
    }),
    sealedTransaction: await sealTransaction(scope.keyRing, { state, nowMs: scope.world.now() }, transaction),
  };
}

/** Where Google sends the browser back to; its console must list exactly this. */
export function redirectUri(origin: string): string {
  return `${origin}/auth/callback`;
}

/** The result of an authorization flow: signed in, or another redirect. */
export type TripOutcome =
  | { readonly kind: "signed-in"; readonly session: Session; readonly returnTo: string }
  | { readonly kind: "once-more"; readonly trip: Trip };

/**
 * Ends an authorization flow: exchanges the code, verifies the user, and stores the grant.
 *
 * @param code from the callback
 * @throws AppError with a reason of the sign-in table (docs/errors.md); nothing stored has changed then
 */
export async function finishTrip(scope: SignInServices, transaction: Transaction, code: string): Promise<TripOutcome> {
  // What ends the user's sessions while this goes on shall end this one, too.
  const signedInAtMs = scope.world.now();
  const tokens = await exchange(scope, transaction, code);
  if (tokens === null) {
    return { kind: "once-more", trip: await beginTrip(scope, { ...transaction, codeRetried: true }) };
  }
  const user = await identify(scope, transaction, tokens);
  await admit(scope, transaction, { user, tokens });
  const { scopes } = tokens;
  requireGmailScopes(scope.config.google.scopes, scopes, transaction, user);
  if (!(await keepGrant(scope, user, { tokens, signedInAtMs }))) return consentTrip(scope, transaction, user);
  const { sub, email, name, picture } = user;
  const accessToken = toAccessToken(tokens, scope.world.now());
  const session = createSession({ identity: { sub, email, name, picture }, scopes, accessToken }, signedInAtMs);
  return { kind: "signed-in", session, returnTo: transaction.returnTo };
}

/** @returns null where Google refused the code and another redirect may help */
async function exchange(
  scope: Pick<SignInServices, "config" | "origin" | "upstream">,
  transaction: Transaction,
  code: string,
): Promise<GrantedTokens | null> {
  try {
    const request = { code, codeVerifier: transaction.codeVerifier, redirectUri: redirectUri(scope.origin) };
    return await exchangeCode(scope.upstream, scope.config.google, request);
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
    if (!transaction.codeRetried) return null;
    throw new AppError("CODE_EXCHANGE_FAILED", "Google refused the sign-in code twice. Try again later.", {
      signInAgain: beginAgain(transaction),
      logDetail: `code exchange: ${error.code}`,
      cause: error,
    });
  }
}

/** Everything that Google says about who signed in. */
interface User {
  readonly sub: string;
  readonly email: string | null;
  readonly emailVerified: boolean;
  readonly hostedDomain: string | null;
  readonly name: string | null;
  readonly picture: string | null;
  /** What is stored for this user, or null. */
  readonly stored: FoundCredential | null;
}

/** Verifies the ID token, while userinfo is already being asked; reads what is stored beside it. */
async function identify(scope: SignInServices, transaction: Transaction, tokens: GrantedTokens): Promise<User> {
  const { config, googleKeys, upstream, world } = scope;
  const userInfoAnswer = handled(fetchUserInfo(upstream, config.google, tokens.accessToken));
  const claims = await verifyIdToken(
    { upstream, google: config.google, keys: googleKeys },
    { idToken: tokens.idToken, nonce: transaction.nonce, nowMs: world.now(), again: beginAgain(transaction) },
  );
  const storedAnswer = handled(readStored(scope, claims.sub));
  const disabledAnswer = handled(scope.securityEvents.isDisabled(claims.sub));
  const user = describeUser(claims, await userInfoAnswer, await storedAnswer, transaction);
  if (await disabledAnswer) throw accountDisabled(transaction);
  return user;
}

function describeUser(
  claims: IdTokenClaims,
  userInfo: UserInfo,
  stored: FoundCredential | null,
  transaction: Transaction,
): User {
  if (userInfo.sub !== claims.sub) {
    throw new AppError("NO_USER_ID", "Google did not say who you are, or named two different users. Sign in again.", {
      signInAgain: beginAgain(transaction),
    });
  }
  const fromIdToken = claims.email !== null;
  return {
    sub: claims.sub,
    email: claims.email ?? userInfo.email,
    emailVerified: fromIdToken ? claims.emailVerified : userInfo.emailVerified,
    hostedDomain: claims.hostedDomain,
    name: userInfo.name,
    picture: userInfo.picture,
    stored,
  };
}

/** Set by a security event; another one lifts it. */
function accountDisabled({ returnTo }: Transaction): AppError {
  return new AppError("ACCOUNT_NOT_ALLOWED", "Google has disabled this account. Sign in with another one.", {
    signInAgain: { returnTo, prompt: "select_account" },
  });
}

/** A record that does not open counts as none: signing in replaces it. */
async function readStored(
  { store, trace }: Pick<SignInServices, "store" | "trace">,
  sub: string,
): Promise<FoundCredential | null> {
  const opened = await tryOpen(store.findCredential(sub));
  if (opened.kind === "opened") return opened.value;
  // The person consents once more and never notices; the operator should.
  if (opened.kind === "unknown-key") logWarning(trace, missingKey("A credential", opened.error).logDetail ?? "");
  return null;
}

/** Refuses an account that is not allowed, and gives its fresh grant back. */
async function admit(
  { config, upstream }: Pick<SignInServices, "config" | "upstream">,
  transaction: Transaction,
  { user, tokens }: { user: User; tokens: GrantedTokens },
): Promise<void> {
  if (isAllowedAccount(config.allowedAccounts, user)) return;
  // Google being down does not let anybody in; the grant then stays unused.
  await revokeToken(upstream, config.google, tokens.refreshToken ?? tokens.accessToken).catch(() => false);
  throw accountNotAllowed({ returnTo: transaction.returnTo });
}

function requireGmailScopes(
  asked: readonly string[],
  granted: readonly string[],
  transaction: Transaction,
  user: User,
): void {
  const missing = missingGmailScopes(asked, granted);
  if (missing.length === 0) return;
  throw new AppError(
    "SCOPE_REQUIRED",
    "You did not give this site the access to Gmail that it needs. Sign in again and tick every box for Gmail.",
    {
      programMessage: `Access to Gmail was not granted. Sign in again and tick the box for: ${missing.join(", ")}`,
      metadata: { missingScopes: missing.join(" ") },
      signInAgain: { ...beginAgain({ ...transaction, loginHint: user.email ?? user.sub }), prompt: "consent" },
    },
  );
}

/**
 * Keeps the grant: stores the refresh token that came, or relies on the stored one.
 *
 * @returns false where none is usable
 */
async function keepGrant(
  scope: SignInServices,
  user: User,
  { tokens, signedInAtMs }: { tokens: GrantedTokens; signedInAtMs: number },
): Promise<boolean> {
  const { config, store } = scope;
  const granted = tokens.scopes;
  if (tokens.refreshToken !== null) {
    await keepNewGrant(scope, user, { refreshToken: tokens.refreshToken, scopes: granted, signedInAtMs });
    return true;
  }
  if (user.stored === null) return false;
  const { credential: stored, isOutdated } = user.stored;
  if (stored.clientId !== config.google.clientId) return false;
  if (!coversSignIn(stored.scopes, config.google.scopes, granted)) return false;
  if (await store.isDead(stored.refreshToken)) return false;
  if (isOutdated) scope.defer(renewSeal(scope, user));
  return true;
}

/** Re-seals a record under an older key, after Google has accepted its refresh token: a refresh does both. */
async function renewSeal(scope: GrantServices, user: User): Promise<void> {
  await new Grant(scope, { user, accessToken: null, readStoredAccessToken: null }).accessToken();
}

/**
 * A refresh token comes with a new consent only. What began under an older one ends: had somebody else got hold of a
 * session or an API token, it would come back to life with the new grant.
 */
async function keepNewGrant(
  { config, revocations, store }: Pick<SignInServices, "config" | "revocations" | "store">,
  user: User,
  { refreshToken, scopes, signedInAtMs }: { refreshToken: string; scopes: string[]; signedInAtMs: number },
): Promise<void> {
  const around = [
    // The session of this sign-in begins just after the marker.
    revocations.revokeUser(user.sub, "consent", signedInAtMs - 1),
    ...(user.email !== null && user.emailVerified ? [store.writeAddress(user.email, user.sub)] : []),
  ];
  // None goes on when another has failed.
  await Promise.allSettled(around);
  await Promise.all(around);
  // The record goes last: once it has replaced the one before, nothing can fail any more, and nothing is missing.
  await store.writeCredential({
    version: 1,
    sub: user.sub,
    email: user.email,
    emailVerified: user.emailVerified,
    hostedDomain: user.hostedDomain,
    refreshToken,
    scopes,
    clientId: config.google.clientId,
    createdAtMs: user.stored?.credential.createdAtMs ?? signedInAtMs,
    updatedAtMs: signedInAtMs,
  });
}

/** Google gives a refresh token only with its consent page: one redirect that forces it. */
async function consentTrip(scope: TripServices, transaction: Transaction, user: User): Promise<TripOutcome> {
  const loginHint = user.email ?? user.sub;
  if (transaction.consentForced) {
    throw new AppError("NO_REFRESH_TOKEN", "Google gave no lasting access, even after consent.", {
      signInAgain: { ...beginAgain({ ...transaction, loginHint: user.email ?? user.sub }), prompt: "consent" },
    });
  }
  const purpose = { ...transaction, loginHint, prompt: "consent", consentForced: true } as const;
  return { kind: "once-more", trip: await beginTrip(scope, purpose) };
}
