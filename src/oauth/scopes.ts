/**
 * OAuth scopes as Google names them: comparing what was asked for, what was granted and what is stored.
 * https://developers.google.com/identity/protocols/oauth2/scopes
 */

/** Google answers with the long names of these, whichever were asked for. */
const LONG_NAMES: ReadonlyMap<string, string> = new Map([
  ["email", "https://www.googleapis.com/auth/userinfo.email"],
  ["profile", "https://www.googleapis.com/auth/userinfo.profile"],
]);

function canonical(scope: string): string {
  return LONG_NAMES.get(scope) ?? scope;
}

function isGmailScope(scope: string): boolean {
  return scope === "https://mail.google.com/" || scope.startsWith("https://www.googleapis.com/auth/gmail.");
}

/** The scopes of `wanted` that are not among `available`, under whichever name. */
export function missingScopes(wanted: readonly string[], available: readonly string[]): string[] {
  const have = new Set(available.map(canonical));
  return wanted.filter((scope) => !have.has(canonical(scope)));
}

/** The scopes of `some` that are also among `others`, under whichever name. */
export function commonScopes(some: readonly string[], others: readonly string[]): string[] {
  const have = new Set(others.map(canonical));
  return some.filter((scope) => have.has(canonical(scope)));
}

/** Gmail scopes that were asked for and that the person did not tick (granular consent). */
export function missingGmailScopes(asked: readonly string[], granted: readonly string[]): string[] {
  return missingScopes(asked.filter(isGmailScope), granted);
}

/**
 * Whether stored scopes cover a sign-in: all that was asked for and is granted now. What the person left unticked is
 * not missed, or every sign-in of that person would force consent.
 */
export function coversSignIn(stored: readonly string[], asked: readonly string[], granted: readonly string[]): boolean {
  const notGranted = new Set(missingScopes(asked, granted));
  return (
    missingScopes(
      asked.filter((scope) => !notGranted.has(scope)),
      stored,
    ).length === 0
  );
}
