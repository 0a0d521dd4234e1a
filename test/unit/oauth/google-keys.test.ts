/** Google's published keys: how often they are fetched, and who is at fault when a verification fails. */
import { errors, exportJWK, generateKeyPair, type JSONWebKeySet } from "jose";
import { describe, expect, test, vi } from "vitest";
import { AppError } from "../../../src/errors.ts";
import { GoogleKeys } from "../../../src/oauth/google-documents.ts";
import { appErrorOf, createWorld, failureOf, json, type Network, START_MS } from "../fixtures.ts";

const JWKS_URI = "https://keys.test/certs";
const HOUR_MS = 60 * 60 * 1000;
const jwk = await exportJWK((await generateKeyPair("RS256")).publicKey);

function keySet(...kids: string[]): JSONWebKeySet {
  return { keys: kids.map((kid) => Object.assign(structuredClone(jwk), { kid, alg: "RS256", use: "sig" })) };
}

/** An isolate in front of a key endpoint. */
function isolate(network: Network) {
  const keys = new GoogleKeys();
  const world = createWorld(network);
  const find = (kid: string, { nowMs = START_MS, cooldownMs = 0 } = {}) =>
    keys.of(world.upstream, { jwksUri: JWKS_URI, cooldownMs, nowMs })(
      { alg: "RS256", kid },
      { payload: "", signature: "" },
    );
  return { keys, world, find };
}

describe("a key that is known", () => {
  test("is fetched once for all requests of the isolate, and imported once", async () => {
    using importKey = vi.spyOn(crypto.subtle, "importKey");
    const { find, world } = isolate(json(keySet("one")));
    expect(await find("one")).toBe(await find("one"));
    expect([world.calls.length, importKey.mock.calls.length]).toEqual([1, 1]);
    expect(world.calls[0]?.url.href).toBe(JWKS_URI);
  });

  test("is fetched once for requests at the same time, of which none awaits another's fetch", async () => {
    const { find, world } = isolate(async () => {
      await new Promise((resolve) => setTimeout(resolve, 30));
      return Response.json(keySet("one"));
    });
    await Promise.all(Array.from({ length: 5 }, () => find("one")));
    expect(world.calls).toHaveLength(1);
  });

  test("is fetched by the next request where the first one failed", async () => {
    const { find, world } = isolate((_, index) =>
      index === 0 ? new Response(null, { status: 500 }) : Response.json(keySet("one")),
    );
    const [first, second] = await Promise.allSettled([find("one"), find("one")]);
    expect([first?.status, second?.status]).toEqual(["rejected", "fulfilled"]);
    expect(world.calls).toHaveLength(2);
  });

  test.each([
    [HOUR_MS - 1, 1],
    [HOUR_MS, 2],
  ])("is used for an hour: after %i ms there were %i fetches", async (laterMs, fetches) => {
    const { find, world } = isolate(json(keySet("one")));
    await find("one");
    await find("one", { nowMs: START_MS + laterMs });
    expect(world.calls).toHaveLength(fetches);
  });
});

describe("a key that is not known", () => {
  test.each([
    ["within the cooldown does not fetch again", 59_999, 1],
    ["after it does, once", 60_000, 2],
  ])("%s", async (_, laterMs, fetches) => {
    const { find, world } = isolate(json(keySet("one")));
    await find("one");
    const later = { nowMs: START_MS + laterMs, cooldownMs: 60_000 };
    expect(await failureOf(find("two", later))).toBeInstanceOf(errors.JWKSNoMatchingKey);
    expect(world.calls).toHaveLength(fetches);
  });

  test("is found where Google has rotated its keys", async () => {
    const { find } = isolate((_, index) => Response.json(keySet(index === 0 ? "one" : "two")));
    await find("one");
    expect(await find("two", { nowMs: START_MS + 1 })).toBeInstanceOf(CryptoKey);
  });

  test("does not fetch where another thing is wrong: two keys of that name", async () => {
    const { find, world } = isolate(json(keySet("one", "one")));
    expect(await failureOf(find("one"))).toBeInstanceOf(errors.JWKSMultipleMatchingKeys);
    expect(world.calls).toHaveLength(1);
  });
});

describe("the key endpoint", () => {
  test("that is down: UPSTREAM_UNAVAILABLE, with its status in the log and its wait passed on", async () => {
    const { find } = isolate(json(keySet("one"), { status: 503, headers: { "Retry-After": "7" } }));
    const error = await appErrorOf(find("one"));
    expect(error).toMatchObject({ reason: "UPSTREAM_UNAVAILABLE", logDetail: "HTTP 503", retryAfterSeconds: 7 });
    expect(error.message).toMatch(/^Google's key endpoint is not working/);
  });

  test.each([{}, { keys: {} }, { keys: [{}] }, { keys: [1] }, [], null])(
    "that answers %j: UPSTREAM_UNAVAILABLE, and that is not kept",
    async (body) => {
      const { find } = isolate((_, index) => Response.json(index === 0 ? body : keySet("one")));
      expect(await appErrorOf(find("one"))).toMatchObject({ reason: "UPSTREAM_UNAVAILABLE", code: 502 });
      expect(await find("one")).toBeInstanceOf(CryptoKey);
    },
  );
});

describe("whose fault it is", () => {
  test.each([new errors.JWKSInvalid(), new errors.JOSEError("not supported"), new TypeError("not a key")])(
    "the keys', which are forgotten: %s",
    async (failure) => {
      const { find, keys, world } = isolate(json(keySet("one")));
      await find("one");
      expect(keys.keyFault(failure, JWKS_URI)).toMatchObject({ reason: "UPSTREAM_UNAVAILABLE", logDetail: "HTTP 200" });
      await find("one");
      expect(world.calls).toHaveLength(2);
    },
  );

  test.each([
    new errors.JWTExpired("", {}),
    new errors.JWSSignatureVerificationFailed(),
    new errors.JWKSNoMatchingKey(),
  ])("the token's: %s", async (failure) => {
    const { find, keys, world } = isolate(json(keySet("one")));
    await find("one");
    expect(keys.keyFault(failure, JWKS_URI)).toBeNull();
    await find("one");
    expect(world.calls).toHaveLength(1);
  });

  test("an outage's stays what it is", () => {
    const outage = new AppError("UPSTREAM_UNAVAILABLE", "Google cannot be reached.");
    expect(new GoogleKeys().keyFault(outage, JWKS_URI)).toBe(outage);
  });
});
