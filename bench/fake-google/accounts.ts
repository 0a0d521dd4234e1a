/**
 * Google's accounts: codes, tokens and keys. Everything that was issued is remembered until the process ends.
 * https://developers.google.com/identity/protocols/oauth2/web-server
 */
import { createHash, randomUUID } from "node:crypto";
import { exportJWK, exportSPKI, generateKeyPair, SignJWT } from "jose";
import { type Answer, json, oauthError } from "./errors.ts";

const ISSUER = "https://accounts.google.com";
const KEY_ID = "bench-key";
const SCOPE = [
  "openid",
  "https://www.googleapis.com/auth/userinfo.email",
  "https://www.googleapis.com/auth/userinfo.profile",
  "https://www.googleapis.com/auth/gmail.readonly",
].join(" ");
/** How long Google's keys may be kept, as Google says it. */
export const KEYS_MAX_AGE_SECONDS = 19_000;

interface Consent {
  readonly sub: string;
  readonly query: URLSearchParams;
}

interface IssuedToken {
  readonly sub: string;
  readonly expiresAtMs: number;
}

const keys = await generateKeyPair("RS256", { extractable: true });

const codes = new Map<string, Consent>();
const refreshTokens = new Map<string, string>();
const accessTokens = new Map<string, IssuedToken>();
const revoked = new Set<string>();

/** The JWK set of the ID tokens' keys. */
export async function jwks(): Promise<Answer> {
  return json({ keys: [{ ...(await exportJWK(keys.publicKey)), kid: KEY_ID, alg: "RS256", use: "sig" }] });
}

/** The same keys in the older form, PEM by key ID. */
export async function pemKeys(): Promise<Answer> {
  return json({ [KEY_ID]: await exportSPKI(keys.publicKey) });
}

/** The consent page, where somebody consents at once. @returns where the browser is sent back to */
export function authorize(query: URLSearchParams): string {
  const sub = query.get("as");
  const back = new URL(query.get("redirect_uri") ?? "");
  if (sub === null) throw new Error("Nobody is at the consent page: `as` is missing.");
  const code = `4/${randomUUID()}`;
  codes.set(code, { sub, query });
  back.searchParams.set("state", query.get("state") ?? "");
  back.searchParams.set("iss", ISSUER);
  back.searchParams.set("code", code);
  back.searchParams.set("scope", SCOPE);
  return back.href;
}

/** The token endpoint. @param accessTokenSeconds how long a new access token lives */
export async function token(form: URLSearchParams, accessTokenSeconds: number): Promise<Answer> {
  if (form.get("grant_type") === "refresh_token") return refresh(form, accessTokenSeconds);
  const code = form.get("code") ?? "";
  const consent = codes.get(code);
  codes.delete(code);
  if (consent === undefined || consent.query.get("redirect_uri") !== form.get("redirect_uri")) {
    return oauthError("invalid_grant", "Malformed auth code.");
  }
  const challenge = consent.query.get("code_challenge");
  if (challenge !== null) {
    const verifier = createHash("sha256")
      .update(form.get("code_verifier") ?? "")
      .digest("base64url");
    if (verifier !== challenge) return oauthError("invalid_grant", "Invalid code verifier.");
  }
  const refreshToken = `1//${randomUUID()}`;
  refreshTokens.set(refreshToken, consent.sub);
  const idToken = await signIdToken(consent);
  return json({
    ...issue(consent.sub, accessTokenSeconds),
    refresh_token: refreshToken,
    id_token: idToken,
  });
}

function refresh(form: URLSearchParams, accessTokenSeconds: number): Answer {
  const sub = refreshTokens.get(form.get("refresh_token") ?? "");
  if (sub === undefined || revoked.has(sub)) {
    return oauthError("invalid_grant", "Token has been expired or revoked.");
  }
  return json(issue(sub, accessTokenSeconds));
}

function issue(sub: string, accessTokenSeconds: number): object {
  const accessToken = `ya29.${randomUUID()}${randomUUID()}`;
  accessTokens.set(accessToken, { sub, expiresAtMs: Date.now() + accessTokenSeconds * 1000 });
  return { access_token: accessToken, expires_in: accessTokenSeconds, scope: SCOPE, token_type: "Bearer" };
}

async function signIdToken({ sub, query }: Consent): Promise<string> {
  const nonce = query.get("nonce");
  return new SignJWT({ ...profile(sub), ...(nonce === null ? {} : { nonce }) })
    .setProtectedHeader({ alg: "RS256", kid: KEY_ID, typ: "JWT" })
    .setIssuer(ISSUER)
    .setAudience(query.get("client_id") ?? "")
    .setIssuedAt()
    .setExpirationTime("1h")
    .sign(keys.privateKey);
}

/** What userinfo says of somebody. */
export function profile(sub: string): Readonly<Record<string, string | boolean>> {
  return {
    sub,
    id: sub,
    email: `${sub}@example.com`,
    email_verified: true,
    verified_email: true,
    name: "Ada Example",
    picture: "https://lh3.example.com/a/photo",
  };
}

/** Whose access token it is; null where it is not in force. @param authorization the header */
export function holderOf(authorization: string | undefined): string | null {
  const issued = accessTokens.get((authorization ?? "").replace(/^Bearer /i, ""));
  if (issued === undefined || issued.expiresAtMs <= Date.now() || revoked.has(issued.sub)) return null;
  return issued.sub;
}

/** Somebody takes their consent back. */
export function revokeGrantOf(sub: string): void {
  revoked.add(sub);
}
