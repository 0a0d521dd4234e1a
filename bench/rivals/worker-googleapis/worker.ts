/**
 * Rival C: Google's `googleapis` package on workerd with its Node.js compatibility, used as the package's own
 * documentation shows it. Only the store of the tokens is of the platform: Workers KV.
 */
import { google } from "googleapis";
import { Hono } from "hono";
import { deleteCookie, getSignedCookie, setSignedCookie } from "hono/cookie";
import { readMessages } from "../node-googleapis/messages.ts";
import { refusal } from "../node-googleapis/refusal.ts";
import { wantedOf } from "../rows.ts";
import {
  CALLBACK_PATH,
  COOKIE_OPTIONS,
  redirectUriOf,
  type RivalBindings,
  SCOPES,
  SESSION_COOKIE,
  STATE_COOKIE,
} from "../worker-env.ts";
import { connectUser, createClient, keepTokens, type OAuth2Client } from "./clients.ts";

const app = new Hono<{ Bindings: RivalBindings }>();

/** Signs people in. It is one for all, since an OAuth2Client caches Google's certificates for itself alone. */
let signInClient: OAuth2Client | undefined;

function signInClientOf(env: RivalBindings): OAuth2Client {
  signInClient ??= createClient(env);
  return signInClient;
}

app.get("/healthz", (c) => c.text("ok"));

app.get("/auth/login", async (c) => {
  const state = crypto.randomUUID();
  await setSignedCookie(c, STATE_COOKIE, state, c.env.SESSION_SECRET, COOKIE_OPTIONS);
  return c.redirect(
    signInClientOf(c.env).generateAuthUrl({
      access_type: "offline",
      scope: SCOPES,
      include_granted_scopes: true,
      // Without it, Google gives a refresh token at the first consent only.
      prompt: "consent",
      redirect_uri: redirectUriOf(c.req.url),
      state,
    }),
  );
});

app.get(CALLBACK_PATH, async (c) => {
  const state = await getSignedCookie(c, c.env.SESSION_SECRET, STATE_COOKIE);
  const code = c.req.query("code");
  if (!state || state !== c.req.query("state") || code === undefined) return c.text("The sign-in has failed.", 400);
  const client = signInClientOf(c.env);
  const { tokens } = await client.getToken({ code, redirect_uri: redirectUriOf(c.req.url) });
  const ticket = await client.verifyIdToken({ idToken: tokens.id_token ?? "", audience: c.env.GOOGLE_CLIENT_ID });
  const sub = ticket.getUserId();
  if (sub === null) return c.text("The sign-in has failed.", 400);
  await keepTokens(c.env, sub, tokens);
  deleteCookie(c, STATE_COOKIE, COOKIE_OPTIONS);
  await setSignedCookie(c, SESSION_COOKIE, sub, c.env.SESSION_SECRET, COOKIE_OPTIONS);
  return c.redirect("/");
});

app.get("/api/messages", async (c) => {
  const sub = await getSignedCookie(c, c.env.SESSION_SECRET, SESSION_COOKIE);
  const auth = sub ? await connectUser(c.env, c.executionCtx, sub) : null;
  if (auth === null) return c.json({ error: "Nobody is signed in." }, 401);
  const gmail = google.gmail({ version: "v1", auth, rootUrl: c.env.GOOGLE_URL });
  return c.json({ messages: await readMessages(gmail, wantedOf(c.req.url)) });
});

app.onError((error, c) => refusal(error, c));

export default app;
