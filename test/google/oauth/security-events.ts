/**
 * Cross-Account Protection (RISC): its configuration, its keys, and Security Event Tokens (RFC 8417), the right ones and
 * every wrong one that a receiver must refuse.
 *
 * https://developers.google.com/identity/protocols/risc
 */
import { type JWTHeaderParameters, SignJWT } from "jose";
import { encodePart, jwks, kid, type SigningKey, signingKey } from "./keys.ts";
import type { SecurityEvent } from "../actions.ts";
import { json } from "../errors.ts";
import { type Incoming, type Instance, nowMs } from "../state.ts";

/** Where the keys are, which only the configuration tells a receiver. */
export const RISC_CERTS_PATH = "/risc/certs";

const RISC_API = "https://risc.googleapis.com/v1beta";

/** `GET /.well-known/risc-configuration` (OpenID RISC Profile 1.0, 4.1). */
export function riscConfiguration(instance: Instance, call: Incoming): Response {
  const refusal = refuseUnlessPlainGet(instance, call, "RISC configuration");
  if (refusal !== null) return refusal;
  const configuration = {
    issuer: riscIssuer(instance),
    jwks_uri: `${call.url.origin}${RISC_CERTS_PATH}`,
    delivery_methods_supported: ["https://schemas.openid.net/secevent/risc/delivery-method/push"],
    subject_types_supported: ["iss-sub", "id_token_claims", "oauth_token"],
    configuration_endpoint: `${RISC_API}/stream`,
    status_endpoint: `${RISC_API}/stream/status`,
    verification_endpoint: `${RISC_API}/stream:verify`,
  };
  return json(configuration, 200, { "cache-control": "public, max-age=3600" });
}

/** The keys of security events. */
export async function riscCerts(instance: Instance, call: Incoming): Promise<Response> {
  const refusal = refuseUnlessPlainGet(instance, call, "RISC keys");
  if (refusal !== null) return refusal;
  return json(await jwks(instance, "security-event"), 200, { "cache-control": "public, max-age=19000" });
}

/** Both documents are public: whoever sends credentials along gives them away. */
function refuseUnlessPlainGet(instance: Instance, call: Incoming, what: string): Response | null {
  if (call.headers.has("authorization") || call.headers.has("cookie")) {
    instance.violations.push(`${what}: credentials for a public document`);
  }
  if (call.method === "GET") return null;
  instance.violations.push(`${what}: ${call.method} instead of GET`);
  return new Response(null, { status: 405, headers: { allow: "GET" } });
}

/** The issuer of security events. */
export function riscIssuer(instance: Instance): string {
  return `${instance.config.issuer}${instance.config.issuerSlash ? "/" : ""}`;
}

type Flaw = NonNullable<SecurityEvent["flaw"]>;

/** A Security Event Token in compact form, with the flaw that was asked for. */
export async function signSecurityEvent(instance: Instance, event: SecurityEvent): Promise<string> {
  const generation = instance.keyGenerations["security-event"];
  const right = await signingKey("security-event", generation);
  const header: JWTHeaderParameters = { alg: "RS256", kid: kid(instance, "security-event", generation) };
  if (event.typ !== null) header.typ = event.typ;
  const claims = buildClaims(instance, event);
  const spoiled: Partial<Record<Flaw, () => Promise<string>>> = {
    garbage: async () => "not.a-token",
    "alg-none": async () => `${encodePart({ ...header, alg: "none" })}.${encodePart(claims)}.`,
    "hs256-public-key": () => {
      const secret = new TextEncoder().encode(JSON.stringify(right.publicJwk));
      return new SignJWT(claims).setProtectedHeader({ ...header, alg: "HS256" }).sign(secret);
    },
    "wrong-key": async () => sign(claims, header, await signingKey("forger")),
    "unknown-kid": async () => sign(claims, { ...header, kid: "unknown" }, await signingKey("forger")),
    "no-kid": async () => {
      const { kid: _kid, ...rest } = header;
      return sign(claims, rest, await signingKey("forger"));
    },
    "id-token-key": async () => {
      const idTokens = instance.keyGenerations["id-token"];
      const shown = { ...header, kid: kid(instance, "id-token", idTokens) };
      return sign(claims, shown, await signingKey("id-token", idTokens));
    },
    tampered: async () => {
      const [head = "", , signature = ""] = (await sign({ ...claims, jti: "another" }, header, right)).split(".");
      return `${head}.${encodePart(claims)}.${signature}`;
    },
  };
  const spoil = event.flaw === null ? undefined : spoiled[event.flaw];
  return spoil === undefined ? sign(claims, header, right) : spoil();
}

function sign(
  claims: Record<string, unknown>,
  header: JWTHeaderParameters,
  key: Pick<SigningKey, "privateKey">,
): Promise<string> {
  return new SignJWT(claims).setProtectedHeader(header).sign(key.privateKey);
}

function buildClaims(instance: Instance, event: SecurityEvent): Record<string, unknown> {
  const aud = event.aud ?? instance.config.clients[0]?.id;
  if (aud === undefined) throw new Error("no client is configured, so the event is for nobody: give aud");
  const issuedAt = event.iat ?? Math.floor(nowMs(instance) / 1000);
  const claims = {
    iss: event.iss ?? riscIssuer(instance),
    aud,
    iat: issuedAt,
    jti: event.jti ?? crypto.randomUUID(),
    events: event.events,
  };
  return { ...claims, ...wrongClaims(event, issuedAt) };
}

/** What a flaw changes in the claims; `undefined` is left out of the JSON. */
function wrongClaims(event: SecurityEvent, issuedAt: number): Record<string, unknown> {
  const changes: Partial<Record<Flaw, Record<string, unknown>>> = {
    "other-aud": { aud: "someone-else.apps.googleusercontent.com" },
    "no-aud": { aud: undefined },
    "other-iss": { iss: "https://accounts.example.com" },
    "no-iss": { iss: undefined },
    "no-jti": { jti: undefined },
    "no-iat": { iat: undefined },
    "no-events": { events: undefined },
    "events-list": { events: Object.entries(event.events) },
    expired: { exp: issuedAt - 3600 },
  };
  return event.flaw === null ? {} : (changes[event.flaw] ?? {});
}
