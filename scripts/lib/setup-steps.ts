/** The steps of `npm run setup`, from arguments to what is to be printed. */

import { chmod, stat } from "node:fs/promises";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { describeUnknownNames } from "../../src/config.ts";
import { type CommandLine, parseCommandLine } from "./command-line.ts";
import {
  type AuthorizationNeeded,
  type DelegationSettings,
  describeAuthorization,
  readDelegation,
  requireDeclaredDomains,
  toAuthorize,
} from "./delegation.ts";
import { deploy, type DeployCommands, type Deployment, listSecrets, putSecrets } from "./deployment.ts";
import { findClientFile, type GoogleClient, readClient, requireRedirectUri } from "./google-client.ts";
import { ScriptError } from "./script-error.ts";
import { carryOut, planJurisdiction } from "./jurisdiction.ts";
import { addTokenKey, parseTokenKeys } from "./token-keys.ts";
import { readTextOrNull, setVars, writeSecretFile } from "./vars-file.ts";
import { isLoopback, LOCAL_URL, parseOrigin } from "./worker-url.ts";

/** What the steps need of the world. */
export interface SetupWorld {
  /** The project's folder. */
  readonly root: string;
  /** Where the person is. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now: () => Date;
  readonly commands: DeployCommands;
  /** Gets lines for a person who waits. */
  readonly onProgress: (text: string) => void;
}

interface Outcome {
  readonly clientFile: string;
  readonly redirectUri: string;
  /** Names in .dev.vars. */
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly kept: readonly string[];
  /** A sentence for each name in .dev.vars that means nothing. */
  readonly unknown: readonly string[];
  /** Names of secrets at Cloudflare. */
  readonly secretsPut: readonly string[];
  readonly secretsKept: readonly string[];
  /** Null where the options ask for none. */
  readonly delegation: AuthorizationNeeded | null;
  readonly deployed: boolean;
  readonly dryRun: boolean;
}

/** The command line. */
export const SETUP = {
  name: "setup",
  about: "From the OAuth client's file that Google's console gives to a Worker that runs, here or at Cloudflare.",
  options: {
    deploy: { type: "boolean", default: false, about: "Puts the secrets at Cloudflare and deploys" },
    "public-url": { type: "string", value: "URL", about: "Where the deployed Worker answers; with --deploy" },
    "service-account": { type: "string", value: "FILE", about: "Key file for domain-wide delegation" },
    "delegated-domains": {
      type: "string",
      value: "DOMAINS",
      about: "Workspace domains of that delegation, separated by commas",
    },
    jurisdiction: {
      type: "string",
      value: "eu|us",
      about: "Where KV and objects live; with --deploy, before the first one",
    },
    "redirect-uri-added": {
      type: "boolean",
      default: false,
      about: "Believes that Google's console has the redirect URI that the file lacks",
    },
    "dry-run": { type: "boolean", default: false, about: "Writes nothing" },
    json: { type: "boolean", default: false, about: "Answers JSON, errors too" },
  },
  positionals: "[FILE]",
  notes: "FILE is client_secret_….json where you are, when left out. Safe to run again: keys are never replaced.",
  example: "client_secret_123.json --deploy --public-url https://mail.example.com",
} as const satisfies CommandLine;

/**
 * Does what the arguments of the command line say. Nothing is written before everything is checked.
 *
 * @returns what to print
 * @throws {ScriptError} that says what to do
 */
export async function setUp(args: readonly string[], world: SetupWorld): Promise<string> {
  const { values, positionals } = parseCommandLine(SETUP, args);
  if (positionals.length > 1) throw new ScriptError("Give one file only.");
  const origin = originOf(values.deploy, values["public-url"]);
  const clientFile = await findClientFile(world.folder, positionals[0]);
  const client = await readClient(clientFile);
  const redirectUri = `${origin}/auth/callback`;
  if (!values["redirect-uri-added"]) requireRedirectUri(client, redirectUri);

  const delegated = await readDelegation(values, world.folder);
  if (delegated !== null && values.deploy) requireDeclaredDomains(world.root, delegated);
  if (values.jurisdiction !== undefined && !values.deploy) throw new ScriptError("--jurisdiction is for --deploy.");
  const jurisdiction = planJurisdiction(world.root, values.jurisdiction);
  const local = await planVars(world, client, delegated);
  const dryRun = values["dry-run"];
  if (!dryRun) await local.write();
  if (!dryRun && jurisdiction !== null) await carryOut(jurisdiction, { ...world, onOutput: world.onProgress });
  const remote = values.deploy ? await toCloudflare(world, local.secrets, dryRun) : { secretsPut: [], secretsKept: [] };
  const { added, changed, kept, unknown } = local;
  const deployed = values.deploy && !dryRun;
  const delegation = delegated === null ? null : toAuthorize(delegated, world.root, values.deploy ? "" : local.text);
  const outcome = { clientFile, redirectUri, added, changed, kept, unknown, ...remote, delegation, deployed, dryRun };
  return values.json ? JSON.stringify(outcome) : toText(outcome, origin);
}

function originOf(isDeployment: boolean, publicUrl: string | undefined): string {
  if (!isDeployment) {
    if (publicUrl !== undefined) throw new ScriptError("--public-url is for --deploy.");
    return LOCAL_URL;
  }
  if (publicUrl === undefined)
    throw new ScriptError("--deploy needs --public-url https://…, where people will open it.");
  const origin = parseOrigin("--public-url", publicUrl);
  if (isLoopback(origin)) throw new ScriptError("--public-url must be where people will open it, not this machine.");
  return origin;
}

/** What is to become of .dev.vars. Keys that are there stay, or nobody could open what they have sealed. */
async function planVars({ root, now }: SetupWorld, client: GoogleClient, delegated: DelegationSettings | null) {
  const path = join(root, ".dev.vars");
  const existing = await readTextOrNull(path);
  const text = existing ?? (await readTextOrNull(join(root, ".dev.vars.example"))) ?? "";
  const before = parseEnv(text);
  const secrets = {
    GOOGLE_CLIENT_ID: client.id,
    GOOGLE_CLIENT_SECRET: client.secret,
    TOKEN_KEYS: before["TOKEN_KEYS"] || JSON.stringify(addTokenKey(now())),
    ...(delegated === null ? {} : { GOOGLE_SERVICE_ACCOUNT: delegated.secret }),
  };
  try {
    parseTokenKeys(secrets.TOKEN_KEYS);
  } catch {
    throw new ScriptError(`TOKEN_KEYS in .dev.vars is not a JWK Set of 256-bit oct keys with a kid. It is left as it is:
mend it, or remove the line to get new keys (what the old ones sealed is then lost).`);
  }
  const vars = { ...secrets, ...(delegated === null ? {} : { DELEGATED_DOMAINS: delegated.domains.join(",") }) };
  const next = setVars(text, vars);
  const names = Object.entries(vars);
  return {
    secrets,
    text: next,
    added: names.filter(([name]) => !before[name]).map(([name]) => name),
    changed: names.filter(([name, value]) => before[name] && before[name] !== value).map(([name]) => name),
    kept: names.filter(([name, value]) => before[name] === value).map(([name]) => name),
    unknown: describeUnknownNames(parseEnv(next)),
    write: async () => {
      if (next !== existing) await writeSecretFile(path, next);
      else if (((await stat(path)).mode & 0o077) !== 0) await chmod(path, 0o600);
    },
  };
}

/** Puts the secrets, but no keys over keys that are there, and deploys. */
async function toCloudflare(world: SetupWorld, vars: Readonly<Record<string, string>>, dryRun: boolean) {
  const deployment: Deployment = { ...world, onOutput: world.onProgress };
  world.onProgress("Asking Cloudflare which secrets the Worker has …\n");
  const secretsKept = (await listSecrets(deployment)).includes("TOKEN_KEYS") ? ["TOKEN_KEYS"] : [];
  const toPut = Object.fromEntries(Object.entries(vars).filter(([name]) => !secretsKept.includes(name)));
  if (!dryRun) {
    world.onProgress("Putting the secrets …\n");
    await putSecrets(deployment, toPut);
    world.onProgress("Deploying …\n");
    await deploy(deployment);
  }
  return { secretsPut: Object.keys(toPut), secretsKept };
}

function toText(outcome: Outcome, origin: string): string {
  const { dryRun, deployed } = outcome;
  const isForCloudflare = outcome.secretsPut.length > 0;
  return [
    ...(dryRun ? ["Nothing is written: this is what would be done.", ""] : []),
    `OAuth client of ${outcome.clientFile}: fine, with redirect URI ${outcome.redirectUri}`,
    ".dev.vars",
    ...list("added", outcome.added),
    ...list("changed", outcome.changed),
    ...list("left as it was", outcome.kept),
    ...outcome.unknown.map((sentence) => `  ${sentence}`),
    ...(isForCloudflare ? ["Secrets at Cloudflare", ...list("put", outcome.secretsPut)] : []),
    ...list("left as it was", outcome.secretsKept),
    ...(outcome.delegation === null ? [] : ["", ...describeAuthorization(outcome.delegation)]),
    ...(dryRun ? [] : ["", nextStep(deployed, origin)]),
  ].join("\n");
}

function nextStep(deployed: boolean, origin: string): string {
  return deployed
    ? `Next: npm run doctor -- --url ${origin}`
    : "Next: npm run dev:google, and in another terminal npm run doctor";
}

function list(what: string, names: readonly string[]): string[] {
  return names.length > 0 ? [`  ${what}: ${names.join(", ")}`] : [];
}
