/** `.dev.vars`: setting variables in it, and leaving every other line as it is. */

import { chmod, readFile, rename, rm, writeFile } from "node:fs/promises";
import { isDeepStrictEqual, parseEnv } from "node:util";
import { ScriptError } from "./script-error.ts";

/** Only its owner may read what is secret. */
const MODE = 0o600;

/** The text of a file, or null where there is none. */
export async function readTextOrNull(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw new ScriptError(`${path} cannot be read.`);
  }
}

/**
 * The text with these variables set: where they stood, or at the end.
 *
 * @throws {ScriptError} where it is written in a way that cannot be changed line by line; names no value
 */
export function setVars(text: string, vars: Readonly<Record<string, string>>): string {
  let lines = text.replace(/\n$/, "").split("\n");
  const before = parseEnv(text);
  for (const [name, value] of Object.entries(vars)) {
    if (before[name] === value) continue;
    const line = `${name}=${quote(name, value)}`;
    const isItsLine = (other: string): boolean => new RegExp(`^\\s*(export\\s+)?${name}\\s*=`).test(other);
    const isWhole = (other: string): boolean => parseEnv(other)[name] === before[name];
    // A value over several lines would be torn: better nothing is written.
    if (!lines.filter(isItsLine).every(isWhole)) throw notSafe(vars);
    lines = lines.some(isItsLine) ? lines.map((other) => (isItsLine(other) ? line : other)) : [...lines, line];
  }
  const result = `${lines.join("\n").replace(/^\n/, "")}\n`;
  if (isDeepStrictEqual({ ...parseEnv(result) }, { ...before, ...vars })) return result;
  throw notSafe(vars);
}

function notSafe(vars: Readonly<Record<string, string>>): ScriptError {
  return new ScriptError(`.dev.vars cannot be changed safely. Set ${Object.keys(vars).join(", ")} there by hand.`);
}

function quote(name: string, value: string): string {
  if (/['\n\r]/.test(value)) throw new ScriptError(`${name} cannot be written to .dev.vars.`);
  return `'${value}'`;
}

/** Writes the file for its owner only, whole or not at all. */
export async function writeSecretFile(path: string, text: string): Promise<void> {
  const next = `${path}.new`;
  await rm(next, { force: true });
  await writeFile(next, text, { mode: MODE, flag: "wx" });
  await chmod(next, MODE);
  await rename(next, path);
}
