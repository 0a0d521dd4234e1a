/**
 * The Worker as `wrangler dev` runs it, assets included, in front of the emulated Google, for tests of pages and
 * examples. Node only.
 */
import { createTestHarness } from "wrangler";
import * as z from "zod";
import { Browser } from "../../scripts/browser/without-script.ts";
import { localConfig } from "../../scripts/lib/local-config.ts";
import { addTokenKey } from "../../scripts/lib/token-keys.ts";
import { BUSY_USER } from "../google/accounts.ts";
import { type DevelopmentGoogle, type DevelopmentOptions, startDevelopmentGoogle } from "../google/development.ts";

const CreatedTokenSchema = z.object({ token: z.string() });

const CLIENT = { clientId: "example-client", clientSecret: "example-secret" };

/** Somebody of the emulated Google. */
export const USER = BUSY_USER.email;

export interface EmulatedWorker {
  readonly origin: string;
  readonly google: DevelopmentGoogle;
  /** Signs in as a person does. @returns a browser with the session */
  signIn(): Promise<Browser>;
  /** Makes an API token with a session. @returns its secret */
  makeToken(): Promise<string>;
  close(): Promise<void>;
}

/** Starts both. @param vars of the Worker */
export async function startEmulatedWorker(
  vars: Readonly<Record<string, string>> = {},
  options: Pick<DevelopmentOptions, "securityEventReceiver"> = {},
): Promise<EmulatedWorker> {
  const google = await startDevelopmentGoogle({ ...CLIENT, ...options, redirectUris: [] });
  const workers = createTestHarness({
    root: new URL("../..", import.meta.url).pathname,
    workers: [
      {
        configPath: localConfig(),
        vars: { ...google.vars, ...vars },
        secrets: {
          GOOGLE_CLIENT_ID: CLIENT.clientId,
          GOOGLE_CLIENT_SECRET: CLIENT.clientSecret,
          TOKEN_KEYS: JSON.stringify(addTokenKey(new Date())),
        },
      },
    ],
  });
  const { origin } = (await workers.listen()).url;
  // Registered late, because only now is it known where the Worker is.
  google.controls.register({ redirectUri: `${origin}/auth/callback` });
  const signIn = async (): Promise<Browser> => {
    const browser = new Browser();
    const start = await browser.visit(`${origin}/`);
    const chooser = await browser.click(start, 'a[href^="/auth/login"]');
    const next = await browser.click(chooser, `a[data-email="${USER}"]`);
    // Google asks for consent only once.
    const isConsent = next.document.querySelector('button[value="allow"]') !== null;
    const home = isConsent ? await browser.press(next, 'button[value="allow"]') : next;
    if (home.status !== 200) throw new Error(`sign-in ended with ${home.status}`);
    return browser;
  };
  return {
    origin,
    google,
    signIn,
    makeToken: async () => {
      const browser = await signIn();
      const cookie = (await browser.cookies(origin)).join("; ");
      const headers = { cookie, origin, "content-type": "application/json" };
      const body = JSON.stringify({ name: "example", access: "full" });
      const response = await fetch(`${origin}/api/tokens`, { method: "POST", headers, body });
      if (response.status !== 201) throw new Error(`making a token answered ${response.status}`);
      return CreatedTokenSchema.parse(await response.json()).token;
    },
    close: async () => {
      await workers.close();
      await google.close();
    },
  };
}
