/** Workers KV whose reads wait for something; `reads` tells of them all. The values are those of the storage behind. */

/** A read of one or several keys, as one operation. */
export interface Read {
  readonly keys: readonly string[];
}

export function heldUp(kv: KVNamespace, until: () => Promise<unknown>): { kv: KVNamespace; reads: Read[] } {
  const reads: Read[] = [];
  const held = new Proxy(kv, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== "function") return method;
      return async (...values: unknown[]): Promise<unknown> => {
        if (name === "get") {
          reads.push({ keys: [values[0]].flat().map(String) });
          await until();
        }
        return Reflect.apply(method, target, values);
      };
    },
  });
  return { kv: held, reads };
}
