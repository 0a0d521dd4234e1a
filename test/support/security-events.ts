/**
 * What Google says in its security events: each type, about each kind of subject, in the words of its documentation.
 *
 * For `google.securityEvent({ events })`. Nothing is signed here.
 *
 * https://developers.google.com/identity/protocols/risc#supported_event_types
 */
import type { User } from "../google/protocol.ts";

const RISC = "https://schemas.openid.net/secevent/risc/event-type";
const OAUTH = "https://schemas.openid.net/secevent/oauth/event-type";

/** Short names of the event types, and their full URIs. */
export const EVENT_TYPES = {
  "tokens-revoked": `${OAUTH}/tokens-revoked`,
  "token-revoked": `${OAUTH}/token-revoked`,
  "sessions-revoked": `${RISC}/sessions-revoked`,
  "account-disabled": `${RISC}/account-disabled`,
  "account-enabled": `${RISC}/account-enabled`,
  "account-credential-change-required": `${RISC}/account-credential-change-required`,
  verification: `${RISC}/verification`,
} as const;
export type EventType = keyof typeof EVENT_TYPES;

export type Subject = Readonly<Record<string, string>>;
export type Events = Record<string, Record<string, unknown>>;

/** An account by its `sub`. The issuer is seen with and without a trailing slash, as that of the token. */
export function issSub(user: Pick<User, "sub">, iss = "https://accounts.google.com/"): Subject {
  return { subject_type: "iss-sub", iss, sub: user.sub };
}

/** An account by claims of its ID token: with an `email` or, as Google also sends it, without one. */
export function idTokenClaims(
  user: User,
  how: { readonly email: boolean },
  iss = "https://accounts.google.com/",
): Subject {
  const subject = { subject_type: "id_token_claims", iss, sub: user.sub };
  return how.email ? { ...subject, email: user.email } : subject;
}

/** A refresh token by its first 16 characters. */
export function refreshTokenPrefix(refreshToken: string): Subject {
  return refreshTokenSubject("prefix", refreshToken.slice(0, 16));
}

/**
 * A refresh token by base64 of SHA-512 of its SHA-512. Google's page leaves open what the second hash reads:
 * the raw bytes of the first, or its lower-case hex.
 */
export async function refreshTokenHash(refreshToken: string, between: "raw" | "hex"): Promise<Subject> {
  const first = await sha512(new TextEncoder().encode(refreshToken));
  const hex = Array.from(first, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const second = await sha512(between === "raw" ? first : new TextEncoder().encode(hex));
  return refreshTokenSubject("hash_base64_sha512_sha512", btoa(String.fromCharCode(...second)));
}

function refreshTokenSubject(algorithm: string, token: string): Subject {
  return { subject_type: "oauth_token", token_type: "refresh_token", token_identifier_alg: algorithm, token };
}

async function sha512(bytes: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-512", new Uint8Array(bytes)));
}

/** One event about one subject: `about("sessions-revoked", issSub(user))`. `more` is `reason`, say. */
export function about(
  type: Exclude<EventType, "verification">,
  subject: Subject,
  more: Readonly<Record<string, string>> = {},
): Events {
  return { [EVENT_TYPES[type]]: { subject, ...more } };
}

/** The event by which a stream is tried: nobody's, with the words that were given to `stream:verify`. */
export function verification(state: string): Events {
  return { [EVENT_TYPES.verification]: { state } };
}
