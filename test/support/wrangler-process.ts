/**
 * `wrangler dev` as a child process with a directory of its own, ended as a group: killed alone, it would orphan its
 * runtime. Node only.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { localConfig } from "../../scripts/lib/local-config.ts";
import { QUIET_WRANGLER } from "../../scripts/lib/quiet-wrangler.ts";

const ROOT = join(import.meta.dirname, "../..");
const START_LIMIT_MS = 45_000;
const STOP_LIMIT_MS = 5_000;

export interface RunningWrangler {
  readonly origin: string;
  readonly stateDirectory: string;
  /** Holds what it has printed so far, the Worker's logs included. */
  readonly outputFile: string;
  hasEnded(): boolean;
  close(): Promise<void>;
}

/** Starts the Worker of this repository with these variables, and returns when it answers. */
export async function startWrangler(vars: Readonly<Record<string, string>>): Promise<RunningWrangler> {
  const directory = mkdtempSync(join(tmpdir(), "gmail-edge-"));
  const envFile = join(directory, "env");
  const stateDirectory = join(directory, "state");
  writeFileSync(
    envFile,
    Object.entries(vars)
      .map(([name, value]) => `${name}='${value}'\n`)
      .join(""),
  );
  const outputFile = join(directory, "output");
  const output = openSync(outputFile, "a");
  const child = spawn(
    process.execPath,
    [
      join(ROOT, "node_modules/wrangler/bin/wrangler.js"),
      "dev",
      `--config=${localConfig()}`,
      "--ip=127.0.0.1",
      // The system's choice: a port that is found free before may be taken when, seconds later, it is listened on.
      "--port=0",
      "--inspector-port=0",
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
    const origin = await waitUntilReady(child, () => readFileSync(outputFile, "utf8"));
    return { origin, stateDirectory, outputFile, hasEnded: () => hasEnded(child), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Resolves to the origin that it says it answers at. */
async function waitUntilReady(child: ChildProcess, output: () => string): Promise<string> {
  const deadline = Date.now() + START_LIMIT_MS;
  for (;;) {
    const [, origin] = /Ready on (http:\/\/\S+)\s/.exec(output()) ?? [];
    if (origin !== undefined) return origin;
    if (hasEnded(child)) throw failedStart(`wrangler ended with ${child.exitCode ?? child.signalCode}`, output());
    if (Date.now() > deadline) throw failedStart("wrangler did not start in time", output());
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** What it printed as an error stands in the first line, which is what a summary of failed tests shows. */
function failedStart(what: string, output: string): Error {
  const [error = "no error was printed"] = /(?<=\[ERROR\] ).*/.exec(stripVTControlCharacters(output)) ?? [];
  return new Error(`${what}: ${error}\n${output}`);
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

async function stopGroup(child: ChildProcess): Promise<void> {
  if (!hasEnded(child)) {
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
