/** scripts/lib/run.ts: no script ends with 0 unless its main function returned 0, and what went wrong is printed last. */

import { join } from "node:path";
import { writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeTemporaryFolder, type TemporaryFolder } from "../../scripts/lib/env-file.ts";
import { PROJECT_ROOT } from "../../scripts/lib/wrangler.ts";
import { becomes, type Ended, isAlive, start } from "../support/processes.ts";

let folder: TemporaryFolder;
beforeAll(async () => {
  folder = await makeTemporaryFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

let scripts = 0;

/** A file with a script. @param main the body of its main function, which has `stack` and `ScriptError` */
async function write(main: string, { before = "", options = "" } = {}): Promise<string> {
  scripts += 1;
  const file = join(folder.path, `script-${scripts}.mts`);
  const lib = join(PROJECT_ROOT, "scripts", "lib");
  await writeFile(
    file,
    `import { runScript } from ${JSON.stringify(join(lib, "run.ts"))};
import { ScriptError } from ${JSON.stringify(join(lib, "script-error.ts"))};
${before}
await runScript(async ({ stack }) => { ${main} }, { interruptedExitCode: 130, ${options} });
`,
  );
  return file;
}

async function run(...args: Parameters<typeof write>): Promise<Ended> {
  return start([process.execPath, await write(...args)]).ended;
}

const FOREVER = "await new Promise(() => {});";

describe("the exit code", () => {
  it.each([0, 1, 5])("is what main returned: %i", async (code) => {
    expect(await run(`return ${code};`)).toMatchObject({ code, stderr: "" });
  });

  it.each<[string, string, RegExp]>([
    ["main throws", `throw new ScriptError("It went wrong.");`, /^It went wrong\.\n$/],
    ["main throws at once, and no error", `throw null;`, /^null\n$/],
    ["closing fails", `stack.defer(() => { throw new ScriptError("Not closed."); }); return 0;`, /^Not closed\.\n$/],
    [
      "closing fails after main did",
      `stack.defer(() => { throw new ScriptError("Two."); }); throw new ScriptError("One.");`,
      /^One\.\nTwo\.\n$/,
    ],
    [
      "a promise of nobody's is rejected",
      `void Promise.reject(new ScriptError("Nobody's.")); ${FOREVER}`,
      /^Nobody's\.\n$/,
    ],
    [
      "a callback throws",
      `setTimeout(() => { throw new ScriptError("Called back."); }); ${FOREVER}`,
      /^Called back\.\n$/,
    ],
    [
      "a callback throws while it is closed, after main has returned 0",
      `stack.defer(() => new Promise((resolve) => {
        setTimeout(() => { throw new ScriptError("Late."); }); setTimeout(resolve, 100); })); return 0;`,
      /^Late\.\n$/,
    ],
    ["nothing is left to wait for", FOREVER, /^The script is not done, and nothing is left/],
    [
      "closing has nothing to wait for",
      `stack.defer(() => new Promise(() => {})); return 0;`,
      /^The script is not done, and nothing is left/,
    ],
    [
      "neither main nor closing has",
      `stack.defer(() => new Promise(() => {})); ${FOREVER}`,
      /^The script is not done, and nothing is left/,
    ],
  ])("is 1 where %s", async (_, main, says) => {
    const { code, stderr } = await run(main);
    expect(code, stderr).toBe(1);
    expect(stderr).toMatch(says);
  });

  it("is 1 where main is not done in time", async () => {
    const { code, stderr } = await run("await new Promise((resolve) => setTimeout(resolve, 60_000)); return 0;", {
      options: "timeoutMs: 100",
    });
    expect([code, stderr]).toEqual([1, "Not done after 0.1 s.\n"]);
  });

  it("is 1 where printing the failure fails", async () => {
    const options = `onFailure: () => { throw new Error("cannot print"); }`;
    const { code, stderr } = await run(`throw new ScriptError("x");`, { options });
    expect(code).toBe(1);
    expect(stderr).toContain("cannot print");
  });

  it("is 1 on a Node without AsyncDisposableStack, and main is not run", async () => {
    const before = `Reflect.deleteProperty(globalThis, "AsyncDisposableStack");`;
    const { code, stdout, stderr } = await run(`console.log("ran"); return 0;`, { before });
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^Node \d.* is too old for this\. Start it by `npm run`/);
  });
});

it("what went wrong is the last line, after what is printed while all is closed", async () => {
  const { stdout, stderr } = await run(
    `stack.defer(() => console.error("closed")); throw new ScriptError("The cause.");`,
  );
  expect([stdout, stderr]).toEqual(["", "closed\nThe cause.\n"]);
});

it.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("%s closes everything, and is no failure", async (signal) => {
  const script = await write(`stack.defer(() => console.log("closed")); setInterval(() => {}, 1000);
    console.log("ready"); ${FOREVER}`);
  const running = start([process.execPath, script]);
  await becomes(() => running.said().includes("ready"));
  running.child.kill(signal);
  expect(await running.ended).toMatchObject({ code: 130, stdout: "ready\nclosed\n", stderr: "" });
});

it("npm that goes away is noticed, and everything is closed", async () => {
  const script = await write(`setInterval(() => {}, 1000); console.log("pid " + process.pid); ${FOREVER}`);
  // A shell that stays, as npm's does.
  const npm = start(["sh", "-c", `'${process.execPath}' '${script}'; true`], { env: { npm_lifecycle_event: "dev" } });
  await becomes(() => npm.said().includes("pid"));
  const pid = Number(/pid (\d+)/.exec(npm.said())?.[1]);
  expect(isAlive(pid)).toBe(true);
  npm.child.kill("SIGKILL");
  expect(await becomes(() => !isAlive(pid))).toBe(true);
});
