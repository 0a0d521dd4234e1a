/**
 * The memory of one Google: who exists, what was issued, what was called. One instance knows nothing of another.
 */
import type { Call, KeyPurpose, PushDelivery } from "./actions.ts";
import type { Mailbox } from "./mail/mailbox.ts";
import { openMailbox } from "./mail/sources.ts";
import { type Config, configSchema, type ConfigPatch, type Fault, type FaultEndpoint, type User } from "./protocol.ts";

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

export interface QueuedFault {
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

/** What `users.watch` asked for. */
export interface Watch {
  readonly labelIds: readonly string[];
  readonly isInclude: boolean;
  readonly expiresAtMs: number;
  /** At most one notification a second. */
  lastPushMs: number;
}

export interface Instance {
  readonly name: string;
  config: Config;
  /** By address. */
  readonly users: Map<string, User>;
  /** By `sub`; opened when it is first asked for. */
  readonly mailboxes: Map<string, Mailbox>;
  readonly watches: Map<string, Watch>;
  pushes: PushDelivery[];
  readonly codes: Map<string, IssuedCode>;
  readonly tokens: Map<string, IssuedToken>;
  /** Scopes consented to, by `sub`: consent belongs to the person and outlives tokens. */
  readonly consents: Map<string, Set<string>>;
  readonly seenOnce: Set<string>;
  faults: QueuedFault[];
  calls: Call[];
  readonly counts: Map<string, number>;
  readonly violations: string[];
  readonly secrets: Set<string>;
  /** By `sub`, oldest first. */
  readonly quotaSpent: Map<string, { atMs: number; units: number }[]>;
  quotaUnits: number;
  refused: number;
  readonly readsInFlight: Map<string, number>;
  inFlight: number;
  maxConcurrent: number;
  readonly keyGenerations: Record<KeyPurpose, number>;
  clockOffsetMs: number;
}

/** A fresh Google that knows no client, no person and no token. */
export function createInstance(name: string): Instance {
  return {
    name,
    config: configSchema.parse({}),
    users: new Map(),
    mailboxes: new Map(),
    watches: new Map(),
    pushes: [],
    codes: new Map(),
    tokens: new Map(),
    consents: new Map(),
    seenOnce: new Set(),
    faults: [],
    calls: [],
    counts: new Map(),
    violations: [],
    secrets: new Set(),
    quotaSpent: new Map(),
    quotaUnits: 0,
    refused: 0,
    readsInFlight: new Map(),
    inFlight: 0,
    maxConcurrent: 0,
    keyGenerations: { "id-token": 0, "security-event": 0 },
    clockOffsetMs: 0,
  };
}

/** Forgets everything but the keys, which a verifier may have cached. */
export function resetInstance(instance: Instance): void {
  const { name, keyGenerations } = instance;
  Object.assign(instance, createInstance(name), { keyGenerations });
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

/** People may be sent back to this address, too. */
export function register(instance: Instance, redirectUri: string): void {
  if (!instance.config.redirectUris.includes(redirectUri)) instance.config.redirectUris.push(redirectUri);
}

/** The account with that `sub`. Its absence is a mistake of ours. */
export function userBySub(instance: Instance, sub: string): User {
  for (const user of instance.users.values()) if (user.sub === sub) return user;
  throw new Error(`no account has the sub ${sub}`);
}

/** The account with that address or `sub` (RFC 5321: domains, and Gmail's local parts, have no case), or null. */
export function findUser(instance: Instance, hint: string): User | null {
  const wanted = hint.trim().toLowerCase();
  for (const user of instance.users.values()) {
    if (user.sub === wanted || user.email.toLowerCase() === wanted) return user;
  }
  return null;
}

/** A person's mail, or null where the account has no Gmail. */
export function mailboxOf(instance: Instance, user: User): Mailbox | null {
  if (user.mailbox === null) return null;
  let mailbox = instance.mailboxes.get(user.sub);
  if (mailbox === undefined) {
    mailbox = openMailbox(user, user.mailbox, nowMs(instance));
    instance.mailboxes.set(user.sub, mailbox);
  }
  return mailbox;
}

/** Ends every token of a person that `which` accepts. */
export function revokeTokens(
  instance: Instance,
  sub: string,
  which: (token: IssuedToken) => boolean = () => true,
): void {
  for (const token of instance.tokens.values()) {
    if (token.sub === sub && which(token)) token.revoked = true;
  }
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

/** Waits. What is waited for keeps no process alive. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer: unknown = setTimeout(resolve, ms);
    if (typeof timer === "object" && timer !== null && "unref" in timer && typeof timer.unref === "function")
      timer.unref();
  });
}
