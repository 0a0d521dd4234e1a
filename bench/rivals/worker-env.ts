/** What the rivals on workerd find in `env`, and what they have in common in how they sign people in. */

export interface RivalBindings {
  /** The origin that serves all of Google's paths. */
  readonly GOOGLE_URL: string;
  readonly GOOGLE_CLIENT_ID: string;
  readonly GOOGLE_CLIENT_SECRET: string;
  /** Signs the cookies. */
  readonly SESSION_SECRET: string;
  /** What Google gave for each user, by their `sub`. */
  readonly TOKENS: KVNamespace;
}

export const CALLBACK_PATH = "/auth/callback";

/** Where Google sends people back to: at the origin that they came to. */
export function redirectUriOf(url: string): string {
  return `${new URL(url).origin}${CALLBACK_PATH}`;
}

export const SCOPES = ["openid", "email", "profile", "https://www.googleapis.com/auth/gmail.readonly"];

export const STATE_COOKIE = "state";
export const SESSION_COOKIE = "session";

export const COOKIE_OPTIONS = { httpOnly: true, sameSite: "Lax", path: "/" } as const;
