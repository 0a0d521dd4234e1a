/**
 * `npm run demo`: the main job, start to finish, without a Google account: signs in through the
 * emulated Google's pages, lists messages, loses the grant and finds the way back. Exits 0 when all of
 * it went as promised, and 1 with what did not.
 */

import { parseArgs } from "node:util";
import { Api } from "./demo/api.ts";
import { Browser } from "./browser/without-script.ts";
import { countChecks } from "./demo/check.ts";
import type { Demo } from "./demo/context.ts";
import { listMessages, outliveAccessToken, outliveRateLimits, search } from "./demo/listing.ts";
import { denyConsent, disconnect, loseGrant, signIn } from "./demo/sign-in.ts";
import { failed, heading, line } from "./demo/transcript.ts";
import { startDevelopmentGoogle } from "../test/google/development.ts";
import { makeTemporaryFolder, writeEnvFile } from "./lib/env-file.ts";
import { findPort } from "./lib/ports.ts";
import { runScript, type Run } from "./lib/run.ts";
import { ScriptError } from "./lib/script-error.ts";
import { addTokenKey } from "./lib/token-keys.ts";
import { startWorker } from "./lib/wrangler.ts";

const TIMEOUT_MS = 120_000;
/** How much of the Worker's log a failure shows. */
const LOG_TAIL = 4_000;
const STEPS = [signIn, listMessages, search, outliveAccessToken, outliveRateLimits, loseGrant, denyConsent, disconnect];

let log = "";

await runScript(
  async ({ stack }) => {
    // There are none: a misspelt one is an error, as with every script.
    parseArgs({ options: {} });
    const startedAt = Date.now();
    heading("gmail-edge: sign in with Google at the edge, and list Gmail messages");
    const demo = await start(stack);
    const stopped = demo.worker.ended.then((how) => {
      throw new ScriptError(`The Worker has stopped (${how}).`);
    });
    for (const step of STEPS) await Promise.race([step(demo), stopped]);
    heading(`All ${countChecks()} checks hold, in ${((Date.now() - startedAt) / 1000).toFixed(1)} s.`);
    return 0;
  },
  {
    timeoutMs: TIMEOUT_MS,
    interruptedExitCode: 130,
    onFailure: (message) => {
      failed(message);
      console.error(`\nThe Worker's log ends with:\n${log.slice(-LOG_TAIL)}`);
    },
  },
);

/** Starts a Google and a Worker that nothing else uses, on free ports, with an empty KV. */
async function start(stack: Run["stack"]): Promise<Demo> {
  const port = await findPort();
  const publicUrl = `http://localhost:${port}`;
  const google = await startDevelopmentGoogle({
    clientId: "demo.apps.googleusercontent.example",
    clientSecret: "not-a-secret",
    redirectUris: [`${publicUrl}/auth/callback`],
    securityEventReceiver: `${publicUrl}/auth/security-events`,
  });
  stack.defer(() => google.close());
  const folder = stack.use(await makeTemporaryFolder());
  const envFile = await writeEnvFile(folder, {
    ...google.vars,
    PUBLIC_URL: publicUrl,
    TOKEN_KEYS: JSON.stringify(addTokenKey(new Date())),
  });
  const worker = await startWorker(stack, {
    port,
    envFile,
    persistTo: folder.path,
    onOutput: (text) => {
      log += text;
    },
  });
  line(`Worker: ${worker.url} (wrangler dev) · Google: ${google.url} (emulated)`);
  const browser = new Browser();
  return { google, worker, browser, api: new Api(worker.url, browser) };
}
