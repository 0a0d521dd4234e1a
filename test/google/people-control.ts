/**
 * What a developer can make happen from outside, for instance from curl while `npm run dev` runs: things that happen to an
 * account, faults, security events. Forms in, JSON out; the users' pictures live here too.
 *
 *   curl -d 'endpoint=batch-part&status=429&share=0.3' …/__emulator/faults   tells of one more fault
 *   curl …/__emulator/faults                                                shows them, with their hits
 *   curl -X DELETE …/__emulator/faults                                      ends them all
 *   curl -d type=sessions-revoked -d email=… …/__emulator/security-events   has an event sent
 */
import * as z from "zod";
import {
  about,
  EVENT_TYPES,
  type Events,
  type EventType,
  idTokenClaims,
  issSub,
  refreshTokenHash,
  refreshTokenPrefix,
  type Subject,
  verification,
} from "../support/security-events.ts";
import { queueFault } from "./faults.ts";
import { type EventForm, eventFormSchema, faultFormSchema, faultOfForm } from "./forms.ts";
import { riscIssuer, signSecurityEvent } from "./oauth/security-events.ts";
import { endGrant } from "./oauth/token.ts";
import { CONTROL_PREFIX, type User } from "./protocol.ts";
import { findUser, type Incoming, type Instance, liveRefreshTokens, mailboxOf, nowMs, revokeTokens } from "./state.ts";

const DELIVERY_TIMEOUT_MS = 10_000;
/** How much of the receiver's answer is worth showing. */
const MAX_ANSWER_LENGTH = 2_000;

const eventForm = eventFormSchema(Object.keys(EVENT_TYPES));

/** What happens to an account. */
const EFFECTS: Readonly<Record<string, (instance: Instance, user: User) => void>> = {
  /** A person removes the app from their account: every token dies, consent is needed again. */
  "invalidate-grant": (instance, user) => endGrant(instance, user.sub),
  /** A person changes the password: the tokens die, the consent lives on. */
  "change-password": (instance, user) => revokeTokens(instance, user.sub),
  /** An hour passes: the next call gets 401, and a refresh helps. */
  "expire-access-tokens": (instance, user) => revokeTokens(instance, user.sub, (token) => token.kind === "access"),
  /** A message arrives. */
  "receive-mail": (instance, user) => void mailboxOf(instance, user)?.receive(nowMs(instance)),
  /** History is forgotten, as Google does after a week. */
  "forget-history": (instance, user) => mailboxOf(instance, user)?.forgetHistory(),
};

/** The control routes for people, all under `/__emulator`. */
export async function peopleControl(instance: Instance, { method, url, body }: Incoming): Promise<Response> {
  const path = url.pathname.slice(CONTROL_PREFIX.length).replace(/\/$/, "");
  const form = new URLSearchParams(body);
  if (method === "GET" && path === "") return Response.json(overview(instance));
  if (method === "GET" && path.startsWith("/pictures/")) return picture(instance, path);
  if (path === "/faults") return faults(instance, method, form);
  if (path === "/security-events") return securityEvents(instance, method, form);
  const effect = method === "POST" ? EFFECTS[path.slice(1)] : undefined;
  if (effect === undefined) return Response.json({ error: "No such action." }, { status: 404 });
  const user = findUser(instance, form.get("email") ?? url.searchParams.get("email") ?? "");
  if (user === null) return Response.json({ error: "No such user." }, { status: 404 });
  const grants = instance.consents.has(user.sub) ? 1 : 0;
  effect(instance, user);
  return Response.json({ email: user.email, grants });
}

function overview(instance: Instance): object {
  const users = [...instance.users.values()].map(({ email, name, hd = "", about: what }) => ({
    email,
    name,
    hd,
    about: what,
  }));
  const grants = [...instance.users.values()].flatMap(({ email, sub }) => {
    const scopes = instance.consents.get(sub);
    return scopes === undefined ? [] : [{ email, scopes: [...scopes] }];
  });
  return { users, grants, actions: Object.keys(EFFECTS) };
}

/** Where a user's picture is. @param origin of this Google */
export function pictureUrl(origin: string, email: string): string {
  return `${origin}${CONTROL_PREFIX}/pictures/${encodeURIComponent(email)}.svg`;
}

function picture(instance: Instance, path: string): Response {
  const user = findUser(instance, decodeURIComponent(path.slice("/pictures/".length)).replace(/\.svg$/, ""));
  if (user === null) return new Response("No such user.", { status: 404 });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96"><rect width="96" height="96" fill="#1a5fd0"/>
<text x="48" y="64" font-family="sans-serif" font-size="48" fill="#fff" text-anchor="middle">${user.name.slice(0, 1)}</text></svg>`;
  return new Response(svg, { headers: { "content-type": "image/svg+xml" } });
}

function faults(instance: Instance, method: string, form: URLSearchParams): Response {
  if (method === "DELETE") instance.faults = [];
  if (method === "POST") {
    const parsed = faultFormSchema.safeParse(Object.fromEntries(form));
    if (!parsed.success) return new Response(`${z.prettifyError(parsed.error)}\n`, { status: 400 });
    const { endpoint, fault } = faultOfForm(parsed.data);
    queueFault(instance, endpoint, fault);
  }
  return Response.json({ faults: listFaults(instance) }, { status: method === "POST" ? 201 : 200 });
}

/** What is told, and how many calls each has hit; one that is used up stays to be seen. */
export function listFaults(instance: Instance): { hits: number }[] {
  return instance.faults.map(({ endpoint, fault, hits }) => ({ endpoint, ...fault, hits }));
}

async function securityEvents(instance: Instance, method: string, form: URLSearchParams): Promise<Response> {
  const { securityEventReceiver: receiver } = instance.config;
  if (method === "GET") return Response.json({ types: EVENT_TYPES, receiver });
  if (receiver === null) return Response.json({ error: "No receiver was given at the start." }, { status: 409 });
  const parsed = eventForm.safeParse(Object.fromEntries(form));
  if (!parsed.success) return Response.json({ error: z.prettifyError(parsed.error) }, { status: 400 });
  const events = await eventsOf(instance, parsed.data);
  if (typeof events === "string") return Response.json({ error: events }, { status: 409 });
  const { jti = crypto.randomUUID() } = parsed.data;
  const token = await signSecurityEvent(instance, { events, jti, typ: "secevent+jwt", flaw: null });
  try {
    return Response.json({ receiver, ...(await deliver(receiver, token)), jti, events });
  } catch {
    return Response.json({ error: `No answer from ${receiver}.` }, { status: 502 });
  }
}

/** Delivers as RFC 8935 says, once: the token is the body. 202 is what Google wants to hear. */
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

/** What the event says, or why there is no such event. */
async function eventsOf(instance: Instance, form: EventForm): Promise<Events | string> {
  const type = Object.keys(EVENT_TYPES).find((name): name is EventType => name === form.type);
  if (type === undefined || type === "verification") return verification(form.state ?? "");
  const user = findUser(instance, form.email ?? "");
  if (user === null) return `email must be of an account, for ${type}.`;
  const subject = await subjectOf(instance, user, form.subject ?? (type === "token-revoked" ? "prefix" : "iss-sub"));
  if (subject === null) return `${user.email} has no live refresh token: sign in, with consent.`;
  return about(type, subject, form.reason === undefined ? {} : { reason: form.reason });
}

async function subjectOf(
  instance: Instance,
  user: User,
  kind: NonNullable<EventForm["subject"]>,
): Promise<Subject | null> {
  const issuer = riscIssuer(instance);
  if (kind === "iss-sub") return issSub(user, issuer);
  if (kind === "id_token_claims") return idTokenClaims(user, { email: true }, issuer);
  const token = liveRefreshTokens(instance, user.sub).at(-1);
  if (token === undefined) return null;
  return kind === "prefix" ? refreshTokenPrefix(token) : refreshTokenHash(token, "raw");
}
