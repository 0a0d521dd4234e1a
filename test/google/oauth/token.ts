/**
 * The token and revocation endpoints: single-use codes with PKCE, refresh tokens that die as Google's do.
 */
import { toBase64Url } from "../base64.ts";
import { json, oauthError } from "../errors.ts";
import { issueIdToken } from "./keys.ts";
import { parseScopes } from "./scopes.ts";
import {
  type Incoming,
  type Instance,
  isDead,
  type IssuedCode,
  keepSecret,
  nowMs,
  randomText,
  revokeTokens,
  userBySub,
} from "../state.ts";

interface Client {
  readonly id: string;
  readonly secret: string;
}

/** Which of the two token calls this is; faults and counts tell them apart. */
export function tokenEndpoint(call: Incoming): "token:code" | "token:refresh" {
  return new URLSearchParams(call.body).get("grant_type") === "refresh_token" ? "token:refresh" : "token:code";
}

/** `POST /token`. */
export async function token(instance: Instance, call: Incoming): Promise<Response> {
  const form = readForm(instance, call, "token request");
  if (form instanceof Response) return form;
  const verifier = form.get("code_verifier");
  if (verifier !== null) keepSecret(instance, verifier);
  const client = instance.config.clients.find((known) => known.id === form.get("client_id"));
  if (client === undefined || client.secret !== form.get("client_secret")) {
    return oauthError("invalid_client", "The provided client secret is invalid.", 401);
  }
  const grantType = form.get("grant_type");
  if (grantType === "authorization_code") return exchange(instance, client, form);
  if (grantType === "refresh_token") return refresh(instance, client, form);
  instance.violations.push(`token request: grant_type ${grantType}`);
  return oauthError("unsupported_grant_type", `Invalid grant_type: ${grantType}`);
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

/** Ends the consent and every token of a person. */
export function endGrant(instance: Instance, sub: string): void {
  revokeTokens(instance, sub);
  instance.consents.delete(sub);
}

function readForm(instance: Instance, call: Incoming, what: string): URLSearchParams | Response {
  const refuse = (why: string): Response => {
    instance.violations.push(`${what}: ${why}`);
    return oauthError("invalid_request", why);
  };
  if (call.method !== "POST") return refuse(`${call.method} instead of POST`);
  const type = (call.headers.get("content-type") ?? "").split(";")[0];
  if (type !== "application/x-www-form-urlencoded") return refuse(`content type ${type}`);
  // What is in a URL is in somebody's log.
  if (call.url.search !== "") return refuse("parameters in the URL");
  if (call.headers.has("authorization")) return refuse("client_secret_post and an Authorization header");
  return new URLSearchParams(call.body);
}

async function exchange(instance: Instance, client: Client, form: URLSearchParams): Promise<Response> {
  const code = instance.codes.get(form.get("code") ?? "");
  if (code === undefined) return oauthError("invalid_grant", "Malformed auth code.");
  if (code.used) {
    instance.violations.push("token request: a code was used twice");
    for (const value of code.tokens) {
      const issued = instance.tokens.get(value);
      if (issued !== undefined) issued.revoked = true;
    }
    return oauthError("invalid_grant", "Bad Request");
  }
  code.used = true;
  if (code.expiresAtMs <= nowMs(instance)) return oauthError("invalid_grant", "Bad Request");
  if (code.clientId !== client.id) return oauthError("invalid_grant", "Bad Request");
  if (code.redirectUri !== form.get("redirect_uri")) {
    instance.violations.push("token request: redirect_uri is not that of the authorization request");
    return oauthError("redirect_uri_mismatch", "Bad Request");
  }
  if (!(await isRightVerifier(code, form.get("code_verifier")))) {
    instance.violations.push("token request: the code_verifier does not match the challenge");
    return oauthError("invalid_grant", "Invalid code verifier.");
  }
  return json(await issueForCode(instance, client, code), 200, { "cache-control": "no-store" });
}

async function issueForCode(instance: Instance, client: Client, code: IssuedCode): Promise<Record<string, unknown>> {
  const { config } = instance;
  const answer = await accessAnswer(instance, { client, sub: code.sub, scopes: code.scopes, nonce: code.nonce });
  const refreshable = config.refreshTokens === "google" && code.consentShown && code.offline;
  if (refreshable) {
    const refreshToken = keepSecret(instance, `1//0${randomText(96)}`);
    const lifetimeMs = (config.refreshTokenExpiresIn ?? Number.POSITIVE_INFINITY) * 1000;
    instance.tokens.set(refreshToken, {
      kind: "refresh",
      clientId: client.id,
      sub: code.sub,
      scopes: code.scopes,
      expiresAtMs: nowMs(instance) + lifetimeMs,
      revoked: false,
    });
    code.tokens.push(refreshToken);
    answer["refresh_token"] = refreshToken;
    if (config.refreshTokenExpiresIn !== null) answer["refresh_token_expires_in"] = config.refreshTokenExpiresIn;
    retireOldest(instance, client.id, code.sub);
  }
  if (typeof answer["access_token"] === "string") code.tokens.push(answer["access_token"]);
  return answer;
}

async function refresh(instance: Instance, client: Client, form: URLSearchParams): Promise<Response> {
  const issued = instance.tokens.get(form.get("refresh_token") ?? "");
  if (issued === undefined || issued.kind !== "refresh") {
    instance.violations.push("token request: a refresh token that was never issued");
    return oauthError("invalid_grant", "Bad Request");
  }
  if (issued.clientId !== client.id) return oauthError("unauthorized_client", "Unauthorized", 401);
  if (isDead(instance, issued)) return oauthError("invalid_grant", "Token has been expired or revoked.");
  const { sub } = issued;
  const scopes = form.has("scope") ? parseScopes(form.get("scope") ?? "") : issued.scopes;
  // RFC 6749, section 6: fewer scopes than granted, never others.
  if (scopes.length === 0 || scopes.some((scope) => !issued.scopes.includes(scope))) {
    instance.violations.push("token request: a refresh asks for a scope that was not granted");
    return oauthError("invalid_scope", "Some requested scopes were invalid.");
  }
  // A refresh answers no new refresh token, and an ID token without a nonce.
  return json(await accessAnswer(instance, { client, sub, scopes, nonce: null }), 200, { "cache-control": "no-store" });
}

interface AccessRequest {
  readonly client: Client;
  readonly sub: string;
  readonly scopes: readonly string[];
  readonly nonce: string | null;
}

async function accessAnswer(instance: Instance, request: AccessRequest): Promise<Record<string, unknown>> {
  const { config } = instance;
  const { client, sub, nonce } = request;
  const scopes = config.grantedScopes ?? request.scopes;
  const accessToken = keepSecret(instance, `ya29.${randomText(config.accessTokenLength - 5)}`);
  const expiresIn = config.accessTokenLifetimeSeconds;
  instance.tokens.set(accessToken, {
    kind: "access",
    clientId: client.id,
    sub,
    scopes,
    expiresAtMs: nowMs(instance) + expiresIn * 1000,
    revoked: false,
  });
  const answer: Record<string, unknown> = {
    access_token: accessToken,
    expires_in: expiresIn,
    scope: scopes.join(" "),
    token_type: "Bearer",
  };
  const user = userBySub(instance, sub);
  const idToken = await issueIdToken(instance, { user, clientId: client.id, clientSecret: client.secret, nonce });
  if (idToken !== null) answer["id_token"] = keepSecret(instance, idToken);
  return answer;
}

/** More than 100 live refresh tokens per account and client: the oldest dies silently. */
function retireOldest(instance: Instance, clientId: string, sub: string): void {
  const live = [...instance.tokens.values()].filter(
    (issued) =>
      issued.kind === "refresh" && issued.clientId === clientId && issued.sub === sub && !isDead(instance, issued),
  );
  for (const issued of live.slice(0, Math.max(0, live.length - instance.config.maxRefreshTokens)))
    issued.revoked = true;
}

async function isRightVerifier(code: IssuedCode, verifier: string | null): Promise<boolean> {
  // Without PKCE there is nothing to compare.
  if (code.codeChallenge === "") return verifier === null;
  // 43 to 128 unreserved characters (RFC 7636, 4.1).
  if (verifier === null || !/^[A-Za-z0-9._~-]{43,128}$/.test(verifier)) return false;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  return toBase64Url(new Uint8Array(digest)) === code.codeChallenge;
}
