/**
 * Google's OAuth 2.0: authorization request, code exchange, refresh, revocation, who the user is by userinfo, and comparing
 * scopes, as Google names them. Each exchange is a function that sends and one that reads the answer, so that reading is
 * testable without a network. Knows no cookies, no storage, no Gmail and no web framework.
 *
 * https://developers.google.com/identity/protocols/oauth2/web-server
 * https://developers.google.com/identity/protocols/oauth2/scopes
 */
import * as z from "zod/mini";
import type { GoogleConfig } from "./config.ts";
import { AppError } from "./errors.ts";
import type { AccessToken } from "./identity.ts";
import { randomToken, sha256 } from "./lib/key-ring.ts";
import { readJson, readJsonOrNull, unavailable, type Upstream } from "./lib/upstream.ts";

const TOKEN_ENDPOINT = "Google's token endpoint";
const USERINFO_ENDPOINT = "Google's userinfo endpoint";
const REVOCATION_ENDPOINT = "Google's revocation endpoint";

/** Values of `prompt` that may be asked for. */
export const PROMPTS = ["none", "consent", "select_account"] as const;
export type Prompt = (typeof PROMPTS)[number];

/** Google's OAuth error answer (RFC 6749 §5.2): the request was understood and refused. */
export class OAuthError extends Error {
  override readonly name = "OAuthError";
  /** `error` of RFC 6749 §5.2, such as `invalid_grant`. */
  readonly code: string;
  /** `error_description`, to be compared only: it may hold an address, so no answer and no log line shows it. */
  readonly description: string | null;

  constructor(code: string, description: string | null = null) {
    super(`The token endpoint refused: ${code}`);
    this.code = code;
    this.description = description;
  }
}

// --- Authorization request ---------------------------------------------------------------------------------------

/** A fresh PKCE pair: RFC 7636 §4.1 and §4.2 with S256. */
export async function createPkcePair(): Promise<{ codeVerifier: string; codeChallenge: string }> {
  const codeVerifier = randomToken();
  return { codeVerifier, codeChallenge: await sha256(codeVerifier) };
}

export interface AuthorizationRequest {
  readonly redirectUri: string;
  readonly state: string;
  readonly nonce: string;
  readonly codeChallenge: string;
  readonly loginHint: string | null;
  readonly prompt: Prompt | null;
  /** Asks who the person is, and for no access to Gmail. */
  readonly identityOnly: boolean;
}

/**
 * The URL of Google's consent page.
 * https://developers.google.com/identity/protocols/oauth2/web-server#creatingclient
 */
export function buildAuthorizationUrl(google: GoogleConfig, request: AuthorizationRequest): string {
  const url = new URL(google.authorizationEndpoint);
  const parameters: Record<string, string | null> = {
    client_id: google.clientId,
    redirect_uri: request.redirectUri,
    response_type: "code",
    scope: (request.identityOnly ? google.scopes.filter((scope) => !isGmailScope(scope)) : google.scopes).join(" "),
    // A refresh token, so that the server can act while the user is offline.
    access_type: "offline",
    state: request.state,
    nonce: request.nonce,
    code_challenge: request.codeChallenge,
    code_challenge_method: "S256",
    login_hint: request.loginHint,
    prompt: request.prompt,
  };
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== null) url.searchParams.set(name, value);
  }
  return url.href;
}

// --- Token endpoint ----------------------------------------------------------------------------------------------

/** As Google's access tokens, where the answer does not say. One that ends sooner leads to a 401, and so to a refresh. */
const DEFAULT_EXPIRES_IN_SECONDS = 3600;

const TokenResponseSchema = z.pipe(
  z.object({
    access_token: z.string().check(z.minLength(1)),
    // Some authorization servers write a number as text; RFC 6749 §5.1 only recommends the member.
    expires_in: z._default(
      z.pipe(
        z.union([z.number(), z.string().check(z.regex(/^\d{1,9}$/))]),
        z.pipe(z.transform(Number), z.number().check(z.positive())),
      ),
      DEFAULT_EXPIRES_IN_SECONDS,
    ),
    token_type: z.string().check(z.regex(/^bearer$/i)),
    scope: z.optional(z.string()),
    refresh_token: z.optional(z.string()),
    id_token: z.optional(z.string()),
  }),
  z.transform((body) => ({
    accessToken: body.access_token,
    expiresInSeconds: body.expires_in,
    /** Null where the answer does not say: then as asked for (RFC 6749 §5.1). */
    scopes: body.scope === undefined ? null : body.scope.split(" ").filter(Boolean),
    refreshToken: body.refresh_token || null,
    idToken: body.id_token ?? null,
  })),
);

export type TokenResponse = z.infer<typeof TokenResponseSchema>;

/** A token response of which it is known what was granted. */
export type GrantedTokens = TokenResponse & { readonly scopes: string[] };

/** The access token of a token response. @param nowMs epoch milliseconds at which it came */
export function toAccessToken(response: TokenResponse, nowMs: number): AccessToken {
  return { value: response.accessToken, expiresAtMs: Math.floor(nowMs + response.expiresInSeconds * 1000) };
}

const OAuthErrorSchema = z.object({
  error: z.string().check(z.minLength(1)),
  error_description: z.catch(z.nullish(z.string()), null),
});

/**
 * Exchanges the one-time code (RFC 6749 §4.1.3, RFC 7636 §4.5).
 *
 * @returns with the scopes that were granted: those that were asked for, where the answer does not say (§5.1)
 * @throws OAuthError when Google refuses
 * @throws AppError `UPSTREAM_UNAVAILABLE` when it is down, slow, rate limits or answers nonsense; `INTERNAL` for
 *   `invalid_client`, which only the operator can fix
 */
export async function exchangeCode(
  upstream: Upstream,
  google: GoogleConfig,
  request: { code: string; codeVerifier: string; redirectUri: string },
): Promise<GrantedTokens> {
  const response = await requestToken(upstream, google, {
    grant_type: "authorization_code",
    code: request.code,
    code_verifier: request.codeVerifier,
    redirect_uri: request.redirectUri,
  });
  return { ...response, scopes: response.scopes ?? [...google.scopes] };
}

/**
 * Gets an access token for a refresh token (RFC 6749 §6).
 *
 * @param scopes what the access token is to be good for, and no more: one at least
 * @throws OAuthError `invalid_grant`: the grant is gone; `invalid_scope`: it does not hold these scopes
 * @throws AppError as {@link exchangeCode}; the grant is as it was
 */
export async function refreshAccessToken(
  upstream: Upstream,
  google: GoogleConfig,
  { refreshToken, scopes }: { refreshToken: string; scopes: readonly string[] },
): Promise<TokenResponse> {
  return requestToken(upstream, google, {
    grant_type: "refresh_token",
    refresh_token: refreshToken,
    scope: scopes.join(" "),
  });
}

/**
 * Gets an access token for an assertion that a service account has signed (RFC 7523 §2.1). The assertion says who asks, so
 * no client is named.
 *
 * @throws as {@link exchangeCode}
 */
export async function exchangeAssertion(
  upstream: Upstream,
  google: GoogleConfig,
  assertion: string,
): Promise<TokenResponse> {
  const parameters = { grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion };
  return processTokenResponse(await postToken(upstream, google, parameters), "GOOGLE_SERVICE_ACCOUNT");
}

async function requestToken(
  upstream: Upstream,
  google: GoogleConfig,
  parameters: Record<string, string>,
): Promise<TokenResponse> {
  const client = { client_id: google.clientId, client_secret: google.clientSecret };
  return processTokenResponse(await postToken(upstream, google, { ...parameters, ...client }));
}

async function postToken(
  upstream: Upstream,
  google: GoogleConfig,
  parameters: Record<string, string>,
): Promise<Response> {
  const body = new URLSearchParams(parameters);
  return upstream.fetch(google.tokenEndpoint, { method: "POST", body }, { endpoint: TOKEN_ENDPOINT });
}

/**
 * Reads the token endpoint's answer (RFC 6749 §5.1 and §5.2). Throws as {@link exchangeCode}.
 *
 * @param settings what the operator must look at, if Google does not know the client
 */
export async function processTokenResponse(
  response: Response,
  settings = "GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET",
): Promise<TokenResponse> {
  if (response.status === 200) return readJson(response, TokenResponseSchema, TOKEN_ENDPOINT);
  const refused = response.status >= 400 && response.status < 500 && response.status !== 429;
  const refusal = refused ? OAuthErrorSchema.safeParse(await readJsonOrNull(response)) : null;
  if (!refusal?.success) throw unavailable(TOKEN_ENDPOINT, response);
  const { error, error_description: description } = refusal.data;
  if (error === "invalid_client") {
    throw new AppError("INTERNAL", "The server is not set up correctly.", {
      logDetail: `Google refuses the client (invalid_client): check ${settings}`,
    });
  }
  throw new OAuthError(error, description ?? null);
}

// --- Revocation --------------------------------------------------------------------------------------------------

/**
 * Revokes a token and with it the whole grant (RFC 7009). A token that Google does not know is as good as revoked.
 * https://developers.google.com/identity/protocols/oauth2/web-server#tokenrevoke
 *
 * @returns whether Google knew it: by another token the grant may be alive
 * @throws AppError `UPSTREAM_UNAVAILABLE`: the grant may still be alive
 */
export async function revokeToken(upstream: Upstream, google: GoogleConfig, token: string): Promise<boolean> {
  const response = await upstream.fetch(
    google.revocationEndpoint,
    { method: "POST", body: new URLSearchParams({ token }) },
    { endpoint: REVOCATION_ENDPOINT },
  );
  if (response.status !== 200 && response.status !== 400) throw unavailable(REVOCATION_ENDPOINT, response);
  return response.status === 200;
}

// --- Userinfo ----------------------------------------------------------------------------------------------------

const UserInfoSchema = z.pipe(
  z.looseObject({
    sub: z.optional(z.unknown()),
    email: z.nullish(z.string()),
    email_verified: z.optional(z.unknown()),
    name: z.nullish(z.string()),
    picture: z.nullish(z.string()),
  }),
  z.transform((body) => ({
    sub: typeof body.sub === "string" && body.sub !== "" ? body.sub : null,
    email: body.email ?? null,
    emailVerified: body.email_verified === true,
    name: body.name ?? null,
    picture: body.picture ?? null,
  })),
);

export type UserInfo = z.infer<typeof UserInfoSchema>;

/**
 * Asks who the user is (OpenID Connect Core §5.3).
 *
 * @returns `sub` null where the answer has none
 * @throws AppError `UPSTREAM_UNAVAILABLE`
 */
export async function fetchUserInfo(upstream: Upstream, google: GoogleConfig, accessToken: string): Promise<UserInfo> {
  const response = await upstream.fetch(
    google.userinfoEndpoint,
    { headers: { Authorization: `Bearer ${accessToken}` } },
    { endpoint: USERINFO_ENDPOINT },
  );
  if (response.status !== 200) throw unavailable(USERINFO_ENDPOINT, response);
  return readJson(response, UserInfoSchema, USERINFO_ENDPOINT);
}

/** Google answers with the long names of these, whichever were asked for. */
const LONG_NAMES: ReadonlyMap<string, string> = new Map([
  ["email", "https://www.googleapis.com/auth/userinfo.email"],
  ["profile", "https://www.googleapis.com/auth/userinfo.profile"],
]);

function canonical(scope: string): string {
  return LONG_NAMES.get(scope) ?? scope;
}

function isGmailScope(scope: string): boolean {
  return scope === FULL || scope.startsWith(gmailScope(""));
}

/** The scopes that open Gmail. */
export function gmailScopes(scopes: readonly string[]): string[] {
  return scopes.filter(isGmailScope);
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

const FULL = "https://mail.google.com/";
const READONLY = gmailScope("readonly");
const METADATA = gmailScope("metadata");
const MODIFY = gmailScope("modify");
const PARTIAL = ["compose", "insert", "labels", "send"].map(gmailScope);

function gmailScope(name: string): string {
  return `https://www.googleapis.com/auth/gmail.${name}`;
}

/**
 * What a Gmail scope permits beside itself, the narrowest first. Settings are permitted by their own scopes only.
 * https://developers.google.com/workspace/gmail/api/auth/scopes
 */
const COVERED: readonly (readonly [scope: string, covered: readonly string[]])[] = [
  [READONLY, [METADATA]],
  [MODIFY, [READONLY, METADATA, ...PARTIAL]],
  [FULL, [READONLY, METADATA, MODIFY, ...PARTIAL]],
];

/** The narrowest of `granted` that permits what `scope` would; null for none. */
function coveringScope(scope: string, granted: readonly string[]): string | null {
  const [same] = commonScopes(granted, [scope]);
  const wider = COVERED.find(([held, covered]) => granted.includes(held) && covered.includes(scope));
  return same ?? wider?.[0] ?? null;
}

/** The scopes of `wanted` that what was granted permits, under whichever name and by wider ones, too. */
export function permittedScopes(wanted: readonly string[], granted: readonly string[]): string[] {
  return wanted.filter((scope) => coveringScope(scope, granted) !== null);
}

/** The scopes of `granted` by which it permits what is wanted, and no others: what to ask a refresh for. */
export function scopesInUse(wanted: readonly string[], granted: readonly string[]): string[] {
  return [...new Set(wanted.map((scope) => coveringScope(scope, granted)).filter((scope) => scope !== null))];
}

/** Gmail scopes that were asked for and that the person did not tick (granular consent), and that no other one covers. */
export function missingGmailScopes(asked: readonly string[], granted: readonly string[]): string[] {
  return missingScopes(gmailScopes(asked), permittedScopes(asked, granted));
}

/**
 * Whether stored scopes cover a sign-in: all that was asked for and is granted now. What the person left unticked is
 * not missed, or every sign-in of that person would force consent.
 */
export function coversSignIn(stored: readonly string[], asked: readonly string[], granted: readonly string[]): boolean {
  const needed = permittedScopes(asked, granted);
  return permittedScopes(needed, stored).length === needed.length;
}
