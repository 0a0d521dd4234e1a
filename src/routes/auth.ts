/**
 * `/auth/*`: sign-in, sign-out, and disconnect.
 */
import { Hono } from "hono/tiny";
import { findSession, requireSession } from "../http/authentication.ts";
import {
  checkCallback,
  type FinishedFlow,
  openReturnTo,
  openTransaction,
  parseCallback,
  sealReturnTo,
  type Transaction,
} from "../auth/transaction.ts";
import {
  clearTransactionCookie,
  readReturnToCookie,
  readTransactionCookie,
  writeNotice,
  writeReturnToCookie,
  writeTransactionCookie,
} from "../http/cookies.ts";
import { AppError, invalidArgument } from "../errors.ts";
import { page } from "../http/isolation.ts";
import { PROMPTS, type Prompt, revokeToken } from "../oauth.ts";
import { limitRate } from "../http/rate-limit.ts";
import { readText } from "../http/body.ts";
import { isNavigation } from "../http/navigation.ts";
import { HOME, safeReturnTo } from "../auth/return-to.ts";
import type { RequestScope } from "../context.ts";
import type { AppContext, AppEnv, SessionCaller } from "../http/types.ts";
import { receiveSecurityEvents } from "../auth/security-events.ts";
import {
  endPreviousSession,
  endSession,
  forgetSession,
  openSessionCaller,
  readSession,
  startSession,
} from "../http/session.ts";
import { describeDevice, describePlace } from "../http/visitor.ts";
import { beginTrip, finishTrip, type Trip } from "../auth/sign-in.ts";

/** An e-mail address has at most 254 characters, a `sub` 255. */
export const MAX_LOGIN_HINT_LENGTH = 255;
/** A delivery is one signed token of a few hundred bytes. */
export const MAX_SECURITY_EVENT_BYTES = 64 * 1024;

export const authRoutes = new Hono<AppEnv>()
  .get("/login", page, limitRate("login"), async (c) => {
    const trip = await beginTrip(c.var.scope, {
      returnTo: safeReturnTo(c.req.query("return_to") ?? null),
      loginHint: parseLoginHint(c.req.query("login_hint")),
      prompt: parsePrompt(c.req.query("prompt")),
      codeRetried: false,
      identityOnly: c.var.scope.config.delegation !== null,
      consentForced: false,
    });
    return goToGoogle(c, trip);
  })
  .get("/callback", page, limitRate("callback"), async (c) => {
    const callback = parseCallback(new URL(c.req.url).searchParams);
    const opened = callback.state === null ? null : await takeTransaction(c, callback.state);
    if (opened === null && callback.error === null) {
      const returnTo = await findReturnTo(c, callback.state);
      if (returnTo !== null) return c.redirect(returnTo);
    }
    const { code, transaction } = checkCallback(callback, opened, c.var.scope.config.google.issuer);
    const previous = await readSession(c);
    const visitor = { device: describeDevice(c), place: describePlace(c), previous };
    const outcome = await finishTrip(c.var.scope, { transaction, code }, visitor);
    if (outcome.kind === "once-more") return goToGoogle(c, outcome.trip);
    const isOthers = previous !== null && previous.identity.sub !== outcome.session.identity.sub;
    await Promise.all([startSession(c, outcome.session), isOthers ? endPreviousSession(c, previous) : null]);
    if (callback.state !== null) {
      await keepReturnTo(c, { state: callback.state, sessionId: outcome.session.id }, outcome.returnTo);
    }
    return c.redirect(outcome.returnTo);
  })
  .post("/logout", limitRate("logout"), async (c) => {
    // A session that was ended may still clear its own cookie, but not end anything else.
    if (parseEverywhere(c.req.query("everywhere"))) await endEverywhere(c, await requireSession(c));
    else await endHere(c, await findSession(c));
    return isNavigation(c) ? c.redirect("/", 303) : c.json({ signedOut: true });
  })
  .post("/disconnect", limitRate("disconnect"), async (c) => {
    const caller = await requireSession(c);
    const left = await disconnect(c, caller);
    if (!isNavigation(c)) {
      return c.json({ disconnected: true, revoked: left === null, ...(left === null ? {} : { message: LEFT[left] }) });
    }
    if (left !== null) writeNotice(c, left);
    return c.redirect("/", 303);
  })
  .post("/security-events", limitRate("security-events"), async (c) => {
    await receiveSecurityEvents(c.var.scope, await readText(c, MAX_SECURITY_EVENT_BYTES));
    return c.body(null, 202);
  });

/** What a disconnect leaves, for programs. */
const LEFT = {
  "revocation-unconfirmed":
    "Everything stored is deleted, but Google could not be reached to revoke the grant. It can be ended at " +
    "https://myaccount.google.com/permissions",
  "delegation-remains":
    "Everything stored is deleted. The access that your organization's administrator gave this site remains.",
} as const;

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

function parseEverywhere(value: string | undefined): boolean {
  if (value === undefined || value === "false") return false;
  if (value !== "true") throw invalidArgument("everywhere", "everywhere must be true or false.");
  return true;
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

/** Remembers where a sign-in has led, for when the person goes back to its callback or loads it again. */
async function keepReturnTo(c: AppContext, flow: FinishedFlow, returnTo: string): Promise<void> {
  if (returnTo === HOME) return;
  const { keyRing, world } = c.var.scope;
  writeReturnToCookie(c, await sealReturnTo(keyRing, { ...flow, nowMs: world.now() }, returnTo));
}

/** Where to lead a person who comes to the callback again and is signed in; null for everybody else. */
async function findReturnTo(c: AppContext, state: string | null): Promise<string | null> {
  if (c.req.method !== "GET" || !isNavigation(c)) return null;
  const caller = await openSessionCaller(c);
  // Where storage cannot say, nobody counts as signed in.
  if (caller === null || (await caller.isRevoked.catch(() => true))) return null;
  const value = readReturnToCookie(c);
  if (state === null || value === null) return HOME;
  const { keyRing, world } = c.var.scope;
  const flow = { state, sessionId: caller.session.id };
  return (await openReturnTo(keyRing, { ...flow, value, nowMs: world.now() })) ?? HOME;
}

async function endHere(c: AppContext, caller: SessionCaller | null): Promise<void> {
  // First: while it is in force, the browser must be able to try again.
  if (caller !== null) await endSession(c, caller.session);
  forgetSession(c);
}

/** Ends all sessions of the user, this one included, and all API tokens. */
async function endEverywhere(c: AppContext, { mailbox }: SessionCaller): Promise<void> {
  await mailbox.ask("endAll");
  forgetSession(c);
}

/**
 * Deletes what is stored, in whichever state it is, and gives the grant back to Google.
 *
 * @returns what is left of the access; null for nothing
 */
async function disconnect(
  c: AppContext,
  { identity, grant, mailbox }: SessionCaller,
): Promise<keyof typeof LEFT | null> {
  const { sub, email } = identity;
  // Stored things go first: whatever Google does, nothing here can be used again.
  const { refreshToken, accessToken, wasDelegated } = await mailbox.ask("disconnect", { sub, email });
  forgetSession(c);
  if (wasDelegated) return "delegation-remains";
  const isRevoked = await revokeGrant(c.var.scope, [refreshToken, grant.heldAccessToken(), accessToken]);
  return isRevoked ? null : "revocation-unconfirmed";
}

/**
 * Gives a grant back to Google by the first of its tokens that Google knows: the one that was read may be older than
 * the grant.
 *
 * @returns whether Google confirmed that the grant is gone
 */
async function revokeGrant(
  { config, upstream }: Pick<RequestScope, "config" | "upstream">,
  candidates: (string | null)[],
): Promise<boolean> {
  const tokens = candidates.filter((token) => token !== null);
  try {
    for (const token of tokens) {
      if (await revokeToken(upstream, config.google, token)) return true;
    }
    return tokens.length > 0;
  } catch (error) {
    if (error instanceof AppError) return false;
    throw error;
  }
}
