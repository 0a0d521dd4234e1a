/**
 * `npm run keys`: prints a new value for `TOKEN_KEYS` on one line. With `--add-to FILE` (a file in
 * dotenv format such as `.dev.vars`, or JSON; `-` is standard input) the new key stands before the
 * existing ones, which keep opening what they sealed.
 */

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { addTokenKey, parseTokenKeys } from "./lib/token-keys.ts";

const STDIN = 0;

try {
  const { values } = parseArgs({ options: { "add-to": { type: "string" } } });
  const source = values["add-to"];
  const existing =
    source === undefined ? undefined : parseTokenKeys(readFileSync(source === "-" ? STDIN : source, "utf8"));
  console.log(JSON.stringify(addTokenKey(new Date(), existing)));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
