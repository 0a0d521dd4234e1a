/**
 * The one control surface: what those who drive this Google can make happen there, and what it tells them. In the same process
 * they call these methods, from elsewhere they post the name of one and its argument to `/_control`, as JSON or as a form:
 *
 *   curl -d action=revokeGrant -d email=… …/_control
 *   curl -d action=fault -d endpoint=part -d named=tooManyRequests -d share=0.3 -d times=always …/_control
 *   curl …/_control        answers the snapshot: accounts, grants, faults and their hits, calls
 */
import {
  about,
  EVENT_TYPES,
  type EventType,
  idTokenClaims,
  issSub,
  refreshTokenHash,
  refreshTokenPrefix,
  type Subject,
  verification,
} from "../support/security-events.ts";
import { queueFault } from "./faults.ts";
import type { Mailbox, Message } from "./mail/mailbox.ts";
import { riscIssuer, type SecurityEvent, signSecurityEvent } from "./oauth/security-events.ts";
import { type ConfigPatch, type QueuedFault, type User, type UserInput, userSchema } from "./protocol.ts";
import { type PushOptions, signPush } from "./push.ts";
import {
  configure,
  endGrant,
  getUser,
  type Incoming,
  type Instance,
  type KeyPurpose,
  liveRefreshTokens,
  mailboxOf,
  noCalls,
  nowMs,
  resetInstance,
  revokeTokens,
} from "./state.ts";

const DELIVERY_TIMEOUT_MS = 10_000;
/** How much of a receiver's answer is worth showing. */
const MAX_ANSWER_LENGTH = 2_000;

type OfUser = Pick<User, "email">;
type OfMessage = OfUser & Pick<Message, "id">;

/** A security event as a person asks for it, and how it says whom it is about: `iss-sub` when left out. */
interface EventOrder {
  readonly type: EventType;
  readonly email?: string;
  readonly subject?: "iss-sub" | "id_token_claims" | "prefix" | "hash";
  readonly reason?: string;
  readonly state?: string;
  /** Of an event that was sent already, to send it again. */
  readonly jti?: string;
}

/** Each method takes one object, or nothing. */
export function controlsOf(instance: Instance) {
  const userOf = (email: string): User => getUser(instance, email);
  const mailOf = (email: string): Mailbox => {
    const mailbox = mailboxOf(instance, userOf(email));
    if (mailbox === null) throw new Error(`${email} has no Gmail`);
    return mailbox;
  };
  return {
    /** As new, but for the keys: a verifier may have cached them. */
    reset: () => resetInstance(instance),
    configure: ({ patch }: { patch: ConfigPatch }) => configure(instance, patch),
    addUser: ({ user }: { user: UserInput }) => {
      instance.users.set(user.email, userSchema.parse(user));
    },
    /** Where people may be sent back to, besides where they may already. */
    register: ({ redirectUri }: { redirectUri: string }) => {
      const { redirectUris } = instance.config;
      if (!redirectUris.includes(redirectUri)) redirectUris.push(redirectUri);
    },
    fault: (fault: QueuedFault) => queueFault(instance, fault),
    clearFaults: () => {
      instance.faults = [];
    },
    forgetCalls: () => {
      Object.assign(instance, noCalls());
    },
    advanceClock: ({ ms }: { ms: number }) => {
      instance.clockOffsetMs += ms;
    },
    rotateKeys: ({ of = "id-token" }: { of?: KeyPurpose }) => {
      instance.keyGenerations[of] += 1;
    },
    /** The person removes the app's access in their Google account. */
    revokeGrant: ({ email }: OfUser) => endGrant(instance, userOf(email).sub),
    /** Refresh and access tokens die, the consent lives on. */
    changePassword: ({ email }: OfUser) => revokeTokens(instance, userOf(email).sub),
    /** Access tokens alone die, as after an hour. */
    killAccessTokens: ({ email }: OfUser) => revokeTokens(instance, userOf(email).sub, "access"),
    receiveMail: ({ email, messages = 1 }: OfUser & { messages?: number }) => {
      for (let n = 0; n < messages; n += 1) mailOf(email).receive(nowMs(instance));
    },
    /** The person, or a filter of theirs, changes labels elsewhere. */
    changeLabels: ({ email, id, ...change }: OfMessage & { add?: readonly string[]; remove?: readonly string[] }) =>
      mailOf(email).changeLabels(mailOf(email).get(id), change),
    deleteMail: ({ email, id }: OfMessage) => mailOf(email).remove(mailOf(email).get(id)),
    /** History so far is no longer there: `history.list` answers 404 for it. */
    forgetHistory: ({ email }: OfUser) => mailOf(email).forgetHistory(),
    /** All numbered mailboxes hold so many messages, as if they always had. */
    resizeMailboxes: ({ messages }: { messages: number }) => {
      for (const user of instance.users.values()) {
        if (user.mailbox === null || !("messages" in user.mailbox)) continue;
        user.mailbox = { ...user.mailbox, messages };
        instance.mailboxes.delete(user.sub);
      }
    },
    /** Takes the notifications of Pub/Sub that nobody was sent, to be sent on as Pub/Sub would. */
    takePushes: () => instance.pushes.splice(0),
    /** Signs a notification that nobody asked for, right or with claims of its token spoiled. */
    push: ({ email, ...spoiled }: OfUser & PushOptions) => signPush(instance, userOf(email), spoiled),
    /** Signs a Security Event Token; sending it is the caller's part. */
    securityEvent: ({ event }: { event: SecurityEvent }) => signSecurityEvent(instance, event),
    /** Signs one as RFC 8935 says and sends it to the receiver. 202 is what Google wants to hear. */
    sendSecurityEvent: async (order: EventOrder) => {
      const { securityEventReceiver: receiver } = instance.config;
      if (receiver === null) throw new Error("no receiver was given at the start");
      const { jti = crypto.randomUUID() } = order;
      const events = await eventsOf(instance, order);
      const response = await fetch(receiver, {
        method: "POST",
        headers: { "content-type": "application/secevent+jwt", accept: "application/json" },
        body: await signSecurityEvent(instance, { events, jti }),
        redirect: "manual",
        signal: AbortSignal.timeout(DELIVERY_TIMEOUT_MS),
      });
      const answer = (await response.text()).slice(0, MAX_ANSWER_LENGTH);
      return { receiver, status: response.status, answer, jti, events };
    },
    snapshot: () => snapshotOf(instance),
  };
}
export type Controls = ReturnType<typeof controlsOf>;

type ActionOf<N extends keyof Controls> = { readonly action: N } & (Parameters<Controls[N]> extends [infer Argument]
  ? Argument
  : object);
/** The name of a method, and what stands in its argument. */
export type Action = { [N in keyof Controls]: ActionOf<N> }[keyof Controls];

async function eventsOf(instance: Instance, { type, email = "", subject, state = "", reason }: EventOrder) {
  if (!Object.hasOwn(EVENT_TYPES, type)) throw new Error(`type must be one of ${Object.keys(EVENT_TYPES).join(", ")}`);
  if (type === "verification") return verification(state);
  const user = getUser(instance, email);
  const token = liveRefreshTokens(instance, user.sub).at(-1) ?? "none";
  const subjects: Readonly<Record<NonNullable<EventOrder["subject"]>, Subject>> = {
    "iss-sub": issSub(user, riscIssuer(instance)),
    id_token_claims: idTokenClaims(user, { email: true }, riscIssuer(instance)),
    prefix: refreshTokenPrefix(token),
    hash: await refreshTokenHash(token, "raw"),
  };
  const chosen = subjects[subject ?? (type === "token-revoked" ? "prefix" : "iss-sub")];
  return about(type, chosen, reason === undefined ? {} : { reason });
}

function snapshotOf(instance: Instance) {
  const { calls, violations, maxConcurrent, quotaUnits, refused, overQuota } = instance;
  return {
    calls,
    /** What a client of Google must never do. Empty is the only good answer. */
    violations,
    maxConcurrent,
    quotaUnits,
    /** Tokens, codes and verifiers that were issued or seen. */
    secrets: [...instance.secrets],
    grants: [...instance.users.values()].map(({ sub, email }) => {
      // The live ones themselves, oldest first; what the Worker stored must be the last.
      const refreshTokens = liveRefreshTokens(instance, sub);
      const scopes = [...(instance.consents.get(sub) ?? [])];
      return { sub, email, scopes, liveRefreshTokens: refreshTokens.length, refreshTokens };
    }),
    /** With how many calls each has hit; one that is used up stays to be seen. */
    faults: instance.faults.map(({ endpoint, fault, hits }) => ({ endpoint, ...fault, hits })),
    pendingFaults: instance.faults.filter(({ left }) => left > 0).length,
    /** What was metered since the calls were forgotten, recorded or not. */
    meters: {
      calls: Object.fromEntries<number>(instance.counts),
      /** Reads that were refused because too many were in flight. */
      refused,
      /** Calls and parts that were refused because the user's minute was spent. */
      overQuota,
      /** Calls that failed by a fault that hits a share of them. */
      failed: instance.faults.reduce((sum, { fault, hits }) => sum + (fault.share === undefined ? 0 : hits), 0),
    },
  };
}

/** GET answers the snapshot, POST does one action. A mistake in the request answers 400 and says which. */
export async function control(instance: Instance, { method, headers, body }: Incoming): Promise<Response> {
  if (method === "GET") return Response.json(snapshotOf(instance));
  try {
    const isForm = headers.get("content-type")?.startsWith("application/x-www-form-urlencoded") === true;
    const { action, ...argument } = isForm ? readForm(body) : (JSON.parse(body) as Record<string, unknown>);
    // What stands in the argument is the method's to check.
    const methods: Readonly<Record<string, (argument: never) => unknown>> = controlsOf(instance);
    const does = typeof action === "string" ? methods[action] : undefined;
    if (does === undefined) throw new Error(`action must be one of ${Object.keys(methods).join(", ")}`);
    return Response.json((await does(argument as never)) ?? null);
  } catch (error) {
    return new Response(`${String(error)}\n`, { status: 400 });
  }
}

/** Every value of a form is text; numbers are read as such. */
function readForm(body: string): Record<string, unknown> {
  const isNumber = /^\d+(?:\.\d+)?$/;
  return Object.fromEntries(
    Array.from(new URLSearchParams(body), ([name, value]) => [name, isNumber.test(value) ? Number(value) : value]),
  );
}
