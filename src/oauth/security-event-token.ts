/**
 * Security Event Tokens of Google's Cross-Account Protection (RFC 8417, OpenID RISC): verifying one and reading what
 * happened to whom. Knows no storage and no web framework.
 *
 * https://developers.google.com/identity/protocols/risc
 */
import { compactVerify, errors } from "jose";
import * as z from "zod/mini";
import { AppError } from "../errors.ts";
import type { DocumentCache, GoogleKeys } from "./google-documents.ts";
import type { Upstream } from "../lib/upstream.ts";

const CONFIGURATION_ENDPOINT = "Google's RISC configuration";
/**
 * An older event is refused: by then its delivery may be forgotten, and this one a repetition. `SecurityEventStore`
 * remembers deliveries for longer.
 */
export const MAX_EVENT_AGE_MS = 30 * 24 * 60 * 60 * 1000;
/** How far Google's clock may be ahead of ours. */
export const EVENT_LEEWAY_MS = 60_000;
/** Anybody may send a token with an unknown `kid`: the keys are not fetched again more often than this. */
const KEYS_COOLDOWN_MS = 60_000;

const OAUTH = "https://schemas.openid.net/secevent/oauth/event-type/";
const RISC = "https://schemas.openid.net/secevent/risc/event-type/";

/** Event types that Google sends, by their URIs. */
export const EVENT_TYPES = {
  tokensRevoked: `${OAUTH}tokens-revoked`,
  tokenRevoked: `${OAUTH}token-revoked`,
  sessionsRevoked: `${RISC}sessions-revoked`,
  accountDisabled: `${RISC}account-disabled`,
  accountEnabled: `${RISC}account-enabled`,
  credentialChangeRequired: `${RISC}account-credential-change-required`,
  verification: `${RISC}verification`,
} as const;

export const RiscConfigurationSchema = z.object({ issuer: z.string(), jwks_uri: z.string() });

export type RiscConfiguration = z.infer<typeof RiscConfigurationSchema>;

const SubjectSchema = z.object({
  iss: z.optional(z.string()),
  // It becomes part of a KV key.
  sub: z.optional(z.string().check(z.regex(/^[\x21-\x7e]{1,255}$/))),
  email: z.optional(z.string().check(z.maxLength(320))),
  token_identifier_alg: z.optional(z.enum(["prefix", "hash_base64_sha512_sha512"])),
  token: z.optional(z.string().check(z.maxLength(1_000))),
});

/** A member that counts as missing where it is of another form. `z.catch` would bring all helpers of zod along. */
function orMissing<T>(schema: z.ZodMiniType<T>) {
  return z.optional(z.transform((value: unknown) => schema.safeParse(value).data));
}

const EventSchema = z.object({
  // Of a form that we do not know, it names nobody.
  subject: orMissing(SubjectSchema),
  reason: orMissing(z.string()),
  state: orMissing(z.string()),
});

const TokenSchema = z.object({
  iss: z.string(),
  aud: z.union([z.string(), z.array(z.string())]),
  /** When the event was issued, in epoch seconds: RFC 8417 §2.2. */
  iat: z.number(),
  jti: z.string().check(z.minLength(1), z.maxLength(1_000)),
  events: z.pipe(
    z.record(z.string(), EventSchema),
    z.transform((events) => Object.entries(events).map(([type, event]) => ({ type, event }))),
  ),
});

/** Whom or what an event is about. */
export type EventSubject =
  | { readonly kind: "user"; readonly sub: string }
  | { readonly kind: "address"; readonly email: string }
  | {
      readonly kind: "refresh-token";
      readonly algorithm: "prefix" | "hash_base64_sha512_sha512";
      readonly identifier: string;
    };

export interface SecurityEvent {
  /** URI of the event type; not necessarily one that we know. */
  readonly type: string;
  /** Null: an unknown user. */
  readonly subject: EventSubject | null;
  /** Why an account was disabled. */
  readonly reason: string | null;
  /** What a verification event brings back. */
  readonly state: string | null;
}

export interface SecurityEventToken {
  /** Names the delivery: Google may deliver twice. */
  readonly jti: string;
  /** When it was issued, in epoch milliseconds. */
  readonly issuedAtMs: number;
  readonly events: readonly SecurityEvent[];
}

/** With what a token is verified. */
export interface SecurityEventVerifier {
  readonly upstream: Upstream;
  readonly configurations: DocumentCache<RiscConfiguration>;
  readonly keys: GoogleKeys;
  readonly configurationUrl: string;
  readonly clientId: string;
  /** Epoch milliseconds. */
  readonly nowMs: number;
}

/**
 * Verifies a token: RS256 by the keys of the RISC configuration, its issuer, our client ID as audience, and how
 * old it is. `exp` is not looked at: an event that happened does not expire (RFC 8417 §2.2).
 *
 * @param jwt the body of the delivery (RFC 8935)
 * @throws AppError `INVALID_ARGUMENT` for what is not Google's or not for us; `UPSTREAM_UNAVAILABLE` with 503 when that
 *   cannot be found out now, so that Google delivers again
 */
export async function verifySecurityEventToken(
  verifier: SecurityEventVerifier,
  jwt: string,
): Promise<SecurityEventToken> {
  const { upstream, configurations, configurationUrl, clientId, nowMs } = verifier;
  const source = { url: configurationUrl, endpoint: CONFIGURATION_ENDPOINT, schema: RiscConfigurationSchema };
  const { content } = await deliverAgain(configurations.get(upstream, source, { nowMs }));
  const { issuer, jwks_uri: jwksUri } = content;
  const payload = await deliverAgain(verifySignature(verifier, jwt, jwksUri));
  const parsed = TokenSchema.safeParse(payload);
  if (!parsed.success) throw invalidToken("claims");
  const { iss, aud, iat, jti, events } = parsed.data;
  if (withoutSlash(iss) !== withoutSlash(issuer)) throw invalidToken("issuer");
  if (![aud].flat().includes(clientId)) throw invalidToken("audience");
  const issuedAtMs = iat * 1000;
  if (issuedAtMs > nowMs + EVENT_LEEWAY_MS) throw invalidToken("issued in the future");
  if (issuedAtMs < nowMs - MAX_EVENT_AGE_MS) throw invalidToken("too old");
  return { jti, issuedAtMs, events: events.map(({ type, event }) => readEvent(type, event, issuer)) };
}

async function verifySignature(
  { upstream, keys, nowMs }: SecurityEventVerifier,
  jwt: string,
  jwksUri: string,
): Promise<unknown> {
  const keySet = keys.of(upstream, { jwksUri, cooldownMs: KEYS_COOLDOWN_MS, nowMs });
  try {
    const { payload } = await compactVerify(jwt, keySet, { algorithms: ["RS256"] });
    return JSON.parse(new TextDecoder().decode(payload));
  } catch (error) {
    if (error instanceof SyntaxError) throw invalidToken("JSON");
    throw keys.keyFault(error, jwksUri) ?? invalidToken(error instanceof errors.JOSEError ? error.code : "?");
  }
}

/** Google delivers again after a 503, and not after a 502. */
async function deliverAgain<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof AppError) || error.reason !== "UPSTREAM_UNAVAILABLE") throw error;
    throw new AppError("UPSTREAM_UNAVAILABLE", error.message, { code: 503, cause: error });
  }
}

type RawEvent = z.infer<typeof EventSchema>;

function readEvent(type: string, { subject, reason, state }: RawEvent, issuer: string): SecurityEvent {
  return { type, subject: readSubject(subject, issuer), reason: reason || null, state: state ?? null };
}

function readSubject(subject: RawEvent["subject"], issuer: string): EventSubject | null {
  if (subject === undefined) return null;
  const { iss, sub, email, token_identifier_alg: algorithm, token: identifier } = subject;
  if (algorithm !== undefined && identifier !== undefined) return { kind: "refresh-token", algorithm, identifier };
  // A `sub` means something at its issuer only.
  if (iss !== undefined && withoutSlash(iss) !== withoutSlash(issuer)) return null;
  if (sub !== undefined) return { kind: "user", sub };
  return email === undefined ? null : { kind: "address", email };
}

/** The issuer is seen with and without a slash at its end. */
function withoutSlash(issuer: string): string {
  return issuer.replace(/\/$/, "");
}

function invalidToken(logDetail: string): AppError {
  return new AppError("INVALID_ARGUMENT", "This is not a security event token of Google's for this application.", {
    metadata: { parameter: "body" },
    logDetail: `security event: ${logDetail}`,
  });
}
