/**
 * Domain-wide delegation: who is of a delegated domain signs in by identity alone, and the service account opens the mailbox.
 */
import { listMessages } from "../../src/mailbox/offline.ts";
import { makeToken, withToken } from "../support/api-tokens.ts";
import { describe, describeInside, expect, inside, test, type Open } from "../support/contract.ts";
import { expectError, expectPage } from "../support/errors.ts";
import { call, callbackAnswer, GMAIL_READONLY, newcomer, type SceneOptions, signIn } from "../support/scenes.ts";
import { makeServiceAccount } from "../support/service-account.ts";

const DOMAIN = "studio.test";
const IDENTITY = "openid email profile";
const HOUR_MS = 60 * 60 * 1000;

/** Somebody in front of a Worker with a service account. @param grant what the administrator has entered */
async function scene(open: Open, options: SceneOptions = {}, grant = { scopes: [GMAIL_READONLY], domains: [DOMAIN] }) {
  const account = await makeServiceAccount();
  const person = await newcomer(open, {
    ...options,
    vars: { GOOGLE_SERVICE_ACCOUNT: account.json, DELEGATED_DOMAINS: DOMAIN, ...options.vars },
    google: { ...options.google, serviceAccounts: [account.registered(grant)] },
    user: options.user ?? { email: `noor.${crypto.randomUUID().slice(0, 8)}@${DOMAIN}`, hd: DOMAIN },
  });
  return { ...person, account };
}

describe("who is of a delegated domain", () => {
  test("signs in by one trip, for the identity only, and reads mail", async ({ open }) => {
    const { browser, google, stage, user } = await scene(open);
    const url = await browser.begin();
    expect(url.searchParams.get("scope")).toBe(IDENTITY);
    expect(await signIn(browser, user)).toBe(1);
    expect((await call(browser)).status).toBe(200);
    expect(await (await call(browser, "/api/me")).json()).toMatchObject({
      email: user.email,
      scopes: expect.arrayContaining([GMAIL_READONLY]),
    });
    expect(await google.count("token:assertion")).toBe(1);
    expect(await google.count("token:refresh")).toBe(0);
    const keys = stage.inside === undefined ? [] : await inside(stage).keys();
    expect(keys).not.toContain(`credential:${user.sub}`);
  });

  test("has API tokens, and disconnects: what is stored goes, and the administrator's grant is named", async ({
    open,
  }) => {
    const { browser, google, stage, user } = await scene(open);
    await signIn(browser, user);
    const { token } = await makeToken(browser);
    expect((await withToken(stage, token, { path: "/api/messages?limit=1" })).status).toBe(200);
    const response = await browser.fetch("/auth/disconnect", {
      method: "POST",
      headers: { accept: "application/json" },
    });
    expect(await response.json()).toMatchObject({
      disconnected: true,
      revoked: false,
      message: expect.stringContaining("administrator"),
    });
    expect(await google.count("revoke")).toBe(0);
    expect((await withToken(stage, token, { path: "/api/me" })).status).toBe(401);
  });

  test("and whose administrator has not entered the client: 403 with its ID and the scopes, and no consent", async ({
    open,
  }) => {
    const person = await scene(open, {}, { scopes: [], domains: [DOMAIN] });
    const answer = await callbackAnswer(person);
    const { message } = await expectError(answer, 403, "ACCESS_BLOCKED");
    expect(message).toContain(person.account.file["client_id"]);
    expect(message).toContain(GMAIL_READONLY);
    expect((await call(person.browser)).status).toBe(401);
  });

  test("and whose token Gmail refuses twice gets ACCESS_BLOCKED, and is not sent to consent", async ({ open }) => {
    const { browser, google, user } = await scene(open);
    await signIn(browser, user);
    expect((await call(browser)).status).toBe(200);
    await google.always("list", "authError");
    const { metadata } = await expectError(await call(browser), 403, "ACCESS_BLOCKED");
    expect(metadata["authorizationUrl"]).toBeUndefined();
  });
});

describe("who is of no delegated domain", () => {
  test.for<[title: string, user: { email: string; hd?: string }]>([
    ["a consumer", { email: "someone@gmail.test" }],
    ["another domain", { email: "someone@other.test", hd: "other.test" }],
    ["an address of the domain without its hd", { email: `someone@${DOMAIN}` }],
  ])("makes a second trip, for Gmail: %s", async ([, user], { open }) => {
    const { browser, google, ...person } = await scene(open, {
      user,
    });
    expect(await signIn(browser, person.user)).toBe(2);
    expect((await call(browser)).status).toBe(200);
    expect(await google.count("token:assertion")).toBe(0);
  });
});

describeInside("the service account's access", () => {
  test("is renewed by another assertion, and serves who is offline", async ({ open }) => {
    const { browser, google, stage, user } = await scene(open);
    await signIn(browser, user);
    await inside(stage).advance(HOUR_MS);
    expect((await call(browser)).status).toBe(200);
    expect(await google.count("token:assertion")).toBe(2);
    const listed = await inside(stage).serve((scope) => listMessages(scope, user.email, { limit: 1 }));
    expect(listed.messages.length).toBeLessThanOrEqual(1);
    expect(await google.count("token:assertion")).toBe(2);
  });

  test("ends when the operator takes the domain away: then consent is asked for", async ({ open }) => {
    const { browser, stage, user } = await scene(open);
    await signIn(browser, user);
    await inside(stage).advance(HOUR_MS);
    const without = inside(stage).redeploy({ DELEGATED_DOMAINS: "other.test" });
    const later = without.browser();
    browser.jar.copyTo(later.jar);
    await expectError(await call(later), 401, "CONSENT_REQUIRED");
  });

  test("ends for whoever had an address that has gone to another account, which has signed in here", async ({
    open,
  }) => {
    const former = await scene(open);
    const { browser, google, stage, user } = former;
    await signIn(browser, user);
    const { token } = await makeToken(browser);
    const heir = await google.addUser({ email: user.email, sub: "104729000000000000777", hd: DOMAIN });
    await signIn(stage.browser(), heir);
    await inside(stage).advance(HOUR_MS);
    await expectError(await call(browser), 401, "CONSENT_REQUIRED");
    await expectError(await withToken(stage, token, { path: "/api/messages" }), 401, "CONSENT_REQUIRED");
  });

  test("never opens a mailbox of another address", async ({ open }) => {
    const person = await scene(open);
    await person.google.fault("profile", { body: { emailAddress: "boss@studio.test" } });
    await expectError(await callbackAnswer(person), 403, "ACCESS_BLOCKED");
    expect((await call(person.browser)).status).toBe(401);
  });

  test("that cannot be had leaves a page that says who can do what", async ({ open }) => {
    const { browser, user } = await scene(open, {}, { scopes: [], domains: [] });
    const visit = await browser.signIn({ user: user.email });
    expect(await expectPage(visit.response, 403)).toContain("administrator");
  });
});
