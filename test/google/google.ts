/**
 * One Google: sends a call to its endpoint, through latency and faults, and writes down what was called.
 *
 * Everything in here is Request in, Response out. How it is reached (an outbound service, a port) is not its concern.
 */
import type { Call } from "./actions.ts";
import { control } from "./control.ts";
import { json, refusal } from "./errors.ts";
import { enterRead, throughFaults } from "./faults.ts";
import { batch, type BatchAnswer } from "./gmail/batch.ts";
import { gmail, gmailRoute } from "./gmail/gmail.ts";
import { latencyMs } from "./latency.ts";
import { authorize, decide, DECISION_PATH } from "./oauth/authorize.ts";
import { bearerSub, userinfo } from "./oauth/bearer.ts";
import { jwks, pemKeys } from "./oauth/keys.ts";
import { RISC_CERTS_PATH, riscCerts, riscConfiguration } from "./oauth/security-events.ts";
import { revoke, token, tokenEndpoint } from "./oauth/token.ts";
import { CONTROL_PREFIX, type Endpoint, endpointVars } from "./protocol.ts";
import { createInstance, type Incoming, type Instance, nowMs, pause } from "./state.ts";

export interface Google {
  fetch(request: Request): Promise<Response>;
  /** What it remembers, for who runs it. */
  readonly instance: Instance;
}

interface Route {
  readonly endpoint: Endpoint;
  readonly answer: () => Response | BatchAnswer | Promise<Response | BatchAnswer>;
}

/** Makes a Google with an empty memory. `name` tells the keys of several of them apart. */
export function createGoogle(name: string): Google {
  const instance = createInstance(name);
  return {
    instance,
    async fetch(request) {
      const url = new URL(request.url);
      // Not text(): workerd warns of that for a form or a batch.
      const body = new TextDecoder().decode(await request.arrayBuffer());
      const call: Incoming = { method: request.method, url, headers: new Headers(request.headers), body };
      if (url.pathname === CONTROL_PREFIX || url.pathname.startsWith(`${CONTROL_PREFIX}/`))
        return control(instance, call);
      return serve(instance, call);
    },
  };
}

async function serve(instance: Instance, call: Incoming): Promise<Response> {
  const { endpoint, answer } = findRoute(instance, call);
  const number = instance.counts.get(endpoint) ?? 0;
  instance.counts.set(endpoint, number + 1);
  const record = recordCall(instance, call, endpoint);
  instance.inFlight += 1;
  instance.maxConcurrent = Math.max(instance.maxConcurrent, instance.inFlight);
  const entered = endpoint === "get" ? enterRead(instance, bearerSub(instance, call.headers), call) : null;
  let answered: BatchAnswer | null = null;
  try {
    const response =
      entered instanceof Response
        ? entered
        : await throughFaults(instance, { endpoint, call }, async () => {
            const found = await answer();
            if (found instanceof Response) return found;
            answered = found;
            return found.response;
          });
    const parts = partsOf(answered);
    const ms = latencyMs(instance.config, { endpoint, number, parts });
    if (ms > 0) await pause(ms);
    record.status = response.status;
    return response;
  } finally {
    leave(answered);
    if (typeof entered === "function") entered();
    instance.inFlight -= 1;
  }
}

function partsOf(answered: BatchAnswer | null): number {
  return answered?.parts ?? 0;
}

function leave(answered: BatchAnswer | null): void {
  answered?.leave();
}

function findRoute(instance: Instance, call: Incoming): Route {
  const { pathname } = call.url;
  switch (pathname) {
    case "/o/oauth2/v2/auth":
      return { endpoint: "auth", answer: () => authorize(instance, call) };
    case DECISION_PATH:
      return { endpoint: "auth", answer: () => decide(instance, call) };
    case "/token":
      return { endpoint: tokenEndpoint(call), answer: () => token(instance, call) };
    case "/v1/userinfo":
    case "/oauth2/v2/userinfo":
      return { endpoint: "userinfo", answer: () => userinfo(instance, call) };
    case "/revoke":
      return { endpoint: "revoke", answer: () => revoke(instance, call) };
    case "/oauth2/v3/certs":
      return { endpoint: "certs", answer: async () => keys(await jwks(instance, "id-token")) };
    case "/oauth2/v1/certs":
      return { endpoint: "certs", answer: async () => keys(await pemKeys(instance)) };
    case "/.well-known/openid-configuration":
      return { endpoint: "discovery", answer: () => discovery(instance, call) };
    case "/.well-known/risc-configuration":
      return { endpoint: "risc", answer: () => riscConfiguration(instance, call) };
    case RISC_CERTS_PATH:
      return { endpoint: "risc:certs", answer: () => riscCerts(instance, call) };
    case "/batch/gmail/v1":
      return { endpoint: "batch", answer: () => batch(instance, call) };
    default: {
      const route = gmailRoute(call);
      if (route === null) return { endpoint: "other", answer: () => refusal("notFound") };
      return { endpoint: route.endpoint, answer: () => gmail(instance, call, route) };
    }
  }
}

function keys(body: object): Response {
  return json(body, 200, { "cache-control": "public, max-age=19000, must-revalidate" });
}

/** OpenID Connect Discovery 1.0. */
function discovery(instance: Instance, { url }: Incoming): Response {
  const vars = endpointVars(url.origin);
  return json({
    issuer: instance.config.issuer,
    authorization_endpoint: vars["GOOGLE_AUTHORIZATION_ENDPOINT"],
    token_endpoint: vars["GOOGLE_TOKEN_ENDPOINT"],
    userinfo_endpoint: vars["GOOGLE_USERINFO_ENDPOINT"],
    revocation_endpoint: vars["GOOGLE_REVOCATION_ENDPOINT"],
    jwks_uri: vars["GOOGLE_JWKS_URI"],
    response_types_supported: ["code"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["RS256"],
    scopes_supported: ["openid", "email", "profile"],
    code_challenge_methods_supported: ["plain", "S256"],
  });
}

function recordCall(instance: Instance, call: Incoming, endpoint: Endpoint): Call {
  const record: Call = {
    endpoint,
    method: call.method,
    path: call.url.pathname,
    query: [...call.url.searchParams],
    headers: Object.fromEntries(call.headers),
    body: call.body,
    atMs: nowMs(instance),
    status: 0,
  };
  if (instance.config.recordsCalls) instance.calls.push(record);
  return record;
}
