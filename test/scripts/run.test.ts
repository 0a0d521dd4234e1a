/**
 * scripts/run.mjs, by every Node that this machine has: the running one, the one of node_modules, each on PATH, those that
 * `NODES` names, and one that says of itself that it is old.
 */

import { execFileSync } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { chmod, cp, mkdir, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeTemporaryFolder, type TemporaryFolder } from "../../scripts/lib/env-file.ts";
import { PROJECT_ROOT } from "../../scripts/lib/wrangler.ts";
import { becomes, isAlive, type Running, start } from "../support/processes.ts";

const LAUNCHER = join(PROJECT_ROOT, "scripts", "run.mjs");
const OURS = join(PROJECT_ROOT, "node_modules", `node-linux-${process.arch}`, "bin", "node");

/** Says of itself that it is Node 20. */
const OLD = `data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"20.20.2"}})`;
const FAKED = [process.execPath, "--import", OLD];

function findNodes(): readonly string[][] {
  const onPath = (process.env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, "node"));
  const named = (process.env["NODES"] ?? "").split(delimiter).filter(Boolean);
  const found = [process.execPath, OURS, ...onPath, ...named].filter((file) => existsSync(file));
  return [...new Set(found.map((file) => realpathSync(file)))].map((file) => [file]);
}

function versionOf(node: readonly string[]): string {
  return execFileSync(node[0] ?? "", ["--version"], { encoding: "utf8" }).trim();
}

function isOld(node: readonly string[]): boolean {
  return node === FAKED || Number(/^v(\d+)/.exec(versionOf(node))?.[1]) < 24;
}

const NODES: readonly (readonly [name: string, node: readonly string[]])[] = [
  ...findNodes().map((node) => [`${versionOf(node)} at ${node[0]}`, node] as const),
  // Without another Node there is none to be found.
  ...(existsSync(OURS) ? [["one that says that it is v20.20.2", FAKED] as const] : []),
];

let folder: TemporaryFolder;

/** Prints what it is given, and does what it is told. */
const SCRIPT = `
import { spawnSync } from "node:child_process";
const [what, ...rest] = process.argv.slice(2);
if (what === "tell") {
  const onPath = spawnSync("node", ["--version"], { encoding: "utf8" }).stdout.trim();
  let input = "";
  for await (const chunk of process.stdin) input += chunk;
  console.log(JSON.stringify({ rest, input, version: process.version, onPath, script: process.argv[1] }));
  console.error("on stderr");
}
if (what === "exit") process.exit(Number(rest[0]));
if (what === "throw") throw new Error("thrown");
if (what === "wait") {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] satisfies NodeJS.Signals[])
    process.on(signal, () => { console.log(signal); setTimeout(() => process.exit(7), 100); });
  setInterval(() => {}, 1000);
  console.log("pid " + process.pid);
}
if (what === "hang") { setInterval(() => {}, 1000); console.log("pid " + process.pid); }
`;

beforeAll(async () => {
  folder = await makeTemporaryFolder();
  await writeFile(join(folder.path, "script.ts"), SCRIPT);
  await writeFile(join(folder.path, "package.json"), `{"type":"module"}`);
});
afterAll(() => folder[Symbol.asyncDispose]());

function launch(node: readonly string[], args: readonly string[], options: Parameters<typeof start>[1] = {}): Running {
  return start([...node, LAUNCHER, ...args], { cwd: folder.path, ...options });
}

/** The process that runs the script, once it does. */
async function pidOf(running: Running): Promise<number> {
  await becomes(() => /pid \d+\n/.test(running.said()));
  return Number(/pid (\d+)/.exec(running.said())?.[1] ?? expect.fail(running.said()));
}

describe.each(NODES)("%s", (_, node) => {
  it("runs a script by a Node of 24 or newer, which its children find first, too", async () => {
    const options = { input: "from standard input", env: { PATH: `${dirname(node[0] ?? "")}:/usr/bin:/bin` } };
    const { code, stdout, stderr } = await launch(node, ["script.ts", "tell", "a b", "--c=*", ""], options).ended;
    expect(code, stderr).toBe(0);
    const told = JSON.parse(stdout);
    expect(told).toMatchObject({ rest: ["a b", "--c=*", ""], input: "from standard input" });
    expect(Number(/^v(\d+)/.exec(told.version)?.[1])).toBeGreaterThanOrEqual(24);
    expect(told.onPath).toBe(told.version);
    expect(told.script).toBe(join(folder.path, "script.ts"));
    expect(stderr).toContain("on stderr");
  });

  it("runs the command of a package, and Node itself with its flags", { timeout: 120_000 }, async () => {
    const oxlint = await launch(node, ["oxlint", "--version"]).ended;
    expect(oxlint, oxlint.stderr).toMatchObject({ code: 0, stdout: expect.stringContaining("1.") });
    // It starts another Node, and looks at what its own version is.
    const wrangler = await launch(node, ["wrangler", "--version"]).ended;
    expect(wrangler, wrangler.stderr).toMatchObject({ code: 0, stdout: expect.stringMatching(/4\.\d/) });
    const flags = await launch(node, ["--print", "process.version"]).ended;
    expect(flags.stdout).toMatch(/^v(2[4-9]|[3-9]\d)\./);
  });

  it.each([
    [["script.ts", "exit", "0"], 0],
    [["script.ts", "exit", "3"], 3],
    [["script.ts", "throw"], 1],
    [["not-there.ts"], 1],
    [["not-a-package"], 1],
    [["oxlint", "--not-an-option"], 1],
    [[], 1],
  ])("%j: ends with the exit code of what it ran, %i", async (args, code) => {
    expect((await launch(node, args).ended).code).toBe(code);
  });

  it.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "%s reaches the script, which ends in its own time",
    async (signal) => {
      const running = launch(node, ["script.ts", "wait"]);
      const pid = await pidOf(running);
      running.child.kill(signal);
      expect(await running.ended).toMatchObject({ code: 7, stdout: expect.stringContaining(signal) });
      expect(isAlive(pid)).toBe(false);
    },
  );

  it("a script that a signal ends: it ends by the same signal", async () => {
    const running = launch(node, ["script.ts", "hang"]);
    process.kill(await pidOf(running), "SIGTERM");
    expect(await running.ended).toMatchObject({ signal: "SIGTERM" });
  });

  it.each(["wait", "hang"])("killed, it leaves no script behind that would %s", async (what) => {
    const running = launch(node, ["script.ts", what]);
    const pid = await pidOf(running);
    running.child.kill("SIGKILL");
    expect(await becomes(() => !isAlive(pid))).toBe(true);
  });

  // By one that is new enough it is the script's own business: script-life.test.ts.
  it.runIf(isOld(node))("npm that is killed takes the script with it", async () => {
    const launched = [...node, LAUNCHER, "script.ts", "wait"].map((part) => `'${part}'`).join(" ");
    // A shell that stays, as npm and its shell do.
    const npm = start(["sh", "-c", `${launched}; true`], {
      cwd: folder.path,
      env: { npm_lifecycle_event: "dev" },
    });
    const pid = await pidOf(npm);
    npm.child.kill("SIGKILL");
    expect(await becomes(() => !isAlive(pid))).toBe(true);
  });

  it("--help goes to the script", async () => {
    const { code, stdout } = await launch(node, ["script.ts", "tell", "--help"]).ended;
    expect([code, JSON.parse(stdout)]).toMatchObject([0, { rest: ["--help"] }]);
  });
});

/** A project in which nothing is installed. */
async function bare(name: string): Promise<string> {
  const scripts = join(folder.path, name, "scripts");
  await mkdir(scripts, { recursive: true });
  for (const file of ["run.mjs", "watch-parent.mjs"])
    await cp(join(PROJECT_ROOT, "scripts", file), join(scripts, file));
  return join(folder.path, name);
}

describe("without a Node that is new enough", () => {
  it("says in one sentence what to install, and exits with 1", async () => {
    const root = await bare("bare");
    const script = join(folder.path, "script.ts");
    const { code, stdout, stderr } = await start([...FAKED, join(root, "scripts/run.mjs"), script, "exit", "0"], {
      cwd: root,
    }).ended;
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(
      /^This needs Node 24 or newer, and finds Node 20\.20\.2: .*install Node 24 from https:\/\/nodejs\.org\.\n$/,
    );
  });

  it("says so, too, where the installed one does not run", async () => {
    const root = await bare("broken");
    const bin = join(root, "node_modules", `node-linux-${process.arch}`, "bin");
    await mkdir(bin, { recursive: true });
    await writeFile(join(bin, "node"), "#!/no/such/interpreter\n");
    await chmod(join(bin, "node"), 0o755);
    const { code, stderr } = await start([...FAKED, join(root, "scripts/run.mjs"), "-p", "1"], { cwd: root }).ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/does not run \(ENOENT\)\. This needs Node 24/);
  });
});
