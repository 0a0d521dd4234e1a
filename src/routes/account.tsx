/**
 * `/account`: who is signed in, what is granted, and the API tokens, as a page with forms.
 */
import { Hono } from "hono/tiny";
import { requireSession } from "../http/authentication.ts";
import { scriptNonce } from "../http/content-policy.ts";
import { AppError } from "../errors.ts";
import { AccountPage, type AccountPageProps } from "../pages/account.tsx";
import { limitRate } from "../http/rate-limit.ts";
import { page } from "../http/isolation.ts";
import { readForm } from "../http/body.ts";
import { readerOf, signInUrl } from "../http/navigation.ts";
import type { AppContext, AppEnv, SessionCaller } from "../http/types.ts";
import { isRecentSignIn } from "../auth/session.ts";
import { makeToken, revokeToken } from "../auth/api-tokens.ts";
import { forgetSession } from "../http/session.ts";

const MAX_FORM_BYTES = 4 * 1024;

export const accountRoutes = new Hono<AppEnv>()
  .get("/", page, async (c) => c.html(await accountPage(c, await requireSession(c), {})))
  .post("/tokens", limitRate("tokens"), async (c) => {
    const caller = await requireSession(c);
    const form = await readForm(c, MAX_FORM_BYTES);
    try {
      const { secret, name } = await makeToken(
        caller,
        {
          ...Object.fromEntries(form),
          expiresInDays: Number(form.get("expiresInDays") ?? Number.NaN),
        },
        c.var.scope.world.now(),
      );
      return c.html(await accountPage(c, caller, { newToken: { name, secret } }));
    } catch (error) {
      if (error instanceof AppError && error.reason === "SIGN_IN_REQUIRED")
        return c.redirect(freshSignInUrl(c, caller), 303);
      if (!(error instanceof AppError) || error.code !== 400) throw error;
      c.status(400);
      return c.html(await accountPage(c, caller, { problem: error.message }));
    }
  })
  .post("/tokens/:id/revoke", limitRate("tokens"), async (c) => {
    await revokeToken(await requireSession(c), c.req.param("id"));
    return c.redirect("/account#tokens", 303);
  })
  .post("/sessions/:id/end", limitRate("sessions"), async (c) => {
    const { mailbox, session } = await requireSession(c);
    const id = c.req.param("id");
    // An unknown ID is no error: the session may have ended meanwhile.
    await mailbox.ask("endSession", id);
    if (id === session.id) forgetSession(c);
    return c.redirect(id === session.id ? "/" : "/account#sessions", 303);
  });

async function accountPage(
  c: AppContext,
  caller: SessionCaller,
  said: Partial<Pick<AccountPageProps, "newToken" | "problem">>,
) {
  const { identity, mailbox, scopes, session } = caller;
  const { world } = c.var.scope;
  const [tokens, sessions, activity, consentedAtMs] = await Promise.all([
    mailbox.ask("listTokens"),
    mailbox.ask("listSessions"),
    mailbox.ask("listActivity"),
    mailbox.ask("consentedAt", identity.sub),
  ]);
  return (
    <AccountPage
      identity={identity}
      scopes={scopes}
      consentedAtMs={consentedAtMs}
      tokens={tokens}
      sessions={sessions}
      currentSession={session.id}
      activity={activity}
      signInToMakeToken={isRecentSignIn(session, world.now()) ? null : freshSignInUrl(c, caller)}
      newToken={said.newToken ?? null}
      problem={said.problem ?? null}
      reader={readerOf(c)}
      nonce={scriptNonce(c)}
    />
  );
}

/** One redirect to Google, and back to the form. */
function freshSignInUrl(c: AppContext, { identity }: SessionCaller): string {
  return signInUrl(c, { loginHint: identity.email ?? identity.sub, returnTo: "/account#tokens" });
}
