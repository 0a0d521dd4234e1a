/** `GET /healthz?deep=1`: what each check finds, for the operator and nobody else, and nothing secret in the answer. */
import * as z from "zod";
import { TokenKeysSchema } from "../../../src/lib/key-ring.ts";
import { describe, expect, inside, test } from "../../support/contract.ts";
import type { Fault } from "../../support/google.ts";
import { newcomer, signedIn } from "../../support/scenes.ts";
import { makeServiceAccount } from "../../support/service-account.ts";
import type { Stage } from "../../support/stage.ts";
import { expectRefusal, keyRingOf, operatorToken } from "../../attacks/victim.ts";

const HealthSchema = z.strictObject({
  status: z.enum(["ok", "failing"]),
  checks: z.array(z.strictObject({ name: z.string(), ok: z.boolean(), detail: z.string() })),
});

const FINE: Readonly<Record<string, string>> = {
  keys: "Sealing with first; 1 in all.",
  storage: "Written and read.",
  objects: "One answered.",
  google: "Reached; the clocks agree.",
  client: "Google knows the client.",
  "gmail-api":
    "The Gmail API must be enabled, else users get ACCESS_BLOCKED: " +
    "https://console.cloud.google.com/apis/library/gmail.googleapis.com",
  settings: "Every name that is set is known.",
  accounts:
    "ALLOWED_ACCOUNTS is empty: everybody with a Google account that your consent screen lets through may sign in.",
  delegation: "Not set up, as DELEGATED_DOMAINS is empty: every user consents.",
  "redirect-uri": "Google's console must list exactly http://mail.localhost/auth/callback",
};

async function ask(stage: Stage, token?: string): Promise<Response> {
  const authorization = `Bearer ${token ?? (await operatorToken(stage))}`;
  return stage.send({ path: "/healthz?deep=1", headers: { authorization, accept: "application/json" } });
}

/** Asks a Worker, and expects all checks to be fine but these. */
async function expectFailing(stage: Stage, failing: Readonly<Record<string, RegExp>>): Promise<void> {
  const response = await ask(stage);
  const text = await response.text();
  const { status, checks } = HealthSchema.parse(JSON.parse(text));
  const isFine = Object.keys(failing).length === 0;
  expect([response.status, status], text).toEqual(isFine ? [200, "ok"] : [503, "failing"]);
  expect(checks.map(({ name }) => name)).toEqual(Object.keys(FINE));
  for (const { name, ok, detail } of checks) {
    const problem = failing[name];
    expect(ok, `${name}: ${detail}`).toBe(problem === undefined);
    if (problem === undefined) expect(detail.replace("?project=1234567890", "")).toBe(FINE[name]);
    else expect(detail).toMatch(problem);
  }
  const { keys } = TokenKeysSchema.parse(JSON.parse(stage.tokenKeys));
  const { secrets } = await stage.google.snapshot();
  for (const secret of [...secrets, stage.client.secret, ...keys.map(({ k }) => k)]) {
    expect(text).not.toContain(secret);
    expect(stage.logs()).not.toContain(secret);
  }
}

/** KV with one method of its own. */
function kvWith(stage: Stage, name: "get" | "put" | "delete", work: () => Promise<unknown>): KVNamespace {
  return new Proxy(inside(stage).kv, {
    get(target, property) {
      if (property === name) return work;
      const value: unknown = Reflect.get(target, property);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

describe("for the operator", () => {
  test("every check is ok: 200, and the probe is gone from storage", async ({ open }) => {
    const { stage } = await signedIn(open);
    const before = await inside(stage).keys();
    await expectFailing(stage, {});
    expect(await inside(stage).keys()).toEqual(before);
  });

  test("the redirect URI is that of PUBLIC_URL", async ({ open }) => {
    const { stage } = await newcomer(open, { publicUrl: "https://mail.example.test" });
    const { checks } = HealthSchema.parse(await (await ask(stage)).json());
    expect(checks.find(({ name }) => name === "redirect-uri")?.detail).toBe(
      "Google's console must list exactly https://mail.example.test/auth/callback",
    );
  });

  test("objects that cannot be reached: objects", async ({ open }) => {
    const { stage } = await signedIn(open);
    const stub = { ask: () => Promise.reject(new Error("unreachable")) };
    const MAILBOXES = { idFromName: () => ({}), get: () => stub };
    await expectFailing(inside(stage).redeploy({}, { MAILBOXES }), { objects: /binding MAILBOXES/ });
  });

  test.for(["put", "delete"] as const)("KV that fails at %s: storage", async (name, { open }) => {
    const { stage } = await newcomer(open);
    const CREDENTIALS = kvWith(stage, name, () => Promise.reject(new Error("KV is at 10.0.0.1")));
    await expectFailing(inside(stage).redeploy({}, { CREDENTIALS }), {
      storage: /^(?!.*10\.0\.0\.1).*binding CREDENTIALS/,
    });
  });

  test("KV where what was written is not to be read yet: ok, and it says so", async ({ open }) => {
    const { stage } = await newcomer(open);
    const CREDENTIALS = kvWith(stage, "get", () => Promise.resolve(null));
    const response = await ask(inside(stage).redeploy({}, { CREDENTIALS }));
    const { checks } = HealthSchema.parse(await response.json());
    expect(checks).toContainEqual({ name: "storage", ok: true, detail: expect.stringContaining("may take a minute") });
  });

  test.for<[string, Fault, RegExp]>([
    ["answers 500", { status: 500 }, /^Google's key endpoint answered 500\. .*GOOGLE_JWKS_URI/],
    ["answers 404", { status: 404 }, /^Google's key endpoint answered 404\. .*GOOGLE_JWKS_URI/],
    ["breaks the connection", { disconnect: true }, /^Google's key endpoint cannot be reached/],
    ["is 61 s behind", { headers: { date: new Date(Date.now() - 61_500).toUTCString() } }, /clock is [6-9]\d s off/],
    [
      "is an hour ahead",
      { headers: { date: new Date(Date.now() + 3_600_000).toUTCString() } },
      /clock is 3[56]\d\d s off/,
    ],
    ["says no time", { headers: { date: "today" } }, /does not say what time it is/],
  ])("a key endpoint that %s: google", async ([, fault, problem], { open }) => {
    const { stage, google } = await newcomer(open);
    await google.always("certs", fault);
    await expectFailing(stage, { google: problem });
  });

  test("a clock that is 50 s off is near enough", async ({ open }) => {
    const { stage, google } = await newcomer(open);
    await google.always("certs", { headers: { date: new Date(Date.now() - 50_000).toUTCString() } });
    await expectFailing(stage, {});
  });

  test.for<[string, Record<string, string>]>([
    ["secret", { GOOGLE_CLIENT_SECRET: "GOCSPX-mistyped-by-somebody" }],
    ["ID", { GOOGLE_CLIENT_ID: "999-nobody.apps.googleusercontent.com" }],
  ])("another client %s than Google's: client", async ([, vars], { open }) => {
    const { stage } = await newcomer(open);
    await expectFailing(inside(stage).redeploy(vars), {
      client: /^(?!.*(mistyped|nobody)).*GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET as Google's console/,
    });
    expect(stage.logs()).not.toContain("mistyped");
  });

  test("a token endpoint that is down: client", async ({ open }) => {
    const { stage, google } = await newcomer(open);
    await google.always("token", { status: 503 });
    await expectFailing(stage, { client: /^Google's token endpoint/ });
  });

  test("a name that is set and not declared: settings, with the one that was probably meant", async ({ open }) => {
    const { stage } = await newcomer(open);
    await expectFailing(inside(stage).redeploy({ ALLOWED_ACOUNTS: "only-me@example.test" }), {
      settings: /^(?!.*only-me)ALLOWED_ACOUNTS is not a setting\. Did you mean ALLOWED_ACCOUNTS\? Set it by its name/,
    });
  });

  test("who may sign in is told by name, where not everybody may", async ({ open }) => {
    const { stage } = await newcomer(open);
    const response = await ask(inside(stage).redeploy({ ALLOWED_ACCOUNTS: "Ann@example.test, @example.org" }));
    const { checks } = HealthSchema.parse(await response.json());
    const detail = "These may sign in: ann@example.test, @example.org";
    expect(checks).toContainEqual({ name: "accounts", ok: true, detail });
  });

  test("delegation is told with its domains, and what an administrator enters for them", async ({ open }) => {
    const { stage } = await newcomer(open);
    const { file, json } = await makeServiceAccount();
    const vars = { GOOGLE_SERVICE_ACCOUNT: json, DELEGATED_DOMAINS: "Example.com,studio.example" };
    const { checks } = HealthSchema.parse(await (await ask(inside(stage).redeploy(vars))).json());
    expect(checks).toContainEqual({
      name: "delegation",
      ok: true,
      detail:
        "Users of example.com, studio.example need no consent to Gmail, if their administrator has authorized client ID " +
        `${file["client_id"]} for https://www.googleapis.com/auth/gmail.readonly at ` +
        "https://admin.google.com/ac/owl/domainwidedelegation",
    });
  });

  test("a service account's key that cannot sign: delegation", async ({ open }) => {
    const { stage } = await newcomer(open);
    const { file } = await makeServiceAccount();
    const key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    const json = JSON.stringify({ ...file, private_key: key });
    await expectFailing(inside(stage).redeploy({ GOOGLE_SERVICE_ACCOUNT: json, DELEGATED_DOMAINS: "example.com" }), {
      delegation: /^(?!.*AAAA).*GOOGLE_SERVICE_ACCOUNT: put the JSON of a new key/,
    });
  });

  test("everything down at once: each is told", async ({ open }) => {
    const { stage, google } = await newcomer(open);
    await google.always("token", { disconnect: true });
    await google.always("certs", { disconnect: true });
    const CREDENTIALS = kvWith(stage, "put", () => Promise.reject(new Error("down")));
    await expectFailing(inside(stage).redeploy({}, { CREDENTIALS }), { storage: /./, google: /./, client: /./ });
  });
});

describe("for everybody else", () => {
  test("403, and nothing is tried: without a token, with a session, an API token, or another's operator token", async ({
    open,
  }) => {
    const { stage, browser, google } = await signedIn(open);
    const made = await browser.fetch("/api/tokens", {
      method: "POST",
      headers: { "content-type": "application/json", origin: browser.origin },
      body: JSON.stringify({ name: "a script" }),
    });
    const { token } = z.object({ token: z.string() }).parse(await made.json());
    await google.forgetCalls();
    const ring = keyRingOf(stage);
    const expiresAtMs = stage.now() + 60_000;
    const tokens = {
      "an API token": token,
      "an expired one": await operatorToken(stage, stage.now() - 120_000),
      "one of another origin": await ring.seal({ purpose: "operator", owner: "http://other.test" }, {}, expiresAtMs),
      "one of another purpose": await ring.seal({ purpose: "session", owner: stage.origin }, {}, expiresAtMs),
    };
    for (const [what, value] of Object.entries(tokens)) {
      await expectRefusal(await ask(stage, value), [403, "PERMISSION_DENIED"], what);
    }
    const accept = "application/json";
    const bySession = await browser.fetch("/healthz?deep=1", { headers: { accept } });
    await expectRefusal(bySession, [403, "PERMISSION_DENIED"], "a session");
    for (const path of ["/healthz?deep=1", "/healthz?deep", "/healthz?deep=0"]) {
      await expectRefusal(await stage.send({ path, headers: { accept } }), [403, "PERMISSION_DENIED"], path);
    }
    expect(await google.count()).toBe(0);
  });

  test("/healthz itself stays as it is, with everything down", async ({ open }) => {
    const { stage, google } = await newcomer(open);
    const CREDENTIALS = kvWith(stage, "put", () => Promise.reject(new Error("down")));
    const response = await inside(stage).redeploy({}, { CREDENTIALS }).send({ path: "/healthz?other=1" });
    expect([response.status, await response.json()]).toEqual([200, { status: "ok" }]);
    expect(await google.count()).toBe(0);
  });
});
