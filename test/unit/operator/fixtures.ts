/** What the tests of key rotation share: scopes with different rings over one storage, what is stored, and the walk. */
import { base64url, decodeProtectedHeader, jwtDecrypt } from "jose";
import { env } from "cloudflare:workers";
import type { TokenKey } from "../../../src/lib/key-ring.ts";
import type { Credential } from "../../../src/kv-store.ts";
import { resealPage, type RotationPage } from "../../../src/operator/rotation.ts";
import { createRequestScope, createServices, REAL_WORLD, type RequestScope } from "../../../src/context.ts";
import { storageKeys } from "../../../src/kv-store/key-names.ts";
import { configuration, STAYING } from "../fixtures.ts";
import { CREDENTIAL } from "../auth/fixtures-grant.ts";

export interface ScopeOptions {
  readonly kv?: KVNamespace;
  readonly nowMs?: number;
}

/** A request to a Worker with these keys, the sealing one first. */
export function scopeWith(keys: readonly TokenKey[], { kv = env.CREDENTIALS, nowMs }: ScopeOptions = {}): RequestScope {
  const config = configuration({ TOKEN_KEYS: JSON.stringify({ keys }), CREDENTIALS: kv });
  const world = { ...REAL_WORLD, now: () => nowMs ?? Date.now(), sleep: async () => {} };
  return createRequestScope(createServices(config, world), {
    url: "http://mail.localhost/",
    waitUntil: () => {},
    clientSignal: STAYING,
  });
}

export function credentialOf(sub: string, changes: Partial<Credential> = {}): Credential {
  return { ...CREDENTIAL, sub, email: `${sub}@example.test`, refreshToken: `1//refresh-token-of-${sub}`, ...changes };
}

const SESSION_ID = "session-1";

/** Stores one record of every kind for a user, as the Worker would. @returns their keys, and what became of the token */
export async function storeEverything(scope: RequestScope, sub: string) {
  const expiresAtMs = scope.world.now() + 3_600_000;
  const accessToken = { value: `access-token-of-${sub}`, expiresAtMs };
  const email = `${sub}@example.test`;
  await scope.store.writeCredential(credentialOf(sub));
  await scope.store.writeAddress(email, sub);
  await scope.store.writeAccessToken({ id: SESSION_ID, sub }, accessToken);
  const { id } = await scope.apiTokens.create({
    name: "token",
    identity: { sub, email, name: null, picture: null },
    scopes: [],
    access: "read",
    createdAtMs: scope.world.now(),
    expiresAtMs: expiresAtMs + 86_400_000,
    session: { id: SESSION_ID, signedInAtMs: scope.world.now() },
  });
  await scope.apiTokens.writeAccessToken(id, accessToken);
  const keys = {
    credential: storageKeys.credential(sub),
    address: await storageKeys.address(email),
    "access-token": storageKeys.accessToken({ id: SESSION_ID, sub }),
    "api-token": storageKeys.apiToken(id),
    "api-token-access": storageKeys.apiTokenAccess(id),
  };
  return { keys, tokenId: id, email };
}

/** All calls of a walk together. */
export type WalkSum = Omit<RotationPage, "cursor"> & { readonly calls: number };

/** Walks from the beginning, or from a cursor, to the end. */
export async function walk(scope: RequestScope, from: string | null = null): Promise<WalkSum> {
  const sum = { current: 0, resealed: 0, dead: 0, changing: 0, calls: 0 };
  const left = new Map<string, number>();
  let cursor = from;
  do {
    const page = await resealPage(scope, cursor);
    for (const name of ["current", "resealed", "dead", "changing"] as const) sum[name] += page[name];
    for (const [kid, count] of Object.entries(page.left)) left.set(kid, (left.get(kid) ?? 0) + count);
    sum.calls += 1;
    cursor = page.cursor;
  } while (cursor !== null);
  return { ...sum, activeKid: scope.keyRing.activeKid, left: Object.fromEntries(left) };
}

/** The `kid` by which a stored value is sealed, by its own header and by its metadata. */
export async function kidsOf(name: string): Promise<{ header: unknown; metadata: unknown }> {
  const { value, metadata } = await env.CREDENTIALS.getWithMetadata<{ kid?: unknown }>(name);
  return { header: value === null ? null : decodeProtectedHeader(value).kid, metadata: metadata?.kid };
}

/** The claims set of a stored value, opened with the raw key. */
export async function claimsUnder(key: TokenKey, name: string): Promise<unknown> {
  const sealed = (await env.CREDENTIALS.get(name)) ?? "";
  return (await jwtDecrypt(sealed, base64url.decode(key.k))).payload;
}

/** When each stored key ends, in epoch seconds. */
export async function expirations(): Promise<Record<string, number | undefined>> {
  const { keys } = await env.CREDENTIALS.list();
  return Object.fromEntries(keys.map(({ name, expiration }) => [name, expiration]));
}

export interface WatchedKv {
  readonly kv: KVNamespace;
  /** The keys that were written. */
  readonly puts: string[];
  /** The keys whose values were read. */
  readonly reads: string[];
}

/** Real KV. `before` runs ahead of each write to it, and may throw in its place. */
export function watchedKv(before: (key: string) => Promise<void> = async () => {}): WatchedKv {
  const puts: string[] = [];
  const reads: string[] = [];
  const kv = new Proxy(env.CREDENTIALS, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return async (...input: unknown[]): Promise<unknown> => {
        if (name === "put") {
          await before(String(input[0]));
          puts.push(String(input[0]));
        }
        if (name === "get") reads.push(...[input[0]].flat().map(String));
        return value.apply(target, input);
      };
    },
  });
  return { kv, puts, reads };
}
