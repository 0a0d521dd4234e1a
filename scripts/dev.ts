/**
 * `npm run dev`: the Worker and a Google for it to talk to, both on loopback, until Ctrl-C.
 *
 *   --port 8787              where the Worker listens
 *   --emulator-port 4002     where the emulated Google listens
 *   --state FOLDER           for the Worker's storage and sealing keys, instead of .wrangler, or .wrangler/dev-8788
 *                            for a second one on the next port; it holds secrets, so keep it out of version control
 *   --new-mail 60            seconds between two messages that arrive; 0: none
 *   --scopes "openid …"      GOOGLE_SCOPES: with https://www.googleapis.com/auth/gmail.modify, mail can be changed
 *   --allow-origin ORIGIN    a site whose pages may call the API with a token; may be given several times
 *   --no-token               makes no API token
 *
 * The emulated Google forgets everything when it stops; the Worker's KV and sealing keys stay under `.wrangler`, or in
 * the folder that `--state` names. After a restart a browser is thus still signed in, but its grant is unknown to the
 * new Google, and the first page leads through consent once.
 */

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { BUSY_USER, SMALL_USER, USERS } from "../test/google/accounts.ts";
import { type DevelopmentGoogle, startDevelopmentGoogle } from "../test/google/development.ts";
import { makeApiToken } from "./browser/api-token.ts";
import { makeTemporaryFolder, writeEnvFile } from "./lib/env-file.ts";
import { DEVELOPMENT_KEYS } from "./lib/key-sources.ts";
import { findPort, parsePort } from "./lib/ports.ts";
import { runScript } from "./lib/run.ts";
import { ScriptError } from "./lib/script-error.ts";
import { addTokenKey, parseTokenKeys } from "./lib/token-keys.ts";
import { PROJECT_ROOT, startWorker } from "./lib/wrangler.ts";

const WORKER_PORT = 8787;
const EMULATOR_PORT = 4002;
/** How many ports are tried, the usual one first. */
const NEXT_PORTS = 10;

await runScript(
  async ({ stack }) => {
    const asked = readArguments();
    const { "new-mail": newMail, scopes, "allow-origin": allowedOrigins } = asked;
    if (asked.state === "") throw new ScriptError("--state must name a folder.");
    const ports = await choosePorts(asked);
    const state = asked.state ?? ownState(asked, ports.worker);
    const publicUrl = `http://localhost:${ports.worker}`;
    const google = await startDevelopmentGoogle({
      port: ports.emulator,
      clientId: "development.apps.googleusercontent.example",
      clientSecret: "not-a-secret",
      redirectUris: [`${publicUrl}/auth/callback`],
      securityEventReceiver: `${publicUrl}/auth/security-events`,
      ...newMailOption(newMail),
    });
    stack.defer(() => google.close());
    const folder = stack.use(await makeTemporaryFolder());
    const envFile = await writeEnvFile(folder, {
      ...google.vars,
      PUBLIC_URL: publicUrl,
      ...(scopes === undefined ? {} : { GOOGLE_SCOPES: scopes }),
      ...(allowedOrigins === undefined ? {} : { ALLOWED_ORIGINS: allowedOrigins.join(" ") }),
      TOKEN_KEYS: await developmentKeys(
        state === undefined ? join(PROJECT_ROOT, DEVELOPMENT_KEYS) : join(state, basename(DEVELOPMENT_KEYS)),
      ),
    });
    // What wrangler says at the start is of use only where it does not start.
    const output = { early: "", isShown: false };
    stack.defer(() => {
      if (!output.isShown) process.stdout.write(output.early);
    });
    const worker = await startWorker(stack, {
      port: ports.worker,
      envFile,
      ...(state === undefined ? {} : { persistTo: state }),
      onOutput: (text) => {
        if (output.isShown) process.stdout.write(text);
        else output.early += text;
      },
    });
    const access = scopes === undefined ? "read" : "full";
    const token =
      asked["no-token"] === true ? null : await makeApiToken(publicUrl, { email: SMALL_USER.email, access });
    output.isShown = true;
    console.log(welcome(publicUrl, google, token));
    throw new ScriptError(`The Worker has stopped (${await worker.ended}).`);
  },
  { interruptedExitCode: 0 },
);

interface Arguments {
  readonly port?: string | undefined;
  readonly "emulator-port"?: string | undefined;
  /** The folder for the Worker's KV and sealing keys. */
  readonly state?: string | undefined;
  /** Seconds between two messages that arrive; 0: none. */
  readonly "new-mail"?: string | undefined;
  readonly scopes?: string | undefined;
  readonly "allow-origin"?: string[] | undefined;
  readonly "no-token"?: boolean | undefined;
}

function readArguments(): Arguments {
  return parseArgs({
    options: {
      port: { type: "string" },
      "emulator-port": { type: "string" },
      state: { type: "string" },
      "new-mail": { type: "string" },
      scopes: { type: "string" },
      "allow-origin": { type: "string", multiple: true },
      "no-token": { type: "boolean" },
    },
  }).values;
}

function newMailOption(text = "60"): { newMailEveryMs?: number } {
  const seconds = /^\d{1,5}$/.test(text) ? Number(text) : Infinity;
  if (seconds > 86_400) throw new ScriptError("--new-mail must be a whole number of seconds, 0 to 86400.");
  return seconds === 0 ? {} : { newMailEveryMs: seconds * 1000 };
}

/** A second Worker beside the first has a folder of its own: in one folder, each would end the sessions of the other. */
function ownState({ port }: Arguments, workerPort: number): string | undefined {
  if (port !== undefined || workerPort === WORKER_PORT) return undefined;
  return join(PROJECT_ROOT, ".wrangler", `dev-${workerPort}`);
}

/** The ports asked for, or the usual ones, or free ones when those are taken. */
async function choosePorts(asked: Arguments): Promise<{ worker: number; emulator: number }> {
  const worker = await choosePort("--port", asked.port, WORKER_PORT);
  const emulator = await choosePort("--emulator-port", asked["emulator-port"], EMULATOR_PORT);
  if (worker === emulator) throw new ScriptError(`--port and --emulator-port must differ: both are ${worker}.`);
  return { worker, emulator };
}

async function choosePort(name: string, asked: string | undefined, usual: number): Promise<number> {
  if (asked !== undefined) {
    const wanted = parsePort(name, asked);
    // Someone who asks for a port has registered it somewhere; another one would not do.
    if ((await findPort(wanted)) !== wanted) throw new ScriptError(`Port ${wanted} (${name}) is taken.`);
    return wanted;
  }
  for (let port = usual; port < usual + NEXT_PORTS; port += 1) {
    if ((await findPort(port)) !== port) continue;
    if (port !== usual) console.log(`Port ${usual} is taken, using ${port}.`);
    return port;
  }
  throw new ScriptError(`Ports ${usual} to ${usual + NEXT_PORTS - 1} are taken. Give one with ${name}.`);
}

/** The same keys at every start, so that sessions and stored credentials outlive a restart. */
async function developmentKeys(file: string): Promise<string> {
  try {
    return JSON.stringify(parseTokenKeys(await readFile(file, "utf8")));
  } catch {
    const keys = JSON.stringify(addTokenKey(new Date()));
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, keys, { mode: 0o600 });
    return keys;
  }
}

function welcome(publicUrl: string, google: DevelopmentGoogle, token: string | null): string {
  const width = Math.max(...USERS.map(({ email }) => email.length));
  const control = (form: string): string => `curl -d '${form}' ${google.url}/_control`;
  const happens = (action: string): string => control(`action=${action}&email=${BUSY_USER.email}`);
  const call =
    token === null
      ? ""
      : `
  Or call      curl -H 'Authorization: Bearer ${token}' '${publicUrl}/api/messages?view=metadata&limit=3'
               (an API token of ${SMALL_USER.email}, good for a day)
`;
  return `
  Open         ${publicUrl}
${call}
  Sign in as   ${USERS.map(({ email, about }) => `${email.padEnd(width)}  ${about}`).join("\n               ")}

  Google is emulated at ${google.url} and starts from nothing each time: after a restart,
  the first page leads through consent once. Make something happen to an account:

    remove the app         ${happens("revokeGrant")}
    change the password    ${happens("changePassword")}
    let an hour pass       ${happens("killAccessTokens")}
    let a message arrive   ${happens("receiveMail")}

  Let Google tell the Worker that something has happened to an account:

    hijacked               ${happens("sendSecurityEvent&type=account-disabled&reason=hijacking")}

  Make Google slow, or fail in its own words, and see what a user would see:

    refuse some rows       ${control("action=fault&endpoint=part&named=tooManyRequests&share=0.3&times=always")}
    all is well again      ${control("action=clearFaults")}
    what has happened      curl ${google.url}/_control

  Ctrl-C stops both.
`;
}
