/** The session cookie, and how access tokens are kept fresh. */
import { describe, describeInside, expect, inside, test } from "../support/contract.ts";
import { expectError } from "../support/errors.ts";
import { call, signedIn, signIn } from "../support/scenes.ts";

describe("the session cookie", () => {
  test("is sealed, HttpOnly, SameSite=Lax, Path=/", { tags: ["process"] }, async ({ open }) => {
    const { browser, user } = await signedIn(open);
    const [cookie, ...others] = browser.jar.named("session");
    expect(others).toEqual([]);
    expect(cookie?.attributes.has("httponly")).toBe(true);
    expect(cookie?.attributes.get("samesite")).toBe("Lax");
    expect(cookie?.attributes.get("path")).toBe("/");
    expect(cookie?.attributes.has("domain")).toBe(false);
    expect(cookie?.attributes.has("secure")).toBe(false);
    expect(cookie?.value.split(".").length).toBe(5);
    for (const readable of [user.sub, user.email]) {
      expect(cookie?.value).not.toContain(readable);
      expect(cookie?.value).not.toContain(btoa(readable).replaceAll("=", ""));
    }
  });

  test("is Secure with the __Host- prefix on HTTPS, and works there", { tags: ["process"] }, async ({ open }) => {
    const { browser } = await signedIn(open, { publicUrl: "https://mail.example.com" });
    const [cookie] = browser.jar.named("session");
    expect(cookie?.name).toMatch(/^__Host-/);
    expect(cookie?.attributes.has("secure")).toBe(true);
    expect((await call(browser)).status).toBe(200);
  });

  test("makes a warm request need no call but Gmail's", { tags: ["process"] }, async ({ open }) => {
    const { browser, google } = await signedIn(open);
    expect((await call(browser)).status).toBe(200);
    expect((await google.calls()).map(({ endpoint }) => endpoint)).toEqual(["list"]);
  });
});

describeInside("the session cookie, seen from inside", () => {
  test("lets a user who just signed in work before KV has converged", async ({ open }) => {
    const { browser, stage } = await signedIn(open);
    const { kv, keys } = inside(stage);
    for (const name of await keys()) {
      await kv.delete(name);
    }
    expect((await call(browser)).status).toBe(200);
  });
});

describe("an access token that would not fit in 4 KB with the rest", () => {
  test.for([2048, 2900, 6000])(
    "is kept elsewhere: %d bytes",
    { tags: ["process"] },
    async (accessTokenLength, { open }) => {
      const { browser, google } = await signedIn(open, { google: { accessTokenLength } });
      expect(browser.jar.refused).toEqual([]);
      expect((await call(browser)).status).toBe(200);
      expect((await call(browser)).status).toBe(200);
      // It is kept until it expires: nothing was fetched in its place.
      expect(await google.count("token")).toBe(0);
    },
  );

  test("is refreshed like any other", async ({ open }) => {
    const { browser, google, user } = await signedIn(open, { google: { accessTokenLength: 4000 } });
    await google.act({ action: "killAccessTokens", email: user.email });
    expect((await call(browser)).status).toBe(200);
    expect((await call(browser)).status).toBe(200);
    expect(await google.count("token:refresh")).toBe(1);
  });
});

describe("the access token is refreshed 60 s or more before it expires", () => {
  test("so that one which lives shorter is never used", async ({ open }) => {
    const { browser, google } = await signedIn(open, { google: { accessTokenLifetimeSeconds: 55 } });
    expect((await call(browser)).status).toBe(200);
    expect((await google.calls()).map(({ endpoint }) => endpoint)).toEqual(["token:refresh", "list"]);
  });
});

describeInside("the access token is refreshed by the clock", () => {
  test("not half an hour before it expires, but a minute before, and once", async ({ open }) => {
    const { browser, google, stage } = await signedIn(open, { google: { accessTokenLifetimeSeconds: 3600 } });
    await inside(stage).advance(1800_000);
    expect((await call(browser)).status).toBe(200);
    expect(await google.count("token:refresh")).toBe(0);
    await inside(stage).advance(1800_000 - 60_000);
    expect((await call(browser)).status).toBe(200);
    expect((await call(browser)).status).toBe(200);
    expect(await google.count("token:refresh")).toBe(1);
  });

  test("a token in storage is not used beyond its time", async ({ open }) => {
    const { browser, google, stage } = await signedIn(open, { google: { accessTokenLength: 4000 } });
    await inside(stage).advance(3600_000);
    expect((await call(browser)).status).toBe(200);
    expect((await google.calls()).map(({ endpoint }) => endpoint)).toEqual(["token:refresh", "list"]);
  });

  test("a refresh that answers no scope and no refresh token loses neither", async ({ open }) => {
    const { browser, google, stage, user } = await signedIn(open);
    for (let hour = 0; hour < 3; hour += 1) {
      await inside(stage).advance(3600_000);
      expect((await call(browser)).status).toBe(200);
    }
    expect(await google.count("token:refresh")).toBe(3);
    expect(await signIn(stage.browser(), user)).toBe(1);
  });
});

describe("a 401 from Gmail", () => {
  test(
    "leads to one refresh and one replay, and the person notices nothing",
    { tags: ["process"] },
    async ({ open }) => {
      const { browser, google, user } = await signedIn(open);
      await google.act({ action: "killAccessTokens", email: user.email });
      expect((await call(browser)).status).toBe(200);
      expect((await google.calls()).map(({ endpoint }) => endpoint)).toEqual(["list", "token:refresh", "list"]);
      // The new token is kept: the next call needs no refresh.
      expect((await call(browser)).status).toBe(200);
      expect(await google.count("token:refresh")).toBe(1);
    },
  );

  test("again after that: 401 CONSENT_REQUIRED, and not a third call", async ({ open }) => {
    const { browser, google } = await signedIn(open);
    await google.always("list", "authError");
    await expectError(await call(browser), 401, "CONSENT_REQUIRED");
    expect((await google.calls()).map(({ endpoint }) => endpoint)).toEqual(["list", "token:refresh", "list"]);
  });

  test("in the middle of several pages costs no message", async ({ open }) => {
    const { browser, google } = await signedIn(open, { user: { mailbox: { messages: 1100 } } });
    await google.fault("list", { named: "authError", after: 1 });
    const body: unknown = await (await call(browser, "/api/messages?limit=all")).json();
    expect(body).toHaveProperty("messages.length", 1100);
  });
});

describe("a grant that is gone", () => {
  test.for([undefined, "invalid_rapt"])(
    "refresh answers invalid_grant (%s): 401 CONSENT_REQUIRED",
    async (subtype, { open }) => {
      const { browser, google, user, stage } = await signedIn(open);
      await google.act({ action: "killAccessTokens", email: user.email });
      await google.always("token:refresh", {
        named: "invalid_grant",
        ...(subtype === undefined ? {} : { detail: subtype }),
      });
      const response = await call(browser);
      expect(response.headers.get("www-authenticate")).toMatch(/^Bearer/);
      const { metadata } = await expectError(response, 401, "CONSENT_REQUIRED");
      const link = new URL(metadata["authorizationUrl"] ?? "");
      expect(link.origin + link.pathname).toBe(`${stage.origin}/auth/login`);
    },
  );

  test(
    "sends a person to Google's consent page, and back to where they were",
    { tags: ["process"] },
    async ({ open }) => {
      const { browser, google, user } = await signedIn(open);
      await google.act({ action: "revokeGrant", email: user.email });
      const there = "/api/messages?limit=2&q=subject%3Areport";
      const stopped = await browser.navigate(there);
      const authorization = new URL(stopped.url);
      expect(authorization.origin).toBe(google.origin);
      expect(authorization.searchParams.get("prompt")).toBe("consent");
      expect([user.email, user.sub]).toContain(authorization.searchParams.get("login_hint"));
      const visit = await browser.navigate(there, { person: { user: user.email } });
      expect([visit.response.status, visit.url, visit.trips]).toEqual([200, there, 1]);
    },
  );

  test("and stays gone, ends on Google's page each time and not in a silent loop", async ({ open }) => {
    const { browser, google } = await signedIn(open);
    await google.always("list", "authError");
    await google.always("token:refresh", "invalid_grant");
    const stopped = await browser.navigate("/api/messages");
    expect(new URL(stopped.url).searchParams.get("prompt")).toBe("consent");
    expect(stopped.trips).toBe(1);
  });
});

describe("many requests at once with a dead access token", () => {
  test("are all answered", { tags: ["process"] }, async ({ open }) => {
    const { browser, google, user } = await signedIn(open);
    await google.act({ action: "killAccessTokens", email: user.email });
    const answers = await Promise.all([1, 2, 3, 4, 5].map(() => call(browser)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  });
});
