/**
 * Rival A: Hono on Node with Google's own client libraries, put together as Google's guide for web servers and the
 * libraries' documentation show it.
 */
import { randomBytes } from "node:crypto";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { deleteCookie, getSignedCookie, setSignedCookie } from "hono/cookie";
import { GMAIL_SCOPE, readConfig } from "../node-env.ts";
import { wantedOf } from "../rows.ts";
import { createClients } from "./clients.ts";
import { readMessages } from "./messages.ts";
import { refusal } from "./refusal.ts";

const CALLBACK_PATH = "/auth/callback";
const COOKIE = { httpOnly: true, sameSite: "Lax", path: "/" } as const;

const config = readConfig();
const clients = createClients(config, `${config.publicUrl}${CALLBACK_PATH}`);
const app = new Hono();

app.get("/healthz", (c) => c.text("ok"));

app.get("/auth/login", async (c) => {
  const state = randomBytes(32).toString("hex");
  await setSignedCookie(c, "state", state, config.sessionSecret, COOKIE);
  return c.redirect(
    clients.signIn.generateAuthUrl({
      access_type: "offline",
      scope: ["openid", "email", "profile", GMAIL_SCOPE],
      include_granted_scopes: true,
      // Without it, Google gives a refresh token at the first consent only.
      prompt: "consent",
      state,
    }),
  );
});

app.get(CALLBACK_PATH, async (c) => {
  const state = await getSignedCookie(c, config.sessionSecret, "state");
  const code = c.req.query("code");
  if (!state || state !== c.req.query("state") || code === undefined) return c.text("The sign-in has failed.", 400);
  const { tokens } = await clients.signIn.getToken(code);
  const ticket = await clients.signIn.verifyIdToken({ idToken: tokens.id_token ?? "", audience: config.clientId });
  const userId = ticket.getUserId();
  if (userId === null) return c.text("The sign-in has failed.", 400);
  clients.keep(userId, tokens);
  deleteCookie(c, "state", COOKIE);
  await setSignedCookie(c, "session", userId, config.sessionSecret, COOKIE);
  return c.redirect("/");
});

app.get("/api/messages", async (c) => {
  const userId = await getSignedCookie(c, config.sessionSecret, "session");
  const gmail = userId ? clients.gmailOf(userId) : null;
  if (gmail === null) return c.json({ error: "Nobody is signed in." }, 401);
  return c.json({ messages: await readMessages(gmail, wantedOf(c.req.url)) });
});

app.onError((error, c) => refusal(error, c));

serve({ fetch: app.fetch, port: config.port, hostname: "127.0.0.1" }, () => console.log("ready"));
