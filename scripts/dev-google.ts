/**
 * `npm run dev:google`: the Worker on loopback against the real Google, with the OAuth client and keys
 * in `.dev.vars`. The settings are checked by the Worker's own parser first: where they are wrong, nothing is started.
 */

import { resolve } from "node:path";
import { readCommandLine } from "./lib/command-line.ts";
import { findPort, parsePort } from "./lib/ports.ts";
import { runScript } from "./lib/run.ts";
import { ScriptError } from "./lib/script-error.ts";
import { checkSettings } from "./lib/settings.ts";
import { readTextOrNull } from "./lib/vars-file.ts";
import { PROJECT_ROOT, startWorker } from "./lib/wrangler.ts";

const { values } = readCommandLine({
  name: "dev:google",
  about: "The Worker on loopback against the real Google, until Ctrl-C.",
  options: {
    port: { type: "string", default: "8787", value: "PORT", about: "The one that is registered at Google: 8787" },
    vars: { type: "string", value: "FILE", about: "Has the OAuth client and keys: .dev.vars" },
  },
  example: "--vars other.dev.vars --port 9000",
});

await runScript(
  async ({ stack }) => {
    const port = parsePort("--port", values.port);
    const name = values.vars ?? ".dev.vars";
    // npm runs scripts in the project's folder, wherever it was called.
    const folder = values.vars === undefined ? PROJECT_ROOT : (process.env["INIT_CWD"] ?? process.cwd());
    const envFile = resolve(folder, name);
    // First of all: what wrangler prints would hide it.
    for (const warning of await checkFile(envFile, name)) console.error(warning);
    // The redirect URI is registered at Google with its port: another port would be refused there.
    if ((await findPort(port)) !== port) throw new ScriptError(`Port ${port} is taken.`);
    const worker = await startWorker(stack, {
      port,
      envFile,
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

/**
 * Throws what to do where the file is missing or the settings are wrong.
 *
 * @returns what is no reason not to start
 */
async function checkFile(file: string, name: string): Promise<readonly string[]> {
  const text = await readTextOrNull(file);
  if (text === null) {
    throw new ScriptError(`There is no ${name} yet. Make one and fill it in:

  cp .dev.vars.example ${name}
  npm run --silent keys          prints a value for TOKEN_KEYS

docs/setup-google.md says how to get an OAuth client from Google.`);
  }
  const { problems, unknownNames } = checkSettings(PROJECT_ROOT, text);
  if (problems.length === 0) return unknownNames;
  throw new ScriptError(`.dev.vars.example says where each setting comes from; \`npm run --silent keys\` prints a value for TOKEN_KEYS.
Nothing is started, because in ${name} or wrangler.toml

${[...unknownNames, ...problems].map((problem) => `  ${problem}`).join("\n")}`);
}
