/**
 * The life of a script that starts servers: whatever ends it (its work, a failure, Ctrl-C, a timeout,
 * npm going away), everything it opened is closed first, in reverse order, and the exit code tells.
 */

import { inspect } from "node:util";
import { UsageError } from "./command-line.ts";
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

/**
 * Runs `main` and ends the process: with its exit code, 1 after a failure, 2 for an unknown argument. What went wrong is printed last, after
 * all that the servers have to say while they stop.
 */
export async function runScript(main: (run: Run) => Promise<number>, options: RunOptions): Promise<never> {
  // Whatever ends the process before main has returned, it has failed.
  process.exitCode = 1;
  const controller = new AbortController();
  let exitCode = 1;
  try {
    stopOnEvents(controller, options);
    const { result, errors } = await runToEnd(main, controller.signal);
    const failures = errors.filter((error) => !(error instanceof Interrupted));
    for (const failure of failures) report(failure, options);
    if (failures.length > 0) exitCode = failures.find((error) => error instanceof UsageError)?.exitCode ?? 1;
    else exitCode = errors.length > 0 ? options.interruptedExitCode : result;
  } catch (error) {
    console.error(error);
    exitCode = 1;
  } finally {
    process.exit(exitCode);
  }
}

/** Aborts on everything that is to end the script from outside of its main function. */
function stopOnEvents(controller: AbortController, { timeoutMs }: RunOptions): void {
  const stop = (reason: unknown): void => controller.abort(reason);
  for (const name of SIGNALS) process.on(name, () => stop(new Interrupted(name)));
  process.on("uncaughtException", stop);
  process.on("unhandledRejection", stop);
  process.on("beforeExit", () => {
    const error = new ScriptError("The script is not done, and nothing is left that it could wait for.");
    if (controller.signal.aborted) {
      // Even closing waits for something that will not come.
      console.error(error.message);
      process.exit(1);
    }
    stop(error);
    // Another turn, after which this event comes again unless closing has found something to do.
    setImmediate(() => {});
  });
  if (timeoutMs !== undefined) {
    setTimeout(() => stop(new ScriptError(`Not done after ${timeoutMs / 1000} s.`)), timeoutMs).unref();
  }
  watchParent(stop);
}

/** What `main` returned, and everything that went wrong until all was closed. */
async function runToEnd(
  main: (run: Run) => Promise<number>,
  signal: AbortSignal,
): Promise<{ result: number; errors: unknown[] }> {
  const errors: unknown[] = [];
  let result = 1;
  try {
    const stack = createStack();
    try {
      result = await Promise.race([main({ stack }), aborted(signal)]);
    } catch (error) {
      errors.push(error);
    }
    await stack.disposeAsync();
  } catch (error) {
    errors.push(error);
  }
  // What nobody caught while it was closed counts, too.
  if (errors.length === 0 && signal.aborted) errors.push(signal.reason);
  return { result, errors };
}

function createStack(): AsyncDisposableStack {
  if (typeof AsyncDisposableStack !== "undefined") return new AsyncDisposableStack();
  throw new ScriptError(
    `Node ${process.versions.node} is too old for this. Start it by \`npm run\`, which finds another.`,
  );
}

/** The script was told to end, which is no failure. */
class Interrupted extends Error {
  override readonly name = "Interrupted";
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const fail = (): void => reject(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)));
    if (signal.aborted) fail();
    else signal.addEventListener("abort", fail);
  });
}

/** Prints what went wrong. */
function report(error: unknown, { onFailure = console.error }: RunOptions): void {
  onFailure(error instanceof ScriptError ? error.message : inspect(error));
}

/** npm does not pass SIGTERM on; without this, servers would outlive `npm run`. */
function watchParent(stop: (reason: unknown) => void): void {
  if (process.env["npm_lifecycle_event"] === undefined) return;
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) stop(new Interrupted("npm has gone"));
  }, PARENT_CHECK_MS).unref();
}
