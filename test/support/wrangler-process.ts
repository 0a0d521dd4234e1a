/**
 * `wrangler dev` as a child process with a directory of its own, ended as a group: killed alone, it would orphan its
 * runtime. Node only.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { QUIET_WRANGLER } from "../../scripts/lib/quiet-wrangler.ts";

const ROOT = join(import.meta.dirname, "../..");
const START_LIMIT_MS = 45_000;
const STOP_LIMIT_MS = 5_000;

export interface RunningWrangler {
  readonly origin: string;
  readonly stateDirectory: string;
  /** Holds what it has printed so far, the Worker's logs included. */
  readonly outputFile: string;
  close(): Promise<void>;
}

/** Starts the Worker of this repository with these variables, and returns when it answers. */
export async function startWrangler(options: {
  port: number;
  vars: Readonly<Record<string, string>>;
}): Promise<RunningWrangler> {
  const directory = mkdtempSync(join(tmpdir(), "gmail-edge-"));
  const envFile = join(directory, "env");
  const stateDirectory = join(directory, "state");
  writeFileSync(
    envFile,
    Object.entries(options.vars)
      .map(([name, value]) => `${name}='${value}'\n`)
      .join(""),
  );
  const outputFile = join(directory, "output");
  const output = openSync(outputFile, "a");
  const inspectorPort = await freePort();
  const child = spawn(
    process.execPath,
    [
      join(ROOT, "node_modules/wrangler/bin/wrangler.js"),
      "dev",
      "--ip=127.0.0.1",
      `--port=${options.port}`,
      `--inspector-port=${inspectorPort}`,
      `--env-file=${envFile}`,
      `--persist-to=${stateDirectory}`,
      "--show-interactive-dev-session=false",
    ],
    {
      cwd: ROOT,
      detached: true,
      stdio: ["ignore", output, output],
      env: {
        ...process.env,
        ...QUIET_WRANGLER,
        NO_COLOR: "1",
        CI: "1",
        WRANGLER_LOG_PATH: join(directory, "logs"),
        WRANGLER_REGISTRY_PATH: join(directory, "registry"),
      },
    },
  );
  closeSync(output);
  // For a test run that is interrupted before it can close anything.
  const lastResort = (): void => signalGroup(child, "SIGKILL");
  process.once("exit", lastResort);
  const close = async (): Promise<void> => {
    await stopGroup(child);
    process.removeListener("exit", lastResort);
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await waitUntilReady(child, () => readFileSync(outputFile, "utf8"));
  } catch (error) {
    await close();
    throw error;
  }
  return { origin: `http://127.0.0.1:${options.port}`, stateDirectory, outputFile, close };
}

/** A port on which nothing listens now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => {
        if (address === null || typeof address === "string") reject(new Error("no port"));
        else resolve(address.port);
      });
    });
  });
}

async function waitUntilReady(child: ChildProcess, output: () => string): Promise<void> {
  const deadline = Date.now() + START_LIMIT_MS;
  while (!output().includes("Ready on")) {
    if (child.exitCode !== null) throw new Error(`wrangler ended with ${child.exitCode}:\n${output()}`);
    if (Date.now() > deadline) throw new Error(`wrangler did not start in time:\n${output()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function stopGroup(child: ChildProcess): Promise<void> {
  if (child.exitCode === null) {
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    signalGroup(child, "SIGTERM");
    const timer = setTimeout(() => signalGroup(child, "SIGKILL"), STOP_LIMIT_MS);
    await ended;
    clearTimeout(timer);
  }
  // Its runtime is in the same group, and must not outlive it.
  signalGroup(child, "SIGKILL");
}

function signalGroup(child: ChildProcess, name: NodeJS.Signals): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, name);
  } catch {
    // The group has ended already.
  }
}
