/**
 * The token and revocation endpoints: single-use codes with PKCE, refresh tokens that die as Google's do, assertions of
 * service accounts.
 */
import { toBase64Url } from "../text.ts";
import { json, oauthError } from "../errors.ts";
import {
  endGrant,
  type Incoming,
  type Instance,
  isDead,
  type IssuedCode,
  type IssuedToken,
  keepSecret,
  nowMs,
  randomText,
  getUser,
} from "../state.ts";
import { checkAssertion, JWT_BEARER } from "./assertion.ts";
import { issueIdToken } from "./keys.ts";
import { parseScopes } from "./scopes.ts";

const NO_STORE = { "cache-control": "no-store" };

interface Client {
  readonly id: string;
  readonly secret: string;
}

/** Which of the token calls this is; faults and counts tell them apart. */
export function tokenEndpoint(call: Incoming): "token:code" | "token:refresh" | "token:assertion" {
  const grantType = new URLSearchParams(call.body).get("grant_type");
  if (grantType === JWT_BEARER) return "token:assertion";
  return grantType === "refresh_token" ? "token:refresh" : "token:code";
}

export async function token(instance: Instance, call: Incoming): Promise<Response> {
  const form = readForm(instance, call, "token request");
  if (form instanceof Response) return form;
  const verifier = form.get("code_verifier");
  if (verifier !== null) keepSecret(instance, verifier);
  const grantType = form.get("grant_type");
  // The assertion says who asks: no client does.
  if (grantType === JWT_BEARER) return assert(instance, form, call.url.href);
  const client = instance.config.clients.find(({ id }) => id === form.get("client_id"));
  if (client === undefined || client.secret !== form.get("client_secret")) {
    return oauthError("invalid_client", "The provided client secret is invalid.", 401);
  }
  if (grantType === "authorization_code") return exchange(instance, client, form);
  if (grantType === "refresh_token") return refresh(instance, client, form);
  return object(instance, `grant_type ${grantType}`, "unsupported_grant_type");
}

/** `POST /revoke`: any token of a grant ends the grant, for all clients. */
export function revoke(instance: Instance, call: Incoming): Response {
  const form = readForm(instance, call, "revocation request");
  if (form instanceof Response) return form;
  const issued = instance.tokens.get(form.get("token") ?? "");
  if (issued === undefined || issued.revoked) return oauthError("invalid_token", "Token expired or revoked");
  endGrant(instance, issued.sub);
  return json({});
}

/** An error that no careful client ever sees. */
function object(instance: Instance, why: string, error: string): Response {
  instance.violations.push(`token request: ${why}`);
  return oauthError(error, "Bad Request");
}

function readForm(instance: Instance, call: Incoming, what: string): URLSearchParams | Response {
  const type = (call.headers.get("content-type") ?? "").split(";")[0];
  const problem =
    (call.method !== "POST" && `${call.method} instead of POST`) ||
    (type !== "application/x-www-form-urlencoded" && `content type ${type}`) ||
    // What is in a URL is in somebody's log.
    (call.url.search !== "" && "parameters in the URL") ||
    (call.headers.has("authorization") && "client_secret_post and an Authorization header");
  if (problem === false) return new URLSearchParams(call.body);
  instance.violations.push(`${what}: ${problem}`);
  return oauthError("invalid_request", problem);
}

async function exchange(instance: Instance, client: Client, form: URLSearchParams): Promise<Response> {
  const code = instance.codes.get(form.get("code") ?? "");
  if (code === undefined) return oauthError("invalid_grant", "Malformed auth code.");
  if (code.used) {
    for (const value of code.tokens) {
      const issued = instance.tokens.get(value);
      if (issued !== undefined) issued.revoked = true;
    }
    return object(instance, "a code was used twice", "invalid_grant");
  }
  code.used = true;
  if (code.expiresAtMs <= nowMs(instance) || code.clientId !== client.id) {
    return oauthError("invalid_grant", "Bad Request");
  }
  if (code.redirectUri !== form.get("redirect_uri")) {
    return object(instance, "redirect_uri is not that of the authorization request", "redirect_uri_mismatch");
  }
  if (!(await isRightVerifier(code, form.get("code_verifier")))) {
    return object(instance, "the code_verifier does not match the challenge", "invalid_grant");
  }
  const answer = await accessAnswer(instance, { client, ...code });
  code.tokens.push(answer.access_token);
  // Only when the consent page was shown.
  const isRefreshable = instance.config.refreshTokens === "google" && code.consentShown && code.offline;
  if (!isRefreshable) return json(answer, 200, NO_STORE);
  const refreshToken = issue(instance, "refresh", { client, ...code });
  code.tokens.push(refreshToken);
  return json({ ...answer, refresh_token: refreshToken }, 200, NO_STORE);
}

async function refresh(instance: Instance, client: Client, form: URLSearchParams): Promise<Response> {
  const issued = instance.tokens.get(form.get("refresh_token") ?? "");
  if (issued?.kind !== "refresh") return object(instance, "a refresh token that was never issued", "invalid_grant");
  if (issued.clientId !== client.id) return oauthError("unauthorized_client", "Unauthorized", 401);
  if (isDead(instance, issued)) return oauthError("invalid_grant", "Token has been expired or revoked.");
  const { sub } = issued;
  const scopes = form.has("scope") ? parseScopes(form.get("scope") ?? "") : issued.scopes;
  // RFC 6749, section 6: fewer scopes than granted, never others.
  if (scopes.length === 0 || scopes.some((scope) => !issued.scopes.includes(scope))) {
    return object(instance, "a refresh asks for a scope that was not granted", "invalid_scope");
  }
  // A refresh answers no new refresh token, and an ID token without a nonce.
  return json(await accessAnswer(instance, { client, sub, scopes, nonce: null }), 200, NO_STORE);
}

/** With domain-wide delegation: an access token for a user who never consented, and nothing else. */
async function assert(instance: Instance, form: URLSearchParams, audience: string): Promise<Response> {
  if (form.has("client_id") || form.has("client_secret")) {
    return object(instance, "an assertion and a client", "invalid_request");
  }
  const assertion = keepSecret(instance, form.get("assertion") ?? "");
  const delegated = await checkAssertion(instance, assertion, audience);
  if (delegated instanceof Response) return delegated;
  const { clientId, user, scopes } = delegated;
  const answer = {
    access_token: issue(instance, "access", { client: { id: clientId }, sub: user.sub, scopes }),
    expires_in: instance.config.accessTokenLifetimeSeconds,
    token_type: "Bearer",
  };
  return json(answer, 200, NO_STORE);
}

interface Grant {
  readonly client: Pick<Client, "id">;
  readonly sub: string;
  readonly scopes: readonly string[];
}

async function accessAnswer(
  instance: Instance,
  request: Grant & { readonly client: Client; readonly nonce: string | null },
) {
  const { config } = instance;
  const scopes = config.grantedScopes ?? request.scopes;
  const user = getUser(instance, request.sub);
  const idToken = await issueIdToken(instance, { ...request, user });
  return {
    access_token: issue(instance, "access", { ...request, scopes }),
    expires_in: config.accessTokenLifetimeSeconds,
    scope: scopes.join(" "),
    token_type: "Bearer",
    ...(idToken === null ? {} : { id_token: keepSecret(instance, idToken) }),
  };
}

function issue(instance: Instance, kind: IssuedToken["kind"], { client, sub, scopes }: Grant): string {
  const { accessTokenLength, accessTokenLifetimeSeconds } = instance.config;
  const isAccess = kind === "access";
  const value = isAccess ? `ya29.${randomText(accessTokenLength - 5)}` : `1//0${randomText(96)}`;
  const expiresAtMs = isAccess ? nowMs(instance) + accessTokenLifetimeSeconds * 1000 : Number.POSITIVE_INFINITY;
  instance.tokens.set(value, { kind, clientId: client.id, sub, scopes, expiresAtMs, revoked: false });
  return keepSecret(instance, value);
}

async function isRightVerifier(code: IssuedCode, verifier: string | null): Promise<boolean> {
  // Without PKCE there is nothing to compare.
  if (code.codeChallenge === "") return verifier === null;
  // 43 to 128 unreserved characters (RFC 7636, 4.1).
  if (verifier === null || !/^[A-Za-z0-9._~-]{43,128}$/.test(verifier)) return false;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  return toBase64Url(new Uint8Array(digest)) === code.codeChallenge;
}
