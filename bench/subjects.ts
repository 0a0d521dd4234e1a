/** What is compared: how each subject is built and started. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { findPort } from "../scripts/lib/ports.ts";
import { firstLine, loopback, startChild, startServer } from "./lib/child.ts";
import { WORKERS_CAP } from "./lib/google.ts";
import type { SubjectInfo, SubjectKey } from "./lib/results.ts";
import { bundleWorker, defaultVars, startWorkerd, type WorkerSpec, workerdVersion } from "./lib/workerd.ts";
import { bundleNode, bundleRival } from "./rivals/bundle.ts";

const CLIENT_ID = "bench.apps.googleusercontent.com";
const SECRET = "made-for-the-benchmark-and-good-for-nothing-else";
/** As whom all subjects sign people in. */
export const OAUTH_CLIENT = { id: CLIENT_ID, secret: SECRET };
const TOKEN_KEYS = JSON.stringify({
  keys: [{ kty: "oct", kid: "bench", k: "YmVuY2gtb25seS1rZXktYmVuY2gtb25seS1rZXktMTI" }],
});
/** More than any job needs: budgets are not what is measured. */
const UNBOUNDED = { SUBREQUEST_BUDGET: "10000", QUOTA_BUDGET: "1000000", USER_QUOTA_PER_MINUTE: "100000000" };

/** A subject that serves. */
export interface Running {
  readonly key: SubjectKey;
  readonly pid: number;
  readonly origin: string;
  /** Connections of one request that may wait for headers; null for no limit. */
  readonly cap: number | null;
}

/** What a start has otherwise than usual. A subject on Node has nothing of it. */
export interface StartOptions {
  readonly vars?: Readonly<Record<string, string>>;
  /** Origin of its KV. */
  readonly kv?: string;
  /** For its files: a start in the folder of an earlier one finds the objects that it left. */
  readonly folder?: string;
  readonly port?: number;
  readonly isolates?: number;
}

export interface Subject {
  readonly info: SubjectInfo;
  /** All of its code as one minified module, whether or not it is started from that. */
  readonly bundle: string;
  /** Starts it in a process of its own. */
  readonly start: (stack: AsyncDisposableStack, options?: StartOptions) => Promise<Running>;
}

/** What subjects are started with. */
export interface Surroundings {
  /** Where they find Google. */
  readonly googleOrigin: string;
  /** For files that are written on the way. */
  readonly folder: string;
  /** CPU of the subjects; null where there is none to spare. */
  readonly cpu: number | null;
}

/** Builds the subjects. @param stack ends what they need beside them */
export async function createSubjects(stack: AsyncDisposableStack, surroundings: Surroundings): Promise<Subject[]> {
  const rivalVars = {
    GOOGLE_URL: surroundings.googleOrigin,
    GOOGLE_CLIENT_ID: CLIENT_ID,
    GOOGLE_CLIENT_SECRET: SECRET,
    SESSION_SECRET: SECRET,
  };
  const rival = async (key: SubjectKey, name: string, description: string, nodejsCompat = false) => {
    const code = await bundleRival(path.join(import.meta.dirname, "rivals", name, "worker.ts"), { nodejsCompat });
    // Node's modules are there by default from a compatibility date on; our own configuration opts out.
    const flags = nodejsCompat ? { compatibilityFlags: [] } : {};
    const info = { key, name, description, runtime: runtime() };
    return workerSubject(stack, info, { code, vars: rivalVars, ...flags, binding: "TOKENS", surroundings });
  };
  return [
    await nodeSubject(
      {
        key: "A",
        name: "node-googleapis",
        description: "Hono on Node with `@googleapis/gmail` and `google-auth-library`",
        runtime: `Node ${process.versions.node}`,
      },
      { surroundings, vars: rivalVars },
    ),
    await nodeSubject(
      {
        key: "B",
        name: "node-better-auth",
        description: "`better-auth` on Node, Gmail by `fetch`",
        runtime: `Node ${process.versions.node}`,
      },
      { surroundings, vars: rivalVars },
    ),
    await rival("C", "worker-googleapis", "a Worker with `googleapis` under `nodejs_compat`", true),
    await rival("D", "worker-one-by-one", "a Worker with plain `fetch`, one `messages.get` after another"),
    await rival("E", "worker-batches", "a Worker with plain `fetch`, batches of 25 in sequence"),
    await createGmailEdge(stack, surroundings),
  ];
}

/** Builds this Worker, as it is deployed. */
export async function createGmailEdge(stack: AsyncDisposableStack, surroundings: Surroundings): Promise<Subject> {
  return workerSubject(
    stack,
    { key: "F", name: "gmail-edge", description: "this Worker, its deployed bundle", runtime: runtime() },
    {
      code: bundleWorker(surroundings.folder),
      vars: {
        ...defaultVars(),
        ...UNBOUNDED,
        ...googleEndpoints(surroundings.googleOrigin),
        GOOGLE_CLIENT_ID: CLIENT_ID,
        GOOGLE_CLIENT_SECRET: SECRET,
        TOKEN_KEYS,
      },
      binding: "CREDENTIALS",
      objects: { binding: "MAILBOXES", className: "Mailbox" },
      surroundings,
    },
  );
}

function runtime(): string {
  return `workerd ${workerdVersion()}`;
}

function googleEndpoints(origin: string): Record<string, string> {
  return {
    GOOGLE_AUTHORIZATION_ENDPOINT: `${origin}/o/oauth2/v2/auth`,
    GOOGLE_TOKEN_ENDPOINT: `${origin}/token`,
    GOOGLE_USERINFO_ENDPOINT: `${origin}/v1/userinfo`,
    GOOGLE_REVOCATION_ENDPOINT: `${origin}/revoke`,
    GOOGLE_JWKS_URI: `${origin}/oauth2/v3/certs`,
    GMAIL_API_URL: origin,
  };
}

let workers = 0;

/** A Worker with a KV of its own. @param from.binding the name under which it has that */
async function workerSubject(
  stack: AsyncDisposableStack,
  info: SubjectInfo,
  from: Omit<WorkerSpec, "name" | "kv"> & { readonly binding: string; readonly surroundings: Surroundings },
): Promise<Subject> {
  const { binding, surroundings, ...spec } = from;
  const { folder, cpu } = surroundings;
  const usualKv = await startServer(stack, "fake-kv/server.ts");
  return {
    info,
    bundle: spec.code,
    start: async (processes, options = {}) => {
      workers += 1;
      const { vars, kv = usualKv, folder: place = path.join(folder, `${info.name}-${workers}`), ...others } = options;
      const worker = {
        ...spec,
        ...others,
        name: info.name,
        vars: { ...spec.vars, ...vars },
        kv: { binding, origin: kv },
      };
      const started = await startWorkerd(processes, place, worker, cpu);
      return { key: info.key, ...started, cap: WORKERS_CAP };
    },
  };
}

async function nodeSubject(
  info: SubjectInfo,
  { surroundings, vars }: { surroundings: Surroundings; vars: Readonly<Record<string, string>> },
): Promise<Subject> {
  const server = path.join(import.meta.dirname, "rivals", info.name, "server.ts");
  return {
    info,
    bundle: await bundleNode(server),
    start: async (stack) => {
      const port = await findPort();
      const origin = loopback(port);
      const env = { ...vars, PORT: String(port), PUBLIC_URL: origin, NODE_ENV: "production" };
      const child = startChild(stack, { file: process.execPath, args: [server], env, cpu: surroundings.cpu });
      await firstLine(child, child.stdout, (line) => (line === "ready" ? true : null));
      return { key: info.key, pid: child.pid ?? 0, origin, cap: null };
    },
  };
}

/** Versions of what the subjects are made of, from their manifests. */
export function versions(): Record<string, string> {
  const names = [
    "@googleapis/gmail",
    "google-auth-library",
    "googleapis",
    "better-auth",
    "hono",
    "@hono/node-server",
    "jose",
  ];
  const found = names.map((name) => {
    const file = path.join(import.meta.dirname, "node_modules", name, "package.json");
    return [name, (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version];
  });
  return Object.fromEntries([...found, ["node", process.versions.node], ["workerd", workerdVersion()]]);
}
