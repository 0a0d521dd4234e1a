/**
 * Cross-Account Protection of the emulated Google: the configuration that a receiver finds the keys by, the keys, and
 * signed Security Event Tokens (RFC 8417). What is in an event is decided in security-events.ts.
 *
 * https://developers.google.com/identity/protocols/risc
 */

import { Hono } from "hono";
import { exportJWK, generateKeyPair, SignJWT, type JWK } from "jose";

export const RISC_CONFIGURATION_PATH = "/.well-known/risc-configuration";
const KEYS_PATH = "/risc/certs";
const KEY_ID = "emulated-security-events";
const PUSH_DELIVERY = "https://schemas.openid.net/secevent/risc/delivery-method/push";

/** What is said of each event type, by its URI. */
export type SecurityEvents = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** The transmitter of security events. */
export interface Transmitter {
  /** Its issuer, with a slash at the end as Google's has one. */
  readonly issuer: string;
  jwks(): Promise<{ readonly keys: readonly JWK[] }>;
  /** A token in compact form. There is no `exp`: an event tells of what was. A `jti` that was used is a redelivery. */
  sign(event: { readonly events: SecurityEvents; readonly jti: string }): Promise<string>;
}

/** A transmitter for one client, with a key pair that it makes when it is first needed. */
export function createTransmitter(options: {
  readonly origin: string;
  readonly clientId: string;
  readonly now: () => number;
}): Transmitter {
  const issuer = `${options.origin}/`;
  let pair: ReturnType<typeof generateKeyPair> | undefined;
  const keyPair = (): ReturnType<typeof generateKeyPair> => (pair ??= generateKeyPair("RS256"));
  return {
    issuer,
    jwks: async () => {
      const { publicKey } = await keyPair();
      return { keys: [{ ...(await exportJWK(publicKey)), kid: KEY_ID, alg: "RS256", use: "sig" }] };
    },
    sign: async ({ events, jti }) => {
      const { privateKey } = await keyPair();
      return new SignJWT({ events })
        .setProtectedHeader({ alg: "RS256", kid: KEY_ID, typ: "secevent+jwt" })
        .setIssuer(issuer)
        .setAudience(options.clientId)
        .setIssuedAt(Math.floor(options.now() / 1000))
        .setJti(jti)
        .sign(privateKey);
    },
  };
}

/** The two documents that a receiver reads. */
export function riscRoutes(transmitter: Transmitter): Hono {
  const app = new Hono();
  app.get(RISC_CONFIGURATION_PATH, (c) =>
    c.json({
      issuer: transmitter.issuer,
      jwks_uri: new URL(KEYS_PATH, transmitter.issuer).href,
      delivery_methods_supported: [PUSH_DELIVERY],
      subject_types_supported: ["iss-sub", "id_token_claims", "oauth_token"],
    }),
  );
  app.get(KEYS_PATH, async (c) => c.json(await transmitter.jwks()));
  return app;
}
