/** Processes that a test starts and looks at from outside. Linux and macOS. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";

const POLL_MS = 50;

/** How a process ended, and what it said. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A process that runs. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** What it has said so far, on both. */
  said(): string;
}

/** Starts a program. @param env in addition to ours; undefined takes away */
export function start(
  [program = "", ...args]: readonly string[],
  {
    cwd,
    env = {},
    input = "",
  }: { cwd?: string; env?: Readonly<Record<string, string | undefined>>; input?: string } = {},
): Running {
  const child = spawn(program, args, {
    cwd,
    env: { ...process.env, npm_lifecycle_event: undefined, ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const ended = once(child, "close").then(([code, signal]) => ({ code, signal, stdout, stderr }));
  return { child, ended, said: () => stdout + stderr };
}

/** Whether there is such a process that is no zombie. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Whether it becomes true in time. */
export async function becomes(holds: () => boolean, timeoutMs = 10_000): Promise<boolean> {
  for (const end = Date.now() + timeoutMs; Date.now() < end; await delay(POLL_MS)) if (holds()) return true;
  return holds();
}
