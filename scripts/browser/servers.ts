/** A Google and a Worker that nothing else uses, on free ports, with an empty KV: for the demo, pictures and measurements. */

import { type DevelopmentGoogle, startDevelopmentGoogle } from "../../test/google/development.ts";
import { makeTemporaryFolder, writeEnvFile } from "../lib/env-file.ts";
import { findPort } from "../lib/ports.ts";
import { addTokenKey } from "../lib/token-keys.ts";
import { startWorker } from "../lib/wrangler.ts";

/** The running servers. */
export interface Servers {
  readonly google: DevelopmentGoogle;
  /** The Worker's origin. */
  readonly origin: string;
  /** Resolves when the Worker has ended, in words. */
  readonly ended: Promise<string>;
  /** What wrangler has printed so far. */
  log(): string;
}

/** Starts both; they stop when `stack` is disposed of. */
export async function startServers(
  stack: AsyncDisposableStack,
  options: { readonly mailUntilMs?: number } = {},
): Promise<Servers> {
  const port = await findPort();
  const origin = `http://localhost:${port}`;
  const google = await startDevelopmentGoogle({
    ...options,
    clientId: "browser.apps.googleusercontent.example",
    clientSecret: "not-a-secret",
    redirectUris: [`${origin}/auth/callback`],
  });
  stack.defer(() => google.close());
  const folder = stack.use(await makeTemporaryFolder());
  const envFile = await writeEnvFile(folder, {
    ...google.vars,
    // This Google counts no minutes.
    USER_QUOTA_PER_MINUTE: "1000000",
    PUBLIC_URL: origin,
    TOKEN_KEYS: JSON.stringify(addTokenKey(new Date())),
  });
  let log = "";
  const worker = await startWorker(stack, {
    port,
    envFile,
    persistTo: folder.path,
    onOutput: (text) => {
      log += text;
    },
  }).catch((error: unknown) => {
    console.error(log);
    throw error;
  });
  return { google, origin: worker.url, ended: worker.ended, log: () => log };
}
