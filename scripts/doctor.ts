/**
 * `npm run doctor`: looks at a Worker from outside and, with its keys, from inside, and says of everything whether it is
 * fine and what to do where it is not.
 */

import { answerHelp } from "./lib/command-line.ts";
import { DOCTOR, examine } from "./lib/doctor-checks.ts";
import { runScript } from "./lib/run.ts";
import { PROJECT_ROOT } from "./lib/wrangler.ts";

answerHelp(DOCTOR);
const args = process.argv.slice(2);
// Looked at before the arguments are understood, so that a mistake in them is told in JSON, too.
const wantsJson = args.includes("--json");

await runScript(
  async () => {
    if (process.stderr.isTTY && !wantsJson) process.stderr.write("Looking …\r");
    const { text, isFine } = await examine(args, { env: process.env, root: PROJECT_ROOT, now: Date.now });
    console.log(text);
    return isFine ? 0 : 1;
  },
  {
    interruptedExitCode: 130,
    onFailure: (message) => console.error(wantsJson ? JSON.stringify({ error: message }) : message),
  },
);
