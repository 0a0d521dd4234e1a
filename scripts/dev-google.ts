/**
 * `npm run dev:google`: the Worker on loopback against the real Google, with the OAuth client and keys
 * in `.dev.vars`.
 */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs, parseEnv } from "node:util";
import { findPort } from "./lib/ports.ts";
import { runScript } from "./lib/run.ts";
import { ScriptError } from "./lib/script-error.ts";
import { PROJECT_ROOT, startWorker } from "./lib/wrangler.ts";

const REQUIRED = ["GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET", "TOKEN_KEYS"];
const VARS_FILE = join(PROJECT_ROOT, ".dev.vars");

await runScript(
  async ({ stack }) => {
    await checkVars();
    const { values } = parseArgs({ options: { port: { type: "string", default: "8787" } } });
    const port = Number(values.port);
    // The redirect URI is registered at Google with its port: another port would be refused there.
    if ((await findPort(port)) !== port) throw new ScriptError(`Port ${port} is taken.`);
    const worker = await startWorker(stack, {
      port,
      envFile: VARS_FILE,
      onOutput: (text) => process.stdout.write(text),
    });
    console.log(`
  Open   ${worker.url}

  At Google, the OAuth client needs this redirect URI: ${worker.url}/auth/callback
  Ctrl-C stops.
`);
    throw new ScriptError(`The Worker has stopped (${await worker.ended}).`);
  },
  { interruptedExitCode: 0 },
);

/** Throws what to do when `.dev.vars` is missing or incomplete. */
async function checkVars(): Promise<void> {
  let text: string;
  try {
    text = await readFile(VARS_FILE, "utf8");
  } catch {
    throw new ScriptError(`There is no .dev.vars yet. Make one and fill it in:

  cp .dev.vars.example .dev.vars
  npm run --silent keys          prints a value for TOKEN_KEYS

README.md says how to get an OAuth client from Google.`);
  }
  const vars = parseEnv(text);
  const missing = REQUIRED.filter((name) => (vars[name] ?? "") === "");
  if (missing.length === 0) return;
  throw new ScriptError(`.dev.vars lacks ${missing.join(", ")}.

.dev.vars.example says where each comes from; \`npm run --silent keys\` prints a value for TOKEN_KEYS.`);
}
