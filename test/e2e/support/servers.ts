/**
 * Starts `npm run dev` for each worker of the browser tests, with ports and a state folder of its own: what one test makes
 * fail at its Google does not concern a test that runs at the same time. Vitest's `globalSetup`.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { TestProject } from "vitest/node";
import { launchChromium } from "../../../scripts/browser/chromium.ts";
import { findPort } from "../../../scripts/lib/ports.ts";
import { stopGroup } from "../../../scripts/lib/process-group.ts";
import { PROJECT_ROOT } from "../../../scripts/lib/wrangler.ts";

const START_TIMEOUT_MS = 90_000;
const POLL_MS = 200;

declare module "vitest" {
  interface ProvidedContext {
    /** By the number of the vitest worker, which begins at 1. */
    browserServers: readonly BrowserServers[];
  }
}

export interface BrowserServers {
  /** Origins. */
  readonly worker: string;
  readonly google: string;
}

interface Started extends BrowserServers {
  readonly stop: () => Promise<void>;
}

/** Starts the servers, and resolves to what stops them. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  // Without a browser there is nothing to start servers for.
  await (await launchChromium()).close();
  const started: Started[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(started.map((servers) => servers.stop()));
  };
  try {
    for (let worker = 1; worker <= project.config.maxWorkers; worker += 1) started.push(await start());
  } catch (error) {
    await stop();
    throw error;
  }
  project.provide(
    "browserServers",
    started.map(({ worker, google }) => ({ worker, google })),
  );
  return stop;
}

async function start(): Promise<Started> {
  const [port, emulatorPort] = [await findPort(), await findPort()];
  const state = await mkdtemp(join(tmpdir(), "gmail-edge-browser-"));
  const args = [
    "--port",
    String(port),
    "--emulator-port",
    String(emulatorPort),
    "--state",
    state,
    "--new-mail",
    "0",
    "--no-token",
  ];
  const child = spawn(process.execPath, [join(PROJECT_ROOT, "scripts", "dev.ts"), ...args], {
    cwd: PROJECT_ROOT,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const ended = once(child, "exit");
  const stop = async (): Promise<void> => {
    await stopGroup(child.pid, ended);
    await rm(state, { recursive: true, force: true, maxRetries: 5 });
  };
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!output.includes("Ctrl-C stops both")) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await stop();
      throw new Error(`npm run dev has not started:\n${output}`);
    }
    await delay(POLL_MS);
  }
  return { worker: `http://localhost:${port}`, google: `http://127.0.0.1:${emulatorPort}`, stop };
}
