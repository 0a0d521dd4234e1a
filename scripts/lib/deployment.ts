/** Secrets and code on their way to Cloudflare, by wrangler. Values go by standard input only. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import * as z from "zod/mini";
import { parseJsonOrNull } from "./json.ts";
import { QUIET_WRANGLER } from "./quiet-wrangler.ts";
import { ScriptError } from "./script-error.ts";

/** What is run, as program and first arguments. */
export interface DeployCommands {
  readonly wrangler: readonly string[];
  readonly deploy: readonly string[];
}

export interface Deployment {
  readonly commands: DeployCommands;
  readonly root: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Gets what they say, without the secrets. */
  readonly onOutput: (text: string) => void;
}

const SecretListSchema = z.array(z.object({ name: z.string() }));

/** The names of the secrets that the deployed Worker has; none where there is no Worker yet. */
export async function listSecrets(deployment: Deployment): Promise<string[]> {
  const { code, stdout, all } = await run(deployment, {
    command: [...deployment.commands.wrangler, "secret", "list", "--format", "json"],
    isQuiet: true,
  });
  if (code !== 0) {
    // Cloudflare's code for a Worker that does not exist. Any other failure must not pass for "no secrets".
    if (/\b10007\b/.test(all)) return [];
    throw new ScriptError(
      `wrangler cannot list the Worker's secrets. Sign in with \`npm run wrangler -- login\`.\n\n${all.trim()}`,
    );
  }
  const list = SecretListSchema.safeParse(parseJsonOrNull(stdout.slice(Math.max(0, stdout.indexOf("[")))));
  if (list.success) return list.data.map(({ name }) => name);
  throw new ScriptError("wrangler does not list the Worker's secrets as JSON.");
}

/** Creates or replaces secrets of the Worker. */
export async function putSecrets(deployment: Deployment, secrets: Readonly<Record<string, string>>): Promise<void> {
  const command = [...deployment.commands.wrangler, "secret", "bulk"];
  const { code, all } = await run(deployment, {
    command,
    input: JSON.stringify(secrets),
    hide: Object.values(secrets).flatMap(partsOf),
  });
  if (code !== 0)
    throw new ScriptError(`wrangler did not take the secrets (exit code ${String(code)}).\n\n${all.trim()}`);
}

/** A secret as it may be shown: as it is, or within JSON, where quotes and the ends of a PEM's lines are escaped. */
function partsOf(secret: string): string[] {
  return [secret, ...(secret.match(/[\w+/-]{40,}/g) ?? [])];
}

/** Creates the KV namespace of the binding CREDENTIALS in a jurisdiction. @returns its ID */
export async function createKvNamespace(deployment: Deployment, jurisdiction: string): Promise<string> {
  const name = "gmail-edge-credentials";
  const command = [...deployment.commands.wrangler, "kv", "namespace", "create", name, "--jurisdiction", jurisdiction];
  const { code, all } = await run(deployment, { command });
  const [id] = /\b[0-9a-f]{32}\b/.exec(all) ?? [];
  if (code === 0 && id !== undefined) return id;
  throw new ScriptError(`wrangler did not create the KV namespace (exit code ${String(code)}).\n\n${all.trim()}`);
}

/** Deploys the code. */
export async function deploy(deployment: Deployment): Promise<void> {
  const { code, all } = await run(deployment, { command: deployment.commands.deploy });
  if (code !== 0) throw new ScriptError(`npm run deploy failed (exit code ${String(code)}).\n\n${all.trim()}`);
}

interface Command {
  readonly command: readonly string[];
  readonly input?: string;
  /** Never shown, whatever the program prints. */
  readonly hide?: readonly string[];
  readonly isQuiet?: boolean;
}

async function run({ root, env, onOutput }: Deployment, { command, input = "", hide = [], isQuiet = false }: Command) {
  const [program = "", ...args] = command;
  const child = spawn(program, args, {
    cwd: root,
    env: { ...env, ...QUIET_WRANGLER },
    stdio: ["pipe", "pipe", "pipe"],
  });
  let stdout = "";
  let all = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => {
      all += text;
      if (stream === child.stdout) stdout += text;
    });
  }
  // A program that ends without reading its input is told by its exit code.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const ended = once(child, "close");
  const [code]: unknown[] = await ended.catch((error: unknown) => {
    throw new ScriptError(`${program} cannot be run: ${error instanceof Error ? error.message : String(error)}`);
  });
  const shown = hide.reduce((text, secret) => text.replaceAll(secret, "…"), all);
  if (!isQuiet) onOutput(shown);
  return { code, stdout, all: shown };
}
