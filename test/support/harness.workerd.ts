/**
 * Stages inside of the test's own workerd: each has its own Worker, clock and Google; storage is that of the test file.
 */
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { createWorker } from "../../src/index.ts";
import type { Outgoing } from "./browser.ts";
import { HUB_DOMAIN } from "./google-double/hub.ts";
import { BREAK_HEADER } from "./google-double/protocol.ts";
import { Google } from "./google.ts";
import {
  browserFor,
  CLIENT,
  googleFor,
  type Harness,
  makeTokenKeys,
  type Stage,
  type StageOptions,
  workerVars,
} from "./stage.ts";

/** How long an upstream call may take here: the same order of things in less time. */
const CALL_TIMEOUT_MS = 400;
const PATIENT_CALL_TIMEOUT_MS = 10_000;

const logged: string[] = [];

/** Takes what the Worker logs out of the test's output, to be searched instead. */
function captureLogs(): void {
  for (const level of ["debug", "log", "info", "warn", "error"] as const) {
    console[level] = (...values: unknown[]) => {
      logged.push(values.map(describeValue).join(" "));
    };
  }
}

function describeValue(value: unknown): string {
  if (value instanceof Error) return `${value.stack}\n${describeValue(value.cause)}`;
  return typeof value === "string" ? value : (JSON.stringify(value) ?? String(value));
}

interface World {
  readonly google: Google;
  readonly origin: string;
  readonly tokenKeys: string;
  readonly callTimeoutMs: number;
  clockOffsetMs: number;
  readonly sleeps: number[];
}

async function openStage(options: StageOptions): Promise<Stage> {
  const google = new Google(`https://t${crypto.randomUUID().slice(0, 8)}.${HUB_DOMAIN}`);
  const origin = options.publicUrl ?? "http://mail.test";
  await google.configure(googleFor(origin, options.google));
  const tokenKeys = options.vars?.["TOKEN_KEYS"] ?? makeTokenKeys("first");
  const callTimeoutMs = options.patient === true ? PATIENT_CALL_TIMEOUT_MS : CALL_TIMEOUT_MS;
  const world: World = { google, origin, tokenKeys, callTimeoutMs, clockOffsetMs: 0, sleeps: [] };
  // Empty as in wrangler.toml, whatever a developer's .dev.vars says.
  const defaults = { ALLOWED_ACCOUNTS: "", PUBLIC_URL: options.publicUrl ?? "" };
  return buildStage(world, { ...workerVars(google, tokenKeys), ...defaults, ...options.vars });
}

function buildStage(world: World, vars: Record<string, string>): Stage {
  const now = (): number => Date.now() + world.clockOffsetMs;
  const advance = async (ms: number): Promise<void> => {
    world.clockOffsetMs += ms;
    await world.google.advanceClock(ms);
  };
  const worker = createWorker({
    now,
    // Time passes for everyone, but nobody waits.
    sleep: (ms) => {
      world.sleeps.push(ms);
      return advance(ms);
    },
    fetch: fetchThroughDouble,
    callTimeoutMs: world.callTimeoutMs,
  });
  // One object for its whole life, as in an isolate: the Worker may keep what it derived from it.
  const workerEnv = { ...env, ...vars };
  const send = async (request: Outgoing): Promise<Response> => {
    const ctx = createExecutionContext();
    const incoming = toRequest(request, vars["PUBLIC_URL"] ? "http://behind-the-proxy.test" : world.origin);
    const response = await worker.fetch(incoming, workerEnv, ctx);
    if (request.stream === true) return response;
    const complete = await buffered(response);
    await waitOnExecutionContext(ctx);
    return complete;
  };
  const base = { origin: world.origin, google: world.google, now, send };
  return {
    ...base,
    client: CLIENT,
    tokenKeys: world.tokenKeys,
    browser: () => browserFor(base),
    logs: () => logged.join("\n"),
    stored: dumpStorage,
    inside: {
      advance,
      sleeps: world.sleeps,
      redeploy: (other) => buildStage(world, { ...vars, ...other }),
      kv: env.CREDENTIALS,
      keys: listKeys,
    },
  };
}

function toRequest(request: Outgoing, origin: string): Request {
  const { path, method = "GET", headers = {}, body, signal } = request;
  return new Request(origin + path, {
    method,
    headers,
    redirect: "manual",
    ...(body === undefined ? {} : { body }),
    ...(signal === undefined ? {} : { signal }),
  });
}

async function buffered(response: Response): Promise<Response> {
  if (response.body === null) return response;
  const body = await response.arrayBuffer();
  const { status, headers } = response;
  return new Response(body.byteLength === 0 ? null : body, { status, headers });
}

/** `fetch`, but that a connection which the double wants broken breaks here: no HTTP answer can say that. */
const fetchThroughDouble: typeof fetch = async (input, init) => {
  const response = await fetch(input, init);
  const how = response.headers.get(BREAK_HEADER);
  if (how === null) return response;
  if (how === "disconnect") throw new TypeError("Network connection lost.");
  const whole = new Uint8Array(await response.arrayBuffer());
  const half = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(whole.subarray(0, Math.floor(whole.byteLength / 2)));
    },
    pull(controller) {
      controller.error(new TypeError("Network connection lost."));
    },
  });
  const headers = new Headers(response.headers);
  headers.delete(BREAK_HEADER);
  return new Response(half, { status: response.status, headers });
};

async function dumpStorage(): Promise<string> {
  const lines: string[] = [];
  for (const name of await listKeys()) {
    const { value, metadata } = await env.CREDENTIALS.getWithMetadata(name);
    lines.push(name, JSON.stringify(metadata), value ?? "");
  }
  return lines.join("\n");
}

/** The names of all keys; a list holds a thousand at most. */
async function listKeys(): Promise<string[]> {
  const names: string[] = [];
  let cursor: string | null = null;
  for (;;) {
    const page: KVNamespaceListResult<unknown> = await env.CREDENTIALS.list({ cursor });
    names.push(...page.keys.map(({ name }) => name));
    if (page.list_complete) return names;
    cursor = page.cursor;
  }
}

captureLogs();

export const harness: Harness = { name: "workerd", openStage };
