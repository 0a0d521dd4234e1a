/** Processes that the benchmark starts: it knows when they are ready, and stops each of them at its end. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

const READY_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 3_000;

/** How to start a process. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** CPU that it may use; null for whichever the benchmark itself uses. */
  readonly cpu: number | null;
}

/** Starts a process, its error output shown. It is stopped when `stack` is disposed of. */
export function startChild(stack: AsyncDisposableStack, { file, args, env, cpu }: Command): ChildProcess {
  const command = cpu === null ? [file, ...args] : ["taskset", "--cpu-list", String(cpu), file, ...args];
  const child = spawn(command[0] ?? file, command.slice(1), {
    stdio: ["pipe", "pipe", "inherit", "pipe"],
    env: { ...process.env, ...env },
  });
  stack.defer(() => stopChild(child));
  return child;
}

/** The first line of a stream that `read` finds something in. @throws Error where the process ends first, or in time */
export async function firstLine<T>(
  child: ChildProcess,
  stream: Readable | null,
  read: (line: string) => T | null,
): Promise<T> {
  if (stream === null) throw new TypeError("Nothing of the process can be read.");
  const found = Promise.withResolvers<T>();
  const fail = (): void => found.reject(new Error(`${child.spawnargs.join(" ")} did not get ready.`));
  const timer = setTimeout(fail, READY_TIMEOUT_MS);
  child.once("exit", fail);
  child.once("error", found.reject);
  // It is read to its end, or the pipe would fill up.
  createInterface({ input: stream }).on("line", (line) => {
    const result = read(line);
    if (result !== null) found.resolve(result);
  });
  try {
    return await found.promise;
  } finally {
    clearTimeout(timer);
    child.off("exit", fail);
  }
}

/** Starts a server of the benchmark's own, which prints its port. @param file relative to bench/ @returns its origin */
export async function startServer(
  stack: AsyncDisposableStack,
  file: string,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const server = path.join(import.meta.dirname, "..", file);
  const child = startChild(stack, { file: process.execPath, args: [server], env, cpu: null });
  const port = await firstLine(child, child.stdout, (line) => (/^\d+$/.test(line) ? line : null));
  return loopback(port);
}

/** The origin of a port of this machine. */
export function loopback(port: number | string): string {
  return `http://127.0.0.1:${port}`;
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.stdin?.end();
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
  await ended;
  clearTimeout(timer);
}
