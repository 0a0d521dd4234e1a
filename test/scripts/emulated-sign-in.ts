/** A client of the emulated Google, for its tests: authorization request, consent, code exchange. */

import type { GoogleEmulator } from "../../scripts/emulator/start.ts";

const REDIRECT_URI = "http://localhost:8787/auth/callback";
export const CLIENT = { clientId: "test-client", clientSecret: "test-secret", redirectUris: [REDIRECT_URI] };
export const GMAIL_SCOPE = "https://www.googleapis.com/auth/gmail.readonly";

/** What the token endpoint answered. */
export interface Tokens {
  readonly access_token: string;
  readonly refresh_token?: string;
  readonly expires_in: number;
  readonly scope: string;
}

/** An authorization request, with some parameters set, or left out where the value is null. */
export function authorizationRequest(changes: Record<string, string | null> = {}): URLSearchParams {
  const params = new URLSearchParams({
    client_id: CLIENT.clientId,
    redirect_uri: REDIRECT_URI,
    response_type: "code",
    scope: `openid email profile ${GMAIL_SCOPE}`,
    state: "some-state",
    access_type: "offline",
  });
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) params.delete(name);
    else params.set(name, value);
  }
  return params;
}

/** Opens the authorization endpoint; redirects are not followed. */
export function authorize(google: GoogleEmulator, params: URLSearchParams): Promise<Response> {
  return fetch(`${google.url}/o/oauth2/v2/auth?${params.toString()}`, { redirect: "manual" });
}

/** Answers the consent page. Resolves to the parameters that come back to the client. */
export async function decide(
  google: GoogleEmulator,
  answer: { email: string; decision: "allow" | "deny"; granted?: string[]; params?: URLSearchParams },
): Promise<URLSearchParams> {
  const form = new URLSearchParams(answer.params ?? authorizationRequest());
  form.set("email", answer.email);
  form.set("decision", answer.decision);
  for (const scope of answer.granted ?? [GMAIL_SCOPE]) form.append("granted", scope);
  const init = { method: "POST", body: form, redirect: "manual" } as const;
  return callbackOf(await fetch(`${google.url}/o/oauth2/v2/auth/callback`, init));
}

/** The parameters of a redirect to the client. */
export function callbackOf(response: Response): URLSearchParams {
  const location = response.headers.get("Location") ?? "";
  if (!location.startsWith(`${REDIRECT_URI}?`)) throw new Error(`HTTP ${response.status}, to "${location}"`);
  return new URL(location).searchParams;
}

/** Posts to the token endpoint, as the registered client. */
export function token(google: GoogleEmulator, fields: Record<string, string>): Promise<Response> {
  const client = { client_id: CLIENT.clientId, client_secret: CLIENT.clientSecret };
  const body = new URLSearchParams({ ...client, redirect_uri: REDIRECT_URI, ...fields });
  return fetch(`${google.url}/oauth2/token`, { method: "POST", body });
}

/** Exchanges a code that must be good. */
export async function exchange(google: GoogleEmulator, callback: URLSearchParams): Promise<Tokens> {
  const response = await token(google, { grant_type: "authorization_code", code: callback.get("code") ?? "" });
  if (!response.ok) throw new Error(`HTTP ${response.status}: ${await response.text()}`);
  return response.json<Tokens>();
}

/** Consents to everything and answers the tokens. */
export async function signIn(google: GoogleEmulator, email: string): Promise<Tokens> {
  return exchange(google, await decide(google, { email, decision: "allow" }));
}

/** A GET with a bearer token. */
export function get(google: GoogleEmulator, path: string, accessToken?: string): Promise<Response> {
  const headers = accessToken === undefined ? {} : { Authorization: `Bearer ${accessToken}` };
  return fetch(`${google.url}${path}`, { headers });
}

/** Revokes a token. */
export function revoke(google: GoogleEmulator, accessOrRefreshToken: string): Promise<Response> {
  const body = new URLSearchParams({ token: accessOrRefreshToken });
  return fetch(`${google.url}/oauth2/revoke`, { method: "POST", body });
}
