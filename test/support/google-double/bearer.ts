/**
 * What every resource endpoint checks first: a live access token of ours, with the right scope.
 */
import type { Config, User } from "./protocol.ts";
import { authError, json, scopeError } from "./responses.ts";
import { type Incoming, type Instance, type IssuedToken, userBySub } from "./state.ts";
import { isDead } from "./token.ts";

const GMAIL = "https://www.googleapis.com/auth/gmail.";

/** Scopes that let their bearer read messages. `gmail.metadata` is not among them: it reads less. */
export const READ_SCOPES = [`${GMAIL}readonly`, `${GMAIL}modify`, "https://mail.google.com/"];
export const METADATA_SCOPES = [...READ_SCOPES, `${GMAIL}metadata`];
export const FULL_SCOPES = ["https://mail.google.com/"];
export const MODIFY_SCOPES = [`${GMAIL}modify`, "https://mail.google.com/"];

export interface Caller {
  readonly user: User;
  readonly scopes: readonly string[];
}

/** The caller of a Gmail endpoint, or Google's refusal. */
export function gmailCaller(instance: Instance, call: Incoming, anyOf: readonly string[]): Caller | Response {
  const issued = liveToken(instance, call);
  if (issued === null) return authError();
  if (!anyOf.some((scope) => issued.scopes.includes(scope))) return scopeError();
  return { user: userBySub(instance, issued.sub), scopes: issued.scopes };
}

/** `GET /userinfo`, in the variant that the configuration asks for. */
export function userinfo(instance: Instance, call: Incoming): Response {
  const issued = liveToken(instance, call);
  if (issued === null) {
    return json({ error: "invalid_request", error_description: "Invalid Credentials" }, 401);
  }
  const user = userBySub(instance, issued.sub);
  const claims = {
    sub: user.sub,
    name: user.name,
    picture: user.picture,
    email: user.email,
    email_verified: user.emailVerified,
    ...(user.hd === undefined ? {} : { hd: user.hd }),
  };
  return json({ ...claims, ...wrongClaims(instance.config.userinfo, user) });
}

/** What a variant changes in the claims; `undefined` is left out of the JSON. */
function wrongClaims(variant: Config["userinfo"], user: User): Record<string, unknown> {
  const changes: Record<Config["userinfo"], Record<string, unknown>> = {
    valid: {},
    "no-sub": { sub: undefined },
    "other-sub": { sub: "999999999999999999999" },
    // As a JSON number a sub of 21 digits has already lost some of them.
    "numeric-sub": { sub: Number(user.sub) },
    "empty-sub": { sub: "" },
  };
  return changes[variant];
}

function liveToken(instance: Instance, call: Incoming): IssuedToken | null {
  const header = call.headers.get("authorization");
  if (call.url.searchParams.has("access_token")) instance.violations.push("an access token in a URL");
  if (header === null) {
    instance.violations.push(`${call.url.pathname}: no Authorization header`);
    return null;
  }
  const value = /^Bearer (\S+)$/.exec(header)?.[1];
  const issued = value === undefined ? undefined : instance.tokens.get(value);
  if (issued === undefined || issued.kind !== "access") {
    instance.violations.push(`${call.url.pathname}: an access token that was never issued`);
    return null;
  }
  return isDead(instance, issued) ? null : issued;
}
