/**
 * One Google: sends a call to its endpoint, through latency and faults, and writes down what was called.
 *
 * Everything in here is Request in, Response out. How it is reached (an outbound service, a port) is not its concern.
 */
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
import { CONTROL_PATH, type Endpoint } from "./protocol.ts";
import { createInstance, findUser, type Incoming, type Instance, nowMs, pause } from "./state.ts";

export interface Google {
  fetch(request: Request): Promise<Response>;
  readonly instance: Instance;
}

type Answer = Response | BatchAnswer;
type Handler = (instance: Instance, call: Incoming) => Answer | Promise<Answer>;

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
      if (url.pathname === CONTROL_PATH) return control(instance, call);
      if (url.pathname.startsWith("/pictures/")) return picture(instance, call);
      return serve(instance, call);
    },
  };
}

/** The domain under which instances of a hub live; nothing here resolves, the outbound service answers all of it. */
export const HUB_DOMAIN = "google.test";

/**
 * Many googles behind one door, for an outbound service: the first label of the host names the instance, so that tests run side
 * by side. Calls to any other host are refused, so that no test reaches the network.
 */
export function createGoogleHub(): (request: Request) => Promise<Response> {
  const googles = new Map<string, Google>();
  return async (request) => {
    const { hostname } = new URL(request.url);
    const [name = "", ...domain] = hostname.split(".");
    if (domain.join(".") !== HUB_DOMAIN)
      return new Response(`no call may leave the tests: ${hostname}`, { status: 599 });
    const google = googles.get(name) ?? createGoogle(name);
    googles.set(name, google);
    return google.fetch(request);
  };
}

async function serve(instance: Instance, call: Incoming): Promise<Response> {
  const [endpoint, handler] = findRoute(call);
  const number = instance.counts.get(endpoint) ?? 0;
  instance.counts.set(endpoint, number + 1);
  const { method, url, body } = call;
  const headers = Object.fromEntries(call.headers);
  const query = [...url.searchParams];
  const record = { endpoint, method, path: url.pathname, query, headers, body, atMs: nowMs(instance), status: 0 };
  if (instance.config.recordsCalls) instance.calls.push(record);
  instance.inFlight += 1;
  instance.maxConcurrent = Math.max(instance.maxConcurrent, instance.inFlight);
  const entered = endpoint === "get" ? enterRead(instance, bearerSub(instance, call.headers), call) : null;
  const leaving = typeof entered === "function" ? [entered] : [];
  let parts = 0;
  const answer = async (): Promise<Response> => {
    const answered = await handler(instance, call);
    if (answered instanceof Response) return answered;
    leaving.push(answered.leave);
    ({ parts } = answered);
    return answered.response;
  };
  try {
    const response = entered instanceof Response ? entered : await throughFaults(instance, { endpoint, call }, answer);
    const ms = latencyMs(instance.config, { endpoint, number, parts });
    if (ms > 0) await pause(ms);
    record.status = response.status;
    return response;
  } finally {
    for (const leave of leaving) leave();
    instance.inFlight -= 1;
  }
}

const PATHS: Readonly<Record<string, readonly [Endpoint, Handler]>> = {
  "/o/oauth2/v2/auth": ["auth", authorize],
  [DECISION_PATH]: ["auth", decide],
  "/v1/userinfo": ["userinfo", userinfo],
  "/oauth2/v2/userinfo": ["userinfo", userinfo],
  "/revoke": ["revoke", revoke],
  "/oauth2/v3/certs": ["certs", async (instance) => keys(await jwks(instance, "id-token"))],
  "/oauth2/v1/certs": ["certs", async (instance) => keys(await pemKeys(instance))],
  "/.well-known/risc-configuration": ["risc", riscConfiguration],
  [RISC_CERTS_PATH]: ["risc:certs", riscCerts],
  "/batch/gmail/v1": ["batch", batch],
};

function findRoute(call: Incoming): readonly [Endpoint, Handler] {
  const { pathname } = call.url;
  if (pathname === "/token") return [tokenEndpoint(call), token];
  const route = gmailRoute(call);
  if (route !== null) return [route.endpoint, (instance) => gmail(instance, call, route)];
  return PATHS[pathname] ?? ["other", () => refusal("notFound")];
}

function keys(body: object): Response {
  return json(body, 200, { "cache-control": "public, max-age=19000, must-revalidate" });
}

/** The picture of an account of development. */
function picture(instance: Instance, { url }: Incoming): Response {
  const initial = findUser(instance, decodeURIComponent(url.pathname.slice("/pictures/".length)))?.name.slice(0, 1);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96"><rect width="96" height="96" fill="#1a5fd0"/>
<text x="48" y="64" font-family="sans-serif" font-size="48" fill="#fff" text-anchor="middle">${initial ?? "?"}</text></svg>`;
  return new Response(svg, { headers: { "content-type": "image/svg+xml" } });
}
