/** Floods: what may be called only so often by one network, before anything is read or anybody is asked. */
import { describe, expect } from "../support/contract.ts";
import { ROUTES } from "./routes.ts";
import { expectRefusal, requestOf, test } from "./victim.ts";
import { openWorker, toInit } from "./worker.ts";

/** A limiter that has had enough, and remembers of whom. */
function exhausted() {
  const keys: string[] = [];
  return {
    keys,
    limit: ({ key }: { key: string }) => {
      keys.push(key);
      return Promise.resolve({ success: false });
    },
  };
}

describe("a network that has called too often", () => {
  test("gets 429 with Retry-After from every limited route, before anything else, and from no other", async ({
    victim,
  }) => {
    const { stage, google } = await victim();
    for (const route of ROUTES) {
      const RATE_LIMITER = exhausted();
      const ask = openWorker(stage, { RATE_LIMITER });
      const headers = { "cf-connecting-ip": "192.0.2.1", accept: "*/*", authorization: "Bearer x" };
      const request = requestOf(route, headers);
      const response = await ask(stage.origin + request.path, toInit(request));
      if (route.rateGroup === null) {
        expect(RATE_LIMITER.keys, route.path).toEqual([]);
        expect(response.status, route.path).not.toBe(429);
        continue;
      }
      await expectRefusal(response, [429, "RATE_LIMITED"], route.path);
      expect(response.headers.get("retry-after")).toBe("60");
      expect(RATE_LIMITER.keys, route.path).toEqual([`${route.rateGroup}:192.0.2.1`]);
    }
    expect(await google.count()).toBe(0);
  });

  test("is told by what Cloudflare says, not by what the client says", async ({ victim }) => {
    const { stage } = await victim();
    const RATE_LIMITER = exhausted();
    const ask = openWorker(stage, { RATE_LIMITER });
    const headers = { "cf-connecting-ip": "192.0.2.1", "x-forwarded-for": "198.51.100.7", "x-real-ip": "198.51.100.8" };
    await ask(`${stage.origin}/auth/login`, { headers });
    expect(RATE_LIMITER.keys).toEqual(["login:192.0.2.1"]);
  });

  test("is a /64 of IPv6: another address of it is no way around", async ({ victim }) => {
    const { stage } = await victim();
    const RATE_LIMITER = exhausted();
    const ask = openWorker(stage, { RATE_LIMITER });
    for (const address of ["2001:db8::1", "2001:db8:0:0:ffff::2", "2001:db8::ffff:1"]) {
      await ask(`${stage.origin}/auth/login`, { headers: { "cf-connecting-ip": address } });
    }
    expect(new Set(RATE_LIMITER.keys).size).toBe(1);
  });

  test("is not the machine itself, whose calls under `wrangler dev` are no flood", async ({ victim }) => {
    const { stage } = await victim();
    const RATE_LIMITER = exhausted();
    const ask = openWorker(stage, { RATE_LIMITER });
    for (const address of ["127.0.0.1", "::1"]) {
      const response = await ask(`${stage.origin}/auth/login`, { headers: { "cf-connecting-ip": address } });
      expect(response.status).toBe(302);
    }
    expect(RATE_LIMITER.keys).toEqual([]);
    await ask(`${stage.origin}/auth/login`, { headers: { "cf-connecting-ip": "2001:db8::1" } });
    expect(RATE_LIMITER.keys).toHaveLength(1);
  });
});
