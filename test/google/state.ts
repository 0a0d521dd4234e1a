/**
 * The memory of one Google: who exists, what was issued, what was called. One instance knows nothing of another.
 */
import { livedInSource } from "./mail/lived-in.ts";
import { Mailbox } from "./mail/mailbox.ts";
import { numberedSource } from "./mail/numbered.ts";
import {
  configSchema,
  type ConfigPatch,
  type Endpoint,
  type Fault,
  type FaultEndpoint,
  type User,
} from "./protocol.ts";

export interface Call {
  readonly endpoint: Endpoint;
  readonly method: string;
  readonly path: string;
  readonly query: readonly (readonly [name: string, value: string])[];
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Google's clock when the call came. */
  readonly atMs: number;
  /** 0 while there is no answer. */
  status: number;
}

export interface IssuedCode {
  readonly clientId: string;
  readonly redirectUri: string;
  readonly sub: string;
  readonly scopes: readonly string[];
  readonly nonce: string;
  readonly codeChallenge: string;
  readonly consentShown: boolean;
  readonly offline: boolean;
  readonly expiresAtMs: number;
  used: boolean;
  /** What its exchange issued, because a second use must end it. */
  tokens: string[];
}

export interface IssuedToken {
  readonly kind: "access" | "refresh";
  readonly clientId: string;
  readonly sub: string;
  readonly scopes: readonly string[];
  readonly expiresAtMs: number;
  revoked: boolean;
}

export interface WaitingFault {
  readonly endpoint: FaultEndpoint;
  readonly fault: Fault;
  skip: number;
  left: number;
  hits: number;
  /** How often a call was made, for those faults that hit a share of them. */
  readonly tries: Map<string, number>;
}

/** A call as the handlers see it: the body is read once, because it is recorded too. */
export interface Incoming {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly body: string;
}

interface Watch {
  readonly labelIds: readonly string[];
  readonly isInclude: boolean;
  readonly expiresAtMs: number;
  lastPushMs: number;
}

/** A notification as Pub/Sub pushes it: to be sent to the receiver with this header and this body. */
export interface PushDelivery {
  readonly authorization: string;
  readonly body: string;
}

/** What ID tokens and what security events are signed with: key sets that share nothing. */
export type KeyPurpose = "id-token" | "security-event";

function emptyMemory() {
  return {
    config: configSchema.parse({}),
    users: new Map<string, User>(),
    /** By `sub`; opened when it is first asked for. */
    mailboxes: new Map<string, Mailbox>(),
    /** What `users.watch` asked for. At most one notification a second is pushed. */
    watches: new Map<string, Watch>(),
    /** That nobody was sent. */
    pushes: [] as PushDelivery[],
    codes: new Map<string, IssuedCode>(),
    tokens: new Map<string, IssuedToken>(),
    /** Scopes consented to, by `sub`: consent belongs to the person and outlives tokens. */
    consents: new Map<string, Set<string>>(),
    seenOnce: new Set<string>(),
    faults: [] as WaitingFault[],
    violations: [] as string[],
    secrets: new Set<string>(),
    /** By `sub`, oldest first. */
    quotaSpent: new Map<string, { atMs: number; units: number }[]>(),
    readsInFlight: new Map<string, number>(),
    inFlight: 0,
    clockOffsetMs: 0,
    ...noCalls(),
  };
}

/** What was called and metered, of which nothing was yet. */
export function noCalls() {
  return {
    calls: [] as Call[],
    counts: new Map<Endpoint, number>(),
    maxConcurrent: 0,
    quotaUnits: 0,
    refused: 0,
    overQuota: 0,
  };
}

export type Instance = ReturnType<typeof emptyMemory> & {
  readonly name: string;
  readonly keyGenerations: Record<KeyPurpose, number>;
};

export function createInstance(name: string): Instance {
  return { ...emptyMemory(), name, keyGenerations: { "id-token": 0, "security-event": 0 } };
}

/** Forgets everything but the keys, which a verifier may have cached. */
export function resetInstance(instance: Instance): void {
  Object.assign(instance, emptyMemory());
}

/** Google's clock in milliseconds; tests move it together with the Worker's. */
export function nowMs(instance: Instance): number {
  return Date.now() + instance.clockOffsetMs;
}

/** Merges a patch over the configuration; `listing` and `push` are merged one level deeper. */
export function configure(instance: Instance, patch: ConfigPatch): void {
  const { config } = instance;
  const listing = { ...config.listing, ...patch.listing };
  const push = { ...config.push, ...patch.push };
  instance.config = configSchema.parse({ ...config, ...patch, listing, push });
}

/** The account with that address or `sub` (RFC 5321: domains, and Gmail's local parts, have no case), or null. */
export function findUser(instance: Instance, hint: string): User | null {
  const wanted = hint.trim().toLowerCase();
  return (
    [...instance.users.values()].find(({ sub, email }) => sub === wanted || email.toLowerCase() === wanted) ?? null
  );
}

/** The same. Its absence is a mistake of ours. */
export function getUser(instance: Instance, hint: string): User {
  const user = findUser(instance, hint);
  if (user === null) throw new Error(`no account ${hint}`);
  return user;
}

/** A person's mail, or null where the account has no Gmail. */
export function mailboxOf(instance: Instance, user: User): Mailbox | null {
  const { mailbox: options, sub } = user;
  if (options === null) return null;
  let mailbox = instance.mailboxes.get(sub);
  if (mailbox === undefined) {
    mailbox = new Mailbox(
      "messages" in options
        ? numberedSource(user.email, options)
        : livedInSource(user, { kind: options.kind, untilMs: options.untilMs ?? nowMs(instance) }),
    );
    instance.mailboxes.set(sub, mailbox);
  }
  return mailbox;
}

/** Ends every token of a person, or those of a kind. */
export function revokeTokens(instance: Instance, sub: string, kind: IssuedToken["kind"] | null = null): void {
  for (const token of instance.tokens.values()) {
    if (token.sub === sub && (kind === null || token.kind === kind)) token.revoked = true;
  }
}

/** Ends the consent and every token of a person. */
export function endGrant(instance: Instance, sub: string): void {
  revokeTokens(instance, sub);
  instance.consents.delete(sub);
}

/** The live refresh tokens of a person, oldest first. */
export function liveRefreshTokens(instance: Instance, sub: string): string[] {
  return [...instance.tokens]
    .filter(([, token]) => token.sub === sub && token.kind === "refresh" && !isDead(instance, token))
    .map(([value]) => value);
}

/** Whether a token no longer opens anything. */
export function isDead(instance: Instance, issued: IssuedToken): boolean {
  return issued.revoked || issued.expiresAtMs <= nowMs(instance);
}

/** Random text over the base64url alphabet, as Google's tokens look. */
export function randomText(length: number): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const bytes = crypto.getRandomValues(new Uint8Array(length));
  return Array.from(bytes, (byte) => alphabet.charAt(byte & 63)).join("");
}

/** Remembers a value that must never be readable outside of sealed storage. */
export function keepSecret(instance: Instance, value: string): string {
  if (instance.config.recordsCalls) instance.secrets.add(value);
  return value;
}

/** Waits. What is waited for keeps no process of Node's alive. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer: number | { unref?: () => void } = setTimeout(resolve, ms);
    if (typeof timer === "object") timer.unref?.();
  });
}
