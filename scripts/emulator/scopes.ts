/**
 * Scopes as Google treats them: short names come back as long URLs, identity scopes cannot be
 * unticked, and only some scopes open Gmail.
 */

const LONG_NAMES: Readonly<Record<string, string>> = {
  email: "https://www.googleapis.com/auth/userinfo.email",
  profile: "https://www.googleapis.com/auth/userinfo.profile",
};

const DESCRIPTIONS: Readonly<Record<string, string>> = {
  openid: "Know who you are on Google",
  [LONG_NAMES.email ?? ""]: "See your Google Account email address",
  [LONG_NAMES.profile ?? ""]: "See your name and picture",
  "https://mail.google.com/": "Read, compose, send and permanently delete all your email",
  "https://www.googleapis.com/auth/gmail.readonly": "View your email messages and settings",
  "https://www.googleapis.com/auth/gmail.metadata": "View your email metadata, not the messages",
  "https://www.googleapis.com/auth/gmail.modify": "Read, compose and send emails",
  "https://www.googleapis.com/auth/gmail.send": "Send email on your behalf",
};

const GMAIL_WRITERS = ["https://mail.google.com/", "https://www.googleapis.com/auth/gmail.modify"];
const GMAIL_READERS = [
  ...GMAIL_WRITERS,
  "https://www.googleapis.com/auth/gmail.readonly",
  "https://www.googleapis.com/auth/gmail.metadata",
];

/** Splits a `scope` parameter into scopes under the names that Google answers with, once each. */
export function parseScopes(scope: string): string[] {
  const names = scope.split(/\s+/).filter((name) => name !== "");
  return [...new Set(names.map((name) => LONG_NAMES[name] ?? name))];
}

/** Whether the scope belongs to signing in: always granted, never a box to tick. */
export function isIdentityScope(scope: string): boolean {
  return scope === "openid" || Object.values(LONG_NAMES).includes(scope);
}

/** What the consent page says about a scope. */
export function describeScope(scope: string): string {
  return DESCRIPTIONS[scope] ?? scope;
}

/** Whether one of the scopes lets a request with this method into the Gmail API. */
export function allowsGmail(scopes: Iterable<string>, method: string): boolean {
  const wanted = method === "GET" || method === "HEAD" ? GMAIL_READERS : GMAIL_WRITERS;
  return [...scopes].some((scope) => wanted.includes(scope));
}
