/** Where `npm run rotate` finds `TOKEN_KEYS`: a file that is named, or the usual places. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ScriptError } from "./script-error.ts";
import { parseTokenKeys, type TokenKeySet } from "./token-keys.ts";
import { PROJECT_ROOT } from "./wrangler.ts";

/** The keys of the Worker that `npm run dev` starts, in the project's folder. */
export const DEVELOPMENT_KEYS = join(".wrangler", "dev-token-keys.json");

/** Keys, and where they come from. */
export interface KeySource {
  readonly name: string;
  readonly keys: TokenKeySet["keys"];
}

export interface KeySourceOptions {
  /** The file that was named, if any. */
  readonly file: string | undefined;
  /** The Worker runs on this machine: it may be that of `npm run dev`. */
  readonly isLocal: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The project's folder. */
  readonly root?: string;
}

/**
 * The keys to try, in this order.
 *
 * @throws {ScriptError} where there are none, or what was named is not readable
 */
export async function readKeySources({
  file,
  isLocal,
  env,
  root = PROJECT_ROOT,
}: KeySourceOptions): Promise<KeySource[]> {
  if (file !== undefined) return [await readNamed(file)];
  const files = isLocal ? [DEVELOPMENT_KEYS, ".dev.vars"] : [".dev.vars"];
  const found = await Promise.all(files.map((name) => readOrNothing(root, name)));
  const fromEnv = env["TOKEN_KEYS"];
  if (fromEnv) found.push([{ name: "the environment", ...parse("TOKEN_KEYS of the environment", fromEnv) }]);
  const sources = found.flat();
  if (sources.length > 0) return sources;
  throw new ScriptError(
    "There are no keys. Give the Worker's TOKEN_KEYS by --keys FILE, in .dev.vars or as a variable.",
  );
}

async function readNamed(file: string): Promise<KeySource> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch {
    throw new ScriptError(`${file} cannot be read.`);
  }
  return { name: file, ...parse(file, text) };
}

async function readOrNothing(root: string, name: string): Promise<KeySource[]> {
  try {
    return [{ name, ...parseTokenKeys(await readFile(join(root, name), "utf8")) }];
  } catch {
    return [];
  }
}

function parse(name: string, text: string): TokenKeySet {
  try {
    return parseTokenKeys(text);
  } catch (error) {
    throw new ScriptError(`${name}: ${error instanceof Error ? error.message : "no keys"}`);
  }
}
