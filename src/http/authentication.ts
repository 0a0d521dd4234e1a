/**
 * Who is calling: by session cookie or by API token. Gives the handler the caller with the user's grant, withholds the
 * answer from one that was revoked, and keeps what has changed.
 */
import { createMiddleware } from "hono/factory";
import { type Access, accessForMethod, isRead, requireAccess } from "../access.ts";
import { AppError, signInRequired } from "../errors.ts";
import { ANSWER_HEADERS } from "./passed-headers.ts";
import type { AppContext, AppEnv, Caller, SessionCaller } from "./types.ts";
import { forgetSession, keepSession, openSessionCaller } from "./session.ts";
import { bearerToken, forgetToken, invalidApiToken, keepToken, openTokenCaller } from "./bearer.ts";

/**
 * The caller, who may be found revoked once the answer is ready: {@link finishAnswer} withholds it then. A write waits for
 * the revocation check before its handler runs.
 *
 * @param needed the access that an API token needs: every GET and HEAD is to be read, and everything else needs all
 *   of it, unless the route says otherwise
 * @throws AppError `SIGN_IN_REQUIRED`, `PERMISSION_DENIED`, `STORAGE_UNAVAILABLE`
 */
export async function requireCaller(c: AppContext, needed: Access = accessForMethod(c.req.method)): Promise<Caller> {
  const bearer = bearerToken(c);
  const caller = await admit(
    c,
    bearer === null ? await openSessionCaller(c) : await openTokenCaller(c.var.scope, bearer),
  );
  requireAccess(caller, needed);
  return caller;
}

/**
 * The caller by the session cookie, for what an API token may not do.
 *
 * @throws AppError `SIGN_IN_REQUIRED`; `PERMISSION_DENIED` where a token came; `STORAGE_UNAVAILABLE`
 */
export async function requireSession(c: AppContext): Promise<SessionCaller> {
  if (bearerToken(c) !== null) {
    throw new AppError("PERMISSION_DENIED", "You cannot do this with an API token. Sign in with Google in a browser.");
  }
  return admit(c, await openSessionCaller(c));
}

/** The caller by the session cookie, or null. A request with a token is not that session. */
export async function findSession(c: AppContext): Promise<SessionCaller | null> {
  const caller = bearerToken(c) === null ? await openSessionCaller(c) : null;
  if (caller !== null) remember(c, caller);
  return caller;
}

async function admit<T extends Caller>(c: AppContext, caller: T | null): Promise<T> {
  if (caller === null) throw signInRequired();
  remember(c, caller);
  if (!isRead(c.req.method) && (await isEnded(c, caller))) throw ended(caller);
  return caller;
}

function remember(c: AppContext, caller: Caller): void {
  c.set("caller", caller);
  const { acting, trace } = c.var.scope;
  trace.subject = caller.identity.sub;
  const { mailbox, session } = caller;
  acting.current = {
    mailbox,
    actor: session === null ? { kind: "token", id: caller.known.id } : { kind: "session", id: session.id },
  };
}

/** Whether the caller was ended meanwhile: then nobody calls, and nothing is kept. @throws AppError `STORAGE_UNAVAILABLE` */
export async function isEnded(c: AppContext, caller: Caller): Promise<boolean> {
  if (!(await caller.isRevoked)) return false;
  if (caller.session !== null) forgetSession(c);
  else forgetToken(c.var.scope, caller);
  c.set("caller", undefined);
  c.var.scope.acting.current = null;
  return true;
}

/**
 * Finishes an answer, also one that is an error: withholds it where the caller was ended meanwhile, or that cannot be known,
 * and keeps an access token that was replaced or lost.
 */
export const finishAnswer = createMiddleware<AppEnv>(async (c, next) => {
  await next();
  const caller = c.get("caller");
  if (caller === undefined) return;
  try {
    if (await isEnded(c, caller)) throw ended(caller);
  } catch (error) {
    await withhold(c);
    throw error;
  }
  if (caller.session !== null) await keepSession(c, caller);
  else keepToken(c.var.scope, caller);
});

/** Drops an answer, body and headers: what describes it would otherwise stay beside the error. */
async function withhold(c: AppContext): Promise<void> {
  await c.res.body?.cancel();
  for (const name of ANSWER_HEADERS) c.res.headers.delete(name);
}

function ended({ session }: Caller): AppError {
  return session === null ? invalidApiToken() : signInRequired();
}
