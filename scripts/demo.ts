/**
 * `npm run demo`: the main job, start to finish, without a Google account: signs in through the local Google's pages,
 * lists messages, loses the grant and finds the way back. Exits with 0 when all of it went as promised, and with 1 and
 * what did not.
 */

import { Api } from "./demo/api.ts";
import { type Demo, STEPS } from "./demo/steps.ts";
import { Transcript } from "./demo/transcript.ts";
import { Browser } from "./browser/without-script.ts";
import { type Servers, startServers } from "./browser/servers.ts";
import { readCommandLine } from "./lib/command-line.ts";
import { runScript } from "./lib/run.ts";
import { ScriptError } from "./lib/script-error.ts";

const TIMEOUT_MS = 120_000;
/** How much of the Worker's log a failure shows. */
const LOG_TAIL = 4_000;

const { values } = readCommandLine({
  name: "demo",
  about:
    "Signs in, lists, searches, loses the grant and disconnects, in front of a local Google, and checks all of it.",
  options: { verbose: { type: "boolean", default: false, about: "Prints every request, row and check" } },
  notes: "Exits with 1 where something is not as promised.",
  example: "--verbose",
});
const out = new Transcript(values.verbose);
let servers: Servers | undefined;

await runScript(
  async ({ stack }) => {
    const startedAt = Date.now();
    out.heading("gmail-edge: sign in with Google at the edge, and list Gmail messages");
    servers = await startServers(stack);
    const { google, origin, ended } = servers;
    out.line(`Worker: ${origin} (wrangler dev) · Google: ${google.url} (local)`);
    out.done(`Started the Worker at ${origin} and a local Google`, startedAt);
    const browser = new Browser();
    const demo: Demo = { out, google, origin, browser, api: new Api(origin, browser) };
    const stopped = ended.then((how) => {
      throw new ScriptError(`The Worker has stopped (${how}).`);
    });
    for (const [index, [title, step]] of STEPS.entries()) {
      const stepStartedAt = Date.now();
      out.heading(`${index + 1}. ${title}`);
      out.done(await Promise.race([step(demo), stopped]), stepStartedAt);
    }
    out.end(`All ${out.checks} checks hold, in ${((Date.now() - startedAt) / 1000).toFixed(1)} s. Now: npm run dev`);
    return 0;
  },
  {
    timeoutMs: TIMEOUT_MS,
    interruptedExitCode: 130,
    onFailure: (message) => {
      if (servers !== undefined) console.error(`\nThe Worker's log ends with:\n${servers.log().slice(-LOG_TAIL)}`);
      out.failed(message);
    },
  },
);
