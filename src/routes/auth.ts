/**
 * `/auth/*`: the trip to Google and back, signing out, and giving the grant back.
 */
import { Hono } from "hono/tiny";
import { endSession, findCaller, forgetCaller, requireCaller, startSession } from "../authentication.ts";
import { checkCallback, parseCallback } from "../callback.ts";
import { clearTransactionCookie, readTransactionCookie, writeNotice, writeTransactionCookie } from "../cookies.ts";
import { AppError, invalidArgument } from "../errors.ts";
import { SealError } from "../keys.ts";
import { PROMPTS, type Prompt, revokeToken } from "../oauth.ts";
import { isNavigation, requireSameOrigin } from "../request.ts";
import { safeReturnTo } from "../return-to.ts";
import type { AppContext, AppEnv, Caller } from "../scope.ts";
import { SESSION_TTL_SECONDS } from "../session.ts";
import { beginTrip, finishTrip, type Trip } from "../sign-in.ts";
import { openTransaction, type Transaction } from "../transaction.ts";

/** An e-mail address has at most 254 characters, a `sub` 255. */
const MAX_LOGIN_HINT_LENGTH = 255;

export const authRoutes = new Hono<AppEnv>()
  .get("/login", async (c) => {
    const trip = await beginTrip(c.var.scope, {
      returnTo: safeReturnTo(c.req.query("return_to") ?? null),
      loginHint: parseLoginHint(c.req.query("login_hint")),
      prompt: parsePrompt(c.req.query("prompt")),
      codeRetried: false,
      consentForced: false,
    });
    return goToGoogle(c, trip);
  })
  .get("/callback", async (c) => {
    const callback = parseCallback(new URL(c.req.url).searchParams);
    const opened = callback.state === null ? null : await takeTransaction(c, callback.state);
    const { code, transaction } = checkCallback(callback, opened, c.var.scope.config.google.issuer);
    const outcome = await finishTrip(c.var.scope, transaction, code);
    if (outcome.kind === "once-more") return goToGoogle(c, outcome.trip);
    await startSession(c, outcome.session);
    return c.redirect(outcome.returnTo);
  })
  .post("/logout", async (c) => {
    requireSameOrigin(c, { originRequired: false });
    const caller = await findCaller(c);
    if (caller === null) forgetCaller(c);
    else await endSession(c, caller.session);
    return isNavigation(c) ? c.redirect("/", 303) : c.json({ signedOut: true });
  })
  .post("/disconnect", async (c) => {
    requireSameOrigin(c, { originRequired: false });
    const caller = await requireCaller(c);
    const revoked = await disconnect(c, caller);
    if (!isNavigation(c)) return c.json({ disconnected: true, revoked, ...(revoked ? {} : { message: UNCONFIRMED }) });
    if (!revoked) writeNotice(c, "revocation-unconfirmed");
    return c.redirect("/", 303);
  });

const UNCONFIRMED =
  "Everything stored is deleted, but Google could not be reached to revoke the grant. It can be ended at " +
  "https://myaccount.google.com/permissions";

function parsePrompt(value: string | undefined): Prompt | null {
  if (value === undefined) return null;
  const prompt = PROMPTS.find((candidate) => candidate === value);
  if (prompt === undefined) throw invalidArgument("prompt", `prompt must be one of: ${PROMPTS.join(", ")}.`);
  return prompt;
}

function parseLoginHint(value: string | undefined): string | null {
  if (value === undefined || value === "") return null;
  if (value.length > MAX_LOGIN_HINT_LENGTH) {
    throw invalidArgument("login_hint", `login_hint must have at most ${MAX_LOGIN_HINT_LENGTH} characters.`);
  }
  return value;
}

function goToGoogle(c: AppContext, trip: Trip): Response {
  writeTransactionCookie(c, trip.state, trip.sealedTransaction);
  return c.redirect(trip.authorizationUrl);
}

/** Opens the transaction of this browser and state, and removes its cookie: it serves once. */
async function takeTransaction(c: AppContext, state: string): Promise<Transaction | null> {
  const value = readTransactionCookie(c, state);
  if (value === null) return null;
  clearTransactionCookie(c, state);
  const { keyRing, world } = c.var.scope;
  return openTransaction(keyRing, { state, value, nowMs: world.now() });
}

/**
 * Deletes what is stored, in whichever state it is, and gives the grant back to Google.
 *
 * @returns whether Google confirmed that the grant is gone
 */
async function disconnect(c: AppContext, { session, grant }: Caller): Promise<boolean> {
  const { config, store, upstream } = c.var.scope;
  const { sub } = session.identity;
  const refreshToken = await readRefreshToken(c, sub);
  const token = refreshToken ?? (await grant.heldAccessToken());
  // Stored things go first: whatever Google does, nothing here can be used again.
  await store.revokeSessions(sub, SESSION_TTL_SECONDS);
  await store.deleteCredential(sub, refreshToken);
  await store.deleteAccessTokens(sub);
  if (session.identity.email !== null) await store.deleteAddress(session.identity.email, sub);
  forgetCaller(c);
  if (token === null) return false;
  try {
    await revokeToken(upstream, config.google, token);
    return true;
  } catch (error) {
    if (error instanceof AppError) return false;
    throw error;
  }
}

/** A record that does not open cannot be revoked, and is deleted all the same. */
async function readRefreshToken(c: AppContext, sub: string): Promise<string | null> {
  try {
    return (await c.var.scope.store.readCredential(sub))?.refreshToken ?? null;
  } catch (error) {
    if (error instanceof SealError) return null;
    throw error;
  }
}
