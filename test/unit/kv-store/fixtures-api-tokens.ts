/** What the tests of API tokens share: a token as its user asks for it. */
import type { ApiToken } from "../../../src/kv-store/api-tokens.ts";

export const DAY_MS = 24 * 60 * 60 * 1000;

/** A token for 90 days from now on. */
export function apiTokenOf(sub: string, nowMs: number, changes: Partial<ApiToken> = {}): Omit<ApiToken, "version"> {
  return {
    name: `token of ${sub}`,
    identity: { sub, email: `${sub}@example.com`, name: null, picture: null },
    scopes: ["openid"],
    access: "read",
    createdAtMs: nowMs,
    expiresAtMs: nowMs + 90 * DAY_MS,
    session: { id: "session-1", signedInAtMs: nowMs },
    ...changes,
  };
}
