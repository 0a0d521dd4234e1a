/**
 * How the emulated Google is told to send a security event, and what such an event says:
 *
 *   curl -d type=sessions-revoked -d email=… …/__emulator/security-events
 *
 * The event only tells of something: nothing happens to the account here. It is sent once, without Google's retries.
 */

import { Hono } from "hono";
import { createHash, randomUUID } from "node:crypto";
import * as z from "zod/mini";
import { SECURITY_EVENT_TYPES, type SecurityEventType } from "../lib/security-event-types.ts";
import type { Ledger } from "./ledger.ts";
import type { SecurityEvents, Transmitter } from "./risc.ts";
import { findUser } from "./users.ts";

const DELIVERY_TIMEOUT_MS = 10_000;
/** As much of a refresh token as Google shows. */
const PREFIX_LENGTH = 16;
/** How much of the receiver's answer is worth showing. */
const MAX_ANSWER_LENGTH = 2_000;

const TYPES = Object.keys(SECURITY_EVENT_TYPES);

/** An event as a form says it. */
const eventForm = z.strictObject({
  type: z.custom<SecurityEventType>(
    (value) => typeof value === "string" && Object.hasOwn(SECURITY_EVENT_TYPES, value),
    `must be one of ${TYPES.join(", ")}`,
  ),
  /** Whom it is about. Only a verification is about nobody. */
  email: z.optional(z.string()),
  /** How that is said. An account by default; for `token-revoked`, the last refresh token by `prefix` or by `hash`. */
  subject: z.optional(z.enum(["iss-sub", "id_token_claims", "prefix", "hash"])),
  /** Of `account-disabled`. */
  reason: z.optional(z.enum(["hijacking", "bulk-account"])),
  /** Of `verification`. */
  state: z.optional(z.string()),
  /** Of an event that was sent already, to send it again. */
  jti: z.optional(z.string()),
});
type EventForm = z.infer<typeof eventForm>;

/** What sending events needs. */
export interface SecurityEventContext {
  readonly ledger: Ledger;
  readonly transmitter: Transmitter;
  /** Where the Worker takes events; without it there is nobody to send them to. */
  readonly receiver?: string | undefined;
}

/** An event that cannot be made: `message` says why, and what to do. */
class NoSuchEvent extends Error {}

/** The control route for security events. */
export function securityEventRoutes(context: SecurityEventContext): Hono {
  const { receiver, transmitter } = context;
  const app = new Hono();
  app.get("/", (c) => c.json({ types: SECURITY_EVENT_TYPES, receiver: receiver ?? null }));
  app.post("/", async (c) => {
    if (receiver === undefined) return c.json({ error: "No receiver was given at the start." }, 409);
    const form = Object.fromEntries(new URLSearchParams(await c.req.text()));
    // zod/mini has no words for its errors unless it is given some.
    const parsed = eventForm.safeParse(form, { error: z.locales.en().localeError });
    if (!parsed.success) return c.json({ error: z.prettifyError(parsed.error) }, 400);
    let events: SecurityEvents;
    try {
      events = buildEvents(context, parsed.data);
    } catch (error) {
      if (error instanceof NoSuchEvent) return c.json({ error: error.message }, 409);
      throw error;
    }
    const { jti = randomUUID() } = parsed.data;
    const token = await transmitter.sign({ events, jti });
    try {
      return c.json({ receiver, ...(await deliver(receiver, token)), jti, events });
    } catch {
      return c.json({ error: `No answer from ${receiver}.` }, 502);
    }
  });
  return app;
}

/** Delivers as RFC 8935 says: the token is the body. 202 is what Google wants to hear. */
async function deliver(receiver: string, token: string): Promise<{ status: number; answer: string }> {
  const response = await fetch(receiver, {
    method: "POST",
    headers: { "content-type": "application/secevent+jwt", accept: "application/json" },
    body: token,
    redirect: "manual",
    signal: AbortSignal.timeout(DELIVERY_TIMEOUT_MS),
  });
  return { status: response.status, answer: (await response.text()).slice(0, MAX_ANSWER_LENGTH) };
}

function buildEvents(context: SecurityEventContext, form: EventForm): SecurityEvents {
  const uri = SECURITY_EVENT_TYPES[form.type];
  if (form.type === "verification") return { [uri]: { state: form.state ?? "" } };
  const reason = form.reason === undefined ? {} : { reason: form.reason };
  return { [uri]: { subject: subjectOf(context, form), ...reason } };
}

function subjectOf(context: SecurityEventContext, form: EventForm): Readonly<Record<string, string>> {
  const user = findUser(form.email ?? "");
  if (user === null) throw new NoSuchEvent(`email must be of an account, for ${form.type}.`);
  const kind = form.subject ?? (form.type === "token-revoked" ? "prefix" : "iss-sub");
  if (kind === "prefix" || kind === "hash") return tokenSubject(kind, refreshTokenOf(context, user.email));
  const sub = context.ledger.subOf(user.email);
  if (sub === null) throw new NoSuchEvent(`${user.email} must have signed in once since the emulator started.`);
  const account = { subject_type: kind, iss: context.transmitter.issuer, sub };
  return kind === "id_token_claims" ? { ...account, email: user.email } : account;
}

function refreshTokenOf({ ledger }: SecurityEventContext, email: string): string {
  const token = ledger.refreshTokensOf(email).at(-1);
  if (token === undefined) throw new NoSuchEvent(`${email} has no live refresh token: sign in, with consent.`);
  return token;
}

/** Google says which hash is taken twice, and not what of: here it is the raw bytes of the first. */
function tokenSubject(kind: "prefix" | "hash", refreshToken: string): Readonly<Record<string, string>> {
  const common = { subject_type: "oauth_token", token_type: "refresh_token" };
  if (kind === "prefix") {
    return { ...common, token_identifier_alg: "prefix", token: refreshToken.slice(0, PREFIX_LENGTH) };
  }
  const first = createHash("sha512").update(refreshToken).digest();
  const token = createHash("sha512").update(first).digest("base64");
  return { ...common, token_identifier_alg: "hash_base64_sha512_sha512", token };
}
