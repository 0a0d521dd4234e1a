/** Google's tokens by plain `fetch`: exchanged, refreshed when they have expired, and kept in KV as JSON. */
import { GoogleError } from "./rest.ts";
import type { RivalBindings } from "./worker-env.ts";

/** What KV keeps of a user. */
export interface StoredTokens {
  readonly accessToken: string;
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number;
  readonly refreshToken: string;
}

interface TokenAnswer {
  readonly access_token: string;
  /** Seconds. */
  readonly expires_in: number;
  readonly refresh_token?: string;
}

/** Exchanges the code of a sign-in. */
export async function exchangeCode(env: RivalBindings, code: string, redirectUri: string): Promise<StoredTokens> {
  const answer = await askForTokens(env, { grant_type: "authorization_code", code, redirect_uri: redirectUri });
  return stored(answer, answer.refresh_token ?? "");
}

/** Keeps what Google gave for a user. */
export async function keepTokens(env: RivalBindings, sub: string, tokens: StoredTokens): Promise<void> {
  await env.TOKENS.put(sub, JSON.stringify(tokens));
}

/** A user's access token, a fresh one where the stored one has expired; null where nothing is kept for them. */
export async function accessTokenOf(env: RivalBindings, sub: string): Promise<string | null> {
  const tokens = await env.TOKENS.get<StoredTokens>(sub, "json");
  if (tokens === null) return null;
  if (Date.now() < tokens.expiresAtMs) return tokens.accessToken;
  const answer = await askForTokens(env, { grant_type: "refresh_token", refresh_token: tokens.refreshToken });
  // A refresh answers no refresh token: the one at hand stays.
  const fresh = stored(answer, answer.refresh_token ?? tokens.refreshToken);
  await keepTokens(env, sub, fresh);
  return fresh.accessToken;
}

function stored(answer: TokenAnswer, refreshToken: string): StoredTokens {
  return { accessToken: answer.access_token, expiresAtMs: Date.now() + answer.expires_in * 1000, refreshToken };
}

async function askForTokens(env: RivalBindings, values: Readonly<Record<string, string>>): Promise<TokenAnswer> {
  const response = await fetch(`${env.GOOGLE_URL}/token`, {
    method: "POST",
    body: new URLSearchParams({
      client_id: env.GOOGLE_CLIENT_ID,
      client_secret: env.GOOGLE_CLIENT_SECRET,
      ...values,
    }),
  });
  if (response.ok) return response.json<TokenAnswer>();
  const { error } = await response.json<{ error?: string }>().catch(() => ({ error: "unreadable" }));
  // The user has taken back the grant, or it has died: they have to sign in again.
  throw new GoogleError(error === "invalid_grant" ? 401 : response.status, error ?? "no reason given");
}
