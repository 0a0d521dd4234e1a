/** Sign-in: what comes back from Google. Nothing else is believed before `state` and `iss`. */
import { describe, describeInside, expect, inside, test } from "../support/contract.ts";
import { expectError, expectPage } from "../support/errors.ts";
import { callbackUrl, newcomer, openCallback, type Scene } from "../support/scenes.ts";

async function expectNoTokenCall({ google }: Scene): Promise<void> {
  expect(await google.count("token")).toBe(0);
}

describe("state missing, unknown, from another browser or used: 400 INVALID_STATE, the token endpoint is not called", () => {
  test.for([
    ["missing", (url: URL) => url.searchParams.delete("state")],
    ["empty", (url: URL) => url.searchParams.set("state", "")],
    ["unknown", (url: URL) => url.searchParams.set("state", "A".repeat(43))],
    [
      "changed at its end",
      (url: URL) => url.searchParams.set("state", `${url.searchParams.get("state")?.slice(0, -1)}!`),
    ],
    ["too long", (url: URL) => url.searchParams.append("state", "x".repeat(3000))],
  ] as const)("state %s", async ([what, change], { open }) => {
    const scene = await newcomer(open);
    const callback = await callbackUrl(scene);
    if (what === "too long") callback.searchParams.delete("state");
    change(callback);
    await expectError(await openCallback(scene.browser, callback), 400, "INVALID_STATE");
    await expectNoTokenCall(scene);
  });

  test("state from another browser", { tags: ["process"] }, async ({ open }) => {
    const scene = await newcomer(open);
    const callback = await callbackUrl(scene);
    const other = scene.stage.browser();
    await other.begin();
    await expectError(await openCallback(other, callback), 400, "INVALID_STATE");
    await expectNoTokenCall(scene);
  });

  test("state of one flow with the cookie of another, under its name", async ({ open }) => {
    const scene = await newcomer(open);
    const mine = await callbackUrl(scene);
    const [mineCookie] = [...scene.browser.jar.cookies.values()];
    const victim = scene.stage.browser();
    await victim.begin();
    const [theirs] = [...victim.jar.cookies.values()];
    const response = await scene.stage.send({
      path: mine.pathname + mine.search,
      headers: { cookie: `${mineCookie?.name}=${theirs?.value}` },
    });
    await expectError(response, 400, "INVALID_STATE");
    await expectNoTokenCall(scene);
  });

  test("its cookie gone because it was used", { tags: ["process"] }, async ({ open }) => {
    const scene = await newcomer(open);
    const callback = await callbackUrl(scene);
    expect((await scene.browser.comeBack(callback.href)).status).toBe(302);
    await scene.google.forgetCalls();
    await expectError(await openCallback(scene.browser, callback), 400, "INVALID_STATE");
    await expectNoTokenCall(scene);
  });

  test("is a page for a person", async ({ open }) => {
    const { browser } = await newcomer(open);
    await expectPage(await browser.step("/auth/callback?code=x&state=y"), 400);
  });
});

describeInside("state older than 10 minutes", () => {
  test("gets 400 INVALID_STATE, also from a browser that kept the cookie", async ({ open }) => {
    const scene = await newcomer(open);
    const callback = await callbackUrl(scene);
    const cookie = scene.browser.jar.header() ?? "";
    await inside(scene.stage).advance(10 * 60_000 + 1000);
    const response = await scene.stage.send({ path: callback.pathname + callback.search, headers: { cookie } });
    await expectError(response, 400, "INVALID_STATE");
    await expectNoTokenCall(scene);
  });

  test("works a little before", async ({ open }) => {
    const scene = await newcomer(open);
    const callback = await callbackUrl(scene);
    await inside(scene.stage).advance(9 * 60_000);
    expect((await scene.browser.comeBack(callback.href)).status).toBe(302);
  });
});

describe("an error with no valid transaction is shown as such, using nothing of the transaction", () => {
  test("access_denied: 403 CONSENT_DENIED", async ({ open }) => {
    const { browser, stage } = await newcomer(open);
    await expectError(await browser.fetch("/auth/callback?error=access_denied&state=unknown"), 403, "CONSENT_DENIED");
    await expectError(await stage.send({ path: "/auth/callback?error=access_denied" }), 403, "CONSENT_DENIED");
    await expectPage(await browser.step("/auth/callback?error=access_denied"), 403);
  });

  test("another one: 400 AUTHORIZATION_FAILED", async ({ open }) => {
    const { browser } = await newcomer(open);
    const { text } = await expectError(
      await browser.fetch("/auth/callback?error=server_error"),
      400,
      "AUTHORIZATION_FAILED",
    );
    expect(text).toContain("server_error");
  });

  test("leaves the transactions of this browser alone", { tags: ["process"] }, async ({ open }) => {
    const scene = await newcomer(open);
    const callback = await callbackUrl(scene);
    await scene.browser.fetch("/auth/callback?error=access_denied&state=unknown");
    expect((await scene.browser.comeBack(callback.href)).status).toBe(302);
  });
});

describe("iss present and not GOOGLE_ISSUER: 400 INVALID_ISSUER, the token endpoint is not called", () => {
  test("another issuer", async ({ open }) => {
    const scene = await newcomer(open, { google: { callbackIss: "other" } });
    await expectError(await openCallback(scene.browser, await callbackUrl(scene)), 400, "INVALID_ISSUER");
    await expectNoTokenCall(scene);
  });

  test.for(["", "https://accounts.google.com/", "HTTPS://accounts.google.com"])("iss=%j", async (iss, { open }) => {
    const scene = await newcomer(open);
    const callback = await callbackUrl(scene);
    callback.searchParams.set("iss", iss);
    await expectError(await openCallback(scene.browser, callback), 400, "INVALID_ISSUER");
    await expectNoTokenCall(scene);
  });

  test("no iss is no objection", async ({ open }) => {
    const scene = await newcomer(open, { google: { callbackIss: "absent" } });
    expect((await scene.browser.comeBack((await callbackUrl(scene)).href)).status).toBe(302);
  });

  test("a bad state is found before a bad iss, and a bad iss before an error", async ({ open }) => {
    const scene = await newcomer(open, { google: { callbackIss: "other" } });
    const callback = await callbackUrl(scene);
    const unknown = new URL(callback);
    unknown.searchParams.set("state", "B".repeat(43));
    await expectError(await openCallback(scene.browser, unknown), 400, "INVALID_STATE");
    const denied = await callbackUrl(scene, { deny: true });
    await expectError(await openCallback(scene.browser, denied), 400, "INVALID_ISSUER");
  });
});

describe("error=access_denied: 403 CONSENT_DENIED with a link to try again, never an automatic redirect", () => {
  test("to a program", async ({ open }) => {
    const scene = await newcomer(open);
    await expectError(
      await openCallback(scene.browser, await callbackUrl(scene, { deny: true })),
      403,
      "CONSENT_DENIED",
    );
    await expectNoTokenCall(scene);
  });

  test("to a person, who comes in by that link after all", { tags: ["process"] }, async ({ open }) => {
    const scene = await newcomer(open);
    const callback = await callbackUrl(scene, { deny: true }, "?return_to=%2Fhealthz");
    const page = await expectPage(await scene.browser.comeBack(callback.href), 403);
    const link = /href="([^"]*\/auth\/login[^"]*)"/.exec(page)?.[1]?.replaceAll("&amp;", "&");
    expect(link).toBeDefined();
    const target = new URL(link ?? "", scene.stage.origin);
    const visit = await scene.browser.navigate(target.pathname + target.search, { person: { user: scene.user.email } });
    expect(visit.response.status).toBe(200);
    expect(visit.trips).toBe(1);
  });
});

describe("another error: 400 AUTHORIZATION_FAILED, Google's error code shown, escaped", () => {
  test.for(["interaction_required", "temporarily_unavailable", "<img src=x onerror=alert(1)>", `"'&`])(
    "error=%s",
    async (error, { open }) => {
      const scene = await newcomer(open);
      const forProgram = await openCallback(scene.browser, await callbackUrl(scene, { error }));
      await expectError(forProgram, 400, "AUTHORIZATION_FAILED");
      const page = await expectPage(await scene.browser.comeBack((await callbackUrl(scene, { error })).href), 400);
      if (/^\w+$/.test(error)) expect(page).toContain(error);
      expect(page).not.toContain("<img src=x");
      await expectNoTokenCall(scene);
    },
  );
});
