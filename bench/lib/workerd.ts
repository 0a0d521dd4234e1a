/**
 * workerd, run directly with a configuration of its own: no proxy and no simulator stands between the benchmark, the
 * Worker and the fake, as there would be with `wrangler dev` (ten times slower) and Miniflare.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import type { Readable } from "node:stream";
import { findPort } from "../../scripts/lib/ports.ts";
import { firstLine, loopback, startChild } from "./child.ts";

const ROOT = path.join(import.meta.dirname, "../..");
const WRANGLER_TOML = readFileSync(path.join(ROOT, "wrangler.toml"), "utf8");
/** Descriptor on which workerd tells that it listens. */
const CONTROL_FD = 3;
/** The programs are the project's own, of the versions that it is tested with. */
const requireFromRoot = createRequire(path.join(ROOT, "package.json"));

/** Stands before several isolates, as what chooses among them does: they have one address. */
const TURNS = `let turn = 0;
export default {
  fetch(request, isolates) {
    turn += 1;
    return isolates[turn % Object.keys(isolates).length].fetch(request);
  },
};`;

/** A Worker to serve. */
export interface WorkerSpec {
  readonly name: string;
  /** Its one module. */
  readonly code: string;
  /** Text bindings. */
  readonly vars: Readonly<Record<string, string>>;
  /** A KV namespace: the binding's name, and the origin of what keeps it. */
  readonly kv: { readonly binding: string; readonly origin: string } | null;
  /** Class of its Durable Objects, and the binding's name; null for none. Their storage is on this machine's disk. */
  readonly objects?: { readonly binding: string; readonly className: string };
  /** How many isolates serve it by turns, with one KV and the same objects; 1 unless said. */
  readonly isolates?: number;
  /** A free one unless said. */
  readonly port?: number;
  /** Flags instead of those of wrangler.toml. */
  readonly compatibilityFlags?: readonly string[];
}

/** Bundles the Worker as a deployment does. @param folder where the bundle may be written */
export function bundleWorker(folder: string): string {
  const wrangler = path.join(path.dirname(requireFromRoot.resolve("wrangler/package.json")), "bin", "wrangler.js");
  const outdir = path.join(folder, "bundle");
  const args = [wrangler, "deploy", "--dry-run", "--outdir", outdir];
  const env = { ...process.env, WRANGLER_SEND_METRICS: "false", WRANGLER_HIDE_BANNER: "true" };
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, env, encoding: "utf8" });
  if (status !== 0) throw new Error(`wrangler failed:\n${stdout}${stderr}`);
  return readFileSync(path.join(outdir, "index.js"), "utf8");
}

/** `[vars]` of wrangler.toml: text, one to a line. */
export function defaultVars(): Record<string, string> {
  const section = WRANGLER_TOML.split(/^\[vars\]$/m)[1]?.split(/^\[/m)[0] ?? "";
  return Object.fromEntries(Array.from(section.matchAll(/^(\w+) = "(.*)"$/gm), ([, name, value]) => [name, value]));
}

/** The runtime's version: its date. */
export function workerdVersion(): string {
  const miniflare = createRequire(requireFromRoot.resolve("miniflare"));
  return (miniflare("workerd/package.json") as { version: string }).version;
}

/**
 * Serves one Worker on a port of its own.
 *
 * @param folder for its files, with the objects that an earlier start left there
 * @param cpu that it may use
 */
export async function startWorkerd(
  stack: AsyncDisposableStack,
  folder: string,
  worker: WorkerSpec,
  cpu: number | null,
): Promise<{ readonly pid: number; readonly origin: string }> {
  mkdirSync(path.join(folder, "objects"), { recursive: true });
  writeFileSync(path.join(folder, "worker.js"), worker.code);
  const configFile = path.join(folder, "config.capnp");
  const port = worker.port ?? (await findPort());
  writeFileSync(configFile, configOf(worker, port));
  const file = await binary();
  const args = [
    "serve",
    `--control-fd=${CONTROL_FD}`,
    "--directory-path",
    `disk=${path.join(folder, "objects")}`,
    configFile,
  ];
  const child = startChild(stack, { file, args: worker.objects === undefined ? args.toSpliced(2, 2) : args, cpu });
  child.stdout?.resume();
  await firstLine(child, child.stdio[CONTROL_FD] as unknown as Readable, (line) => {
    const { event } = JSON.parse(line) as { event: string };
    return event === "listen" ? true : null;
  });
  return { pid: child.pid ?? 0, origin: loopback(port) };
}

async function binary(): Promise<string> {
  const workerd = createRequire(requireFromRoot.resolve("miniflare")).resolve("workerd");
  const { default: found } = (await import(workerd)) as { default: { default?: string } | string };
  return typeof found === "string" ? found : (found.default ?? "workerd");
}

function configOf(worker: WorkerSpec, port: number): string {
  const { name, vars, kv, objects, compatibilityFlags, isolates = 1 } = worker;
  const [date = ""] = /(?<=^compatibility_date = ")[\d-]+/m.exec(WRANGLER_TOML) ?? [];
  const [defaultFlags = ""] = /(?<=^compatibility_flags = \[).*(?=\]$)/m.exec(WRANGLER_TOML) ?? [];
  const flags = compatibilityFlags === undefined ? defaultFlags : compatibilityFlags.map((flag) => `"${flag}"`).join();
  const bindings = Object.entries(vars).map(([key, value]) => `(name = "${key}", text = ${JSON.stringify(value)})`);
  const services = ['(name = "network", network = (allow = ["private"]))'];
  if (kv !== null) {
    bindings.push(`(name = "${kv.binding}", kvNamespace = "kv")`);
    services.push(`(name = "kv", external = (address = "${new URL(kv.origin).host}", http = ()))`);
  }
  const classes: string[] = [];
  if (objects !== undefined) {
    const { binding, className } = objects;
    bindings.push(
      `(name = "${binding}", durableObjectNamespace = (className = "${className}", serviceName = "${name}"))`,
    );
    services.push('(name = "disk", disk = (path = "objects", writable = true))');
    classes.push(
      `durableObjectNamespaces = [(className = "${className}", uniqueKey = "${className}", enableSql = true)]`,
      'durableObjectStorage = (localDisk = "disk")',
    );
  }
  const names = Array.from({ length: isolates }, (_, n) => (n === 0 ? name : `${name}-${n}`));
  for (const [n, isolate] of names.entries()) {
    // The objects live in the first.
    const own = [...(n === 0 ? classes : []), 'globalOutbound = "network"'].join(",\n      ");
    services.push(`(name = "${isolate}", worker = (
      modules = [(name = "worker", esModule = embed "worker.js")],
      bindings = [${bindings.join(", ")}],
      compatibilityDate = "${date}", compatibilityFlags = [${flags}],
      ${own}))`);
  }
  if (isolates > 1) {
    services.push(`(name = "turns", worker = (
      modules = [(name = "turns", esModule = ${JSON.stringify(TURNS)})],
      bindings = [${names.map((isolate, n) => `(name = "${n}", service = "${isolate}")`).join(", ")}],
      compatibilityDate = "${date}"))`);
  }
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    ${services.join(",\n    ")}
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "${isolates > 1 ? "turns" : name}")]
);
`;
}
