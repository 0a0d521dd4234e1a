/**
 * The Worker's variables on their way into `wrangler dev`: a file that only we can read and that is
 * gone at the end.
 */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ScriptError } from "./script-error.ts";

/** A folder that is removed with all that is in it. */
export interface TemporaryFolder extends AsyncDisposable {
  readonly path: string;
}

/** Makes an empty folder that only this user can enter. */
export async function makeTemporaryFolder(): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), "gmail-edge-"));
  return {
    path,
    // What was just stopped may still be writing its last file.
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 5 }),
  };
}

/** Writes variables in dotenv format into this folder. */
export async function writeEnvFile(folder: TemporaryFolder, vars: Readonly<Record<string, string>>): Promise<string> {
  const path = join(folder.path, "worker.env");
  const lines = Object.entries(vars).map(([name, value]) => {
    if (/['\n\r]/.test(value)) throw new ScriptError(`${name} cannot be written to an env file.`);
    return `${name}='${value}'\n`;
  });
  await writeFile(path, lines.join(""), { mode: 0o600 });
  return path;
}
