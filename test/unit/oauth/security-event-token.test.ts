/** Security event tokens: which are Google's and for us, and whom each form of subject names. */
import { CompactSign, exportJWK, generateKeyPair, type JWK } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import { DocumentCache, GoogleKeys } from "../../../src/oauth/google-documents.ts";
import {
  EVENT_TYPES,
  type RiscConfiguration,
  type SecurityEvent,
  type SecurityEventToken,
  verifySecurityEventToken,
} from "../../../src/oauth/security-event-token.ts";
import { appErrorOf, CLIENT_ID, createWorld, type Network, START_MS } from "../fixtures.ts";

const CONFIGURATION_URL = "https://risc.test/configuration";
const JWKS_URI = "https://risc.test/certs";
const ISSUER = "https://accounts.google.com/";
const SUB = "108204268033311374519";
const ISS_SUB = { subject_type: "iss-sub", iss: ISSUER, sub: SUB };

interface SigningKey {
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}

let key: SigningKey;
let other: SigningKey;

beforeAll(async () => {
  [key, other] = await Promise.all([createKey("one", "RS256"), createKey("two", "RS384")]);
});

async function createKey(kid: string, alg: string): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid } };
}

/** Google's two documents; `changes` replace the answer of a path. */
function google(changes: Record<string, () => Response | Promise<Response>> = {}): Network {
  const documents: Record<string, () => Response | Promise<Response>> = {
    "/configuration": () => Response.json({ issuer: ISSUER, jwks_uri: JWKS_URI }),
    "/certs": () => Response.json({ keys: [key.jwk, other.jwk] }),
    ...changes,
  };
  return async ({ url }) => (await documents[url.pathname]?.()) ?? expect.fail(`Nobody should ask for ${url.pathname}`);
}

const unwanted: Network = ({ url }) => expect.fail(`${url.pathname} was fetched again`);

/** A Worker that has just started. */
function createReceiver() {
  const configurations = new DocumentCache<RiscConfiguration>();
  const keys = new GoogleKeys();
  return async (jwt: string, network = google(), nowMs = START_MS): Promise<SecurityEventToken> => {
    const { upstream } = createWorld(network);
    return verifySecurityEventToken(
      { upstream, configurations, keys, configurationUrl: CONFIGURATION_URL, clientId: CLIENT_ID, nowMs },
      jwt,
    );
  };
}

function claims(changes: Record<string, unknown> = {}): Record<string, unknown> {
  const events = { [EVENT_TYPES.sessionsRevoked]: { subject: ISS_SUB } };
  return { iss: ISSUER, aud: CLIENT_ID, iat: START_MS / 1000, jti: "delivery-1", events, ...changes };
}

async function sign(payload: unknown, { signer = key, alg = "RS256" } = {}): Promise<string> {
  const text = typeof payload === "string" ? payload : JSON.stringify(payload);
  return new CompactSign(new TextEncoder().encode(text))
    .setProtectedHeader({ alg, kid: signer.kid, typ: "secevent+jwt" })
    .sign(signer.privateKey);
}

async function expectRefused(jwt: string, why: string): Promise<void> {
  const error = await appErrorOf(createReceiver()(jwt));
  expect(error).toMatchObject({ reason: "INVALID_ARGUMENT", code: 400, metadata: { parameter: "body" } });
  expect(error.logDetail).toBe(`security event: ${why}`);
}

/** The only event of a token. */
async function eventOf(event: Record<string, unknown>, type = "https://schemas.example.com/x"): Promise<SecurityEvent> {
  const { events } = await createReceiver()(await sign(claims({ events: { [type]: event } })));
  expect(events).toHaveLength(1);
  return events[0] ?? expect.fail();
}

describe("a token of Google's for us", () => {
  test("says which delivery it is, and what happened to whom", async () => {
    expect(await createReceiver()(await sign(claims()))).toEqual({
      jti: "delivery-1",
      issuedAtMs: START_MS,
      events: [
        {
          type: "https://schemas.openid.net/secevent/risc/event-type/sessions-revoked",
          subject: { kind: "user", sub: SUB },
          reason: null,
          state: null,
        },
      ],
    });
  });

  test("may have several events, or none", async () => {
    const receive = createReceiver();
    expect((await receive(await sign(claims({ events: {} })))).events).toEqual([]);
    const { events } = await receive(await sign(claims({ events: { "https://a.test/": {}, "https://b.test/": {} } })));
    expect(events.map(({ type }) => type)).toEqual(["https://a.test/", "https://b.test/"]);
  });

  test.each<[string, Record<string, unknown>]>([
    ["its issuer without a slash at the end", { iss: "https://accounts.google.com" }],
    ["us among other audiences", { aud: ["other-client", CLIENT_ID] }],
    ["an exp that is over: what has happened does not expire", { exp: 1 }],
    ["a jti of 1,000 characters", { jti: "j".repeat(1_000) }],
  ])("may have %s", async (_, changes) => {
    expect((await createReceiver()(await sign(claims(changes)))).events).toHaveLength(1);
  });

  test("is taken where the configuration writes the issuer without a slash", async () => {
    const network = google({
      "/configuration": () => Response.json({ issuer: "https://accounts.google.com", jwks_uri: JWKS_URI }),
    });
    expect((await createReceiver()(await sign(claims()), network)).events[0]?.subject).toEqual({
      kind: "user",
      sub: SUB,
    });
  });

  test("has one of the types that Google's page names", () => {
    const oauth = "https://schemas.openid.net/secevent/oauth/event-type/";
    const risc = "https://schemas.openid.net/secevent/risc/event-type/";
    expect(Object.values(EVENT_TYPES).toSorted()).toEqual([
      `${oauth}token-revoked`,
      `${oauth}tokens-revoked`,
      `${risc}account-credential-change-required`,
      `${risc}account-disabled`,
      `${risc}account-enabled`,
      `${risc}sessions-revoked`,
      `${risc}verification`,
    ]);
  });
});

describe("a token is refused", () => {
  test.each<[string, Record<string, unknown>]>([
    ["another issuer", { iss: "https://accounts.google.com.evil.test" }],
    ["two slashes after the issuer", { iss: "https://accounts.google.com//" }],
  ])("for %s", async (_, changes) => {
    await expectRefused(await sign(claims(changes)), "issuer");
  });

  test.each([["other-client"], [[]], [["other-client"]], [`${CLIENT_ID}.evil.test`]])(
    "for the audience %j",
    async (aud) => {
      await expectRefused(await sign(claims({ aud })), "audience");
    },
  );

  test.each<[string, Record<string, unknown>]>([
    ["no issuer", { iss: undefined }],
    ["no audience", { aud: undefined }],
    ["no iat", { iat: undefined }],
    ["no jti", { jti: undefined }],
    ["an empty jti", { jti: "" }],
    ["a jti of more than 1,000 characters", { jti: "j".repeat(1_001) }],
    ["no events", { events: undefined }],
    ["events as a list", { events: [{}] }],
    ["null for events", { events: null }],
    ["an event that is no object", { events: { "https://a.test/": "x" } }],
  ])("for %s", async (_, changes) => {
    await expectRefused(await sign(claims(changes)), "claims");
  });

  test("for content that is no JSON, or no object", async () => {
    await expectRefused(await sign("{"), "JSON");
    await expectRefused(await sign("null"), "claims");
  });

  test("for a signature by another key of the same kid", async () => {
    const { privateKey } = await createKey(key.kid, "RS256");
    await expectRefused(
      await sign(claims(), { signer: { ...key, privateKey } }),
      "ERR_JWS_SIGNATURE_VERIFICATION_FAILED",
    );
  });

  test("for another algorithm than RS256, although the key is Google's", async () => {
    await expectRefused(await sign(claims(), { signer: other, alg: "RS384" }), "ERR_JOSE_ALG_NOT_ALLOWED");
  });

  test("for a kid that nobody has", async () => {
    await expectRefused(await sign(claims(), { signer: { ...key, kid: "three" } }), "ERR_JWKS_NO_MATCHING_KEY");
  });

  test.each(["", "..", "{}", "a.b.c.d.e"])("that is none: %j", async (text) => {
    await expectRefused(text, "ERR_JWS_INVALID");
  });
});

describe("when it cannot be found out now whether a token is Google's: 503, so that it is delivered again", () => {
  test.each<[string, string, () => Response | Promise<Response>]>([
    ["the configuration answers 500", "/configuration", () => new Response(null, { status: 500 })],
    ["the configuration is something else", "/configuration", () => Response.json({ issuer: ISSUER })],
    ["the keys answer 500", "/certs", () => new Response(null, { status: 500 })],
    ["the keys cannot be reached", "/certs", () => Promise.reject(new TypeError("Network connection lost."))],
    ["a key is broken", "/certs", () => Response.json({ keys: [{ ...key.jwk, n: "AQAB" }] })],
  ])("%s", async (_, path, answer) => {
    const receive = createReceiver();
    const jwt = await sign(claims());
    const error = await appErrorOf(receive(jwt, google({ [path]: answer })));
    expect(error).toMatchObject({ reason: "UPSTREAM_UNAVAILABLE", code: 503 });
    expect(error.cause).toMatchObject({ reason: "UPSTREAM_UNAVAILABLE", message: error.message });
    expect((await receive(jwt)).jti).toBe("delivery-1");
  });
});

test("configuration and keys are fetched once for all deliveries within the hour", async () => {
  const receive = createReceiver();
  await receive(await sign(claims()));
  expect((await receive(await sign(claims({ jti: "2" })), unwanted, START_MS + 3_599_999)).jti).toBe("2");
});

test("an unknown kid fetches the keys again once they are a minute old, and not earlier", async () => {
  const receive = createReceiver();
  const beforeRotation = google({ "/certs": () => Response.json({ keys: [other.jwk] }) });
  const jwt = await sign(claims());
  for (const [network, nowMs] of [
    [beforeRotation, START_MS],
    [google(), START_MS + 59_999],
  ] as const) {
    const error = await appErrorOf(receive(jwt, network, nowMs));
    expect(error.logDetail).toBe("security event: ERR_JWKS_NO_MATCHING_KEY");
  }
  expect((await receive(jwt, google(), START_MS + 60_000)).jti).toBe("delivery-1");
});

describe("an event is about", () => {
  test.each<[string, Record<string, unknown>, SecurityEvent["subject"]]>([
    ["a user, by iss and sub", ISS_SUB, { kind: "user", sub: SUB }],
    ["a user, by a sub alone", { sub: SUB }, { kind: "user", sub: SUB }],
    [
      "a user, by an issuer without a slash",
      { iss: "https://accounts.google.com", sub: SUB },
      { kind: "user", sub: SUB },
    ],
    ["a user rather than an address", { ...ISS_SUB, email: "ann@example.test" }, { kind: "user", sub: SUB }],
    ["an address", { iss: ISSUER, email: "ann@example.test" }, { kind: "address", email: "ann@example.test" }],
    ["an address of 320 characters", { email: "a".repeat(320) }, { kind: "address", email: "a".repeat(320) }],
    ["a sub of 255 characters", { sub: "~".repeat(255) }, { kind: "user", sub: "~".repeat(255) }],
    [
      "a refresh token, by its beginning",
      { token_identifier_alg: "prefix", token: "1//0123456789abc" },
      { kind: "refresh-token", algorithm: "prefix", identifier: "1//0123456789abc" },
    ],
    [
      "a refresh token, by its hash, of 1,000 characters",
      { token_identifier_alg: "hash_base64_sha512_sha512", token: "h".repeat(1_000) },
      { kind: "refresh-token", algorithm: "hash_base64_sha512_sha512", identifier: "h".repeat(1_000) },
    ],
  ])("%s", async (_, subject, read) => {
    expect((await eventOf({ subject })).subject).toEqual(read);
  });

  test.each<[string, unknown]>([
    ["no subject", undefined],
    ["an empty one", {}],
    ["one that is no object", SUB],
    ["a sub of another issuer", { iss: "https://accounts.example.test/", sub: SUB }],
    ["an address of another issuer", { iss: "https://accounts.example.test/", email: "ann@example.test" }],
    ["an empty sub", { sub: "" }],
    ["a sub with a space", { sub: "1 2" }],
    ["a sub that ends in a line break", { sub: `${SUB}\n` }],
    ["a sub that begins with a line break", { sub: `\n${SUB}` }],
    ["a sub with a letter beyond ASCII", { sub: "é" }],
    ["a sub of 256 characters", { sub: "1".repeat(256) }],
    ["an address of 321 characters", { email: "a".repeat(321) }],
    ["a refresh token by an unknown algorithm", { token_identifier_alg: "md5", token: "x" }],
    ["a refresh token by no algorithm", { token: "x" }],
    ["an algorithm without a token", { token_identifier_alg: "prefix" }],
    ["a token of 1,001 characters", { token_identifier_alg: "prefix", token: "h".repeat(1_001) }],
  ])("nobody, with %s", async (_, subject) => {
    expect((await eventOf({ subject })).subject).toBeNull();
  });
});

test.each<[Record<string, unknown>, Pick<SecurityEvent, "reason" | "state">]>([
  [{}, { reason: null, state: null }],
  [{ reason: "hijacking" }, { reason: "hijacking", state: null }],
  [{ reason: "" }, { reason: null, state: null }],
  [
    { reason: 1, state: {} },
    { reason: null, state: null },
  ],
  [{ state: "tried at noon" }, { reason: null, state: "tried at noon" }],
  [{ state: "" }, { reason: null, state: "" }],
])("an event with %j says why, and brings back its state", async (event, read) => {
  expect(await eventOf(event)).toMatchObject(read);
});
