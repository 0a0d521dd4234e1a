/**
 * One double of Google: routes a call to its endpoint, through the fault queue, and writes down what was called.
 *
 * Everything in here is Request in, Response out. How it is reached (Miniflare's outbound service or a port) is not its concern.
 */
import { authorize } from "./authorize.ts";
import { batch } from "./batch.ts";
import { userinfo } from "./bearer.ts";
import { control } from "./control.ts";
import { applyFault, takeFault } from "./faults.ts";
import { gmail, gmailRoute } from "./gmail.ts";
import { jwks } from "./keys.ts";
import { type Call, CONTROL_PATH, type Endpoint } from "./protocol.ts";
import { json, namedError } from "./responses.ts";
import { RISC_CERTS_PATH, riscCerts, riscConfiguration } from "./security-events.ts";
import { createInstance, type Incoming, type Instance, nowMs } from "./state.ts";
import { revoke, token, tokenEndpoint } from "./token.ts";

export interface GoogleDouble {
  fetch(request: Request): Promise<Response>;
}

interface Route {
  readonly endpoint: Endpoint;
  readonly answer: () => Response | Promise<Response>;
}

/** Makes a double with an empty memory. `name` tells the keys of several of them apart. */
export function createGoogleDouble(name: string): GoogleDouble {
  const instance = createInstance(name);
  return {
    async fetch(request) {
      const url = new URL(request.url);
      // Not text(): workerd warns of that for a form or a batch.
      const body = new TextDecoder().decode(await request.arrayBuffer());
      const call: Incoming = { method: request.method, url, headers: new Headers(request.headers), body };
      if (url.pathname === CONTROL_PATH) return control(instance, call);
      return serve(instance, call);
    },
  };
}

async function serve(instance: Instance, call: Incoming): Promise<Response> {
  const route = findRoute(instance, call);
  const record = recordCall(instance, call, route.endpoint);
  instance.inFlight += 1;
  instance.maxConcurrent = Math.max(instance.maxConcurrent, instance.inFlight);
  try {
    const fault = takeFault(instance, route.endpoint, call);
    const answer = async (): Promise<Response> => route.answer();
    const response = fault === null ? await answer() : await applyFault(instance, fault, answer);
    record.status = response.status;
    return response;
  } finally {
    instance.inFlight -= 1;
  }
}

function findRoute(instance: Instance, call: Incoming): Route {
  const { pathname } = call.url;
  switch (pathname) {
    case "/o/oauth2/v2/auth":
      return { endpoint: "auth", answer: () => authorize(instance, call) };
    case "/token":
      return { endpoint: tokenEndpoint(call), answer: () => token(instance, call) };
    case "/userinfo":
      return { endpoint: "userinfo", answer: () => userinfo(instance, call) };
    case "/revoke":
      return { endpoint: "revoke", answer: () => revoke(instance, call) };
    case "/certs":
      return {
        endpoint: "certs",
        answer: async () => json(await jwks(instance, "id-token"), 200, { "cache-control": "public, max-age=19000" }),
      };
    case "/.well-known/risc-configuration":
      return { endpoint: "risc", answer: () => riscConfiguration(instance, call) };
    case RISC_CERTS_PATH:
      return { endpoint: "risc:certs", answer: () => riscCerts(instance, call) };
    case "/batch/gmail/v1":
      return { endpoint: "batch", answer: () => batch(instance, call) };
    default: {
      const route = gmailRoute(call.method, pathname);
      if (route === null)
        return { endpoint: "other", answer: () => namedError("notFound", undefined, nowMs(instance)) };
      return { endpoint: route.endpoint, answer: () => gmail(instance, call, route) };
    }
  }
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
  instance.calls.push(record);
  return record;
}
