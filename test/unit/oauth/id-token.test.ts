import { exportJWK, generateKeyPair, type JWK, SignJWT, UnsecuredJWT } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import type { GoogleConfig } from "../../../src/config.ts";
import { GoogleKeys } from "../../../src/oauth/google-documents.ts";
import { verifyIdToken } from "../../../src/oauth/id-token.ts";
import {
  appErrorOf,
  CLIENT_ID,
  CLIENT_SECRET,
  configuration,
  createWorld,
  json,
  type Network,
  START_MS,
} from "../fixtures.ts";

/** Of the isolate. */
const keys = new GoogleKeys();

const NONCE = "the-nonce";
/** How the person begins again. */
const AGAIN = { returnTo: "/message/1" };
const ISSUER = "https://accounts.google.com";
const NOW_SECONDS = START_MS / 1000;

/** Claims of a token, also such as no honest issuer makes. */
type Claims = Record<string, unknown>;

interface SigningKey {
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}

async function createKey(kid: string): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair("RS256", { extractable: true });
  return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: "RS256", use: "sig" } };
}

let key: SigningKey;
let other: SigningKey;

beforeAll(async () => {
  [key, other] = await Promise.all([createKey("one"), createKey("two")]);
});

const VALID: Claims = {
  iss: ISSUER,
  aud: CLIENT_ID,
  sub: "108204268033311374519",
  nonce: NONCE,
  iat: NOW_SECONDS,
  exp: NOW_SECONDS + 3600,
  email: "ann@example.test",
  email_verified: true,
};

async function idToken(changes: Claims = {}, signer = key): Promise<string> {
  return new SignJWT({ ...VALID, ...changes })
    .setProtectedHeader({ alg: "RS256", kid: signer.kid, typ: "JWT" })
    .sign(signer.privateKey);
}

/** Google with a key endpoint of its own, since fetched keys live as long as the isolate. */
function createGoogle(): GoogleConfig {
  return { ...configuration().google, jwksUri: `https://keys.test/${crypto.randomUUID()}` };
}

const publishing =
  (...signing: SigningKey[]): Network =>
  () =>
    Response.json({ keys: signing.map(({ jwk }) => jwk) });

/** Never answers, until it is given up on. */
const silent: Network = ({ init }) =>
  new Promise((_, reject) => {
    init.signal?.addEventListener("abort", () => reject(init.signal?.reason));
  });

const unwanted: Network = () => expect.fail("The keys were fetched again");

interface Attempt {
  readonly token: string | null;
  readonly network?: Network;
  readonly google?: GoogleConfig;
}

async function verify({ token, network = publishing(key), google = createGoogle() }: Attempt) {
  return verifyIdToken(
    { upstream: createWorld(network).upstream, google, keys },
    { idToken: token, nonce: NONCE, nowMs: START_MS, again: AGAIN },
  );
}

async function expectInvalid(token: string | null): Promise<void> {
  const error = await appErrorOf(verify({ token }));
  expect(error).toMatchObject({ reason: "INVALID_ID_TOKEN", code: 400 });
  expect(error.signInAgain).toEqual(AGAIN);
  expect(error.logDetail).toMatch(/^ID token: /);
  if (token) expect(`${error.message} ${error.logDetail}`).not.toContain(token);
}

describe("a valid ID token (OpenID Connect Core §3.1.3.7)", () => {
  test("says who signed in", async () => {
    expect(await verify({ token: await idToken({ azp: CLIENT_ID, hd: "example.test" }) })).toEqual({
      sub: "108204268033311374519",
      nonce: NONCE,
      authorizedParty: CLIENT_ID,
      email: "ann@example.test",
      emailVerified: true,
      hostedDomain: "example.test",
    });
  });

  test("without e-mail and hd leaves them null and the address unverified", async () => {
    const token = await idToken({ email: undefined, email_verified: undefined });
    expect(await verify({ token })).toMatchObject({ email: null, emailVerified: false, hostedDomain: null });
  });

  test("may have iss without https://, as Google's may", async () => {
    expect(await verify({ token: await idToken({ iss: "accounts.google.com" }) })).toMatchObject({
      email: VALID["email"],
    });
  });

  test("may name us among several in aud, as long as azp is us", async () => {
    const token = await idToken({ aud: [CLIENT_ID, "other"], azp: CLIENT_ID });
    expect(await verify({ token })).toMatchObject({ authorizedParty: CLIENT_ID });
  });
});

describe("Google's clock may be a minute ahead of ours:", () => {
  test.each<[string, Claims]>([
    ["iat", { iat: NOW_SECONDS + 59 }],
    ["nbf", { nbf: NOW_SECONDS + 59 }],
    ["both", { iat: NOW_SECONDS + 60, nbf: NOW_SECONDS + 60 }],
    ["neither is there", { iat: undefined, nbf: undefined }],
  ])("%s", async (_, changes) => {
    expect(await verify({ token: await idToken(changes) })).toMatchObject({ nonce: NONCE });
  });
});

describe("claims that do not hold: INVALID_ID_TOKEN", () => {
  test.each<[string, Claims]>([
    ["another iss", { iss: "https://evil.test" }],
    ["iss over http", { iss: "http://accounts.google.com" }],
    ["iss with a trailing slash", { iss: `${ISSUER}/` }],
    ["no iss", { iss: undefined }],
    ["another aud", { aud: "another-client" }],
    ["aud that only contains us", { aud: `${CLIENT_ID}.evil.test` }],
    ["no aud", { aud: undefined }],
    ["another azp", { azp: "another-client" }],
    ["azp that is no text", { azp: [CLIENT_ID] }],
    ["another nonce", { nonce: "another" }],
    ["an empty nonce", { nonce: "" }],
    ["no nonce", { nonce: undefined }],
    ["exp that is over", { exp: NOW_SECONDS - 1 }],
    ["exp that is now", { exp: NOW_SECONDS }],
    ["no exp", { exp: undefined }],
    ["exp that is no number", { exp: "tomorrow" }],
    ["nbf that is to come", { nbf: NOW_SECONDS + 600 }],
    ["nbf a minute and a second from now", { nbf: NOW_SECONDS + 61 }],
    ["nbf that is no number", { nbf: "now" }],
    ["iat a minute and a second from now", { iat: NOW_SECONDS + 61 }],
    ["iat that is no number", { iat: "now" }],
    ["exp that is over, with a leeway for nbf", { exp: NOW_SECONDS - 30, nbf: NOW_SECONDS + 30 }],
    ["no sub", { sub: undefined }],
    ["an empty sub", { sub: "" }],
    ["a sub that is no text", { sub: 1 }],
    ["a sub of 256 characters", { sub: "1".repeat(256) }],
    ["a sub that is not ASCII", { sub: "1é" }],
    ["a sub with a space", { sub: "1 2" }],
    ["email_verified that is no truth value", { email_verified: "true" }],
  ])("%s", async (_, changes) => {
    await expectInvalid(await idToken(changes));
  });
});

test.each<[string, Claims | null]>([
  ["missing", null],
  ["claims", { sub: "" }],
  ["nonce", { nonce: "another" }],
  ["azp", { azp: "another-client" }],
  ["ERR_JWT_EXPIRED", { exp: NOW_SECONDS - 1 }],
])("the log says what does not hold, and the answer does not: %s", async (detail, changes) => {
  const error = await appErrorOf(verify({ token: changes === null ? null : await idToken(changes) }));
  expect(error.logDetail).toBe(`ID token: ${detail}`);
  expect(error.message).toBe("Google's identity token is not valid. Sign in again.");
});

describe("signatures that do not hold: INVALID_ID_TOKEN (RFC 8725 §3.1)", () => {
  test("alg none", async () => {
    await expectInvalid(new UnsecuredJWT(VALID).encode());
  });

  test("HS256 with the client secret", async () => {
    const token = await new SignJWT(VALID)
      .setProtectedHeader({ alg: "HS256", kid: key.kid })
      .sign(new TextEncoder().encode(CLIENT_SECRET));
    await expectInvalid(token);
  });

  test("HS256 with the public key for a secret", async () => {
    const token = await new SignJWT(VALID)
      .setProtectedHeader({ alg: "HS256", kid: key.kid })
      .sign(new TextEncoder().encode(JSON.stringify(key.jwk)));
    await expectInvalid(token);
  });

  test("another key under the same kid", async () => {
    await expectInvalid(await idToken({}, { ...other, kid: key.kid }));
  });

  test.each(["PS256", "RS512"])(
    "%s by Google's own key, where the key set does not say which alg it is for",
    async (alg) => {
      const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
      const token = await new SignJWT(VALID).setProtectedHeader({ alg, kid: "any" }).sign(privateKey);
      const { alg: _, ...jwk } = await exportJWK(publicKey);
      const error = await appErrorOf(verify({ token, network: json({ keys: [{ ...jwk, kid: "any" }] }) }));
      expect(error).toMatchObject({ reason: "INVALID_ID_TOKEN" });
    },
  );

  test("a key that the token brings along", async () => {
    const token = await new SignJWT(VALID)
      .setProtectedHeader({ alg: "RS256", kid: other.kid, jwk: other.jwk, jku: "https://evil.test/" })
      .sign(other.privateKey);
    await expectInvalid(token);
  });

  test("changed claims under the old signature", async () => {
    const [header, , signature] = (await idToken()).split(".");
    const [, payload] = (await idToken({ sub: "1" })).split(".");
    await expectInvalid(`${header}.${payload}.${signature}`);
  });

  test.each([null, "", "a.b.c", "not a token", ".."])("%j", async (token) => {
    await expectInvalid(token);
  });
});

describe("Google's keys", () => {
  test("are fetched once for several verifications, of several requests", async () => {
    const google = createGoogle();
    const world = createWorld(publishing(key));
    for (let round = 0; round < 3; round += 1) {
      await verifyIdToken(
        { upstream: world.upstream, google, keys },
        { idToken: await idToken(), nonce: NONCE, nowMs: START_MS, again: AGAIN },
      );
    }
    expect(world.calls.map(({ url }) => url.href)).toEqual([google.jwksUri]);
    expect(await verify({ token: await idToken(), google, network: unwanted })).toMatchObject({ nonce: NONCE });
  });

  test("are fetched anew, once, for an unknown kid, and a rotated key is accepted", async () => {
    const google = createGoogle();
    await verify({ token: await idToken(), google });
    const world = createWorld(publishing(key, other));
    const rotated = { idToken: await idToken({}, other), nonce: NONCE, nowMs: START_MS, again: AGAIN };
    expect(await verifyIdToken({ upstream: world.upstream, google, keys }, rotated)).toMatchObject({ nonce: NONCE });
    expect(world.calls).toHaveLength(1);
  });

  test("are fetched anew once and no more where the kid stays unknown: INVALID_ID_TOKEN", async () => {
    const google = createGoogle();
    await verify({ token: await idToken(), google });
    const world = createWorld(publishing(key));
    const unknown = { idToken: await idToken({}, other), nonce: NONCE, nowMs: START_MS, again: AGAIN };
    expect(await appErrorOf(verifyIdToken({ upstream: world.upstream, google, keys }, unknown))).toMatchObject({
      reason: "INVALID_ID_TOKEN",
    });
    expect(world.calls).toHaveLength(1);
  });

  test.each<[string, Network]>([
    ["down", json({}, { status: 503 })],
    ["gone", json({}, { status: 404 })],
    ["redirecting", () => Response.redirect("https://evil.test/")],
    ["no JSON", () => new Response("<html>")],
    ["empty", () => new Response("")],
    ["null", json(null)],
    ["no key set", json({ keys: "none" })],
    ["a set of nonsense", json({ keys: [1, null] })],
    ["unreachable", () => Promise.reject(new TypeError("Network connection lost."))],
  ])("endpoint %s: UPSTREAM_UNAVAILABLE, and the next verification asks again", async (_, network) => {
    const google = createGoogle();
    const error = await appErrorOf(verify({ token: await idToken(), google, network }));
    expect(error).toMatchObject({ reason: "UPSTREAM_UNAVAILABLE", code: 502 });
    expect(error.message).toContain("Google's key endpoint");
    expect(await verify({ token: await idToken(), google })).toMatchObject({ nonce: NONCE });
  });

  test("endpoint too slow: 504", async () => {
    const { upstream } = createWorld(silent, { callTimeoutMs: 20 });
    const expected = { idToken: await idToken(), nonce: NONCE, nowMs: START_MS, again: AGAIN };
    expect((await appErrorOf(verifyIdToken({ upstream, google: createGoogle(), keys }, expected))).code).toBe(504);
  });

  test("a key under the right kid that is no key: UPSTREAM_UNAVAILABLE, and the next verification asks again", async () => {
    const google = createGoogle();
    const broken: Network = json({ keys: [{ kty: "RSA", kid: key.kid, alg: "RS256", use: "sig", n: "x", e: "AQAB" }] });
    const error = await appErrorOf(verify({ token: await idToken(), google, network: broken }));
    expect(error).toMatchObject({ reason: "UPSTREAM_UNAVAILABLE" });
    expect(await verify({ token: await idToken(), google })).toMatchObject({ nonce: NONCE });
  });
});
