/**
 * Workers KV as everything here uses it: values sealed and bound to their KV key, marks in plain text, one retry of a
 * write, and outages told as `STORAGE_UNAVAILABLE`. Knows no key, form or lifetime of any record.
 *
 * KV is eventually consistent and has no compare-and-set: a read may be a minute old, a miss too.
 * https://developers.cloudflare.com/kv/concepts/how-kv-works/#consistency
 */
import type * as z from "zod/mini";
import { storageUnavailable } from "../errors.ts";
import { type KeyRing, type Purpose, SealError } from "../lib/key-ring.ts";
import type { Trace } from "../lib/trace.ts";

/** KV reads no more at once. https://developers.cloudflare.com/kv/api/read-key-value-pairs/#limits */
const MAX_KEYS_PER_READ = 100;
/** KV refuses shorter lifetimes. https://developers.cloudflare.com/kv/api/write-key-value-pairs/#expiring-keys */
const MIN_TTL_SECONDS = 60;
/** KV takes one write a second to a key; a second one at the same moment waits for its turn. */
const WRITE_RETRY_MS = 1_100;

/** KV shows a change everywhere after "60 seconds or more": by then it surely does. */
export const KV_SETTLED_MS = 5 * 60 * 1000;

export interface SealedKvOptions {
  readonly kv: KVNamespace;
  readonly keyRing: KeyRing;
  readonly trace: Trace;
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
}

/** KV metadata of a sealed value: which key sealed it, so that a listing tells without reading. */
export interface SealedMetadata {
  readonly kid: string;
}

/** A page of a listing. */
export interface KeyPage {
  readonly keys: readonly { readonly name: string; readonly metadata?: unknown }[];
  /** Null: there is no more. */
  readonly cursor: string | null;
}

/** One request's view of the namespace. A missing value is `null`; an outage throws `STORAGE_UNAVAILABLE`. */
export class SealedKv {
  readonly #options: SealedKvOptions;

  constructor(options: SealedKvOptions) {
    this.#options = options;
  }

  get keyRing(): KeyRing {
    return this.#options.keyRing;
  }

  /** Epoch milliseconds. */
  now(): number {
    return this.#options.now();
  }

  async get(key: string): Promise<string | null> {
    return this.#storage(() => this.#options.kv.get(key));
  }

  /** Reads many values, 100 in one operation. @returns values in the order of `keys` */
  async getMany(keys: readonly string[]): Promise<(string | null)[]> {
    const found: (string | null)[] = [];
    for (let start = 0; start < keys.length; start += MAX_KEYS_PER_READ) {
      const some = keys.slice(start, start + MAX_KEYS_PER_READ);
      const values = await this.#storage(() => this.#options.kv.get(some));
      found.push(...some.map((key) => values.get(key) ?? null));
    }
    return found;
  }

  /** Writes a marker in plain text. @param expiresAtMs epoch milliseconds; null for never */
  async put(key: string, value: string, expiresAtMs: number | null): Promise<void> {
    await this.#put(key, value, this.#expiry(expiresAtMs));
  }

  async delete(key: string): Promise<void> {
    await this.#storage(() => this.#options.kv.delete(key));
  }

  /** One page of the keys with a prefix. */
  async list(options: { prefix: string; cursor?: string | null; limit?: number }): Promise<KeyPage> {
    const page: KVNamespaceListResult<unknown> = await this.#storage(() => this.#options.kv.list(options));
    return { keys: page.keys, cursor: page.list_complete ? null : page.cursor };
  }

  /** Seals a value, bound to its key, and writes it. @returns what was written */
  async putSealed(purpose: Purpose, key: string, data: unknown): Promise<string> {
    const { keyRing } = this.#options;
    const sealed = await keyRing.seal({ purpose, owner: key }, data);
    const metadata: SealedMetadata = { kid: keyRing.activeKid };
    await this.#put(key, sealed, { metadata });
    return sealed;
  }

  /** Reads what {@link putSealed} wrote. @throws SealError where it does not open, or is not of that form */
  async getSealed<T>(purpose: Purpose, key: string, schema: z.ZodMiniType<T>): Promise<T | null> {
    const sealed = await this.get(key);
    return sealed === null ? null : this.open(purpose, { key, sealed }, schema);
  }

  /** Seals a value that was read again, with the active key. @throws SealError where it does not open */
  async reseal(purpose: Purpose, { key, sealed }: { key: string; sealed: string }): Promise<void> {
    const { keyRing, now } = this.#options;
    const fresh = await keyRing.reseal({ purpose, owner: key }, sealed, now());
    const metadata: SealedMetadata = { kid: keyRing.activeKid };
    await this.#put(key, fresh, { metadata });
  }

  /** Opens a sealed value that was read. @throws SealError as {@link getSealed} */
  async open<T>(purpose: Purpose, value: { key: string; sealed: string }, schema: z.ZodMiniType<T>): Promise<T> {
    const { keyRing, now } = this.#options;
    const parsed = schema.safeParse(await keyRing.open({ purpose, owner: value.key }, value.sealed, now()));
    if (!parsed.success) throw new SealError("malformed", null);
    return parsed.data;
  }

  #expiry(expiresAtMs: number | null): { expirationTtl?: number } {
    if (expiresAtMs === null) return {};
    return { expirationTtl: Math.max(MIN_TTL_SECONDS, Math.ceil((expiresAtMs - this.now()) / 1000)) };
  }

  async #put(key: string, value: string, options: KVNamespacePutOptions): Promise<void> {
    await this.#storage(async () => {
      try {
        await this.#options.kv.put(key, value, options);
      } catch {
        await this.#options.sleep(WRITE_RETRY_MS);
        await this.#options.kv.put(key, value, options);
      }
    });
  }

  async #storage<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await this.#options.trace.time("storage", work);
    } catch (cause) {
      throw storageUnavailable(cause);
    }
  }
}
