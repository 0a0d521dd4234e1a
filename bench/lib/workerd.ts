/**
 * workerd, run directly with a configuration of its own: no proxy and no simulator stands between the benchmark, the
 * Worker and the fake, as there would be with `wrangler dev` (ten times slower) and Miniflare (an entry Worker in
 * front, and KV behind it in a Durable Object).
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import * as nodeModule from "node:module";
import path from "node:path";
import type { Readable } from "node:stream";
import { firstLine, startChild } from "./child.ts";

const ROOT = path.join(import.meta.dirname, "../..");
const BENCH = path.join(ROOT, "bench");
const WRANGLER_TOML = readFileSync(path.join(ROOT, "wrangler.toml"), "utf8");
/** Descriptor on which workerd tells its ports. */
const CONTROL_FD = 3;

/** A Worker to serve: modules (the first is the entry), and what it finds in `env`. */
export interface WorkerSpec {
  readonly name: string;
  readonly modules: readonly { readonly name: string; readonly code: string }[];
  readonly vars: Readonly<Record<string, string>>;
  /** Name of the binding of an empty KV namespace. */
  readonly kv?: string;
}

/** Bundles the Worker as a deployment does. @param folder where the bundle may be written */
export function bundleWorker(folder: string): string {
  const wrangler = path.join(path.dirname(createRequire(import.meta.url).resolve("wrangler/package.json")), "bin");
  const outdir = path.join(folder, "bundle");
  const args = [path.join(wrangler, "wrangler.js"), "deploy", "--dry-run", "--outdir", outdir];
  const env = { ...process.env, WRANGLER_SEND_METRICS: "false", WRANGLER_HIDE_BANNER: "true" };
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, env, encoding: "utf8" });
  if (status !== 0) throw new Error(`wrangler failed:\n${stdout}${stderr}`);
  return readFileSync(path.join(outdir, "index.js"), "utf8");
}

/** A TypeScript module of the benchmark as JavaScript. @param file relative to bench/ */
export function loadModule(file: string): { name: string; code: string } {
  const source = readFileSync(path.join(BENCH, file), "utf8");
  return { name: path.basename(file), code: nodeModule.stripTypeScriptTypes(source) };
}

/** `[vars]` of wrangler.toml: text, one to a line. */
export function defaultVars(): Record<string, string> {
  const section = WRANGLER_TOML.split(/^\[vars\]$/m)[1]?.split(/^\[/m)[0] ?? "";
  return Object.fromEntries(Array.from(section.matchAll(/^(\w+) = "(.*)"$/gm), ([, name, value]) => [name, value]));
}

export interface Workerd {
  readonly pid: number;
  /** Origin by Worker name. */
  readonly origins: ReadonlyMap<string, string>;
}

/** Serves Workers from one process, each on a port of its own. */
export async function startWorkerd(
  stack: AsyncDisposableStack,
  folder: string,
  workers: readonly WorkerSpec[],
): Promise<Workerd> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "config.capnp"), configOf(folder, workers));
  const workerd = createRequire(createRequire(import.meta.url).resolve("miniflare")).resolve("workerd");
  const { default: binary } = (await import(workerd)) as { default: { default?: string } | string };
  const command = typeof binary === "string" ? binary : (binary.default ?? "workerd");
  const child = startChild(stack, command, ["serve", `--control-fd=${CONTROL_FD}`, path.join(folder, "config.capnp")]);
  child.stdout.resume();
  const origins = new Map<string, string>();
  await firstLine(child, child.stdio[CONTROL_FD] as unknown as Readable, (line) => {
    const { event, socket, port } = JSON.parse(line) as { event: string; socket?: string; port?: number };
    if (event === "listen" && socket !== undefined) origins.set(socket, `http://127.0.0.1:${port}`);
    return origins.size === workers.length ? origins : null;
  });
  return { pid: child.pid ?? 0, origins };
}

function configOf(folder: string, workers: readonly WorkerSpec[]): string {
  const [date = ""] = /(?<=^compatibility_date = ")[\d-]+/m.exec(WRANGLER_TOML) ?? [];
  const [flags = ""] = /(?<=^compatibility_flags = \[).*(?=\]$)/m.exec(WRANGLER_TOML) ?? [];
  const emptyKv: WorkerSpec = { name: "empty-kv", modules: [loadModule("lib/empty-kv.ts")], vars: {} };
  const definitions = [...workers, emptyKv].map(({ name, modules, vars, kv }, index) => {
    const modulesText = modules.map((module) => {
      const file = `${index}-${module.name}`;
      writeFileSync(path.join(folder, file), module.code);
      return `(name = "${module.name}", esModule = embed "${file}")`;
    });
    const bindings = Object.entries(vars).map(([key, value]) => `(name = "${key}", text = ${JSON.stringify(value)})`);
    if (kv !== undefined) bindings.push(`(name = "${kv}", kvNamespace = "empty-kv")`);
    return `(name = "${name}", worker = (
      modules = [${modulesText.join(", ")}],
      bindings = [${bindings.join(", ")}],
      compatibilityDate = "${date}", compatibilityFlags = [${flags}],
      globalOutbound = "network"))`;
  });
  const sockets = workers.map(
    ({ name }) => `(name = "${name}", address = "127.0.0.1:0", http = (), service = "${name}")`,
  );
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [${definitions.join(",\n")}, (name = "network", network = (allow = ["private"]))],
  sockets = [${sockets.join(", ")}]
);
`;
}
