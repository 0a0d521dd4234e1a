/**
 * Scopes as Google treats them: short names come back as long URLs, identity scopes cannot be unticked, and only some
 * scopes open Gmail.
 */
const AUTH = "https://www.googleapis.com/auth";
const LONG_NAMES: Readonly<Record<string, string>> = {
  email: `${AUTH}/userinfo.email`,
  profile: `${AUTH}/userinfo.profile`,
};

/** What the consent page says about a scope. */
export const DESCRIPTIONS: Readonly<Record<string, string>> = {
  openid: "Know who you are on Google",
  [`${AUTH}/userinfo.email`]: "See your Google Account email address",
  [`${AUTH}/userinfo.profile`]: "See your name and picture",
  "https://mail.google.com/": "Read, compose, send and permanently delete all your email",
  [`${AUTH}/gmail.readonly`]: "View your email messages and settings",
  [`${AUTH}/gmail.metadata`]: "View your email metadata, not the messages",
  [`${AUTH}/gmail.modify`]: "Read, compose and send emails",
};

/** What each kind of Gmail call asks for; any of the scopes is enough. */
export const FULL: readonly string[] = ["https://mail.google.com/"];
export const MODIFY = [...FULL, `${AUTH}/gmail.modify`];
export const SEND = [...MODIFY, `${AUTH}/gmail.send`];
export const LABELS = [...MODIFY, `${AUTH}/gmail.labels`];
export const READ = [...MODIFY, `${AUTH}/gmail.readonly`];
/** `gmail.metadata` lets its bearer list, and read headers, and neither search nor read on. */
export const METADATA = [...READ, `${AUTH}/gmail.metadata`];

/** Splits a `scope` parameter into scopes under the names that Google answers with, once each. */
export function parseScopes(scope: string): string[] {
  return [...new Set(scope.split(/\s+/).filter(Boolean).map(longScope))];
}

/** The scope as Google reports it. */
export function longScope(scope: string): string {
  return LONG_NAMES[scope] ?? scope;
}

/** Whether the scope belongs to signing in: always granted, never a box to tick. */
export function isIdentityScope(scope: string): boolean {
  return scope === "openid" || Object.values(LONG_NAMES).includes(scope);
}
