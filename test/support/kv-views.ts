/**
 * Workers KV as it is seen from somewhere: from a place that relies on what it has read, or by a reader that is held
 * up. The values are those of the storage behind. workerd only.
 */

const DEFAULT_CACHE_SECONDS = 60;

type Method = (...values: unknown[]) => Promise<unknown>;

/** A read of one or several keys, as one operation. */
export interface Read {
  readonly keys: readonly string[];
}

/** The same storage, with another way to read. */
function withReads(kv: KVNamespace, read: (operation: Read, options: unknown, proceed: Method) => Promise<unknown>) {
  return new Proxy(kv, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== "function") return method;
      const proceed: Method = async (...values) => Reflect.apply(method, target, values);
      if (name !== "get") return proceed;
      return async (keys: unknown, options: unknown) =>
        read({ keys: [keys].flat().map(String) }, options, () => proceed(keys, options));
    },
  });
}

/**
 * Storage as another place sees it: what was read there, missing values too, counts until its time is over.
 * https://developers.cloudflare.com/kv/concepts/how-kv-works/#consistency
 *
 * @param now epoch milliseconds
 */
export function elsewhere(kv: KVNamespace, now: () => number): KVNamespace {
  const cache = new Map<string, { readonly value: unknown; readonly readAtMs: number }>();
  return withReads(kv, async ({ keys }, options, proceed) => {
    const name = JSON.stringify(keys);
    const known = cache.get(name);
    if (known !== undefined && now() - known.readAtMs < cacheSeconds(options) * 1000) return known.value;
    const value = await proceed();
    cache.set(name, { value, readAtMs: now() });
    return value;
  });
}

function cacheSeconds(options: unknown): number {
  const given =
    typeof options === "object" && options !== null && "cacheTtl" in options ? options.cacheTtl : DEFAULT_CACHE_SECONDS;
  return Number(given);
}

/** Storage whose reads wait for something; `reads` tells of them all. */
export function heldUp(kv: KVNamespace, until: () => Promise<unknown>): { kv: KVNamespace; reads: Read[] } {
  const reads: Read[] = [];
  const held = withReads(kv, async (operation, _options, proceed) => {
    reads.push(operation);
    await until();
    return proceed();
  });
  return { kv: held, reads };
}
