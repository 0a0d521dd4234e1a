/**
 * Who is calling: opens the session cookie, gives the handler the user's grant, and writes the cookie anew when the
 * access token in it has changed.
 */
import { createMiddleware } from "hono/factory";
import { clearSessionCookie, readSessionCookie, writeSessionCookie } from "./cookies.ts";
import { AppError } from "./errors.ts";
import { Grant } from "./grant.ts";
import type { AppContext, AppEnv, Caller } from "./scope.ts";
import { fitsInCookie, openSession, sealSession, type Session, sessionExpiresAtMs } from "./session.ts";

/** The signed-in caller. @throws AppError `SIGN_IN_REQUIRED` */
export async function requireCaller(c: AppContext): Promise<Caller> {
  const caller = await findCaller(c);
  if (caller === null) throw new AppError("SIGN_IN_REQUIRED", "Sign in with Google first.", { signInAgain: {} });
  return caller;
}

/** The caller by the session cookie, or null. A caller who sends a token of its own is not that session. */
export async function findCaller(c: AppContext): Promise<Caller | null> {
  if (/^bearer\b/i.test(c.req.header("Authorization") ?? "")) return null;
  const { keyRing, origin, world } = c.var.scope;
  const value = readSessionCookie(c);
  if (value === null) return null;
  const session = await openSession(keyRing, { origin, value, nowMs: world.now() });
  if (session === null) return null;
  const caller = { session, grant: grantOf(c, session) };
  c.set("caller", caller);
  return caller;
}

/** Writes the session cookie anew where the access token in it was replaced or lost, also when the answer is an error. */
export const keepSession = createMiddleware<AppEnv>(async (c, next) => {
  await next();
  const caller = c.get("caller");
  if (caller === undefined || caller.grant.tokenChange === undefined) return;
  await startSession(c, { ...caller.session, accessToken: caller.grant.tokenChange, accessTokenIsStored: false });
});

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
    readStoredAccessToken: session.accessTokenIsStored ? () => store.readAccessToken(session.id) : null,
  });
}

/** Puts a session in its cookie, and its access token in storage where the cookie would not hold it. */
export async function startSession(c: AppContext, session: Session): Promise<void> {
  const { keyRing, origin, world } = c.var.scope;
  let sealed = await sealSession(keyRing, origin, session);
  if (!fitsInCookie(sealed)) {
    const accessTokenIsStored = await storeAccessToken(c, session);
    sealed = await sealSession(keyRing, origin, { ...session, accessToken: null, accessTokenIsStored });
  }
  if (!fitsInCookie(sealed)) {
    // Only an absurdly long name or picture URL gets here; both are ornament.
    const identity = { ...session.identity, name: null, picture: null };
    sealed = await sealSession(keyRing, origin, { ...session, identity, accessToken: null });
  }
  writeSessionCookie(c, sealed, Math.floor((sessionExpiresAtMs(session) - world.now()) / 1000));
}

/** @returns whether it is stored; if not, the next request refreshes, which is slower and no worse */
async function storeAccessToken(c: AppContext, session: Session): Promise<boolean> {
  if (session.accessToken === null) return false;
  try {
    await c.var.scope.store.writeAccessToken(session.id, session.accessToken);
    return true;
  } catch {
    return false;
  }
}

/** Ends the session of this browser. */
export async function endSession(c: AppContext, session: Session | null): Promise<void> {
  clearSessionCookie(c);
  if (session?.accessTokenIsStored) await c.var.scope.store.deleteAccessToken(session.id);
}
