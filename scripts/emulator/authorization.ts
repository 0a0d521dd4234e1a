/**
 * The authorization endpoint: account chooser, consent with boxes to untick and a way to say no,
 * `prompt` and `login_hint` as Google takes them. The code itself is made by `emulate`, which also
 * judges client and redirect URI first.
 *
 * Stands for a browser in which all seeded users are signed in to Google.
 * https://developers.google.com/identity/protocols/oauth2/web-server#creatingclient
 */

import { Hono, type Context } from "hono";
import { authorizationErrorPage, chooserPage, consentPage } from "./pages.ts";
import type { Ledger } from "./ledger.ts";
import { isIdentityScope, parseScopes } from "./scopes.ts";
import type { Upstream } from "./upstream.ts";
import { findUser, type EmulatedUser } from "./users.ts";

export const AUTHORIZATION_PATH = "/o/oauth2/v2/auth";
/** `emulate`'s own path for the answer of its consent page; ours takes its place. */
const DECISION_PATH = "/o/oauth2/v2/auth/callback";
const PROMPTS = new Set(["none", "consent", "select_account"]);

/** What the OAuth routes need. */
export interface OAuthContext {
  readonly ledger: Ledger;
  readonly upstream: Upstream;
  readonly clientName: string;
  readonly redirectUris: readonly string[];
  /** The issuer, which is the origin of the layer. */
  readonly issuer: string;
}

/** The routes of the authorization endpoint. */
export function authorizationRoutes(context: OAuthContext): Hono {
  const app = new Hono();

  app.get(AUTHORIZATION_PATH, async (c) => {
    const params = new URL(c.req.url).searchParams;
    const refusal = await refuse(c, context, params);
    if (refusal !== null) return refusal;

    const prompts = promptsOf(params);
    const user = hintedUser(context.ledger, params.get("login_hint"));
    const silent = user !== null && !prompts.includes("consent") && hasConsented(context, params, user);
    if (prompts.includes("none")) {
      if (silent) return sendCode(c, context, { params, user, consentShown: false });
      return sendBack(c, context, params, { error: "interaction_required" });
    }
    if (user === null || prompts.includes("select_account")) {
      return c.html(chooserPage(context.clientName, (chosen) => linkAs(params, chosen)));
    }
    if (silent) return sendCode(c, context, { params, user, consentShown: false });
    return c.html(
      consentPage({
        clientName: context.clientName,
        user,
        scopes: parseScopes(params.get("scope") ?? ""),
        action: DECISION_PATH,
        hidden: withChanges(params, { login_hint: null, email: user.email }),
        otherAccount: linkAs(params, null),
      }),
    );
  });

  app.post(DECISION_PATH, async (c) => {
    const form = new URLSearchParams(await c.req.text());
    const ticked = form.getAll("granted");
    const user = findUser(form.get("email") ?? "");
    const params = withChanges(form, { email: null, granted: null, decision: null });
    const refusal = await refuse(c, context, params);
    if (refusal !== null) return refusal;
    if (user === null) return blocked(c, "invalid_request", "No such account.");
    if (form.get("decision") !== "allow") {
      return sendBack(c, context, params, { error: "access_denied" });
    }
    const asked = parseScopes(params.get("scope") ?? "");
    context.ledger.recordConsent({
      clientId: params.get("client_id") ?? "",
      email: user.email,
      asked,
      ticked: asked.filter((scope) => isIdentityScope(scope) || ticked.includes(scope)),
    });
    return sendCode(c, context, { params, user, consentShown: true });
  });

  return app;
}

function promptsOf(params: URLSearchParams): string[] {
  return (params.get("prompt") ?? "").split(" ").filter((prompt) => prompt !== "");
}

/** A `login_hint` is an address or a `sub`; one that fits no account is only a hint, and ignored. */
function hintedUser(ledger: Ledger, hint: string | null): EmulatedUser | null {
  if (hint === null) return null;
  return findUser(hint) ?? findUser(ledger.emailOfSub(hint) ?? "");
}

function hasConsented(context: OAuthContext, params: URLSearchParams, user: EmulatedUser): boolean {
  const clientId = params.get("client_id") ?? "";
  const grant = context.ledger.findGrant({ clientId, email: user.email });
  return parseScopes(params.get("scope") ?? "").every((scope) => grant?.scopes.has(scope) ?? false);
}

/** The page that Google shows for a request it will not send back to the client, or null. */
async function refuse(c: Context, context: OAuthContext, params: URLSearchParams): Promise<Response | null> {
  const opinion = await context.upstream.fetch(`${AUTHORIZATION_PATH}?${params.toString()}`);
  if (!opinion.ok) return c.html(await opinion.text(), 400);
  // `emulate` takes a trailing slash or a query for the same URI. Google compares the whole string.
  if (!context.redirectUris.includes(params.get("redirect_uri") ?? "")) {
    return blocked(c, "redirect_uri_mismatch", "Register the redirect URI for this client.");
  }
  if (params.get("response_type") !== "code") {
    return blocked(c, "invalid_request", "Only response_type=code is emulated.");
  }
  if (parseScopes(params.get("scope") ?? "").length === 0) {
    return blocked(c, "invalid_request", "Missing required parameter: scope");
  }
  const prompts = promptsOf(params);
  if (prompts.some((prompt) => !PROMPTS.has(prompt))) {
    return blocked(c, "invalid_request", "Invalid parameter value for prompt.");
  }
  if (prompts.includes("none") && prompts.length > 1) {
    return blocked(c, "invalid_request", "prompt=none stands alone.");
  }
  if (prompts.length > 0 && params.has("approval_prompt")) {
    return blocked(c, "invalid_request", "Conflict params: approval_prompt and prompt");
  }
  return null;
}

function blocked(c: Context, code: string, explanation: string): Response | Promise<Response> {
  return c.html(authorizationErrorPage(code, explanation), 400);
}

/** A copy of the parameters with some of them set, or taken out where the value is null. */
function withChanges(params: URLSearchParams, changes: Record<string, string | null>): URLSearchParams {
  const copy = new URLSearchParams(params);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) copy.delete(name);
    else copy.set(name, value);
  }
  return copy;
}

/** The same authorization request with this account chosen, or with the chooser. */
function linkAs(params: URLSearchParams, user: EmulatedUser | null): string {
  const others = promptsOf(params).filter((prompt) => prompt !== "select_account");
  const prompt = (user === null ? [...others, "select_account"] : others).join(" ");
  const changed = withChanges(params, {
    login_hint: user?.email ?? null,
    prompt: prompt === "" ? null : prompt,
  });
  return `${AUTHORIZATION_PATH}?${changed.toString()}`;
}

/** Back to the client with an error, or with what `emulate` made. */
function sendBack(
  c: Context,
  context: OAuthContext,
  params: URLSearchParams,
  answer: Record<string, string>,
): Response {
  const back = new URL(params.get("redirect_uri") ?? "");
  const state = params.get("state");
  if (state !== null) back.searchParams.set("state", state);
  back.searchParams.set("iss", context.issuer);
  for (const [name, value] of Object.entries(answer)) back.searchParams.set(name, value);
  return c.redirect(back.toString(), 302);
}

/** Has `emulate` make a code, and answers the redirect as Google words it. */
async function sendCode(
  c: Context,
  context: OAuthContext,
  flow: { params: URLSearchParams; user: EmulatedUser; consentShown: boolean },
): Promise<Response> {
  const { params, user, consentShown } = flow;
  const clientId = params.get("client_id") ?? "";
  const asked = parseScopes(params.get("scope") ?? "");
  const held = [...(context.ledger.findGrant({ clientId, email: user.email })?.scopes ?? [])];
  const incremental = params.get("include_granted_scopes") === "true";
  const scope = held.filter((name) => incremental || asked.includes(name)).join(" ");

  const reply = await context.upstream.postForm(DECISION_PATH, withChanges(params, { email: user.email, scope }));
  const location = new URL(reply.headers.get("Location") ?? "", context.issuer);
  const code = location.searchParams.get("code");
  if (reply.status !== 302 || code === null) throw new Error(`No code: HTTP ${reply.status}`);
  context.ledger.rememberCode(code, {
    clientId,
    email: user.email,
    redirectUri: params.get("redirect_uri") ?? "",
    yieldsRefreshToken: consentShown && params.get("access_type") === "offline",
  });
  return sendBack(c, context, params, {
    code,
    scope,
    authuser: "0",
    ...(user.hd === "" ? {} : { hd: user.hd }),
    prompt: consentShown ? "consent" : "none",
  });
}
