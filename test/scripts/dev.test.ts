/** `npm run dev`: its ports, and settings that are wrong. */

import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { makeTemporaryFolder, type TemporaryFolder } from "../../scripts/lib/env-file.ts";
import { BLOCKED_PORTS, findPort } from "../../scripts/lib/ports.ts";
import { PROJECT_ROOT } from "../../scripts/lib/wrangler.ts";
import { becomes, type Running, start } from "../support/processes.ts";

let folder: TemporaryFolder;
beforeAll(async () => {
  folder = await makeTemporaryFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

function dev(...args: readonly string[]): Running {
  return start([process.execPath, join(PROJECT_ROOT, "scripts/dev.ts"), ...args], { cwd: PROJECT_ROOT });
}

/** Whether fetch does not even try. */
async function isRefused(port: number): Promise<boolean> {
  const cause: unknown = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(1_000) }).then(
    () => null,
    (error: Error) => error.cause,
  );
  return cause instanceof Error && cause.message === "bad port";
}

function isReady(running: Running): boolean {
  return running.said().includes("Ctrl-C stops both");
}

it.each(["--port", "--emulator-port"])("%s: a port that browsers refuse is refused at once", async (option) => {
  const { code, stderr } = await dev(option, "1").ended;
  expect([code, stderr]).toEqual([1, `${option} 1: browsers refuse this port. Choose another.\n`]);
});

it("these are the ports that fetch refuses", async () => {
  for (const port of BLOCKED_PORTS) expect(await isRefused(port), String(port)).toBe(true);
  expect(await isRefused(8787)).toBe(false);
});

it("of two that start at once with the usual ports, each has ports of its own", { timeout: 240_000 }, async () => {
  // Their states are apart, too, and none is the developer's.
  const running = ["one", "two"].map((name) => dev("--no-token", "--state", join(folder.path, name)));
  try {
    await becomes(() => running.every(isReady), 220_000);
    const origins = running.map((one) => /Open +(http:\S+)/.exec(one.said())?.[1] ?? expect.fail(one.said()));
    expect(new Set(origins).size).toBe(2);
    for (const origin of origins) expect((await fetch(`${origin}/healthz`)).status).toBe(200);
  } finally {
    for (const { child } of running) child.kill("SIGTERM");
    await Promise.all(running.map(({ ended }) => ended));
  }
});

it("a wrong setting is all that is printed", { timeout: 120_000 }, async () => {
  const ports = ["--port", String(await findPort()), "--emulator-port", String(await findPort())];
  const args = ["--state", join(folder.path, "wrong"), "--allow-origin", "nowhere"];
  const { code, stdout, stderr } = await dev(...ports, ...args).ended;
  expect([code, stdout]).toEqual([1, ""]);
  expect(stderr).toMatch(/^The Worker is not set up:\n\n {2}ALLOWED_ORIGINS.*\n$/);
});
