/**
 * The commands of `npm run security-events`, from arguments to what is to be printed.
 */

import { randomUUID } from "node:crypto";
import { type CommandLine, parseCommandLine, UsageError } from "./command-line.ts";
import { createRiscApi, RISC_API_ORIGIN, type RiscApi } from "./risc-api.ts";
import { ScriptError } from "./script-error.ts";
import { SECURITY_EVENT_TYPES } from "./security-event-types.ts";
import { readServiceAccount } from "./service-account.ts";

const RECEIVER_PATH = "/auth/security-events";
const ALL_EVENTS: readonly string[] = Object.values(SECURITY_EVENT_TYPES);
/** The command line. */
export const SECURITY_EVENTS = {
  name: "security-events",
  about: "Tells Google where the Worker takes security events, shows what Google knows, and tries it.",
  options: {
    key: {
      type: "string",
      value: "FILE",
      about: "The service account's; docs/setup-google.md says how to get it",
    },
    url: { type: "string", value: "URL", about: `Of register: https://HOST${RECEIVER_PATH}` },
    json: { type: "boolean", default: false, about: "One line of JSON for programs, errors too" },
    "api-origin": { type: "string", default: RISC_API_ORIGIN, value: "ORIGIN", about: "Of Google's API, for tests" },
  },
  positionals: "register|status|verify|disable|enable",
  notes: `  register         events go to --url from now on
  status           where they go, which ones, and whether
  verify           has Google send a test event
  disable, enable  stops the events, and resumes them; those in between are lost`,
  example: `--key service-account.json register --url https://mail.example.com${RECEIVER_PATH}`,
} as const satisfies CommandLine;
const USAGE = "Usage: npm run security-events -- --key FILE register|status|verify|disable|enable. `--help` says more.";

/** What a command has to say: to a program, and to a person. */
interface Outcome {
  readonly json: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** `url` is for `register` alone. */
type Command = (api: RiscApi, url: string) => Promise<Outcome>;

const COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  ["register", (api, url) => register(api, url)],
  ["status", (api) => showStatus(api)],
  ["verify", (api) => verify(api)],
  ["enable", (api) => setStatus(api, "enabled")],
  ["disable", (api) => setStatus(api, "disabled")],
]);

/**
 * Does what the arguments of the command line say, and answers what to print.
 *
 * @throws {ScriptError} with Google's refusal, or with the mistake in the arguments
 */
export async function manageStream(args: readonly string[], nowMs: number): Promise<string> {
  const { values, positionals } = parseCommandLine(SECURITY_EVENTS, args);
  const [name = "", ...others] = positionals;
  const command = COMMANDS.get(name);
  if (command === undefined || others.length > 0) throw new UsageError(USAGE);
  if (values.key === undefined) throw new ScriptError(`--key is missing. ${USAGE}`);
  if (values.url !== undefined && name !== "register") throw new ScriptError("--url is for register.");
  const origin = checkApiOrigin(values["api-origin"]);
  const receiver = name === "register" ? checkReceiver(values.url) : "";
  const account = await readServiceAccount(values.key);
  const outcome = await command(createRiscApi({ account, origin, nowMs }), receiver);
  return values.json ? JSON.stringify(outcome.json) : outcome.text;
}

/** Whoever gets the bearer token can act as the service account for an hour: Google, or a test on this machine. */
function checkApiOrigin(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.origin === RISC_API_ORIGIN || (url?.protocol === "http:" && url.hostname === "127.0.0.1")) return url.origin;
  throw new ScriptError(`--api-origin must be ${RISC_API_ORIGIN} or on http://127.0.0.1.`);
}

function checkReceiver(text: string | undefined): string {
  if (text === undefined) throw new ScriptError(`register needs --url https://HOST${RECEIVER_PATH}`);
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol !== "https:") throw new ScriptError("--url must be an https URL: Google sends to no other.");
  if (url.href !== `${url.origin}${RECEIVER_PATH}`) {
    throw new ScriptError(`The Worker takes events at ${url.origin}${RECEIVER_PATH}, and only there.`);
  }
  return url.href;
}

async function register(api: RiscApi, url: string): Promise<Outcome> {
  await api.updateStream({ url, events: ALL_EVENTS });
  return {
    json: { url, events: ALL_EVENTS },
    text: `Security events go to ${url} from now on:\n${list(ALL_EVENTS)}\n\nTry it: verify`,
  };
}

async function showStatus(api: RiscApi): Promise<Outcome> {
  const stream = await api.readStream();
  const status = await api.readStatus();
  const { events } = stream;
  const missing = events === null ? [] : ALL_EVENTS.filter((event) => !events.includes(event));
  const advice = missing.length === 0 ? "" : `\n\nNot requested, register again to get them:\n${list(missing)}`;
  return {
    json: { url: stream.url, status, events, missing },
    text: `Receiver: ${stream.url ?? "unknown"}\nStatus:   ${status ?? "unknown"}\nEvents:\n${list(events ?? ["unknown"])}${advice}`,
  };
}

async function verify(api: RiscApi): Promise<Outcome> {
  const state = randomUUID();
  await api.verifyStream(state);
  return {
    json: { state },
    text: `Google sends a verification event with the state ${state}\n\nThe Worker's log must show that state within a minute: npm run wrangler -- tail --search ${state}\n(start it before, or look into Workers Logs). If it does not, see docs/setup-google.md, "Registering".`,
  };
}

async function setStatus(api: RiscApi, status: "enabled" | "disabled"): Promise<Outcome> {
  await api.updateStatus(status);
  return { json: { status }, text: `The stream of security events is ${status}.` };
}

function list(uris: readonly string[]): string {
  return uris.map((uri) => `  ${uri}`).join("\n");
}
