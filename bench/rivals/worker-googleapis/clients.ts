/**
 * OAuth2 clients of `googleapis`, and the users' tokens in KV. A user's client lives as long as a request: a Worker
 * has no memory that it can count on, and what the client does for one request it cannot share with another.
 */
import type { Credentials } from "google-auth-library";
import { google } from "googleapis";
import type { RivalBindings } from "../worker-env.ts";

export type OAuth2Client = InstanceType<typeof google.auth.OAuth2>;

/** What of a request's context outlives the answer. */
interface Lifetime {
  waitUntil(promise: Promise<unknown>): void;
}

/** A client without a user. */
export function createClient(env: RivalBindings): OAuth2Client {
  return new google.auth.OAuth2({
    clientId: env.GOOGLE_CLIENT_ID,
    clientSecret: env.GOOGLE_CLIENT_SECRET,
    endpoints: {
      oauth2AuthBaseUrl: `${env.GOOGLE_URL}/o/oauth2/v2/auth`,
      oauth2TokenUrl: `${env.GOOGLE_URL}/token`,
      oauth2RevokeUrl: `${env.GOOGLE_URL}/revoke`,
      oauth2FederatedSignonPemCertsUrl: `${env.GOOGLE_URL}/oauth2/v1/certs`,
      oauth2FederatedSignonJwkCertsUrl: `${env.GOOGLE_URL}/oauth2/v3/certs`,
    },
    // By itself gaxios takes node-fetch, to which workerd's node:http shows no response headers (rawHeaders is empty):
    // JSON then stays text, and every sign-in fails. This is gaxios's own option for it.
    transporterOptions: { fetchImplementation: fetch },
  });
}

/** A client for a user, which refreshes their access token by itself; null where nothing is kept for them. */
export async function connectUser(env: RivalBindings, lifetime: Lifetime, sub: string): Promise<OAuth2Client | null> {
  const tokens = await env.TOKENS.get<Credentials>(sub, "json");
  if (tokens === null) return null;
  const auth = createClient(env);
  auth.setCredentials(tokens);
  // A refresh answers no refresh token: the one at hand stays.
  auth.on("tokens", (fresh) => lifetime.waitUntil(keepTokens(env, sub, { ...tokens, ...fresh })));
  return auth;
}

/** Keeps what Google gave for a user. */
export async function keepTokens(env: RivalBindings, sub: string, tokens: Credentials): Promise<void> {
  await env.TOKENS.put(sub, JSON.stringify(tokens));
}
