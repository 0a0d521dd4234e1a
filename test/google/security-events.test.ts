/**
 * The double's Cross-Account Protection: what it signs must be right where it says so, and wrong where it says so. A flaw
 * that is none would let a receiver's test pass for nothing.
 */
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  type JWTPayload,
  jwtVerify,
  decodeJwt,
  decodeProtectedHeader,
} from "jose";
import { createHash } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import * as z from "zod";
import { Google, type SecurityEventInput, type User } from "../support/google.ts";
import { type RunningGoogle, startGoogle } from "./server.ts";
import {
  about,
  EVENT_TYPES,
  idTokenClaims,
  issSub,
  refreshTokenHash,
  refreshTokenPrefix,
  verification,
} from "../support/security-events.ts";

const CLIENT_ID = "client.apps.googleusercontent.com";
const ISSUERS = ["https://accounts.google.com", "https://accounts.google.com/"];

let running: RunningGoogle;
let google: Google;
let user: User;

beforeAll(async () => {
  running = await startGoogle();
  google = new Google(running.origin);
});
afterAll(() => running.close());

beforeEach(async () => {
  await google.act({ action: "reset" });
  await google.configure({ clients: [{ id: CLIENT_ID, secret: "secret" }] });
  user = await google.addUser();
});

const configurationSchema = z.object({ issuer: z.string(), jwks_uri: z.string() });

async function configuration(): Promise<z.infer<typeof configurationSchema>> {
  const response = await fetch(google.vars["GOOGLE_RISC_CONFIGURATION"] ?? "");
  return configurationSchema.parse(await response.json());
}

/** A receiver as Google describes it: signature, issuer and audience, and no `exp`. */
async function verify(token: string): Promise<JWTPayload> {
  const { jwks_uri: jwksUri } = await configuration();
  const longAgo = new Date(0);
  const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(jwksUri)), {
    algorithms: ["RS256"],
    issuer: ISSUERS,
    audience: CLIENT_ID,
    currentDate: longAgo,
    requiredClaims: ["iat", "jti", "events"],
  });
  z.record(z.string(), z.looseObject({})).parse(payload["events"]);
  return payload;
}

function sign(event: Partial<SecurityEventInput> = {}): Promise<string> {
  return google.securityEvent({ events: about("sessions-revoked", issSub(user)), ...event });
}

describe("RISC configuration", () => {
  test("names an issuer with or without a slash, and keys of its own", async () => {
    expect((await configuration()).issuer).toBe("https://accounts.google.com");
    await google.configure({ issuerSlash: true });
    const { issuer, jwks_uri: jwksUri } = await configuration();
    expect(issuer).toBe("https://accounts.google.com/");
    expect(decodeJwt(await sign()).iss).toBe(issuer);
    expect(jwksUri).not.toBe(google.vars["GOOGLE_JWKS_URI"]);
  });

  test("is counted and fails on demand, apart from its keys and from those of the ID token", async () => {
    await google.fault("risc", { status: 503 });
    await google.fault("risc:certs", { status: 500, after: 1 });
    const statuses = [];
    for (const path of ["/.well-known/risc-configuration", "/oauth2/v3/certs", "/risc/certs"]) {
      statuses.push((await fetch(google.origin + path)).status, (await fetch(google.origin + path)).status);
    }
    expect(statuses).toEqual([503, 200, 200, 200, 200, 500]);
    expect([await google.count("risc"), await google.count("risc:certs"), await google.count("certs")]).toEqual([
      2, 2, 2,
    ]);
  });

  test.each([
    ["a POST", { method: "POST", body: "{}" }],
    ["credentials", { headers: { authorization: "Bearer x" } }],
  ])("notes %s as a violation", async (_what, init) => {
    await fetch(`${google.origin}/.well-known/risc-configuration`, init);
    await fetch(`${google.origin}/risc/certs`, init);
    expect((await google.snapshot()).violations.length).toBe(2);
  });
});

describe("a Security Event Token", () => {
  test("is signed as RFC 8417 says, with nothing but what was asked for", async () => {
    const events = about("account-disabled", issSub(user), { reason: "hijacking" });
    const token = await google.securityEvent({ events, jti: "one", iat: 1_700_000_000 });
    expect(await verify(token)).toEqual({
      iss: "https://accounts.google.com",
      aud: CLIENT_ID,
      iat: 1_700_000_000,
      jti: "one",
      events: {
        "https://schemas.openid.net/secevent/risc/event-type/account-disabled": {
          subject: { subject_type: "iss-sub", iss: "https://accounts.google.com/", sub: user.sub },
          reason: "hijacking",
        },
      },
    });
    expect(decodeProtectedHeader(token)).toEqual({
      alg: "RS256",
      kid: "loopback-security-event-0",
      typ: "secevent+jwt",
    });
  });

  test("has its own id, and is of the double's time", async () => {
    await google.advanceClock(86_400_000);
    const first = decodeJwt(await sign());
    expect(first.jti).not.toBe(decodeJwt(await sign()).jti);
    expect(first.iat).toBeGreaterThan(Date.now() / 1000 + 86_000);
  });

  test("may be about nobody, as that which tries a stream", async () => {
    const payload = await verify(await google.securityEvent({ events: verification("state of the test") }));
    expect(payload["events"]).toEqual({ [EVENT_TYPES.verification]: { state: "state of the test" } });
  });

  test("takes another issuer, audience and type from the test", async () => {
    const token = await sign({ iss: "https://a.test", aud: ["one", "two"], typ: null });
    expect(decodeJwt(token)).toMatchObject({ iss: "https://a.test", aud: ["one", "two"] });
    expect(decodeProtectedHeader(token)).not.toHaveProperty("typ");
  });

  test.each([
    ["wrong-key", "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"],
    ["id-token-key", "ERR_JWKS_NO_MATCHING_KEY"],
    ["unknown-kid", "ERR_JWKS_NO_MATCHING_KEY"],
    ["no-kid", "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"],
    ["tampered", "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"],
    ["alg-none", "ERR_JOSE_ALG_NOT_ALLOWED"],
    ["hs256-public-key", "ERR_JOSE_ALG_NOT_ALLOWED"],
    ["other-aud", "ERR_JWT_CLAIM_VALIDATION_FAILED"],
    ["no-aud", "ERR_JWT_CLAIM_VALIDATION_FAILED"],
    ["other-iss", "ERR_JWT_CLAIM_VALIDATION_FAILED"],
    ["no-iss", "ERR_JWT_CLAIM_VALIDATION_FAILED"],
    ["no-jti", "ERR_JWT_CLAIM_VALIDATION_FAILED"],
    ["no-iat", "ERR_JWT_CLAIM_VALIDATION_FAILED"],
    ["no-events", "ERR_JWT_CLAIM_VALIDATION_FAILED"],
    ["garbage", "ERR_JWS_INVALID"],
  ] as const)("with the flaw %s is refused for it", async (flaw, code) => {
    await expect(verify(await sign({ flaw }))).rejects.toMatchObject({ code });
  });

  test("with a list for events, or with an exp of the past, has no other flaw", async () => {
    await expect(verify(await sign({ flaw: "events-list" }))).rejects.toBeInstanceOf(z.ZodError);
    const payload = await verify(await sign({ flaw: "expired" }));
    expect(payload.exp).toBeLessThan(Date.now() / 1000 - 3000);
  });

  test("of which only the signature is the ID token's verifies by the ID token's keys", async () => {
    const keys = z.object({ keys: z.array(z.record(z.string(), z.string())) });
    const certs = keys.parse(await (await fetch(google.vars["GOOGLE_JWKS_URI"] ?? "")).json());
    const token = await sign({ flaw: "id-token-key" });
    await expect(jwtVerify(token, createLocalJWKSet(certs))).resolves.toBeTruthy();
  });

  test("is signed by a new key after a rotation of its keys, and of no others", async () => {
    const before = await sign();
    await google.act({ action: "rotateKeys" });
    expect(decodeProtectedHeader(await sign()).kid).toBe(decodeProtectedHeader(before).kid);
    await google.act({ action: "rotateKeys", of: "security-event" });
    const after = await sign();
    expect(decodeProtectedHeader(after).kid).not.toBe(decodeProtectedHeader(before).kid);
    await Promise.all([verify(before), verify(after)]);
    await google.configure({ keepOldKeys: false });
    await expect(verify(before)).rejects.toMatchObject({ code: "ERR_JWKS_NO_MATCHING_KEY" });
  });

  test("for nobody is refused, as an action that says what is missing", async () => {
    await google.configure({ clients: [] });
    await expect(sign()).rejects.toThrow("no client is configured");
  });
});

function sha512(data: string | Buffer): Buffer {
  return createHash("sha512").update(data).digest();
}

describe("the subjects of events", () => {
  const token = "1//0abcdefghijklmnopqrstuvwxyz";

  test("name an account by its sub or by claims of its ID token", () => {
    const account = { iss: "https://accounts.google.com/", sub: user.sub };
    expect(issSub(user)).toEqual({ subject_type: "iss-sub", ...account });
    expect(issSub(user, "https://accounts.google.com")).toMatchObject({ iss: "https://accounts.google.com" });
    expect(idTokenClaims(user, { email: false })).toEqual({ subject_type: "id_token_claims", ...account });
    expect(idTokenClaims(user, { email: true })).toMatchObject({ email: user.email });
  });

  test("name a refresh token by its first characters or by its double hash", async () => {
    const common = { subject_type: "oauth_token", token_type: "refresh_token" };
    expect(refreshTokenPrefix(token)).toEqual({ ...common, token_identifier_alg: "prefix", token: "1//0abcdefghijkl" });
    const hashed = { ...common, token_identifier_alg: "hash_base64_sha512_sha512" };
    const raw = sha512(sha512(token)).toString("base64");
    const hex = sha512(sha512(token).toString("hex")).toString("base64");
    expect(await refreshTokenHash(token, "raw")).toEqual({ ...hashed, token: raw });
    expect(await refreshTokenHash(token, "hex")).toEqual({ ...hashed, token: hex });
  });

  test("belong to the seven types that Google documents", () => {
    expect(Object.values(EVENT_TYPES).map((uri) => uri.replace("https://schemas.openid.net/secevent/", ""))).toEqual([
      "oauth/event-type/tokens-revoked",
      "oauth/event-type/token-revoked",
      "risc/event-type/sessions-revoked",
      "risc/event-type/account-disabled",
      "risc/event-type/account-enabled",
      "risc/event-type/account-credential-change-required",
      "risc/event-type/verification",
    ]);
  });
});
