/**
 * Access tokens at the door of Google's APIs: live ones of ours, with the right scope.
 */
import { apiError, json, MISSING_CREDENTIALS, refusal } from "../errors.ts";
import type { Config, User } from "../protocol.ts";
import { type Incoming, type Instance, isDead, type IssuedToken, userBySub } from "../state.ts";

export interface Caller {
  readonly user: User;
  readonly scopes: readonly string[];
}

/** The caller of a Gmail endpoint, or Google's refusal. */
export function gmailCaller(instance: Instance, call: Incoming, anyOf: readonly string[]): Caller | Response {
  const issued = liveToken(instance, call);
  if (issued === null) {
    return call.headers.has("authorization") ? refusal("authError") : apiError(MISSING_CREDENTIALS);
  }
  if (!anyOf.some((scope) => issued.scopes.includes(scope))) return refusal("ACCESS_TOKEN_SCOPE_INSUFFICIENT");
  return { user: userBySub(instance, issued.sub), scopes: issued.scopes };
}

/** Whose live access token a call carries; an empty text where it has none. Judges nothing. */
export function bearerSub(instance: Instance, headers: Headers): string {
  const issued = instance.tokens.get(bearerToken(headers) ?? "");
  return issued === undefined || issued.kind !== "access" || isDead(instance, issued) ? "" : issued.sub;
}

/** `GET /v1/userinfo`, in the variant that the configuration asks for. */
export function userinfo(instance: Instance, call: Incoming): Response {
  const issued = liveToken(instance, call);
  if (issued === null) return json({ error: "invalid_request", error_description: "Invalid Credentials" }, 401);
  const user = userBySub(instance, issued.sub);
  const claims = {
    sub: user.sub,
    name: user.name,
    picture: user.picture,
    email: user.email,
    email_verified: user.emailVerified,
    ...(user.hd === undefined ? {} : { hd: user.hd }),
    // The older version's names.
    ...(call.url.pathname.includes("/v2/") ? { id: user.sub, verified_email: user.emailVerified } : {}),
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

function bearerToken(headers: Headers): string | null {
  return /^Bearer (\S+)$/i.exec(headers.get("authorization") ?? "")?.[1] ?? null;
}

function liveToken(instance: Instance, call: Incoming): IssuedToken | null {
  if (call.url.searchParams.has("access_token")) instance.violations.push("an access token in a URL");
  const value = bearerToken(call.headers);
  if (value === null) {
    instance.violations.push(`${call.url.pathname}: no Authorization header`);
    return null;
  }
  const issued = instance.tokens.get(value);
  if (issued === undefined || issued.kind !== "access") {
    instance.violations.push(`${call.url.pathname}: an access token that was never issued`);
    return null;
  }
  return isDead(instance, issued) ? null : issued;
}
