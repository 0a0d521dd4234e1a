/**
 * Cross-Account Protection (RISC): its configuration, its keys, and Security Event Tokens (RFC 8417), the right ones and
 * every wrong one that a receiver must refuse.
 *
 * https://developers.google.com/identity/protocols/risc
 */
import { json } from "../errors.ts";
import { type Incoming, type Instance, nowMs } from "../state.ts";
import { jwks, sign, type WrongSignature } from "./keys.ts";

/** Where the keys are, which only the configuration tells a receiver. */
export const RISC_CERTS_PATH = "/risc/certs";

const RISC_API = "https://risc.googleapis.com/v1beta";

/** `GET /.well-known/risc-configuration` (OpenID RISC Profile 1.0, 4.1). */
export function riscConfiguration(instance: Instance, call: Incoming): Response {
  const configuration = {
    issuer: riscIssuer(instance),
    jwks_uri: `${call.url.origin}${RISC_CERTS_PATH}`,
    delivery_methods_supported: ["https://schemas.openid.net/secevent/risc/delivery-method/push"],
    subject_types_supported: ["iss-sub", "id_token_claims", "oauth_token"],
    configuration_endpoint: `${RISC_API}/stream`,
    status_endpoint: `${RISC_API}/stream/status`,
    verification_endpoint: `${RISC_API}/stream:verify`,
  };
  const answer = json(configuration, 200, { "cache-control": "public, max-age=3600" });
  return refuseUnlessPlainGet(instance, call, "RISC configuration") ?? answer;
}

export async function riscCerts(instance: Instance, call: Incoming): Promise<Response> {
  const keys = await jwks(instance, "security-event");
  const answer = json(keys, 200, { "cache-control": "public, max-age=19000" });
  return refuseUnlessPlainGet(instance, call, "RISC keys") ?? answer;
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

export function riscIssuer({ config }: Instance): string {
  return `${config.issuer}${config.issuerSlash ? "/" : ""}`;
}

/** What is wrong about the claims. `expired`, an `exp` in the past, is no flaw: Google says not to check it. */
// prettier-ignore
type WrongClaims =
  | "other-aud" | "no-aud" | "other-iss" | "no-iss" | "no-jti" | "no-iat" | "no-events" | "events-list" | "expired";

export interface SecurityEvent {
  /** Event type URI to what is said about it, as in RFC 8417. */
  readonly events: Readonly<Record<string, unknown>>;
  /** Random unless said. */
  readonly jti?: string;
  /** The first client unless said. */
  readonly aud?: string | string[];
  /** The issuer of the RISC configuration unless said. */
  readonly iss?: string;
  /** Epoch seconds; now unless said. */
  readonly iat?: number;
  /** The header's `typ`; `null`: none. RFC 8417 only recommends it. */
  readonly typ?: string | null;
  readonly flaw?: WrongSignature | WrongClaims | null;
}

export function signSecurityEvent(instance: Instance, event: SecurityEvent): Promise<string> {
  const { events, jti = crypto.randomUUID(), typ = "secevent+jwt", flaw = null } = event;
  const { aud = instance.config.clients[0]?.id, iss = riscIssuer(instance) } = event;
  if (aud === undefined) throw new Error("no client is configured, so the event is for nobody: give aud");
  const { iat = Math.floor(nowMs(instance) / 1000) } = event;
  const wrong: Readonly<Record<WrongClaims, Record<string, unknown>>> = {
    "other-aud": { aud: "someone-else.apps.googleusercontent.com" },
    "no-aud": { aud: undefined },
    "other-iss": { iss: "https://accounts.example.com" },
    "no-iss": { iss: undefined },
    "no-jti": { jti: undefined },
    "no-iat": { iat: undefined },
    "no-events": { events: undefined },
    "events-list": { events: Object.entries(events) },
    expired: { exp: iat - 3600 },
  };
  const claims = { iss, aud, iat, jti, events, ...(flaw !== null && flaw in wrong ? wrong[flaw as WrongClaims] : {}) };
  return sign(instance, { purpose: "security-event", typ, claims, flaw });
}
