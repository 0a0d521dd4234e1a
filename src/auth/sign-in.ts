/**
 * Sign-in: the authorization flow, from the redirect to Google to the stored grant. Decides; the routes do the HTTP.
 *
 * https://developers.google.com/workspace/gmail/api/auth/web-server
 */
import { isDelegated } from "../config.ts";
import { AppError } from "../errors.ts";
import { accountNotAllowed, isAllowedAccount } from "../oauth/accounts.ts";
import { type IdTokenClaims, verifyIdToken } from "../oauth/id-token.ts";
import { randomToken } from "../lib/key-ring.ts";
import {
  buildAuthorizationUrl,
  createPkcePair,
  exchangeCode,
  fetchUserInfo,
  OAuthError,
  revokeToken,
  type GrantedTokens,
  type UserInfo,
  gmailScopes,
  missingGmailScopes,
  toAccessToken,
} from "../oauth.ts";
import type { RequestScope } from "../context.ts";
import { handled, settle } from "../lib/settle.ts";
import type { SignIn } from "../object/rpc.ts";
import { createSession, type Session } from "./session.ts";
import { beginAgain, sealTransaction, type Transaction } from "./transaction.ts";

/** What begins an authorization flow. */
type TripServices = Pick<RequestScope, "config" | "keyRing" | "origin" | "world">;

/** What ends one. */
type SignInServices = TripServices & Pick<RequestScope, "googleKeys" | "mailboxes" | "upstream">;

/** The browser that comes back. */
export interface Visitor {
  /** In plain words. */
  readonly device: string;
  readonly place: string | null;
  /** The session that it had; null for none. */
  readonly previous: Session | null;
}

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
      identityOnly: purpose.identityOnly,
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
 * Ends an authorization flow: exchanges the code, verifies the user, and has the user's object keep the grant and begin a
 * session.
 *
 * @param code from the callback
 * @throws AppError with a reason of the sign-in table (docs/errors.md); nothing stored has changed then
 */
export async function finishTrip(
  scope: SignInServices,
  { transaction, code }: { transaction: Transaction; code: string },
  visitor: Visitor,
): Promise<TripOutcome> {
  // What ends the user's sessions while this goes on shall end this one, too.
  const signedInAtMs = scope.world.now();
  const tokens = await exchange(scope, transaction, code);
  if (tokens === null) {
    return { kind: "once-more", trip: await beginTrip(scope, { ...transaction, codeRetried: true }) };
  }
  const user = await identify(scope, transaction, tokens);
  await admit(scope, transaction, { user, tokens });
  const delegated = transaction.identityOnly && user.emailVerified && isDelegated(scope.config, user.hostedDomain);
  if (transaction.identityOnly && !delegated) return gmailTrip(scope, transaction, user);
  if (!delegated) requireGmailScopes(scope.config.google.scopes, tokens.scopes, transaction, user);
  const { sub, email, name, picture } = user;
  // That of a redirect for the identity opens no mailbox.
  const accessToken = delegated ? null : toAccessToken(tokens, scope.world.now());
  const scopes = delegated ? [...tokens.scopes, ...gmailScopes(scope.config.google.scopes)] : tokens.scopes;
  const identity = { sub, email, name, picture };
  const session = createSession({ identity, scopes, accessToken }, signedInAtMs);
  const { device, place, previous } = visitor;
  const result = await scope.mailboxes.of(sub).ask("signIn", {
    identity,
    emailVerified: user.emailVerified,
    hostedDomain: user.hostedDomain,
    session: { id: session.id, signedInAtMs, device, place },
    scopes,
    accessToken,
    refreshToken: tokens.refreshToken,
    delegated,
    ends: user.ends,
    previousSession: previous?.identity.sub === sub ? previous.id : null,
  });
  if (result === "disabled") throw accountDisabled(transaction);
  if (result === "ended") throw endedMeanwhile(transaction);
  if (result === "no-grant") return consentTrip(scope, transaction, user);
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
}

/** Verifies the ID token, while userinfo is already being asked; wakes the user's object beside it. */
async function identify(
  scope: SignInServices,
  transaction: Transaction,
  tokens: GrantedTokens,
): Promise<User & Pick<SignIn, "ends">> {
  const { config, googleKeys, mailboxes, upstream, world } = scope;
  const userInfoAnswer = handled(fetchUserInfo(upstream, config.google, tokens.accessToken));
  const claims = await verifyIdToken(
    { upstream, google: config.google, keys: googleKeys },
    { idToken: tokens.idToken, nonce: transaction.nonce, nowMs: world.now(), again: beginAgain(transaction) },
  );
  const waking = settle(mailboxes.of(claims.sub).ask("wake", claims.sub));
  const user = describeUser(claims, await userInfoAnswer, transaction);
  const woken = await waking;
  // Where it cannot be reached, the sign-in itself says so.
  return { ...user, ends: woken.status === "fulfilled" ? woken.value : null };
}

function describeUser(claims: IdTokenClaims, userInfo: UserInfo, transaction: Transaction): User {
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
  };
}

/** Set by a security event; another one lifts it. */
function accountDisabled({ returnTo }: Transaction): AppError {
  return new AppError("ACCOUNT_NOT_ALLOWED", "Google has disabled this account. Sign in with another one.", {
    signInAgain: { returnTo, prompt: "select_account" },
  });
}

/** The user, or Google, has ended everything while this sign-in was in progress. */
function endedMeanwhile(transaction: Transaction): AppError {
  return new AppError("SIGN_IN_REQUIRED", "Everything was signed out while you signed in. Sign in again.", {
    signInAgain: beginAgain(transaction),
  });
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

/** Who is of no domain of the service account's gives access to Gmail themselves. */
async function gmailTrip(scope: TripServices, transaction: Transaction, user: User): Promise<TripOutcome> {
  const purpose = { ...transaction, loginHint: user.email ?? user.sub, identityOnly: false };
  return { kind: "once-more", trip: await beginTrip(scope, purpose) };
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
