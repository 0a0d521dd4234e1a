/** A Worker that seals and opens as gmail-edge does, again and again: `/seal` and `/open`, `?keys=cached|fresh&times=n`. */
import { KeyRing } from "../../src/lib/key-ring.ts";
import { RECORD } from "./record.ts";

const KEY = { kty: "oct", kid: "bench", k: "YmVuY2gtb25seS1rZXktYmVuY2gtb25seS1rZXktMTI" } as const;
const BINDING = { purpose: "credential", owner: "credential:110169484474386276334" } as const;
const cached = new KeyRing([KEY]);

export default {
  async fetch(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const times = Number(url.searchParams.get("times"));
    const ring = (): KeyRing => (url.searchParams.get("keys") === "cached" ? cached : new KeyRing([KEY]));
    let sealed = await cached.seal(BINDING, RECORD);
    for (let n = 0; n < times; n += 1) {
      if (url.pathname === "/seal") sealed = await ring().seal(BINDING, RECORD);
      else await ring().open(BINDING, sealed, Date.now());
    }
    return Response.json(await cached.open(BINDING, sealed, Date.now()));
  },
};
