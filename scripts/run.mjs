/**
 * Starts what an npm script names, with a Node that is new enough: `node scripts/run.mjs scripts/dev.ts --port 9000`,
 * `node scripts/run.mjs wrangler login`, `node scripts/run.mjs --test a.test.ts`. Any Node from 18 on can run this file.
 *
 * The running Node is taken where it will do, else the one that `npm ci` installs on Linux. npm's own link to that one
 * cannot be relied on: npm 10 drops it, because two optional packages have a bin of that name.
 */

import { spawn } from "node:child_process";
import { accessSync, constants, existsSync, readFileSync, realpathSync } from "node:fs";
import Module from "node:module";
import { constants as osConstants } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** The first with `AsyncDisposableStack`, and with types stripped without a flag. */
const LEAST_NODE = 24;
const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** Packages whose commands have another name. */
const PACKAGES = new Map([["tsc", "typescript"]]);
/** How often to look whether npm is still there. */
const PARENT_CHECK_MS = 500;

main(process.argv.slice(2));

/** @param {string[]} args */
function main([what = "", ...rest]) {
  if (what === "") fail("Usage: node scripts/run.mjs SCRIPT.ts|COMMAND [ARGUMENT …]");
  const isFlag = what.startsWith("-");
  const file = isFlag ? null : findFile(what);
  const isNewEnough = Number(process.versions.node.split(".")[0]) >= LEAST_NODE;
  const node = isNewEnough ? process.execPath : findInstalledNode();
  process.env.PATH = withFirst(node);
  if (isNewEnough && file !== null) {
    // No process in between that would have to pass signals on.
    process.argv = [node, file, ...rest];
    Module.runMain(file);
  } else {
    startChild(node, [file ?? what, ...rest]);
  }
}

/** @returns the file of a script, or that of a package's command */
function findFile(what) {
  if (/\.[cm]?[jt]s$/.test(what)) return resolve(what);
  const folder = join(ROOT, "node_modules", PACKAGES.get(what) ?? what);
  if (!existsSync(folder)) fail(`${what} is not installed: run \`npm ci\`.`);
  const { bin } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const path = typeof bin === "string" ? bin : bin?.[what];
  return path === undefined ? fail(`There is no command ${what}.`) : join(folder, path);
}

/** @returns the path of the Node that `npm ci` brings; without one, the process ends */
function findInstalledNode() {
  const { platform, arch } = process;
  // The benchmark is a package of its own, and may be installed alone.
  const roots = platform === "linux" ? [ROOT, process.cwd()] : [];
  const installed = roots.map((root) => join(root, "node_modules", `node-linux-${arch}`, "bin", "node"));
  return installed.find(isExecutable) ?? fail(howToGetNode());
}

function howToGetNode() {
  const { versions, platform, arch } = process;
  const isOffered = platform === "linux" && ["x64", "arm64"].includes(arch);
  const how = `install Node ${LEAST_NODE} from https://nodejs.org`;
  return `This needs Node ${LEAST_NODE} or newer, and finds Node ${versions.node}: ${isOffered ? `run \`npm ci\`, which brings one, or ` : ""}${how}.`;
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** @returns a PATH on which this Node comes first; the same PATH where it does so already */
function withFirst(node) {
  const { PATH = "" } = process.env;
  const first = PATH.split(delimiter)
    .map((folder) => join(folder, "node"))
    .find(isExecutable);
  if (first !== undefined && realpathSync(first) === realpathSync(node)) return PATH;
  return [dirname(node), PATH].filter(Boolean).join(delimiter);
}

/** Runs Node as a child, which gets our signals and gives us its exit code. */
function startChild(node, args) {
  // Until the child has said otherwise.
  process.exitCode = 1;
  // If this process is killed, nobody else would end the child.
  const watch = pathToFileURL(join(ROOT, "scripts", "watch-parent.mjs")).href;
  const child = spawn(node, ["--import", watch, ...args], { stdio: "inherit" });
  const forward = (signal) => {
    // A terminal sends Ctrl-C to every process in it. A second SIGINT would make vitest leave its servers behind.
    if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of signals) process.on(signal, forward);
  watchParent(() => child.kill("SIGTERM"));
  child.on("error", (error) => fail(`${node} does not run (${error.code}). ${howToGetNode()}`));
  child.on("exit", (code, signal) => {
    for (const name of signals) process.off(name, forward);
    if (signal === null) process.exit(code ?? 1);
    process.kill(process.pid, signal);
    // Some signals do not end a process of Node's.
    setTimeout(() => process.exit(128 + osConstants.signals[signal]), 100);
  });
}

/** npm that is killed tells nobody. Without npm, a parent that goes away may mean that we shall stay. */
function watchParent(stop) {
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) stop();
  }, PARENT_CHECK_MS).unref();
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
