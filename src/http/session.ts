/**
 * The session cookie as a credential: opens it, writes it again when its access token has changed, ends it.
 */
import { clearSessionCookie, readSessionCookie, writeSessionCookie } from "./cookies.ts";
import { Grant } from "../auth/grant.ts";
import { logBackgroundFailure } from "../lib/log.ts";
import type { AppContext, SessionCaller } from "./types.ts";
import { handled } from "../lib/settle.ts";
import { fitsInCookie, openSession, sealSession, type Session, sessionExpiresAtMs } from "../auth/session.ts";
import type { SessionKey } from "../kv-store/key-names.ts";

/** The caller by the session cookie; null where there is none that opens. */
export async function openSessionCaller(c: AppContext): Promise<SessionCaller | null> {
  const { keyRing, revocations } = c.var.scope;
  const value = readSessionCookie(c);
  const session = await openCookie(c, value);
  if (value === null || session === null) return null;
  return {
    identity: session.identity,
    scopes: session.scopes,
    access: "full",
    grant: grantOf(c, session),
    session,
    isRevoked: handled(revocations.isSessionRevoked(sessionKey(session), session.signedInAtMs)),
    isOutdated: !keyRing.isActive(value),
  };
}

/** Writes the cookie again where the access token has changed, or the key that it is sealed under. */
export async function keepSession(c: AppContext, { grant, isOutdated, session }: SessionCaller): Promise<void> {
  const change = grant.tokenChange;
  if (change !== undefined) await startSession(c, { ...session, accessToken: change, accessTokenIsStored: false });
  // Under another `kid` it may be longer, and no longer fit.
  else if (isOutdated) await startSession(c, session);
}

async function openCookie(c: AppContext, value: string | null): Promise<Session | null> {
  const { keyRing, origin, world } = c.var.scope;
  return value === null ? null : openSession(keyRing, { origin, value, nowMs: world.now() });
}

function sessionKey({ id, identity }: Session): SessionKey {
  return { id, sub: identity.sub };
}

function grantOf(c: AppContext, session: Session): Grant {
  const { scope } = c.var;
  return new Grant(scope, {
    user: session.identity,
    accessToken: session.accessToken,
    readStoredAccessToken: session.accessTokenIsStored ? () => scope.store.readAccessToken(sessionKey(session)) : null,
  });
}

/** Puts a session in its cookie, and its access token in storage where the cookie would not hold it. */
export async function startSession(c: AppContext, session: Session): Promise<void> {
  const { keyRing, origin } = c.var.scope;
  let sealed = await sealSession(keyRing, origin, session);
  if (!fitsInCookie(sealed)) {
    const smaller = { ...session, accessToken: null, accessTokenIsStored: await storeAccessToken(c, session) };
    sealed = await sealSession(keyRing, origin, smaller);
    // Only an absurdly long name or picture URL is still too much; both are ornament.
    const identity = { ...session.identity, name: null, picture: null };
    if (!fitsInCookie(sealed)) sealed = await sealSession(keyRing, origin, { ...smaller, identity });
  }
  writeSessionCookie(c, sealed, maxAgeSeconds(c, session));
}

function maxAgeSeconds(c: AppContext, session: Session): number {
  return Math.floor((sessionExpiresAtMs(session) - c.var.scope.world.now()) / 1000);
}

/** @returns whether it is stored; if not, the next request refreshes, which is slower and no worse */
async function storeAccessToken(c: AppContext, session: Session): Promise<boolean> {
  if (session.accessToken === null) return false;
  try {
    await c.var.scope.store.writeAccessToken(sessionKey(session), session.accessToken);
    return true;
  } catch {
    return false;
  }
}

/** Clears the session cookie and the caller. */
export function forgetSession(c: AppContext): void {
  c.set("caller", undefined);
  clearSessionCookie(c);
}

/**
 * Ends the session that this browser had, once it has another one. The new one does not depend on that: where storage
 * fails, the cookie is replaced all the same, and only a copy of it lives on.
 */
export async function endPreviousSession(c: AppContext): Promise<void> {
  const session = await openCookie(c, readSessionCookie(c));
  if (session === null) return;
  try {
    await endSession(c, session);
  } catch (error) {
    logBackgroundFailure(c.var.scope.trace, error);
  }
}

/** Ends a session wherever a copy of its cookie is, within a minute. Its cookie in this browser is the caller's affair. */
export async function endSession(c: AppContext, session: Session): Promise<void> {
  const { revocations, store } = c.var.scope;
  await revocations.endSession(sessionKey(session));
  if (session.accessTokenIsStored) await store.deleteAccessToken(sessionKey(session));
}
