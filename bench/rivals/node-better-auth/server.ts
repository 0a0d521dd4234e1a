/**
 * Rival B: Hono on Node with better-auth, mounted as its documentation shows it. It signs people in, keeps their tokens
 * and refreshes them; Gmail is read by fetch.
 */
import { serve } from "@hono/node-server";
import { isAPIError } from "better-auth/api";
import { type Context, Hono } from "hono";
import { readConfig } from "../node-env.ts";
import { redirectGoogle } from "../redirect-google.ts";
import { wantedOf } from "../rows.ts";
import { createAuth } from "./auth.ts";
import { GmailError, readMessages } from "./messages.ts";

const config = readConfig();
// The authorization endpoint can be set, the token endpoint is written into better-auth.
redirectGoogle(config.googleUrl);
const auth = await createAuth(config);
const app = new Hono();

app.get("/healthz", (c) => c.text("ok"));

app.all("/api/auth/*", (c) => auth.handler(c.req.raw));

app.get("/auth/login", async (c) => {
  const { headers, response } = await auth.api.signInSocial({
    body: { provider: "google", callbackURL: "/" },
    headers: c.req.raw.headers,
    returnHeaders: true,
  });
  for (const cookie of headers.getSetCookie()) c.header("Set-Cookie", cookie, { append: true });
  return c.redirect(response.url ?? "/");
});

app.get("/api/messages", async (c) => {
  const { headers } = c.req.raw;
  // Since 1.7, an access token is asked for by better-auth's own ID of the account.
  const accounts = await auth.api.listUserAccounts({ headers });
  const google = accounts.find(({ providerId }) => providerId === "google");
  if (google === undefined) return c.json({ error: "There is no Google account." }, 401);
  const { accessToken } = await auth.api.getAccessToken({ body: { accountId: google.id }, headers });
  return c.json({ messages: await readMessages(config.googleUrl, accessToken, wantedOf(c.req.url)) });
});

app.onError((error, c) => refusal(error, c));

function refusal(error: Error, c: Context): Response {
  if (error instanceof GmailError) {
    const status = error.status === 401 || error.status === 429 ? error.status : 502;
    return c.json({ error: error.message }, status);
  }
  // Nobody signed in, or no access token to be had. better-auth does not say why the refresh has failed.
  if (isAPIError(error)) return c.json({ error: error.message }, 401);
  return c.json({ error: error.message }, 500);
}

serve({ fetch: app.fetch, port: config.port, hostname: "127.0.0.1" }, () => console.log("ready"));
