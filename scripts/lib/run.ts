/**
 * The life of a script that starts servers: whatever ends it (its work, a failure, Ctrl-C, a timeout,
 * npm going away), everything it opened is closed first, in reverse order, and the exit code tells.
 */

import { inspect } from "node:util";
import { ScriptError } from "./script-error.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** How often to look whether npm is still there. */
const PARENT_CHECK_MS = 500;

/** What a script's main function gets. */
export interface Run {
  /** What must be closed at the end, in reverse order. */
  readonly stack: AsyncDisposableStack;
}

/** How a script may end. */
export interface RunOptions {
  /** Ends the script with a failure when it is not done by then. */
  readonly timeoutMs?: number;
  /** The exit code after Ctrl-C or a signal: 0 for what is meant to be ended so. */
  readonly interruptedExitCode: number;
  /** Prints a failure; `console.error` when left out. */
  readonly onFailure?: (message: string) => void;
}

/** Runs `main` and ends the process: with its exit code, or 1 after a failure. */
export async function runScript(main: (run: Run) => Promise<number>, options: RunOptions): Promise<never> {
  const controller = new AbortController();
  const stop = (reason: unknown): void => {
    controller.abort(reason);
  };
  for (const name of SIGNALS) process.on(name, () => stop(new Interrupted(name)));
  process.on("uncaughtException", stop);
  process.on("unhandledRejection", stop);
  if (options.timeoutMs !== undefined) {
    const seconds = options.timeoutMs / 1000;
    setTimeout(() => stop(new ScriptError(`Not done after ${seconds} s.`)), options.timeoutMs).unref();
  }
  watchParent(stop);

  const stack = new AsyncDisposableStack();
  let exitCode = 1;
  try {
    exitCode = await Promise.race([main({ stack }), aborted(controller.signal)]);
  } catch (error) {
    exitCode = report(error, options);
  }
  try {
    await stack.disposeAsync();
  } catch (error) {
    exitCode = report(error, options);
  }
  process.exit(exitCode);
}

/** The script was told to end, which is no failure. */
class Interrupted extends Error {
  override readonly name = "Interrupted";
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => {
      reject(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)));
    });
  });
}

/** Prints what went wrong and answers the exit code. */
function report(error: unknown, { onFailure = console.error, interruptedExitCode }: RunOptions): number {
  if (error instanceof Interrupted) return interruptedExitCode;
  onFailure(speaksForItself(error) ? error.message : inspect(error));
  return 1;
}

/** Whether the stack says nothing that the message does not: ours, and those about the command line. */
function speaksForItself(error: unknown): error is Error {
  if (error instanceof ScriptError) return true;
  return error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS");
}

/** npm does not pass SIGTERM on; without this, servers would outlive `npm run`. */
function watchParent(stop: (reason: unknown) => void): void {
  if (process.env["npm_lifecycle_event"] === undefined) return;
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) stop(new Interrupted("npm has gone"));
  }, PARENT_CHECK_MS).unref();
}
