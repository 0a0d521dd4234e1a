/**
 * `wrangler dev` as a child that we can wait for and be sure to be rid of: in a process group of its
 * own, because wrangler starts workerd, which a signal to wrangler alone may leave behind.
 */

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Readable } from "node:stream";
import { parseEnv } from "node:util";
import * as z from "zod/mini";
import { parseJsonOrNull } from "./json.ts";
import { localConfig } from "./local-config.ts";
import { stopGroup } from "./process-group.ts";
import { QUIET_WRANGLER } from "./quiet-wrangler.ts";
import { ScriptError } from "./script-error.ts";

/** The project's folder, where wrangler.toml is. */
export const PROJECT_ROOT = fileURLToPath(new URL("../..", import.meta.url).href);
/** What to run with Node. */
export const WRANGLER = join(
  dirname(createRequire(import.meta.url).resolve("wrangler/package.json")),
  "bin",
  "wrangler.js",
);

const READY_TIMEOUT_MS = 60_000;
const POLL_MS = 150;
/** How long a line of the log may come after the answer. */
const LOG_DELAY_MS = 2_000;

/** How to start the Worker. */
export interface WorkerOptions {
  readonly port: number;
  /** Its variables; read before `.dev.vars` and `.env`, which then count for nothing. */
  readonly envFile: string;
  /** Where KV lives; `.wrangler/state` when left out. */
  readonly persistTo?: string;
  /** Gets wrangler's output as it comes. */
  readonly onOutput: (text: string) => void;
}

/** A running `wrangler dev`. */
export interface Worker {
  readonly url: string;
  /** Resolves when it has ended, in words; never rejects. */
  readonly ended: Promise<string>;
}

/**
 * Starts the Worker and resolves when it answers. It stops when `stack` is disposed of, also when that
 * happens before it answers.
 */
export async function startWorker(stack: AsyncDisposableStack, options: WorkerOptions): Promise<Worker> {
  const { port, envFile, persistTo } = options;
  const names = Object.keys(parseEnv(await readFile(envFile, "utf8")));
  if (stack.disposed) throw new ScriptError("Too late to start the Worker.");
  const child = spawnWrangler(names, [
    "dev",
    "--config",
    localConfig(),
    "--port",
    String(port),
    // Any that is free: of two that start at once, wrangler may find the same one.
    "--inspector-port=0",
    "--env-file",
    envFile,
    ...(persistTo === undefined ? [] : ["--persist-to", persistTo]),
    "--show-interactive-dev-session=false",
  ]);
  const ended = endOf(child);
  stack.defer(() => stopGroup(child.pid, ended));
  let log = "";
  const onOutput = (text: string): void => {
    log += text;
    options.onOutput(text);
  };
  for (const stream of [child.stdout, child.stderr]) pipeText(stream, onOutput);
  const url = `http://localhost:${port}`;
  await Promise.race([untilAnswering(`${url}/healthz`, () => log), ended.then(failedToStart)]);
  return { url, ended };
}

const ProblemsSchema = z.object({ problems: z.array(z.string()) });

type Child = ChildProcess & { readonly stdout: Readable; readonly stderr: Readable };

/** Wrangler would let a secret of our own environment win over the file's: those are left out. */
function spawnWrangler(namesInFile: readonly string[], args: readonly string[]): Child {
  const env = { ...process.env, ...QUIET_WRANGLER };
  for (const name of namesInFile) Reflect.deleteProperty(env, name);
  return spawn(process.execPath, [WRANGLER, ...args], {
    cwd: PROJECT_ROOT,
    env,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
}

function pipeText(stream: Readable, onOutput: (text: string) => void): void {
  stream.setEncoding("utf8");
  stream.on("data", (text: string) => onOutput(text));
}

async function endOf(child: Child): Promise<string> {
  try {
    const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
    return signal === null ? `exit code ${code}` : `signal ${signal}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function failedToStart(how: string): never {
  throw new ScriptError(`wrangler dev ended before the Worker answered (${how}).`);
}

/**
 * Resolves at the first answer that is not a server error. Rejects when the Worker says that it is not set up, and after
 * a minute.
 */
async function untilAnswering(url: string, readLog: () => string): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  let last = "no answer";
  while (Date.now() < deadline) {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(5_000) });
      const body = await response.text();
      if (response.status < 500) return;
      // The Worker's own error: settings do not get better by waiting. Wrangler's may.
      if (response.status === 500 && body.includes('"gmail-edge"')) throw await describeSettings(readLog);
      last = `HTTP ${response.status}`;
    } catch (error) {
      if (error instanceof ScriptError) throw error;
      last = "no answer";
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new ScriptError(`The Worker is not ready after ${READY_TIMEOUT_MS / 1000} s: ${last}.`);
}

/** The Worker has refused its settings: what wrangler has printed says nothing more. */
export class SettingsError extends ScriptError {}

/** What the Worker logs of its settings: the answer has none of it. */
async function describeSettings(readLog: () => string): Promise<SettingsError> {
  const deadline = Date.now() + LOG_DELAY_MS;
  let line: string | undefined;
  do {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    // Wrangler puts colours around it.
    [line] = /\{"level":"error","reason":"CONFIGURATION".*\}/.exec(readLog()) ?? [];
  } while (line === undefined && Date.now() < deadline);
  const problems = ProblemsSchema.safeParse(parseJsonOrNull(line ?? ""));
  const causes = problems.success ? problems.data.problems : ["Its log says what is wrong."];
  return new SettingsError(`The Worker is not set up:\n\n${causes.map((cause) => `  ${cause}`).join("\n")}`);
}
