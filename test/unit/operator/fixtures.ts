/** What the tests of key rotation share: scopes with different rings over one storage, what is stored, and the walk. */
import { decodeProtectedHeader } from "jose";
import { env } from "cloudflare:workers";
import type { TokenKey } from "../../../src/lib/key-ring.ts";
import type { Credential } from "../../../src/kv-store.ts";
import { resealPage, type RotationPage } from "../../../src/operator/rotation.ts";
import { createRequestScope, REAL_WORLD, type RequestScope } from "../../../src/context.ts";
import { storageKeys } from "../../../src/kv-store/key-names.ts";
import { STAYING } from "../fixtures.ts";
import { createIsolateServices } from "../fixtures-objects.ts";
import { CREDENTIAL } from "../auth/fixtures-grant.ts";

export interface ScopeOptions {
  readonly kv?: KVNamespace;
  readonly nowMs?: number;
  /** Scopes of one stage reach the same objects; by default, nobody has been there. */
  readonly stage?: string;
}

/** A request to a Worker with these keys, the sealing one first. */
export function scopeWith(
  keys: readonly TokenKey[],
  { kv = env.CREDENTIALS, nowMs, stage = crypto.randomUUID() }: ScopeOptions = {},
): RequestScope {
  const vars = { TOKEN_KEYS: JSON.stringify({ keys }), CREDENTIALS: kv };
  const world = { ...REAL_WORLD, now: () => nowMs ?? Date.now(), sleep: async () => {} };
  return createRequestScope(createIsolateServices(vars, world, stage), {
    url: "http://mail.localhost/",
    waitUntil: () => {},
    clientSignal: STAYING,
  });
}

export function credentialOf(sub: string, changes: Partial<Credential> = {}): Credential {
  return { ...CREDENTIAL, sub, email: `${sub}@example.test`, refreshToken: `1//refresh-token-of-${sub}`, ...changes };
}

/** Stores a user's grant, as their object would. @returns the keys */
export async function storeEverything({ store }: RequestScope, sub: string) {
  const email = `${sub}@example.test`;
  await store.writeCredential(credentialOf(sub));
  await store.writeAddress(email, sub);
  return { keys: { credential: storageKeys.credential(sub), address: await storageKeys.address(email) }, email };
}

/** All calls of a walk together. */
export type WalkSum = Omit<RotationPage, "cursor"> & { readonly calls: number };

/** Walks from the beginning, or from a cursor, to the end. */
export async function walk(scope: RequestScope, from: string | null = null): Promise<WalkSum> {
  const sum = { current: 0, resealed: 0, dead: 0, calls: 0 };
  const left = new Map<string, number>();
  let cursor = from;
  do {
    const page = await resealPage(scope, cursor);
    for (const name of ["current", "resealed", "dead"] as const) sum[name] += page[name];
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
