/**
 * A Worker as the tutorials on Google sign-in with Workers KV put it together: Hono, plain `fetch`, a cookie against
 * forged sign-ins, a signed cookie that says who it is, and Google's tokens in KV. How rows are read is up to the rival.
 */
import { type Context, Hono } from "hono";
import { deleteCookie, getCookie, getSignedCookie, setCookie, setSignedCookie } from "hono/cookie";
import { accessTokenOf, exchangeCode, keepTokens } from "./plain-tokens.ts";
import { type GmailAccess, GoogleError, listMessages } from "./rest.ts";
import { type Row, wantedOf } from "./rows.ts";
import {
  CALLBACK_PATH,
  COOKIE_OPTIONS,
  redirectUriOf,
  type RivalBindings,
  SCOPES,
  SESSION_COOKIE,
  STATE_COOKIE,
} from "./worker-env.ts";

interface AppEnv {
  Bindings: RivalBindings;
}

/** What is the rival's own. */
export interface Reading {
  /** Reads rows of messages, in the order of the IDs. */
  readonly readRows: (access: GmailAccess, ids: readonly string[]) => Promise<Row[]>;
  /** How often a call to Gmail is made at most. */
  readonly maxTries: number;
}

/** Makes the Worker. */
export function createPlainWorker({ readRows, maxTries }: Reading): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.get("/healthz", (c) => c.text("ok"));
  app.get("/auth/login", (c) => beginSignIn(c));
  app.get(CALLBACK_PATH, (c) => finishSignIn(c));
  app.get("/api/messages", async (c) => {
    const sub = await getSignedCookie(c, c.env.SESSION_SECRET, SESSION_COOKIE);
    const accessToken = sub ? await accessTokenOf(c.env, sub) : null;
    if (accessToken === null) return c.json({ error: "Nobody is signed in." }, 401);
    const access = { googleUrl: c.env.GOOGLE_URL, accessToken, maxTries };
    const { view, limit } = wantedOf(c.req.url);
    const listed = await listMessages(access, limit);
    if (view === "id") return c.json({ messages: listed });
    const ids = listed.map(({ id }) => id);
    return c.json({ messages: await readRows(access, ids) });
  });
  app.onError((error, c) => refusal(error, c));
  return app;
}

function beginSignIn(c: Context<AppEnv>): Response {
  const state = crypto.randomUUID();
  setCookie(c, STATE_COOKIE, state, COOKIE_OPTIONS);
  const query = new URLSearchParams({
    client_id: c.env.GOOGLE_CLIENT_ID,
    redirect_uri: redirectUriOf(c.req.url),
    response_type: "code",
    scope: SCOPES.join(" "),
    access_type: "offline",
    // Without it, Google gives a refresh token at the first consent only.
    prompt: "consent",
    state,
  });
  return c.redirect(`${c.env.GOOGLE_URL}/o/oauth2/v2/auth?${query.toString()}`);
}

async function finishSignIn(c: Context<AppEnv>): Promise<Response> {
  const state = getCookie(c, STATE_COOKIE);
  const code = c.req.query("code");
  if (state === undefined || state !== c.req.query("state") || code === undefined) {
    return c.text("The sign-in has failed.", 400);
  }
  const tokens = await exchangeCode(c.env, code, redirectUriOf(c.req.url));
  const headers = { Authorization: `Bearer ${tokens.accessToken}` };
  const response = await fetch(`${c.env.GOOGLE_URL}/v1/userinfo`, { headers });
  if (!response.ok) throw new GoogleError(response.status, await response.text());
  const { sub } = await response.json<{ sub: string }>();
  await keepTokens(c.env, sub, tokens);
  deleteCookie(c, STATE_COOKIE, COOKIE_OPTIONS);
  await setSignedCookie(c, SESSION_COOKIE, sub, c.env.SESSION_SECRET, COOKIE_OPTIONS);
  return c.redirect("/");
}

function refusal(error: Error, c: Context): Response {
  if (!(error instanceof GoogleError)) return c.json({ error: error.message }, 500);
  if (error.status === 401 || error.status === 429) return c.json({ error: error.message }, error.status);
  return c.json({ error: error.message }, 502);
}
