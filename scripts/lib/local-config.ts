/**
 * wrangler.toml for servers on this machine: without `[build]`, which wrangler runs at each start and, instead of
 * esbuild's quick rebuild, at each change. What it makes is made here, once. And with the optional secrets, which
 * `wrangler dev` would not take from a file: it takes declared names only.
 */

import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ScriptError } from "./script-error.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url).href);
/** Beside wrangler.toml, as paths in it and the local state are relative to it. */
const LOCAL_CONFIG = join(ROOT, ".wrangler.local.toml");

const OPTIONAL_SECRETS = ["GOOGLE_SERVICE_ACCOUNT"];

let isMade = false;

/** The path of the configuration; what its assets need is there. */
export function localConfig(): string {
  if (!isMade) make();
  isMade = true;
  return LOCAL_CONFIG;
}

function make(): void {
  const openapi = spawnSync(process.execPath, [join(ROOT, "scripts/openapi.ts")], { encoding: "utf8" });
  if (openapi.status !== 0) throw new ScriptError(`npm run openapi failed:\n${openapi.stdout}${openapi.stderr}`);
  const config = readFileSync(join(ROOT, "wrangler.toml"), "utf8");
  const withoutBuild = config.replace(/^\[build\]\n(?:[^[\n].*\n)+/m, "");
  if (withoutBuild === config) throw new Error("wrangler.toml has no [build].");
  const optional = OPTIONAL_SECRETS.map((name) => `${name} = ""\n`).join("");
  const local = withoutBuild.replace(/^\[vars\]\n/m, (table) => table + optional);
  // Whole at any time: other processes may read it.
  const next = join(ROOT, ".wrangler", `local.${process.pid}`);
  mkdirSync(join(ROOT, ".wrangler"), { recursive: true });
  writeFileSync(next, local);
  renameSync(next, LOCAL_CONFIG);
}
