/** `npm run keys`: prints a new value for `TOKEN_KEYS` on one line. */

import { readFileSync } from "node:fs";
import { readCommandLine } from "./lib/command-line.ts";
import { addTokenKey, parseTokenKeys } from "./lib/token-keys.ts";

const STDIN = 0;

const { values } = readCommandLine({
  name: "keys",
  about: "Prints a new value for TOKEN_KEYS on one line.",
  options: {
    "add-to": {
      type: "string",
      value: "FILE",
      about: "Puts the new key before those of this file, which keep opening what they sealed",
    },
  },
  notes:
    "FILE is in dotenv format, such as .dev.vars, or JSON; - is standard input. `npm run --silent` leaves out npm's lines.",
  example: "--add-to .dev.vars",
});

try {
  const source = values["add-to"];
  const existing =
    source === undefined ? undefined : parseTokenKeys(readFileSync(source === "-" ? STDIN : source, "utf8"));
  console.log(JSON.stringify(addTokenKey(new Date(), existing)));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
