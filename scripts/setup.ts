/**
 * `npm run setup`: from the OAuth client that Google's console gives as a file to a Worker that runs, here with
 * `.dev.vars`, or at Cloudflare.
 */

import { answerHelp } from "./lib/command-line.ts";
import { runScript } from "./lib/run.ts";
import { SETUP, setUp } from "./lib/setup-steps.ts";
import { PROJECT_ROOT, WRANGLER } from "./lib/wrangler.ts";

answerHelp(SETUP);
const args = process.argv.slice(2);
// Looked at before the arguments are understood, so that a mistake in them is told in JSON, too.
const wantsJson = args.includes("--json");

await runScript(
  async () => {
    const text = await setUp(args, {
      root: PROJECT_ROOT,
      // npm runs scripts in the project's folder, wherever it was called.
      folder: process.env["INIT_CWD"] ?? process.cwd(),
      env: process.env,
      now: () => new Date(),
      commands: { wrangler: [process.execPath, WRANGLER], deploy: ["npm", "run", "deploy"] },
      onProgress: (line) => {
        if (!wantsJson) process.stderr.write(line);
      },
    });
    console.log(text);
    return 0;
  },
  {
    interruptedExitCode: 130,
    onFailure: (message) => console.error(wantsJson ? JSON.stringify({ error: message }) : message),
  },
);
