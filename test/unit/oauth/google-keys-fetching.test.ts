import { compactVerify, exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import { GoogleKeys } from "../../../src/oauth/google-documents.ts";
import { createWorld, failureOf, START_MS } from "../fixtures.ts";

const JWKS_URI = "https://keys.test/certs";
const COOLDOWN_MS = 60_000;
const NO_SUCH_KEY = { code: "ERR_JWKS_NO_MATCHING_KEY" };

interface SigningKey {
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}

let first: SigningKey;
let rotated: SigningKey;

beforeAll(async () => {
  [first, rotated] = await Promise.all([createKey("first"), createKey("rotated")]);
});

async function createKey(kid: string): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair("RS256", { extractable: true });
  return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: "RS256", use: "sig" } };
}

function sign({ privateKey, kid }: Pick<SigningKey, "privateKey" | "kid">): Promise<string> {
  return new SignJWT({}).setProtectedHeader({ alg: "RS256", kid }).sign(privateKey);
}

/** A token with a `kid` that nobody has; the signature does not come to matter. */
const forge = (): Promise<string> => sign({ privateKey: first.privateKey, kid: crypto.randomUUID() });

/** An isolate in front of a Google whose keys can be changed. Each verification is a request of its own. */
function createIsolate({ cooldownMs }: { cooldownMs: number }) {
  const keys = new GoogleKeys();
  const google = { published: [first], fetches: 0 };
  const verify = async (token: string, nowMs = START_MS): Promise<void> => {
    const { upstream } = createWorld(async () => {
      google.fetches += 1;
      await new Promise((resolve) => setTimeout(resolve, 20));
      return Response.json({ keys: google.published.map(({ jwk }) => jwk) });
    });
    await compactVerify(token, keys.of(upstream, { jwksUri: JWKS_URI, cooldownMs, nowMs }), { algorithms: ["RS256"] });
  };
  return { google, verify };
}

const times = <T>(count: number, make: () => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, make));

describe("keys", () => {
  test("are fetched once for 50 requests at once, and for those within the hour", async () => {
    const { google, verify } = createIsolate({ cooldownMs: COOLDOWN_MS });
    const token = await sign(first);
    await times(50, () => verify(token));
    await verify(token, START_MS + 59 * 60_000);
    expect(google.fetches).toBe(1);
    await verify(token, START_MS + 60 * 60_000);
    expect(google.fetches).toBe(2);
  });

  test("that were withdrawn are not accepted for longer than the hour", async () => {
    const { google, verify } = createIsolate({ cooldownMs: COOLDOWN_MS });
    const token = await sign(first);
    await verify(token);
    google.published = [rotated];
    expect(await failureOf(verify(token, START_MS + 60 * 60_000))).toMatchObject(NO_SUCH_KEY);
  });
});

describe("an unknown kid in what anybody may send", () => {
  test.each([
    ["one after the other", false],
    ["at once", true],
  ])("fetches the keys once a minute at most, by 100 forged ones %s", async (_how, atOnce) => {
    const { google, verify } = createIsolate({ cooldownMs: COOLDOWN_MS });
    const drive = async (nowMs: number): Promise<void> => {
      const attempt = async () => expect(await failureOf(verify(await forge(), nowMs))).toMatchObject(NO_SUCH_KEY);
      if (atOnce) await times(100, attempt);
      else for (let count = 0; count < 100; count += 1) await attempt();
    };
    await drive(START_MS);
    expect(google.fetches).toBe(1);
    await drive(START_MS + COOLDOWN_MS - 1);
    expect(google.fetches).toBe(1);
    await drive(START_MS + COOLDOWN_MS);
    expect(google.fetches).toBe(2);
    await drive(START_MS + 2 * COOLDOWN_MS - 1);
    expect(google.fetches).toBe(2);
  });

  test("is found after a rotation, at once when the keys are a minute old", async () => {
    const { google, verify } = createIsolate({ cooldownMs: COOLDOWN_MS });
    await verify(await sign(first));
    google.published = [rotated, first];
    const token = await sign(rotated);
    expect(await failureOf(verify(token, START_MS + COOLDOWN_MS - 1))).toMatchObject(NO_SUCH_KEY);
    await verify(token, START_MS + COOLDOWN_MS);
    await verify(await sign(first), START_MS + COOLDOWN_MS);
    expect(google.fetches).toBe(2);
  });
});

describe("an unknown kid in what only Google sends", () => {
  test("fetches the keys at once, also for 50 requests at once", async () => {
    const { google, verify } = createIsolate({ cooldownMs: 0 });
    await verify(await sign(first));
    google.published = [rotated, first];
    const token = await sign(rotated);
    await times(50, () => verify(token, START_MS + 1));
    expect(google.fetches).toBe(2);
  });
});
