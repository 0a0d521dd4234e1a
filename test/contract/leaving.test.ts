/** Signing out and disconnecting. */
import { describe, describeInside, expect, inside, test } from "../support/contract.ts";
import type { Browser } from "../support/browser.ts";
import type { Fault } from "../support/google.ts";
import { call, signedIn, signIn } from "../support/scenes.ts";

const PATHS = ["/auth/logout", "/auth/disconnect"] as const;

describe.for(PATHS)("POST %s", (path) => {
  test("answers 303 to / to a browser, and the session is over", { tags: ["process"] }, async ({ open }) => {
    const { browser, stage } = await signedIn(open);
    const response = await browser.submit(path);
    expect(response.status).toBe(303);
    expect(new URL(response.headers.get("location") ?? "", stage.origin).href).toBe(`${stage.origin}/`);
    expect(response.headers.get("cache-control")).toContain("no-store");
    expect(browser.jar.named("session")).toEqual([]);
    expect((await call(browser)).status).toBe(401);
  });

  test("answers 200 JSON to a program", { tags: ["process"] }, async ({ open }) => {
    const { browser } = await signedIn(open);
    const response = await browser.fetch(path, { method: "POST", headers: { accept: "application/json" } });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toMatch(/^application\/json/);
    expect(response.headers.get("cache-control")).toContain("no-store");
    expect((await call(browser)).status).toBe(401);
  });

  test.for<[string, Record<string, string>]>([
    ["another origin", { origin: "https://evil.test" }],
    ["another origin, by Sec-Fetch-Site alone", { "sec-fetch-site": "cross-site" }],
    ["an opaque origin", { origin: "null" }],
    ["a site that looks alike", { origin: "http://127.0.0.1.evil.test" }],
  ])("refuses a cross-site POST with 403: %s", async ([, headers], { open }) => {
    const { browser, google } = await signedIn(open);
    const response = await browser.fetch(path, {
      method: "POST",
      body: "",
      headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
    });
    expect(response.status).toBe(403);
    expect((await call(browser)).status).toBe(200);
    expect(await google.count("revoke")).toBe(0);
  });

  test("is not done by a GET", async ({ open }) => {
    const { browser, google } = await signedIn(open);
    expect((await browser.step(path)).status).toBeGreaterThanOrEqual(400);
    expect((await call(browser)).status).toBe(200);
    expect(await google.count("revoke")).toBe(0);
  });
});

describe("POST /auth/logout", () => {
  test(
    "leaves the grant alone: signing in again takes one trip, and other browsers go on",
    { tags: ["process"] },
    async ({ open }) => {
      const { browser, google, user, stage } = await signedIn(open);
      const other = stage.browser();
      await signIn(other, user);
      await browser.submit("/auth/logout");
      expect(await google.count("revoke")).toBe(0);
      expect((await call(other)).status).toBe(200);
      expect(await signIn(browser, user)).toBe(1);
    },
  );

  test("by someone who is not signed in is no error for a browser", async ({ open }) => {
    const stage = await open();
    expect((await stage.browser().submit("/auth/logout")).status).toBe(303);
  });
});

describeInside("POST /auth/logout by a session that has ended", () => {
  test.for<[string, (browser: Browser) => Promise<unknown>]>([
    ["was signed out", (browser) => browser.submit("/auth/logout")],
    ["was signed out everywhere", (browser) => browser.submit("/auth/logout?everywhere=true")],
    ["was disconnected", (browser) => browser.submit("/auth/disconnect")],
  ])("writes nothing and clears its cookie, where it %s", async ([, end], { open }) => {
    const { browser, stage } = await signedIn(open);
    const copy = browser.copy();
    await end(browser);
    await inside(stage).advance(5_000);
    const before = await stage.stored();
    expect((await copy.submit("/auth/logout")).status).toBe(303);
    expect(copy.jar.named("session")).toEqual([]);
    expect(await stage.stored()).toBe(before);
  });
});

describeInside("what revokes a session holds within 60 s, also for a copy of the cookie", () => {
  test.for(PATHS)("%s", async (path, { open }) => {
    const { browser, stage } = await signedIn(open);
    const thief = browser.copy();
    await browser.submit(path);
    await inside(stage).advance(60_000);
    expect((await call(thief)).status).toBe(401);
  });
});

describe("POST /auth/disconnect", () => {
  test("revokes the grant at Google, once", { tags: ["process"] }, async ({ open }) => {
    const { browser, google, user } = await signedIn(open);
    await browser.submit("/auth/disconnect");
    expect(await google.count("revoke")).toBe(1);
    expect((await google.snapshot()).grants).toMatchObject([{ sub: user.sub, scopes: [], liveRefreshTokens: 0 }]);
  });

  test("ends the user's other sessions too", { tags: ["process"] }, async ({ open }) => {
    const { browser, user, stage } = await signedIn(open);
    const other = stage.browser();
    await signIn(other, user);
    await browser.submit("/auth/disconnect");
    expect((await call(other)).status).toBe(401);
  });

  test("touches nobody else", async ({ open }) => {
    const { browser, google, stage } = await signedIn(open);
    const neighbour = await google.addUser({ name: "Neighbour" });
    const theirs = stage.browser();
    await signIn(theirs, neighbour);
    await browser.submit("/auth/disconnect");
    await google.act({ action: "killAccessTokens", email: neighbour.email });
    expect((await call(theirs)).status).toBe(200);
  });

  test("counts a token that Google no longer knows as revoked", async ({ open }) => {
    const { browser, google, user } = await signedIn(open);
    await google.act({ action: "revokeGrant", email: user.email });
    const response = await browser.fetch("/auth/disconnect", {
      method: "POST",
      headers: { accept: "application/json" },
    });
    expect(response.status).toBe(200);
    expect(browser.jar.named("session")).toEqual([]);
  });

  test.for<[string, Fault]>([
    ["answers 503", { status: 503 }],
    ["closes the connection", { disconnect: true }],
    ["rate limits", { named: "tooManyRequests" }],
  ])("deletes what is stored although Google cannot be reached (%s), and says so", async ([, fault], { open }) => {
    const { browser, google, user, stage } = await signedIn(open);
    const usual = await leave(browser);
    expect(await signIn(browser, user)).toBe(1);
    await google.always("revoke", fault);
    const unusual = await leave(browser);
    expect(unusual).toMatch(/google/i);
    expect(unusual).not.toBe(usual);
    // The grant lives on at Google, but nothing stored is left of it: the first trip brings no refresh token.
    expect(await signIn(stage.browser(), user)).toBe(2);
  });

  test("is not undone by a refresh that began before it", async ({ open }) => {
    const { browser, google, user, stage } = await signedIn(open);
    await google.always("revoke", { status: 503 });
    await google.act({ action: "killAccessTokens", email: user.email });
    await google.fault("token:refresh", { delayMs: 700 });
    const slow = call(browser.copy());
    await expect.poll(() => google.count("token:refresh")).toBe(1);
    await browser.submit("/auth/disconnect");
    expect((await google.calls("token:refresh"))[0]?.status, "the refresh is still on its way").toBe(0);
    await slow;
    expect(await signIn(stage.browser(), user)).toBe(2);
  });
});

async function leave(browser: Browser): Promise<string> {
  const response = await browser.fetch("/auth/disconnect", {
    method: "POST",
    headers: { accept: "application/json" },
  });
  expect(response.status).toBe(200);
  expect(browser.jar.named("session")).toEqual([]);
  return response.text();
}
