/**
 * The session: who is signed in and, while it fits, the current access token, sealed in a cookie, so that a warm
 * request calls Gmail without waiting for storage. Knows the form and the limits of the cookie, not how HTTP
 * carries it.
 */
import * as z from "zod/mini";
import { AccessTokenSchema, IdentitySchema } from "../identity.ts";
import { type KeyRing, randomToken } from "../lib/key-ring.ts";
import { SESSION_TTL_SECONDS } from "../object/sessions.ts";

/** How long after signing in a session may make API tokens. */
const RECENT_SIGN_IN_MS = 10 * 60 * 1000;

/** Browsers keep at least 4,096 bytes of a cookie, attributes included: RFC 6265 §6.1. */
const MAX_COOKIE_BYTES = 4096;
/** Room for `__Host-`, the name and the attributes, which stand beside the value in those 4,096 bytes. */
const COOKIE_OVERHEAD_BYTES = 160;

const SessionSchema = z.object({
  id: z.string(),
  identity: IdentitySchema,
  /** Granted scopes, as Google named them. */
  scopes: z.array(z.string()),
  /** Epoch milliseconds. */
  signedInAtMs: z.int(),
  /** Null where there is none, or where the cookie would not hold it: then the user's object has one. */
  accessToken: z.nullable(AccessTokenSchema),
});

export type Session = z.infer<typeof SessionSchema>;

/** A new session for someone who has just signed in. */
export function createSession(user: Pick<Session, "identity" | "scopes" | "accessToken">, nowMs: number): Session {
  return { ...user, id: randomToken(), signedInAtMs: nowMs };
}

/** Whether the sign-in is recent enough to make an API token. */
export function isRecentSignIn({ signedInAtMs }: Pick<Session, "signedInAtMs">, nowMs: number): boolean {
  return nowMs - signedInAtMs <= RECENT_SIGN_IN_MS;
}

/** Epoch milliseconds at which a session ends. */
export function sessionExpiresAtMs(session: Session): number {
  return session.signedInAtMs + SESSION_TTL_SECONDS * 1000;
}

/** Seals a session for the cookie of one origin. */
export async function sealSession(keyRing: KeyRing, origin: string, session: Session): Promise<string> {
  return keyRing.seal({ purpose: "session", owner: origin }, session, sessionExpiresAtMs(session));
}

/**
 * Opens a session cookie.
 *
 * @returns null where it does not open, whatever the reason: then nobody is signed in
 */
export async function openSession(
  keyRing: KeyRing,
  cookie: { origin: string; value: string; nowMs: number },
): Promise<Session | null> {
  return keyRing.openAs({ purpose: "session", owner: cookie.origin }, cookie.value, cookie.nowMs, SessionSchema);
}

/** Whether a browser keeps a cookie with this value. */
export function fitsInCookie(value: string): boolean {
  return value.length <= MAX_COOKIE_BYTES - COOKIE_OVERHEAD_BYTES;
}
