/** Runs a command with its output shown and kept, and a sign of life when it is silent. */

import { spawn } from "node:child_process";
import { stopGroup } from "../lib/process-group.ts";

const SIGN_OF_LIFE_MS = 10_000;

/** How a command ended. */
export interface CommandResult {
  readonly succeeded: boolean;
  /** Standard output and error, together. */
  readonly output: string;
  readonly seconds: number;
}

/** What to run. */
export interface Command {
  readonly name: string;
  readonly args: readonly [program: string, ...rest: string[]];
  readonly cwd: string;
  /** Ends the command with all it started; what is ended so has failed. */
  readonly signal: AbortSignal;
}

/** Resolves when the command and all it started are over; never rejects. */
export async function runCommand({ name, args: [program, ...rest], cwd, signal }: Command): Promise<CommandResult> {
  const startedAtMs = Date.now();
  const elapsedSeconds = (): number => (Date.now() - startedAtMs) / 1000;
  // A pipe is no terminal, but what is shown goes to one all the same.
  const color = process.stdout.isTTY ? { FORCE_COLOR: "1" } : {};
  const child = spawn(program, rest, {
    cwd,
    env: { ...process.env, ...color },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let output = "";
  let spokeAtMs = Date.now();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => {
      output += text;
      spokeAtMs = Date.now();
      process.stdout.write(text);
    });
  }
  const signOfLife = setInterval(() => {
    if (Date.now() - spokeAtMs >= SIGN_OF_LIFE_MS) console.log(`… ${name}: ${elapsedSeconds().toFixed(0)} s`);
  }, SIGN_OF_LIFE_MS);
  const ended = new Promise<boolean>((resolve) => {
    child.on("error", () => resolve(false));
    child.on("close", (code) => resolve(code === 0));
  });
  const stop = (): void => void stopGroup(child.pid, ended);
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  const succeeded = await ended;
  signal.removeEventListener("abort", stop);
  clearInterval(signOfLife);
  return { succeeded: succeeded && !signal.aborted, output, seconds: elapsedSeconds() };
}
