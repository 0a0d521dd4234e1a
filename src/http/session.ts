/**
 * The session cookie as a credential: opens it, writes it again when its access token has changed, ends it. Whether the
 * session is in force, the user's object says.
 */
import { clearSessionCookie, readSessionCookie, writeSessionCookie } from "./cookies.ts";
import { Grant } from "../object/access.ts";
import { logBackgroundFailure } from "../lib/log.ts";
import type { AppContext, SessionCaller } from "./types.ts";
import { handled } from "../lib/settle.ts";
import { fitsInCookie, openSession, sealSession, type Session, sessionExpiresAtMs } from "../auth/session.ts";

/** The caller by the session cookie; null where there is none that opens. */
export async function openSessionCaller(c: AppContext): Promise<SessionCaller | null> {
  const { scope } = c.var;
  const { keyRing, mailboxes } = scope;
  const value = readSessionCookie(c);
  const session = await openCookie(c, value);
  if (value === null || session === null) return null;
  const { accessToken, id, identity, scopes } = session;
  const mailbox = mailboxes.of(identity.sub);
  const isRevoked = handled(mailbox.ask("checkSession", id).then((isInForce) => !isInForce));
  return {
    identity,
    scopes,
    access: "full",
    grant: new Grant(scope, { user: identity, actor: { kind: "session", id }, mailbox, accessToken, isRevoked }),
    mailbox,
    session,
    isRevoked,
    isOutdated: !keyRing.isActive(value),
  };
}

/** Writes the cookie again where the access token has changed, or the key that it is sealed under. */
export async function keepSession(c: AppContext, { grant, isOutdated, session }: SessionCaller): Promise<void> {
  const change = grant.tokenChange;
  if (change !== undefined) await startSession(c, { ...session, accessToken: change });
  // Under another `kid` it may be longer, and no longer fit.
  else if (isOutdated) await startSession(c, session);
}

async function openCookie(c: AppContext, value: string | null): Promise<Session | null> {
  const { keyRing, origin, world } = c.var.scope;
  return value === null ? null : openSession(keyRing, { origin, value, nowMs: world.now() });
}

/** Puts a session in its cookie, without its access token where the cookie would not hold it: the object has one. */
export async function startSession(c: AppContext, session: Session): Promise<void> {
  const { keyRing, origin } = c.var.scope;
  let sealed = await sealSession(keyRing, origin, session);
  if (!fitsInCookie(sealed)) {
    const smaller = { ...session, accessToken: null };
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

/** Clears the session cookie and the caller. */
export function forgetSession(c: AppContext): void {
  c.set("caller", undefined);
  c.var.scope.acting.current = null;
  clearSessionCookie(c);
}

/** The session that this browser has, in force or not; null where there is none that opens. */
export async function readSession(c: AppContext): Promise<Session | null> {
  return openCookie(c, readSessionCookie(c));
}

/**
 * Ends the session of another user that this browser had, once it has a new one. That one does not depend on it: where the
 * object cannot be reached, the cookie is replaced all the same, and only a copy of it lives on.
 */
export async function endPreviousSession(c: AppContext, session: Session): Promise<void> {
  try {
    await endSession(c, session);
  } catch (error) {
    logBackgroundFailure(c.var.scope.trace, error);
  }
}

/** Ends a session wherever a copy of its cookie is, at once. Its cookie in this browser is the caller's affair. */
export async function endSession(c: AppContext, { id, identity }: Session): Promise<boolean> {
  return c.var.scope.mailboxes.of(identity.sub).ask("endSession", id);
}
