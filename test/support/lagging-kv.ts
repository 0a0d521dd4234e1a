/**
 * Workers KV as it is in production, and as the local one is not: one central store, and places (points of presence)
 * that rely on what they have read for a while, misses included. It takes one write a second to a key and refuses what
 * KV refuses. Every operation can be held up or made to fail, so that a test can play any order of events.
 *
 * How it lags: https://developers.cloudflare.com/kv/concepts/how-kv-works/
 * What it refuses: https://developers.cloudflare.com/kv/platform/limits/
 */
import { env } from "cloudflare:workers";

/** Of every read: nobody here asks for another. https://developers.cloudflare.com/kv/api/read-key-value-pairs/#cachettl-parameter */
const CACHE_TTL_MS = 60_000;
/** https://developers.cloudflare.com/kv/api/write-key-value-pairs/#expiring-keys */
const MIN_EXPIRATION_TTL_SECONDS = 60;
/** https://developers.cloudflare.com/kv/platform/limits/ */
const WRITE_INTERVAL_MS = 1_000;
const MAX_KEY_BYTES = 512;
const MAX_METADATA_BYTES = 1_024;
/** https://developers.cloudflare.com/kv/api/read-key-value-pairs/#request-multiple-keys-with-the-get-method */
const MAX_KEYS_PER_GET = 100;
/** https://developers.cloudflare.com/kv/api/list-keys/#limit */
const MAX_KEYS_PER_LIST = 1_000;

interface Entry {
  readonly value: string;
  readonly metadata: unknown;
  readonly expiresAtMs: number | null;
}

/** One operation of a Worker; reading several keys at once is one. */
export interface Operation {
  readonly kind: "get" | "put" | "delete" | "list";
  readonly place: string;
  /** The keys; the prefix of a list. */
  readonly keys: readonly string[];
}

/**
 * Stands in front of an operation: waits, throws, or lets it pass with `work()`, which takes effect in the store when it
 * is called.
 */
export type Gate = (operation: Operation, work: () => unknown) => Promise<unknown>;

export interface LaggingKvOptions {
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Whether a place sees its own writes at once. KV does that as a rule, and does not promise it. */
  readonly ownWritesAreSeen?: boolean;
}

/** One KV namespace, seen from many places. */
export class LaggingKv {
  /** Everything that was asked of the store so far, refused or not. */
  readonly operations: Operation[] = [];
  gate: Gate | null = null;
  readonly #store = new Map<string, Entry>();
  readonly #caches = new Map<string, PlaceCache>();
  readonly #writtenAtMs = new Map<string, number>();
  readonly #options: LaggingKvOptions;

  constructor(options: LaggingKvOptions) {
    this.#options = options;
  }

  /** The names of all that is stored centrally. */
  get names(): string[] {
    return [...this.#store.keys()].filter((key) => this.central(key) !== null);
  }

  /** What is stored centrally under a key, or null. */
  central(key: string): string | null {
    return this.#live(key)?.value ?? null;
  }

  /** The binding of a Worker at one place. All Workers of a place share its cache. */
  at(place: string): KVNamespace {
    const caches = this.#caches.get(place) ?? new PlaceCache(this.#options.now);
    this.#caches.set(place, caches);
    const run = <T>(operation: Omit<Operation, "place">, work: () => T): Promise<T> =>
      this.#run({ ...operation, place }, work);
    const read = (key: string): Entry | null => caches.read(key, () => this.#live(key));
    const methods: Partial<Record<string | symbol, (...input: never[]) => Promise<unknown>>> = {
      get: async (keys: string | string[]) =>
        run({ kind: "get", keys: checkedKeys(keys) }, () => {
          if (typeof keys === "string") return read(keys)?.value ?? null;
          return new Map(keys.map((key) => [key, read(key)?.value ?? null]));
        }),
      getWithMetadata: async (key: string) =>
        run({ kind: "get", keys: checkedKeys(key) }, () => {
          const entry = read(key);
          return { value: entry?.value ?? null, metadata: entry?.metadata ?? null, cacheStatus: null };
        }),
      put: async (key: string, value: string, options: KVNamespacePutOptions = {}) =>
        run({ kind: "put", keys: [checkedKey(key)] }, () => {
          const entry = toEntry(value, options, this.#options.now());
          this.#countWrite(key);
          this.#store.set(key, entry);
          this.#seeOwnWrite(caches, key);
        }),
      delete: async (key: string) =>
        run({ kind: "delete", keys: [checkedKey(key)] }, () => {
          this.#store.delete(key);
          this.#seeOwnWrite(caches, key);
        }),
      list: async (options: KVNamespaceListOptions = {}) =>
        run({ kind: "list", keys: [options.prefix ?? ""] }, () => this.#list(caches, options)),
    };
    // A real binding is its type; what the double lacks is missing, and never the local store.
    return new Proxy(env.CREDENTIALS, { get: (_, name) => methods[name] });
  }

  async #run<T>(operation: Operation, work: () => T): Promise<T> {
    this.operations.push(operation);
    let result: { value: T } | null = null;
    const once = (): void => {
      result = { value: work() };
    };
    if (this.gate === null) once();
    else await this.gate(operation, once);
    return valueOf(result);
  }

  #live(key: string): Entry | null {
    const entry = this.#store.get(key) ?? null;
    return isLive(entry, this.#options.now()) ? entry : null;
  }

  /** "Writes to same key: 1 per second": https://developers.cloudflare.com/kv/platform/limits/ */
  #countWrite(key: string): void {
    const nowMs = this.#options.now();
    const lastMs = this.#writtenAtMs.get(key);
    if (lastMs !== undefined && nowMs - lastMs < WRITE_INTERVAL_MS) {
      throw new Error("KV PUT failed: 429 Too Many Requests");
    }
    this.#writtenAtMs.set(key, nowMs);
  }

  #seeOwnWrite(caches: PlaceCache, key: string): void {
    if (this.#options.ownWritesAreSeen !== false) caches.write(key, this.#live(key));
  }

  /** Lists lag as reads do: https://developers.cloudflare.com/kv/api/list-keys/ */
  #list(caches: PlaceCache, { prefix, cursor, limit = MAX_KEYS_PER_LIST }: KVNamespaceListOptions) {
    const entries = caches.list(() => new Map(this.names.map((name) => [name, this.#live(name)])));
    const begin = cursor === undefined || cursor === null ? 0 : Number(cursor);
    const names = [...entries.keys()].filter((name) => name.startsWith(prefix ?? "")).toSorted();
    const keys = names.slice(begin, begin + limit).map((name) => listed(name, entries.get(name) ?? null));
    const isComplete = begin + keys.length >= names.length;
    const rest = isComplete ? {} : { cursor: String(begin + keys.length) };
    return { keys, list_complete: isComplete, ...rest, cacheStatus: null };
  }
}

/** What one place has read, and for how long it may rely on it. */
class PlaceCache {
  readonly #now: () => number;
  readonly #reads = new Map<string, { readonly entry: Entry | null; readonly atMs: number }>();
  #listed: { readonly entries: ReadonlyMap<string, Entry | null>; readonly atMs: number } | null = null;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Values and misses alike. */
  read(key: string, load: () => Entry | null): Entry | null {
    const nowMs = this.#now();
    const known = this.#reads.get(key);
    if (known !== undefined && nowMs - known.atMs < CACHE_TTL_MS)
      return isLive(known.entry, nowMs) ? known.entry : null;
    const entry = load();
    this.#reads.set(key, { entry, atMs: nowMs });
    return entry;
  }

  write(key: string, entry: Entry | null): void {
    this.#reads.set(key, { entry, atMs: this.#now() });
    this.#listed = null;
  }

  list(load: () => ReadonlyMap<string, Entry | null>): ReadonlyMap<string, Entry | null> {
    const nowMs = this.#now();
    if (this.#listed === null || nowMs - this.#listed.atMs >= CACHE_TTL_MS) {
      this.#listed = { entries: load(), atMs: nowMs };
    }
    return this.#listed.entries;
  }
}

function valueOf<T>(result: { readonly value: T } | null): T {
  if (result === null) throw new Error("the gate let an operation pass that it did not do");
  return result.value;
}

function listed(name: string, entry: Entry | null): KVNamespaceListKey<unknown> {
  const key: KVNamespaceListKey<unknown> = { name };
  if (entry !== null && entry.expiresAtMs !== null) key.expiration = Math.floor(entry.expiresAtMs / 1000);
  if (entry !== null && entry.metadata !== null) key.metadata = entry.metadata;
  return key;
}

function isLive(entry: Entry | null, nowMs: number): boolean {
  return entry !== null && (entry.expiresAtMs === null || entry.expiresAtMs > nowMs);
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).byteLength;
}

function checkedKey(key: string): string {
  if (key === "" || key === "." || key === "..") throw new TypeError("Key name cannot be empty, . or ..");
  if (byteLength(key) > MAX_KEY_BYTES) throw new Error(`KV failed: 414 key length exceeds ${MAX_KEY_BYTES}`);
  return key;
}

function checkedKeys(keys: string | readonly string[]): string[] {
  if (typeof keys === "string") return [checkedKey(keys)];
  if (keys.length === 0 || keys.length > MAX_KEYS_PER_GET) {
    throw new Error(`KV GET_BULK failed: 400 You can request a maximum of ${MAX_KEYS_PER_GET} keys`);
  }
  return keys.map(checkedKey);
}

function toEntry(value: string, options: KVNamespacePutOptions, nowMs: number): Entry {
  const { expiration, expirationTtl, metadata = null } = options;
  if (typeof value !== "string") throw new TypeError("the double of KV keeps text only");
  if (expiration !== undefined) throw new Error("the double of KV knows expirationTtl only");
  if (expirationTtl !== undefined && !(expirationTtl >= MIN_EXPIRATION_TTL_SECONDS)) {
    throw new Error(`KV PUT failed: 400 Invalid expiration_ttl of ${expirationTtl}.`);
  }
  if (metadata !== null && byteLength(JSON.stringify(metadata)) > MAX_METADATA_BYTES) {
    throw new Error(`KV PUT failed: 413 metadata length exceeds ${MAX_METADATA_BYTES}`);
  }
  return { value, metadata, expiresAtMs: expirationTtl === undefined ? null : nowMs + expirationTtl * 1000 };
}
