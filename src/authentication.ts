/**
 * Who is calling: opens the session cookie, gives the handler the user's grant, withholds the answer from a revoked
 * session, and writes the cookie anew when the access token in it has changed.
 */
import { createMiddleware } from "hono/factory";
import { clearSessionCookie, readSessionCookie, writeSessionCookie } from "./cookies.ts";
import { AppError } from "./errors.ts";
import { Grant } from "./grant.ts";
import type { SessionKey } from "./kv-store.ts";
import type { AppContext, AppEnv, Caller } from "./scope.ts";
import { settle, unwrap } from "./settle.ts";
import { fitsInCookie, openSession, sealSession, type Session, sessionExpiresAtMs } from "./session.ts";

/**
 * The signed-in caller, who may be found revoked once the answer is ready: {@link keepSession} withholds it then. What
 * changes something waits for that first.
 *
 * @throws AppError `SIGN_IN_REQUIRED`
 */
export async function requireCaller(c: AppContext): Promise<Caller> {
  const caller = await findCaller(c);
  if (caller === null) throw signInRequired();
  const isRead = c.req.method === "GET" || c.req.method === "HEAD";
  if (!isRead && unwrap(await caller.isRevoked)) throw signInRequired();
  return caller;
}

/** The caller by the session cookie, or null. A caller who sends a token of its own is not that session. */
export async function findCaller(c: AppContext): Promise<Caller | null> {
  if (/^bearer\b/i.test(c.req.header("Authorization") ?? "")) return null;
  const { keyRing, origin, store, world } = c.var.scope;
  const value = readSessionCookie(c);
  if (value === null) return null;
  const session = await openSession(keyRing, { origin, value, nowMs: world.now() });
  if (session === null) return null;
  const isRevoked = settle(store.isRevoked({ ...sessionKey(session), signedInAtMs: session.signedInAtMs }));
  const caller = { session, grant: grantOf(c, session), isRevoked };
  c.set("caller", caller);
  c.var.scope.trace.subject = session.identity.sub;
  return caller;
}

/**
 * Sees to the session once the answer is ready, also when that is an error: withholds it where the session turns out
 * to be revoked, and writes the cookie anew where the access token in it was replaced or lost.
 */
export const keepSession = createMiddleware<AppEnv>(async (c, next) => {
  await next();
  const caller = c.get("caller");
  if (caller === undefined) return;
  if (unwrap(await caller.isRevoked)) {
    await c.res.body?.cancel();
    forgetCaller(c);
    throw signInRequired();
  }
  if (caller.grant.tokenChange !== undefined) {
    await startSession(c, { ...caller.session, accessToken: caller.grant.tokenChange, accessTokenIsStored: false });
  }
});

function signInRequired(): AppError {
  return new AppError("SIGN_IN_REQUIRED", "Sign in with Google first.", { signInAgain: {} });
}

/** Nobody is signed in with this request after all. */
export function forgetCaller(c: AppContext): void {
  c.set("caller", undefined);
  clearSessionCookie(c);
}

function sessionKey({ id, identity }: Session): SessionKey {
  return { id, sub: identity.sub };
}

function grantOf(c: AppContext, session: Session): Grant {
  const { config, store, upstream, trace, world } = c.var.scope;
  return new Grant({
    config,
    store,
    upstream,
    trace,
    now: world.now,
    user: session.identity,
    accessToken: session.accessToken,
    readStoredAccessToken: session.accessTokenIsStored ? () => store.readAccessToken(sessionKey(session)) : null,
  });
}

/** Puts a session in its cookie, and its access token in storage where the cookie would not hold it. */
export async function startSession(c: AppContext, session: Session): Promise<void> {
  const { keyRing, origin, world } = c.var.scope;
  let sealed = await sealSession(keyRing, origin, session);
  if (!fitsInCookie(sealed)) {
    const smaller = { ...session, accessToken: null, accessTokenIsStored: await storeAccessToken(c, session) };
    sealed = await sealSession(keyRing, origin, smaller);
    // Only an absurdly long name or picture URL is still too much; both are ornament.
    const identity = { ...session.identity, name: null, picture: null };
    if (!fitsInCookie(sealed)) sealed = await sealSession(keyRing, origin, { ...smaller, identity });
  }
  writeSessionCookie(c, sealed, Math.floor((sessionExpiresAtMs(session) - world.now()) / 1000));
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

/** Ends a session: in this browser at once, and wherever a copy of its cookie is within a minute. */
export async function endSession(c: AppContext, session: Session): Promise<void> {
  clearSessionCookie(c);
  c.set("caller", undefined);
  const { store } = c.var.scope;
  await store.revokeSession(sessionKey(session), sessionExpiresAtMs(session));
  if (session.accessTokenIsStored) await store.deleteAccessToken(sessionKey(session));
}
