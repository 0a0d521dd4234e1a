/**
 * Access tokens at the door of Google's APIs: live ones of ours, with the right scope.
 */
import { json, refusal } from "../errors.ts";
import type { Config, User } from "../protocol.ts";
import { type Incoming, type Instance, isDead, type IssuedToken, getUser } from "../state.ts";

export interface Caller {
  readonly user: User;
  readonly scopes: readonly string[];
}

/** The caller of a Gmail endpoint, or Google's refusal. */
export function gmailCaller(instance: Instance, call: Incoming, anyOf: readonly string[]): Caller | Response {
  const issued = liveToken(instance, call);
  if (issued === null) return refusal(call.headers.has("authorization") ? "authError" : "missingCredentials");
  if (!anyOf.some((scope) => issued.scopes.includes(scope))) return refusal("ACCESS_TOKEN_SCOPE_INSUFFICIENT");
  return { user: getUser(instance, issued.sub), scopes: issued.scopes };
}

/** Whose live access token a call carries; an empty text where it has none. Judges nothing. */
export function bearerSub(instance: Instance, headers: Headers): string {
  const issued = instance.tokens.get(bearerToken(headers) ?? "");
  return issued?.kind !== "access" || isDead(instance, issued) ? "" : issued.sub;
}

/** `GET /v1/userinfo`, in the variant that the configuration asks for. */
export function userinfo(instance: Instance, call: Incoming): Response {
  const issued = liveToken(instance, call);
  if (issued === null) return json({ error: "invalid_request", error_description: "Invalid Credentials" }, 401);
  const { sub, name, picture, email, emailVerified, hd } = getUser(instance, issued.sub);
  const wrong: Readonly<Record<Config["userinfo"], unknown>> = {
    valid: sub,
    "no-sub": undefined,
    "other-sub": "999999999999999999999",
    // As a JSON number a sub of 21 digits has already lost some of them.
    "numeric-sub": Number(sub),
    "empty-sub": "",
  };
  // The older version's names.
  const older = call.url.pathname.includes("/v2/") ? { id: sub, verified_email: emailVerified } : {};
  // What is undefined is left out.
  return json({
    sub: wrong[instance.config.userinfo],
    name,
    picture,
    email,
    email_verified: emailVerified,
    hd,
    ...older,
  });
}

function bearerToken(headers: Headers): string | null {
  return /^Bearer (\S+)$/i.exec(headers.get("authorization") ?? "")?.[1] ?? null;
}

function liveToken(instance: Instance, call: Incoming): IssuedToken | null {
  const object = (why: string): null => {
    instance.violations.push(`${call.url.pathname}: ${why}`);
    return null;
  };
  if (call.url.searchParams.has("access_token")) object("an access token in a URL");
  const value = bearerToken(call.headers);
  if (value === null) return object("no Authorization header");
  const issued = instance.tokens.get(value);
  if (issued?.kind !== "access") return object("an access token that was never issued");
  return isDead(instance, issued) ? null : issued;
}
