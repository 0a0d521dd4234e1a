/**
 * The session cookie as a way to call: opening it, writing it anew when the access token in it has changed, ending it.
 */
import { clearSessionCookie, readSessionCookie, writeSessionCookie } from "./cookies.ts";
import { Grant } from "./grant.ts";
import type { AppContext, SessionCaller } from "./scope.ts";
import { settle } from "./settle.ts";
import { fitsInCookie, openSession, sealSession, type Session, sessionExpiresAtMs } from "./session.ts";
import type { SessionKey } from "./storage-keys.ts";

/** The caller by the session cookie; null where there is none that opens. */
export async function openSessionCaller(c: AppContext): Promise<SessionCaller | null> {
  const { keyRing, origin, revocations, world } = c.var.scope;
  const value = readSessionCookie(c);
  if (value === null) return null;
  const session = await openSession(keyRing, { origin, value, nowMs: world.now() });
  if (session === null) return null;
  const grant = grantOf(c, session);
  const isOutdated = !keyRing.isActive(value);
  return {
    identity: session.identity,
    scopes: session.scopes,
    access: "full",
    grant,
    session,
    isRevoked: settle(revocations.isSessionRevoked(sessionKey(session), session.signedInAtMs)),
    forget: () => forgetSession(c),
    keep: async () => {
      const change = grant.tokenChange;
      if (change !== undefined) await startSession(c, { ...session, accessToken: change, accessTokenIsStored: false });
      // Under another `kid` it may be longer, and no longer fit.
      else if (isOutdated) await startSession(c, session);
    },
  };
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

/** Nobody is signed in with this browser after all. */
export function forgetSession(c: AppContext): void {
  c.set("caller", undefined);
  clearSessionCookie(c);
}

/** Ends a session: in this browser at once, and wherever a copy of its cookie is within a minute. */
export async function endSession(c: AppContext, session: Session): Promise<void> {
  forgetSession(c);
  const { revocations, store } = c.var.scope;
  await revocations.revokeSession(sessionKey(session), sessionExpiresAtMs(session));
  if (session.accessTokenIsStored) await store.deleteAccessToken(sessionKey(session));
}
