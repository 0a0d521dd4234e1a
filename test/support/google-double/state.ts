/**
 * The memory of one double: who exists, what was issued, what was called. One instance knows nothing of another.
 */
import {
  type Call,
  type Config,
  configSchema,
  type ConfigPatch,
  type Endpoint,
  type Fault,
  type KeyPurpose,
  type User,
} from "./protocol.ts";

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
  readonly endpoint: Endpoint;
  readonly fault: Fault;
  skip: number;
  left: number;
}

/** A call as the handlers see it: the body is read once, because it is recorded too. */
export interface Incoming {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly body: string;
}

export interface Instance {
  readonly name: string;
  config: Config;
  readonly users: Map<string, User>;
  readonly codes: Map<string, IssuedCode>;
  readonly tokens: Map<string, IssuedToken>;
  /** Scopes consented to, by `sub`: consent belongs to the person and outlives tokens. */
  readonly consents: Map<string, Set<string>>;
  readonly seenOnce: Set<string>;
  faults: QueuedFault[];
  calls: Call[];
  readonly violations: string[];
  readonly secrets: Set<string>;
  readonly quotaSpent: { atMs: number; units: number; sub: string }[];
  quotaUnits: number;
  inFlight: number;
  maxConcurrent: number;
  readonly keyGenerations: Record<KeyPurpose, number>;
  clockOffsetMs: number;
}

/** A fresh double that knows no client, no person and no token. */
export function createInstance(name: string): Instance {
  return {
    name,
    config: configSchema.parse({}),
    users: new Map(),
    codes: new Map(),
    tokens: new Map(),
    consents: new Map(),
    seenOnce: new Set(),
    faults: [],
    calls: [],
    violations: [],
    secrets: new Set(),
    quotaSpent: [],
    quotaUnits: 0,
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

/** The double's clock in milliseconds; tests move it together with the Worker's. */
export function nowMs(instance: Instance): number {
  return Date.now() + instance.clockOffsetMs;
}

/** Merges a patch over the configuration; `listing` is merged one level deeper. */
export function configure(instance: Instance, patch: ConfigPatch): void {
  const listing = { ...instance.config.listing, ...patch.listing };
  instance.config = configSchema.parse({ ...instance.config, ...patch, listing });
}

/** The account with that `sub`. Its absence is a mistake of the double itself. */
export function userBySub(instance: Instance, sub: string): User {
  for (const user of instance.users.values()) if (user.sub === sub) return user;
  throw new Error(`the double knows no account with sub ${sub}`);
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

/** Random text over the base64url alphabet, as Google's tokens look. */
export function randomText(length: number): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const bytes = crypto.getRandomValues(new Uint8Array(length));
  return Array.from(bytes, (byte) => alphabet.charAt(byte & 63)).join("");
}

/** Remembers a value that must never be readable outside of sealed storage. */
export function keepSecret(instance: Instance, value: string): string {
  instance.secrets.add(value);
  return value;
}
