/**
 * `npm run dev`: the Worker and a Google for it to talk to, both on loopback, until Ctrl-C.
 *
 * The emulated Google forgets everything when it stops; the Worker's KV and sealing keys stay under `.wrangler`, or in
 * the folder that `--state` names. After a restart a browser is thus still signed in, but its grant is unknown to the
 * new Google, and the first page leads through consent once.
 */

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { BUSY_USER, SMALL_USER, USERS } from "../test/google/accounts.ts";
import { type DevelopmentGoogle, startDevelopmentGoogle } from "../test/google/development.ts";
import { makeApiToken } from "./browser/api-token.ts";
import { readCommandLine } from "./lib/command-line.ts";
import { makeTemporaryFolder, writeEnvFile } from "./lib/env-file.ts";
import { DEVELOPMENT_KEYS } from "./lib/key-sources.ts";
import { isErrno, isFree, parsePort } from "./lib/ports.ts";
import { runScript } from "./lib/run.ts";
import { ScriptError } from "./lib/script-error.ts";
import { addTokenKey, parseTokenKeys } from "./lib/token-keys.ts";
import { PROJECT_ROOT, SettingsError, startWorker } from "./lib/wrangler.ts";

const WORKER_PORT = 8787;
const EMULATOR_PORT = 4002;
/** How many pairs of ports are tried, the usual ones first. */
const NEXT_PORTS = 10;

interface Ports {
  readonly worker: number;
  readonly emulator: number;
}

const { values: asked } = readCommandLine({
  name: "dev",
  about: "The Worker and a Google for it to talk to, both on loopback, until Ctrl-C.",
  options: {
    port: { type: "string", value: "PORT", about: `Where the Worker listens: ${WORKER_PORT}, or one of the next` },
    "emulator-port": {
      type: "string",
      value: "PORT",
      about: `Where Google listens: ${EMULATOR_PORT}, or one of the next`,
    },
    state: {
      type: "string",
      value: "FOLDER",
      about: "For the Worker's storage and keys, which are secret: .wrangler, or a folder in it for other ports",
    },
    "new-mail": { type: "string", value: "SECONDS", about: "Between two messages that arrive: 60; 0 for none" },
    scopes: { type: "string", value: "SCOPES", about: "GOOGLE_SCOPES: what the Worker asks people for" },
    "allow-origin": {
      type: "string",
      multiple: true,
      value: "ORIGIN",
      about: "A site whose pages may call the API with a token; again for another one",
    },
    "no-token": { type: "boolean", about: "Makes no API token" },
  },
  example: '--scopes "openid email profile https://www.googleapis.com/auth/gmail.modify"',
});

await runScript(
  async ({ stack }) => {
    const { scopes, "allow-origin": allowedOrigins } = asked;
    if (asked.state === "") throw new ScriptError("--state must name a folder.");
    const newMail = newMailOption(asked["new-mail"]);
    const askedPorts = { worker: portOption("port"), emulator: portOption("emulator-port") };
    const { google, ports } = await startOnFreePorts(askedPorts, ({ worker, emulator }) =>
      startDevelopmentGoogle({
        port: emulator,
        clientId: "development.apps.googleusercontent.example",
        clientSecret: "not-a-secret",
        redirectUris: [`http://localhost:${worker}/auth/callback`],
        securityEventReceiver: `http://localhost:${worker}/auth/security-events`,
        ...newMail,
      }),
    );
    stack.defer(() => google.close());
    const publicUrl = `http://localhost:${ports.worker}`;
    const state = asked.state ?? ownState(askedPorts.worker, ports.worker);
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
    const output = { early: "", isShown: false, isWanted: true };
    stack.defer(() => {
      if (output.isWanted && !output.isShown) process.stdout.write(output.early);
    });
    const worker = await startWorker(stack, {
      port: ports.worker,
      envFile,
      ...(state === undefined ? {} : { persistTo: state }),
      onOutput: (text) => {
        if (output.isShown) process.stdout.write(text);
        else output.early += text;
      },
    }).catch((error: unknown) => {
      // Its message says it all: what wrangler says, at its end too, would only hide it.
      if (error instanceof SettingsError) output.isWanted = false;
      throw error;
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

function portOption(name: "port" | "emulator-port"): number | undefined {
  const text = asked[name];
  return text === undefined ? undefined : parsePort(`--${name}`, text);
}

function newMailOption(text = "60"): { newMailEveryMs?: number } {
  const seconds = /^\d{1,5}$/.test(text) ? Number(text) : Infinity;
  if (seconds > 86_400) throw new ScriptError("--new-mail must be a whole number of seconds, 0 to 86400.");
  return seconds === 0 ? {} : { newMailEveryMs: seconds * 1000 };
}

/** A second Worker beside the first has a folder of its own: in one folder, each would end the sessions of the other. */
function ownState(askedPort: number | undefined, workerPort: number): string | undefined {
  if (askedPort !== undefined || workerPort === WORKER_PORT) return undefined;
  return join(PROJECT_ROOT, ".wrangler", `dev-${workerPort}`);
}

/**
 * Starts Google on the ports asked for, or on the usual ones, or on the next ones. That Google listens tells a second
 * `npm run dev` that the port of the Worker beside it is taken, too: the Worker needs seconds to listen.
 */
async function startOnFreePorts(
  wanted: { readonly worker: number | undefined; readonly emulator: number | undefined },
  start: (ports: Ports) => Promise<DevelopmentGoogle>,
): Promise<{ readonly google: DevelopmentGoogle; readonly ports: Ports }> {
  for (let step = 0; step < NEXT_PORTS; step += 1) {
    const ports = { worker: wanted.worker ?? WORKER_PORT + step, emulator: wanted.emulator ?? EMULATOR_PORT + step };
    if (ports.worker === ports.emulator) throw new ScriptError(`Both ports are ${ports.worker}: give another one.`);
    const google = (await isFree(ports.worker)) && (await isFree(ports.emulator)) ? await orTaken(start(ports)) : null;
    if (google !== null) {
      if (step > 0) console.log(`The usual ports are taken, using ${ports.worker} and ${ports.emulator}.`);
      return { google, ports };
    }
    // Someone who asks for a port has registered it somewhere; another one would not do.
    if (wanted.worker !== undefined && !(await isFree(wanted.worker))) throw taken("--port", wanted.worker);
    if (wanted.emulator !== undefined) throw taken("--emulator-port", wanted.emulator);
  }
  throw new ScriptError(`The usual ports and the next ${NEXT_PORTS - 1} are taken. Give --port and --emulator-port.`);
}

function taken(option: string, port: number): ScriptError {
  return new ScriptError(`Port ${port} (${option}) is taken.`);
}

/** @returns null where another program was quicker */
async function orTaken<T>(starting: Promise<T>): Promise<T | null> {
  try {
    return await starting;
  } catch (error) {
    if (isErrno(error, "EADDRINUSE")) return null;
    throw error;
  }
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
