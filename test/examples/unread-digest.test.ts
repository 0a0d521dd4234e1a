/**
 * The example under examples/unread-digest, bundled as for a deployment and bound to gmail-edge in one runtime: what
 * it finds is what a person has who signed in through the emulated Google and then went offline.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestHarness, type TestHarness } from "wrangler";
import { Browser } from "../../scripts/browser/without-script.ts";
import { localConfig } from "../../scripts/lib/local-config.ts";
import { addTokenKey } from "../../scripts/lib/token-keys.ts";
import { type DevelopmentGoogle, startDevelopmentGoogle } from "../google/development.ts";

const CLIENT = { clientId: "example-client", clientSecret: "example-secret" };
const USER = "robin.keller@example.com";
const STRANGER = "nobody@example.com";

let google: DevelopmentGoogle;
let workers: TestHarness;
let origin: string;

/** Both Workers, from their own configuration. */
function harnessOptions(): Parameters<typeof createTestHarness>[0] {
  return {
    root: new URL("../..", import.meta.url).pathname,
    workers: [
      {
        configPath: localConfig(),
        vars: google.vars,
        secrets: {
          GOOGLE_CLIENT_ID: CLIENT.clientId,
          GOOGLE_CLIENT_SECRET: CLIENT.clientSecret,
          TOKEN_KEYS: JSON.stringify(addTokenKey(new Date())),
        },
      },
      { configPath: "examples/unread-digest/wrangler.toml", vars: { USERS: `${USER}, ${STRANGER}` } },
    ],
  };
}

beforeAll(async () => {
  google = await startDevelopmentGoogle({ ...CLIENT, redirectUris: [] });
  workers = createTestHarness(harnessOptions());
  origin = (await workers.listen()).url.origin;
  // Registered late, because only now is it known where the Worker is.
  google.controls.register({ redirectUri: `${origin}/auth/callback` });
}, 60_000);

afterAll(async () => {
  await workers?.close();
  await google?.close();
});

/** Signs in once, as a person does, and leaves. */
async function signInOnce(): Promise<void> {
  const browser = new Browser();
  const start = await browser.visit(`${origin}/`);
  const chooser = await browser.click(start, 'a[href^="/auth/login"]');
  const consent = await browser.click(chooser, `a[data-email="${USER}"]`);
  expect((await browser.press(consent, 'button[value="allow"]')).status).toBe(200);
}

async function runDigest(): Promise<void> {
  await workers.getWorker("unread-digest").scheduled({ cron: "0 6 * * *" });
}

async function digestOf(user: string): Promise<unknown> {
  const { DIGESTS } = await workers.getWorker<{ DIGESTS: KVNamespace }>("unread-digest").getEnv();
  return DIGESTS.get(user, "json");
}

test("the digest has the newest unread mail of a user who signed in once, and a reason for one who did not", async () => {
  await signInOnce();
  await runDigest();
  const unread = google.mailOf(USER).filter((mail) => mail.labelIds.includes("UNREAD"));
  expect(unread.length).toBeGreaterThan(10);
  expect(await digestOf(USER)).toMatchObject({ hasMore: true, unread: { length: 10 } });
  expect(await digestOf(STRANGER)).toEqual({ error: "CONSENT_REQUIRED" });
});

test("a user who has removed the app gets a reason, too", async () => {
  google.controls.revokeGrant({ email: USER });
  await runDigest();
  expect(await digestOf(USER)).toEqual({ error: "CONSENT_REQUIRED" });
});
