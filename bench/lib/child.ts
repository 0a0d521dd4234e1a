/** Processes that the benchmark starts: it knows when they are ready, and stops each of them at its end. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

const READY_TIMEOUT_MS = 15_000;
const STOP_TIMEOUT_MS = 3_000;

/** Starts a process, its error output shown. It is stopped when `stack` is disposed of. */
export function startChild(stack: AsyncDisposableStack, command: string, args: readonly string[]) {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe", "pipe"] });
  child.stderr.pipe(process.stderr);
  stack.defer(() => stop(child));
  return child;
}

/** The first line of a stream that `read` finds something in. @throws Error where the process ends first, or in time */
export async function firstLine<T>(
  child: ChildProcessWithoutNullStreams,
  stream: Readable,
  read: (line: string) => T | null,
): Promise<T> {
  const found = Promise.withResolvers<T>();
  const fail = (): void => found.reject(new Error(`${child.spawnfile} did not get ready.`));
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

async function stop(child: ChildProcessWithoutNullStreams): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.stdin.end();
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
  await ended;
  clearTimeout(timer);
}
