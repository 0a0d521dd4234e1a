/** A careful client of Google, for the tests of Google itself. */
import * as z from "zod";
import type { Google, Person, User } from "../support/google.ts";
import { toBase64Url } from "./text.ts";

export const CLIENT = { id: "client", secret: "secret" };
export const REDIRECT = "http://app.test/back";
export const VERIFIER = "v".repeat(43);

/** An authorization request with parameters changed, or left out where the value is null. */
export async function authorizationUrl(
  google: Google,
  changes: Readonly<Record<string, string | null>> = {},
): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(VERIFIER));
  const url = new URL(google.vars["GOOGLE_AUTHORIZATION_ENDPOINT"] ?? "");
  const parameters: Record<string, string | null> = {
    client_id: CLIENT.id,
    redirect_uri: REDIRECT,
    response_type: "code",
    scope: "openid email profile https://www.googleapis.com/auth/gmail.readonly",
    access_type: "offline",
    state: crypto.randomUUID(),
    nonce: crypto.randomUUID(),
    code_challenge: toBase64Url(new Uint8Array(digest)),
    code_challenge_method: "S256",
    ...changes,
  };
  for (const [name, value] of Object.entries(parameters)) if (value !== null) url.searchParams.set(name, value);
  return url.href;
}

/** What comes back to the client. */
export async function consent(
  google: Google,
  person: Person,
  changes: Readonly<Record<string, string | null>> = {},
): Promise<URLSearchParams> {
  return new URL(await google.consent(await authorizationUrl(google, changes), person)).searchParams;
}

const answerSchema = z.record(z.string(), z.unknown());

/** Posts a form to an OAuth endpoint. */
export async function post(
  google: Google,
  path: string,
  form: Readonly<Record<string, string>>,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(google.origin + path, { method: "POST", body: new URLSearchParams(form) });
  return { status: response.status, body: answerSchema.parse(await response.json()) };
}

const credentials = { client_id: CLIENT.id, client_secret: CLIENT.secret };

/** Exchanges a code. */
export function exchange(google: Google, code: string, changes: Readonly<Record<string, string>> = {}) {
  const form = {
    ...credentials,
    grant_type: "authorization_code",
    redirect_uri: REDIRECT,
    code_verifier: VERIFIER,
    code,
  };
  return post(google, "/token", { ...form, ...changes });
}

/** Refreshes. */
export function refresh(google: Google, refreshToken: unknown, changes: Readonly<Record<string, string>> = {}) {
  const form = { ...credentials, grant_type: "refresh_token", refresh_token: String(refreshToken), ...changes };
  return post(google, "/token", form);
}

/** Consents to these scopes. @returns an access token */
export async function signIn(google: Google, user: User, scopes: string): Promise<string> {
  const back = await consent(
    google,
    { user: user.email },
    { scope: `openid email profile ${scopes}`, prompt: "consent" },
  );
  const { body } = await exchange(google, back.get("code") ?? "");
  return z.object({ access_token: z.string() }).parse(body).access_token;
}

/** Somebody who is signed in, as a program. */
export class Session {
  readonly #google: Google;
  readonly #token: string;

  constructor(google: Google, token: string) {
    this.#google = google;
    this.#token = token;
  }

  static async open(google: Google, user: User, scopes: string): Promise<Session> {
    return new Session(google, await signIn(google, user, scopes));
  }

  get headers(): { readonly authorization: string } {
    return { authorization: `Bearer ${this.#token}` };
  }

  /** A call below `users/me/`. */
  send(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.#google.origin}/gmail/v1/users/me/${path}`, { ...init, headers: this.headers });
  }

  post(path: string, body: object): Promise<Response> {
    return this.send(path, { method: "POST", body: JSON.stringify(body) });
  }

  /** What a call answers that must go well. */
  async get<T>(path: string, schema: z.ZodType<T>): Promise<T> {
    const response = await this.send(path);
    const text = await response.text();
    if (response.status !== 200) throw new Error(`${path} answered ${response.status}: ${text}`);
    return schema.parse(JSON.parse(text));
  }
}

export const listSchema = z.object({
  messages: z.array(z.object({ id: z.string(), threadId: z.string() })).default([]),
  nextPageToken: z.string().optional(),
});
export const messageSchema = z.object({
  id: z.string(),
  threadId: z.string(),
  labelIds: z.array(z.string()),
  internalDate: z.string(),
  historyId: z.string(),
  payload: z.object({ headers: z.array(z.object({ name: z.string(), value: z.string() })) }),
});
