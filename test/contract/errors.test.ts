/** Errors: every reason, one shape, and what an error must never do. */
import { describe, describeInside, describeOutside, expect, inside, test } from "../support/contract.ts";
import { expectError, expectPage } from "../support/errors.ts";
import type { Fault, NamedFault } from "../support/google.ts";
import { call, signedIn, signIn } from "../support/scenes.ts";

describe("SCOPE_REQUIRED, 403: Google says that the scope is missing", () => {
  test.for<NamedFault>(["insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"])(
    "%s",
    async (named, { open }) => {
      const { browser, google, stage } = await signedIn(open);
      await google.always("list", named);
      const { metadata } = await expectError(await call(browser), 403, "SCOPE_REQUIRED");
      expect(metadata["authorizationUrl"]).toContain(`${stage.origin}/auth/login`);
      expect(await google.count("list")).toBe(1);
    },
  );
});

describe("RATE_LIMITED, 429: Gmail's limits outlast the retries; Retry-After is set", () => {
  const limits: [string, Fault][] = [
    ["429 without a hint", { named: "tooManyRequests" }],
    ["429 with a Retry-After that is too long to wait", { named: "tooManyRequests", detail: "120" }],
    ["429 with a time in its message", { named: "tooManyRequestsWithTime", detail: "120" }],
    ["403 rateLimitExceeded", { named: "rateLimitExceeded" }],
    ["403 userRateLimitExceeded", { named: "userRateLimitExceeded" }],
  ];
  describeInside("in no time", () => {
    test.for(limits)("%s", async ([what, fault], { open }) => {
      const { browser, google, stage } = await signedIn(open);
      await google.always("list", fault);
      const response = await call(browser);
      const retryAfter = Number(response.headers.get("retry-after"));
      expect(retryAfter).toBeGreaterThanOrEqual(1);
      if (what.includes("too long") || what.includes("time"))
        expect(Math.abs(retryAfter - 120)).toBeLessThanOrEqual(30);
      await expectError(response, 429, "RATE_LIMITED");
      // An answer begins within 30 s: what was slept counts.
      expect(inside(stage).sleeps.reduce((sum, ms) => sum + ms, 0)).toBeLessThan(30_000);
    });
  });

  test("a limit that passes is not noticed, and the hint is honoured", async ({ open }) => {
    const { browser, google, stage } = await signedIn(open);
    await google.fault("list", { named: "tooManyRequests", detail: "2" });
    const startedAtMs = Date.now();
    expect((await call(browser)).status).toBe(200);
    expect(await google.count("list")).toBe(2);
    const waitedMs = stage.inside?.sleeps.reduce((sum, ms) => sum + ms, 0) ?? Date.now() - startedAtMs;
    expect(waitedMs).toBeGreaterThanOrEqual(1990);
  });

  test("a limit that is too long to wait for is told at once", async ({ open }) => {
    const { browser, google } = await signedIn(open);
    await google.always("list", { named: "tooManyRequests", detail: "300" });
    const startedAtMs = Date.now();
    const response = await call(browser);
    expect(Date.now() - startedAtMs).toBeLessThan(10_000);
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(200);
    await expectError(response, 429, "RATE_LIMITED");
  });
});

describe("UPSTREAM_UNAVAILABLE, 502 or 504: Google is down, too slow, or answers what cannot be parsed", () => {
  const failures: [string, Fault][] = [
    ["500", { named: "backendError" }],
    ["502 with a page of HTML", { status: 502 }],
    ["503", { named: "unavailable" }],
    ["a page of HTML", { nonJson: true }],
    ["JSON of another kind", { body: { messages: "none" } }],
    ["an empty answer", { status: 200, body: "" }],
    ["a closed connection", { disconnect: true }],
    ["half an answer", { truncated: true }],
  ];
  describeInside("in no time", () => {
    test.for(failures)("list: %s", async ([, fault], { open }) => {
      const { browser, google } = await signedIn(open);
      await google.always("list", fault);
      await expectError(await call(browser), [502, 504], "UPSTREAM_UNAVAILABLE");
    });

    test("list: no answer at all: 504", async ({ open }) => {
      const { browser, google } = await signedIn(open);
      await google.always("list", { hang: true });
      const startedAtMs = Date.now();
      await expectError(await call(browser), 504, "UPSTREAM_UNAVAILABLE");
      expect(Date.now() - startedAtMs).toBeLessThan(30_000);
    });

    test("a failure that passes is not noticed", async ({ open }) => {
      const { browser, google } = await signedIn(open);
      await google.fault("list", "unavailable");
      expect((await call(browser)).status).toBe(200);
    });
  });

  test("list: answers that cannot be parsed", async ({ open }) => {
    const { browser, google } = await signedIn(open);
    await google.always("list", { nonJson: true });
    await expectError(await call(browser), 502, "UPSTREAM_UNAVAILABLE");
  });
});

describeOutside("an answer begins within 30 s, whatever Google does", () => {
  test("a slow refresh and then silence", { timeout: 40_000 }, async ({ open }) => {
    const { browser, google, user } = await signedIn(open);
    await google.act({ action: "killAccessTokens", email: user.email });
    await google.fault("token:refresh", { delayMs: 8000 });
    await google.always("list", { hang: true, after: 1 });
    const startedAtMs = Date.now();
    const response = await call(browser);
    expect(Date.now() - startedAtMs).toBeLessThan(30_000);
    await expectError(response, 504, "UPSTREAM_UNAVAILABLE");
  });
});

describe("a failed refresh deletes nothing: only invalid_grant ends a grant", () => {
  const failures: [string, Fault, number[]][] = [
    ["500", { status: 500 }, [502, 504]],
    ["503", { status: 503 }, [502, 504]],
    ["429", { named: "tooManyRequests", detail: "1" }, [429, 502, 504]],
    ["429 invalid_grant", { status: 429, body: { error: "invalid_grant" } }, [429, 502, 504]],
    ["503 invalid_grant", { status: 503, body: { error: "invalid_grant" } }, [502, 504]],
    ["a page of HTML", { nonJson: true }, [502, 504]],
    ["a 400 of HTML", { nonJson: true, status: 400 }, [500, 502, 504]],
    ["invalid_request", { named: "invalid_request" }, [500, 502, 504]],
    ["a closed connection", { disconnect: true }, [502, 504]],
    ["invalid_client", { named: "invalid_client" }, [500]],
  ];
  test.for(failures)("%s", async ([, fault, codes], { open }) => {
    const { browser, google, user, stage } = await signedIn(open);
    await google.act({ action: "killAccessTokens", email: user.email });
    await google.always("token:refresh", fault);
    const response = await call(browser);
    expect(codes).toContain(response.status);
    await google.clearFaults();
    // The same session goes on, and a new one finds what was stored.
    expect((await call(browser)).status).toBe(200);
    expect(await signIn(stage.browser(), user)).toBe(1);
  });

  describeInside("nor does", () => {
    test("no answer at all: 504", async ({ open }) => {
      const { browser, google, user, stage } = await signedIn(open);
      await google.act({ action: "killAccessTokens", email: user.email });
      await google.always("token:refresh", { hang: true });
      await expectError(await call(browser), 504, "UPSTREAM_UNAVAILABLE");
      await google.clearFaults();
      expect((await call(browser)).status).toBe(200);
      expect(await signIn(stage.browser(), user)).toBe(1);
    });
  });

  test("a late invalid_grant for an old token leaves the newer record alone", async ({ open }) => {
    const { browser, google, user, stage } = await signedIn(open);
    await google.act({ action: "changePassword", email: user.email });
    // This browser's refresh is on its way with the old token while the person consents anew in another one.
    await google.fault("token:refresh", { delayMs: stage.inside === undefined ? 3000 : 1000 });
    const late = call(browser.copy());
    await expect.poll(() => google.count("token:refresh")).toBe(1);
    const fresh = stage.browser();
    const visit = await fresh.navigate("/auth/login?prompt=consent&return_to=/healthz", {
      person: { user: user.email },
    });
    expect(visit.response.status).toBe(200);
    const [refresh] = await google.calls("token:refresh");
    expect(refresh?.status, "the late answer is still to come").toBe(0);
    // The new consent has ended its session.
    await expectError(await late, 401, "SIGN_IN_REQUIRED");
    await google.act({ action: "killAccessTokens", email: user.email });
    expect((await call(fresh)).status).toBe(200);
    expect(await signIn(stage.browser(), user)).toBe(1);
  });
});

describe("Google's other errors are passed on with Google's message", () => {
  test.for<[NamedFault, number, RegExp]>([
    ["dailyLimitExceeded", 403, /Daily Limit/],
    ["failedPrecondition", 400, /Mail service not enabled/],
    ["notFound", 404, /not found/],
  ])("%s", async ([named, code, message], { open }) => {
    const { browser, google } = await signedIn(open);
    await google.always("list", named);
    const response = await call(browser);
    const text = await response.clone().text();
    expect(response.status, text).toBe(code);
    const reason: string = JSON.parse(text).error.details[0].reason;
    expect([
      "SIGN_IN_REQUIRED",
      "CONSENT_REQUIRED",
      "SCOPE_REQUIRED",
      "RATE_LIMITED",
      "UPSTREAM_UNAVAILABLE",
    ]).not.toContain(reason);
    expect((await expectError(response, code, reason)).message).toMatch(message);
    expect(await google.count("list")).toBe(1);
  });
});

describe("ACCESS_BLOCKED, 403: Google refuses for good", () => {
  const LINK = "https://console.cloud.google.com/apis/library/gmail.googleapis.com?project=1234567890";

  test("accessNotConfigured: with the link that enables the API, for programs and for people", async ({ open }) => {
    const { browser, google } = await signedIn(open);
    await google.always("list", "accessNotConfigured");
    const { message, metadata } = await expectError(await call(browser), 403, "ACCESS_BLOCKED");
    expect(message).toContain("has not been used in project 1234567890");
    expect(message).toContain(LINK);
    expect(metadata["activationUrl"]).toBe(LINK);
    expect(await expectPage(await browser.step("/api/messages"), 403)).toContain(`href="${LINK}"`);
    expect(await google.count("list")).toBe(2);
  });

  test("domainPolicy: says whom to ask", async ({ open }) => {
    const { browser, google } = await signedIn(open);
    await google.always("list", "domainPolicy");
    const { message } = await expectError(await call(browser), 403, "ACCESS_BLOCKED");
    expect(message).toMatch(/domain administrators .*administrator of your organization/);
    expect(await google.count("list")).toBe(1);
  });

  test.for<[error: string, status: number, who: RegExp]>([
    ["admin_policy_enforced", 400, /administrator of your organization/],
    ["org_internal", 403, /one organization only/],
    ["unauthorized_client", 401, /Whoever runs this site/],
  ])("a refresh that is refused by %s: nothing stored is changed", async ([error, status, who], { open }) => {
    const { browser, google, user } = await signedIn(open);
    await google.act({ action: "killAccessTokens", email: user.email });
    await google.fault("token:refresh", { status, body: { error }, times: "always" });
    const { message, metadata } = await expectError(await call(browser), 403, "ACCESS_BLOCKED");
    expect(message).toMatch(who);
    expect(metadata["error"]).toBe(error);
    const text = await expectPage(await browser.step("/api/messages"), 403);
    expect(text).toContain("Google blocks this access");
    await google.act({ action: "clearFaults" });
    expect((await call(browser)).status).toBe(200);
  });

  test("a code that nobody knows is an outage", async ({ open }) => {
    const { browser, google, user } = await signedIn(open);
    await google.act({ action: "killAccessTokens", email: user.email });
    await google.fault("token:refresh", { status: 400, body: { error: "new_in_2027" } });
    await expectError(await call(browser), 502, "UPSTREAM_UNAVAILABLE");
  });
});

describe("errors are pages for people", () => {
  test("a failure of Google's", { tags: ["process"] }, async ({ open }) => {
    const { browser, google } = await signedIn(open);
    await google.always("list", { nonJson: true });
    await expectPage(await browser.step("/api/messages"), 502);
  });

  test("a parameter that makes no sense", async ({ open }) => {
    const { browser } = await signedIn(open);
    await expectPage(await browser.step("/api/messages?limit=%3Cscript%3E"), 400);
  });

  test("a path that does not exist", { tags: ["process"] }, async ({ open }) => {
    const { browser } = await signedIn(open);
    await expectPage(await browser.step("/nowhere"), 404);
    await expectError(await call(browser, "/api/nowhere"), 404, "NOT_FOUND");
  });
});
