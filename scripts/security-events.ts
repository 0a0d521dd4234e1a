/**
 * `npm run security-events`: tells Google where the Worker takes security events (Cross-Account Protection), shows what
 * Google knows, tries it, and stops or resumes it.
 *
 * docs/setup-google.md says how to get the key file.
 */

import { answerHelp } from "./lib/command-line.ts";
import { runScript } from "./lib/run.ts";
import { manageStream, SECURITY_EVENTS } from "./lib/stream-commands.ts";

const TIMEOUT_MS = 120_000;

answerHelp(SECURITY_EVENTS);
const args = process.argv.slice(2);
// Looked at before the arguments are understood, so that a mistake in them is told in JSON, too.
const wantsJson = args.includes("--json");

await runScript(
  async () => {
    console.log(await manageStream(args, Date.now()));
    return 0;
  },
  {
    timeoutMs: TIMEOUT_MS,
    interruptedExitCode: 130,
    onFailure: (message) => console.error(wantsJson ? JSON.stringify({ error: message }) : message),
  },
);
