/**
 * The first half of `npm start`: the Worker is bundled, and the runtime started, with the packages of the project
 * itself, which are installed where they are not.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";

const ROOT = path.join(import.meta.dirname, "..");

if (!existsSync(path.join(ROOT, "node_modules"))) {
  console.log("Installing the project's own packages …");
  const { status } = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: ROOT, stdio: "inherit" });
  process.exitCode = status ?? 1;
}
