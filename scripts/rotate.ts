/**
 * `npm run rotate`: has the Worker seal everything that it stores anew under the first key of `TOKEN_KEYS`, and says what
 * is left under which key.
 */

import { answerHelp } from "./lib/command-line.ts";
import { ROTATE, rotate } from "./lib/rotation-walk.ts";
import { runScript } from "./lib/run.ts";

answerHelp(ROTATE);
const args = process.argv.slice(2);
// Looked at before the arguments are understood, so that a mistake in them is told in JSON, too.
const wantsJson = args.includes("--json");
const showsProgress = process.stderr.isTTY && !wantsJson;

await runScript(
  async () => {
    const { text, isComplete } = await rotate(args, {
      env: process.env,
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      onProgress: (line) => {
        if (showsProgress) process.stderr.write(`\r\u001B[K${line}`);
      },
    });
    if (showsProgress) process.stderr.write("\r\u001B[K");
    console.log(text);
    return isComplete ? 0 : 1;
  },
  {
    interruptedExitCode: 130,
    onFailure: (message) => console.error(wantsJson ? JSON.stringify({ error: message }) : message),
  },
);
