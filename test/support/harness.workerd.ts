/**
 * Stages inside of the test's own workerd: each has its own Worker, clock and Google; storage is that of the test file.
 */
import { createExecutionContext, runInDurableObject, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { createWorker } from "../../src/index.ts";
import type { MailboxCore } from "../../src/object/core.ts";
import { objectsOf, objectStages, type OpenCore } from "./object-stages.ts";
import { type InFront, reachedThrough } from "./object-views.ts";
import type { Outgoing, Send } from "./browser.ts";
import { described } from "./described.ts";
import { HUB_DOMAIN } from "../google/google.ts";
import { BREAK_HEADER } from "../google/protocol.ts";
import { Google } from "./google.ts";
import { Timers } from "./timers.ts";
import { nearFetch } from "./near-google.ts";
import {
  browserFor,
  CLIENT,
  googleFor,
  type Harness,
  makeTokenKeys,
  type Stage,
  type StageOptions,
  type Storage,
  workerVars,
} from "./stage.ts";

const logged: string[] = [];

/** Prints a line for whoever runs the tests, past what is captured below. */
export const print: (line: string) => void = console.log.bind(console);

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
  /** Of its objects. */
  readonly name: string;
  /** Who makes its objects, by deployment. */
  readonly opens: Map<string, OpenCore>;
  readonly google: Google;
  readonly transport: typeof fetch;
  readonly origin: string;
  readonly tokenKeys: string;
  readonly storage: Storage;
  readonly before: StageOptions["before"] | null;
  clockOffsetMs: number;
  readonly sleeps: number[];
}

async function openStage(options: StageOptions): Promise<Stage> {
  const transport: typeof fetch = options.near === true ? nearFetch : (input, init) => fetch(input, init);
  const google = new Google(`https://t${crypto.randomUUID().slice(0, 8)}.${HUB_DOMAIN}`, transport);
  const origin = options.publicUrl ?? "http://mail.localhost";
  await google.configure(googleFor(origin, options.google));
  const tokenKeys = options.vars?.["TOKEN_KEYS"] ?? makeTokenKeys("first");
  const clock = { clockOffsetMs: 0 };
  const storage = options.storage?.(() => Date.now() + clock.clockOffsetMs) ?? { at: () => env.CREDENTIALS };
  const world: World = Object.assign(clock, {
    name: crypto.randomUUID(),
    opens: new Map(),
    google,
    transport,
    origin,
    tokenKeys,
    storage,
    before: options.before ?? null,
    sleeps: [],
  });
  // Empty as in wrangler.toml, whatever a developer's .dev.vars says.
  const defaults = { ALLOWED_ACCOUNTS: "", PUBLIC_URL: options.publicUrl ?? "" };
  return buildStage(world, {
    vars: { ...workerVars(google, tokenKeys), ...defaults, ...options.vars },
    bindings: {},
    place: "here",
  });
}

interface Deployment {
  readonly vars: Record<string, string>;
  readonly bindings: Readonly<Record<string, unknown>>;
  readonly place: string;
}

function buildStage(world: World, deployment: Deployment): Stage {
  const { vars, bindings, place } = deployment;
  const now = (): number => Date.now() + world.clockOffsetMs;
  const advance = async (ms: number): Promise<void> => {
    // Whole milliseconds, as clocks have them: a backoff has fractions.
    world.clockOffsetMs += Math.ceil(ms);
    await world.google.advanceClock(Math.ceil(ms));
  };
  const timers = new Timers(now, advance);
  const worker = createWorker({
    now,
    // Time passes for everyone, but nobody waits.
    sleep: (ms) => {
      world.sleeps.push(ms);
      return advance(ms);
    },
    startTimer: timers.start,
    fetch: fetchThroughDouble(world, timers),
  });
  // One object for its whole life, as in an isolate: the Worker may keep what it derived from it.
  const kv = world.storage.at(place);
  const openCore = (state: DurableObjectState): MailboxCore => {
    const core = worker.openMailbox(workerEnv, state);
    if (core === null) throw new Error("the configuration is wrong");
    return core;
  };
  // An object lives through requests from everywhere, and begins anew with another deployment.
  const deployed = JSON.stringify([vars, Object.keys(bindings)]);
  if (!world.opens.has(deployed)) world.opens.set(deployed, openCore);
  const plainObjects = objectsOf(env.MAILBOXES, world.name, world.opens.get(deployed) ?? openCore);
  const { before } = world;
  const objects = before ? reachedThrough(plainObjects, inFront(before)) : plainObjects;
  // Tests reach no more of a namespace.
  const workerEnv = { ...env, ...vars, CREDENTIALS: kv, MAILBOXES: objects as typeof env.MAILBOXES, ...bindings };
  const plainSend: Send = async (request) => {
    const ctx = createExecutionContext();
    const incoming = toRequest(request, vars["PUBLIC_URL"] ? "http://behind-the-proxy.localhost" : world.origin);
    const response = await worker.fetch(incoming, workerEnv, ctx);
    if (request.stream === true) return response;
    const complete = await buffered(response);
    await waitOnExecutionContext(ctx);
    return complete;
  };
  const describedSend = described(plainSend);
  const send: Send = async (request) => (isDescribed(request, world) ? describedSend : plainSend)(request);
  const base = { origin: world.origin, google: world.google, now, send };
  return {
    ...base,
    client: CLIENT,
    tokenKeys: world.tokenKeys,
    browser: () => browserFor(base),
    logs: () => logged.join("\n"),
    stored: async () => `${await dumpStorage(kv)}\n${await dumpObjects(world)}`,
    inside: {
      advance,
      sleeps: world.sleeps,
      redeploy: (otherVars, otherBindings) =>
        buildStage(world, {
          ...deployment,
          vars: { ...vars, ...otherVars },
          bindings: { ...bindings, ...otherBindings },
        }),
      at: (other) => buildStage(world, { ...deployment, place: other }),
      serve: async (work) => {
        const ctx = createExecutionContext();
        const scope = worker.openScope(workerEnv, ctx);
        if (scope === null) throw new Error("the configuration is wrong");
        try {
          return await work(scope);
        } finally {
          await waitOnExecutionContext(ctx);
        }
      },
      openScope: () => {
        const scope = worker.openScope(workerEnv, createExecutionContext());
        if (scope === null) throw new Error("the configuration is wrong");
        return scope;
      },
      logged,
      kv,
      mailboxes: objects,
      keys: () => listKeys(kv),
    },
  };
}

/** What runs of thousands of cases ask of the API itself; what else they ask, and let Gmail say, is in no description. */
const DESCRIBED_WHEN_NEAR = /^\/(?:api|auth)\/[\w-]+(?:\?|$)/;

function isDescribed({ path }: Outgoing, { transport }: World): boolean {
  return transport !== nearFetch || DESCRIBED_WHEN_NEAR.test(path);
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

/** `fetch`, but that a connection which Google wants broken breaks here: no HTTP answer can say that. */
const fetchThroughDouble =
  ({ before, transport }: World, timers: Timers): typeof fetch =>
  (input, init) =>
    timers.during(async () => {
      await before?.(`call ${new URL(new Request(input).url).pathname}`);
      const response = await transport(input, init);
      const how = response.headers.get(BREAK_HEADER);
      if (how === null) return response;
      if (how === "disconnect") throw new TypeError("Network connection lost.");
      if (how === "hang") return timers.hang(init?.signal ?? new AbortController().signal);
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
    });

const inFront =
  (before: NonNullable<StageOptions["before"]>): InFront =>
  async (question, ask) => {
    await before(`ask ${question}`);
    const outcome = await ask();
    await before(`answer ${question}`);
    return outcome;
  };

async function dumpStorage(kv: KVNamespace): Promise<string> {
  const lines: string[] = [];
  for (const name of await listKeys(kv)) {
    const { value, metadata } = await kv.getWithMetadata(name);
    lines.push(name, JSON.stringify(metadata), value ?? "");
  }
  return lines.join("\n");
}

/** Every row of every object that was reached. */
async function dumpObjects({ opens }: World): Promise<string> {
  const lines: string[] = [];
  const deployments = new Set(opens.values());
  for (const [id, open] of objectStages()) {
    if (!deployments.has(open)) continue;
    const stub = env.MAILBOXES.get(env.MAILBOXES.idFromString(id));
    await runInDurableObject(stub, (_, { storage: { sql } }) => {
      for (const { name } of sql.exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'")) {
        if (!name.startsWith("_cf_")) lines.push(name, JSON.stringify(sql.exec(`SELECT * FROM "${name}"`).toArray()));
      }
    });
  }
  return lines.join("\n");
}

/** The names of all keys; a list holds a thousand at most. */
async function listKeys(kv: KVNamespace): Promise<string[]> {
  const names: string[] = [];
  let cursor: string | null = null;
  for (;;) {
    const page: KVNamespaceListResult<unknown> = await kv.list({ cursor });
    names.push(...page.keys.map(({ name }) => name));
    if (page.list_complete) return names;
    cursor = page.cursor;
  }
}

captureLogs();

export const harness: Harness = { name: "workerd", openStage };
