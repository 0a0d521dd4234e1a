/** The code exchange and what stands behind it, when Google refuses or fails. */
import { describe, describeInside, expect, inside, test } from "../support/contract.ts";
import { expectError, expectPage } from "../support/errors.ts";
import type { Endpoint, Fault } from "../support/google.ts";
import {
  call,
  callbackAnswer,
  callbackUrl,
  newcomer,
  openCallback,
  type Scene,
  signedIn,
  signIn,
} from "../support/scenes.ts";

describe("the code exchange is refused", () => {
  test(
    "once: one new trip to the authorization endpoint, which ends where the first was to end",
    { tags: ["process"] },
    async ({ open }) => {
      const { google, user, stage } = await signedIn(open);
      await google.fault("token:code", "invalid_grant");
      const visit = await stage.browser().signIn({ user: user.email }, "/healthz?kept=1");
      expect(visit.response.status).toBe(200);
      expect(visit.url).toBe("/healthz?kept=1");
      expect(visit.trips).toBe(2);
      expect(await google.count("token:code")).toBe(2);
    },
  );

  test("once, at a first consent: no loop, although Google keeps the refresh token to itself after that", async ({
    open,
  }) => {
    const { google, browser, user } = await newcomer(open);
    await google.fault("token:code", "invalid_grant");
    const visit = await browser.signIn({ user: user.email });
    expect(visit.response.status).toBe(200);
    expect(visit.trips).toBeLessThanOrEqual(3);
  });

  test("twice: 400 CODE_EXCHANGE_FAILED with authorizationUrl, after two trips and not more", async ({ open }) => {
    const { google, browser, user, stage } = await newcomer(open);
    await google.always("token:code", "invalid_grant");
    const visit = await browser.signIn({ user: user.email });
    await expectPage(visit.response, 400);
    expect(visit.trips).toBe(2);
    expect(await google.count("token:code")).toBe(2);

    const first = await browser.begin();
    const second = await openCallback(browser, new URL(await google.consent(first.href, { user: user.email })));
    const again = new URL(second.headers.get("location") ?? "");
    expect(again.origin).toBe(google.origin);
    const last = await openCallback(browser, new URL(await google.consent(again.href, { user: user.email })));
    const { metadata } = await expectError(last, 400, "CODE_EXCHANGE_FAILED");
    const link = new URL(metadata["authorizationUrl"] ?? "");
    expect(link.origin + link.pathname).toBe(`${stage.origin}/auth/login`);
  });

  test("a code that has expired counts as refused", async ({ open }) => {
    const { google, browser, user } = await newcomer(open, { google: { codeLifetimeSeconds: 0 } });
    const visit = await browser.signIn({ user: user.email });
    await expectPage(visit.response, 400);
    expect(visit.trips).toBe(2);
    expect(await google.count("token:code")).toBe(2);
  });
});

const FAILURES: [string, Fault][] = [
  ["answers 500", { status: 500 }],
  ["answers 503", { status: 503, headers: { "retry-after": "1" } }],
  ["rate limits", { named: "tooManyRequests" }],
  ["rate limits in the words of OAuth", { status: 429, body: { error: "rate_limit_exceeded" } }],
  ["fails in the words of OAuth", { status: 500, body: { error: "internal_failure" } }],
  ["answers a page of HTML", { nonJson: true }],
  ["answers JSON of another kind", { body: ["nonsense"] }],
  ["closes the connection", { disconnect: true }],
  ["breaks off in its answer", { truncated: true }],
];
const ENDPOINTS: Endpoint[] = ["token:code", "userinfo", "certs"];
const CASES = ENDPOINTS.flatMap((endpoint) => FAILURES.map(([what, fault]) => [endpoint, what, fault] as const));

describe("Google is down, rate limits or answers nonsense: 502 or 504 UPSTREAM_UNAVAILABLE, nothing stored is changed", () => {
  test.for(CASES)("%s %s", async ([endpoint, , fault], { open }) => {
    // Keys are cached: only a Worker that has none yet asks for them.
    const scene = await newcomer(open, endpoint === "certs" ? { apart: "no keys yet" } : {});
    const { google, user, stage } = scene;
    if (endpoint !== "certs") await signIn(scene.browser, user);
    const before = await kvDump(stage);
    await google.always(endpoint, fault);
    const other = { ...scene, browser: stage.browser() };
    await expectError(await callbackAnswer(other), [502, 504], "UPSTREAM_UNAVAILABLE");
    expect(other.browser.jar.named("session")).toEqual([]);
    if (stage.inside !== undefined) expect(await kvDump(stage)).toBe(before);
    await google.clearFaults();
    // What was stored is still there: the person comes in without being asked for consent again.
    if (endpoint !== "certs") expect(await signIn(stage.browser(), user)).toBe(1);
  });
});

describe("Google's endpoint is too slow: 504 UPSTREAM_UNAVAILABLE within 30 s", () => {
  test("token:code", { timeout: 40_000 }, async ({ open }) => {
    await expectTimeout(await newcomer(open), "token:code");
  });
});

describeInside("another endpoint of Google's is too slow: 504 UPSTREAM_UNAVAILABLE", () => {
  test.for(["userinfo", "certs"] as const)("%s", async (endpoint, { open }) => {
    await expectTimeout(await newcomer(open), endpoint);
  });
});

async function expectTimeout(scene: Scene, endpoint: Endpoint): Promise<void> {
  const callback = await callbackUrl(scene);
  await scene.google.always(endpoint, { hang: true });
  const startedAtMs = Date.now();
  const response = await openCallback(scene.browser, callback);
  expect(Date.now() - startedAtMs).toBeLessThan(30_000);
  await expectError(response, 504, "UPSTREAM_UNAVAILABLE");
  expect(scene.browser.jar.named("session")).toEqual([]);
}

describe("the token endpoint answers invalid_client: 500, logged as the operator's fault, no new trip", () => {
  test("in the code exchange", async ({ open }) => {
    const scene = await newcomer(open);
    // Others of this file may have been logged in the same process before.
    const complaints = (): number => scene.stage.logs().match(/invalid_client|GOOGLE_CLIENT_SECRET/g)?.length ?? 0;
    const complaintsBefore = complaints();
    await scene.google.always("token:code", "invalid_client");
    const response = await callbackAnswer(scene);
    const text = await response.text();
    expect(response.status, text).toBe(500);
    expect(response.headers.get("location")).toBeNull();
    expect(text).not.toMatch(/invalid_client|client_secret|GOOGLE_CLIENT/i);
    expect(await scene.google.count("token:code")).toBe(1);
    await expect.poll(complaints).toBeGreaterThan(complaintsBefore);
  });

  test("in a refresh: 500, and the stored credential stays", async ({ open }) => {
    const { google, browser, user, stage } = await signedIn(open);
    await google.act({ action: "killAccessTokens", email: user.email });
    await google.fault("token:refresh", "invalid_client");
    expect((await call(browser)).status).toBe(500);
    await google.clearFaults();
    expect((await call(browser)).status).toBe(200);
    expect(await signIn(stage.browser(), user)).toBe(1);
  });
});

describeInside("signing keys", () => {
  test("are fetched again when Google has rotated them", async ({ open }) => {
    const { google, user, stage } = await signedIn(open);
    await google.act({ action: "rotateKeys" });
    await inside(stage).advance(60 * 60_000);
    expect(await signIn(stage.browser(), user)).toBe(1);
    expect(await google.count("certs")).toBe(1);
  });

  test("are fetched once for several sign-ins", async ({ open }) => {
    const { google, user, stage } = await signedIn(open);
    await signIn(stage.browser(), user);
    await signIn(stage.browser(), user);
    expect(await google.count("certs")).toBe(0);
  });
});

async function kvDump(stage: { stored(): Promise<string>; inside?: unknown }): Promise<string> {
  return stage.inside === undefined ? "" : stage.stored();
}
