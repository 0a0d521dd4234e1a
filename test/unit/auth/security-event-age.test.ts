/** How old a security event token may be, to the second. */
import { CompactSign, exportJWK, generateKeyPair } from "jose";
import { expect, test } from "vitest";
import { DocumentCache, GoogleKeys } from "../../../src/oauth/google-documents.ts";
import { type SecurityEventToken, verifySecurityEventToken } from "../../../src/oauth/security-event-token.ts";
import { appErrorOf, CLIENT_ID, createWorld, START_MS } from "../fixtures.ts";

const ISSUER = "https://accounts.google.com/";
const NOW_SECONDS = START_MS / 1000;
const THIRTY_DAYS_SECONDS = 30 * 24 * 60 * 60;
const { privateKey, publicKey } = await generateKeyPair("RS256");
const jwk = { ...(await exportJWK(publicKey)), kid: "one" };

/** Lets a Worker that has just started verify a token that was issued at a time. @param iat epoch seconds */
async function receive(iat: number): Promise<SecurityEventToken> {
  const payload = JSON.stringify({ iss: ISSUER, aud: CLIENT_ID, iat, jti: "delivery-1", events: {} });
  const signing = new CompactSign(new TextEncoder().encode(payload)).setProtectedHeader({ alg: "RS256", kid: "one" });
  const { upstream } = createWorld(({ url }) =>
    Response.json(
      url.pathname === "/certs" ? { keys: [jwk] } : { issuer: ISSUER, jwks_uri: "https://risc.test/certs" },
    ),
  );
  return verifySecurityEventToken(
    {
      upstream,
      configurations: new DocumentCache(),
      keys: new GoogleKeys(),
      configurationUrl: "https://risc.test/configuration",
      clientId: CLIENT_ID,
      nowMs: START_MS,
    },
    await signing.sign(privateKey),
  );
}

test.each([NOW_SECONDS - THIRTY_DAYS_SECONDS, NOW_SECONDS, NOW_SECONDS + 60])("issued at %d: taken", async (iat) => {
  expect(await receive(iat)).toMatchObject({ jti: "delivery-1", issuedAtMs: iat * 1000 });
});

test.each([
  [NOW_SECONDS - THIRTY_DAYS_SECONDS - 1, "too old"],
  [0, "too old"],
  [NOW_SECONDS + 61, "issued in the future"],
  [START_MS, "issued in the future"],
])("issued at %d: refused as %s", async (iat, detail) => {
  const error = await appErrorOf(receive(iat));
  expect([error.reason, error.code, error.logDetail]).toEqual(["INVALID_ARGUMENT", 400, `security event: ${detail}`]);
});
