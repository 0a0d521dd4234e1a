/** Sign-in: the way to Google. */
import { describe, describeInside, expect, test } from "../support/contract.ts";
import { expectError } from "../support/errors.ts";
import { callbackUrl, newcomer, signedIn } from "../support/scenes.ts";

const SCOPES = "openid email profile https://www.googleapis.com/auth/gmail.readonly";

describe("GET /auth/login", () => {
  test(
    "goes to the authorization endpoint with everything that Google must know",
    { tags: ["process"] },
    async ({ open }) => {
      const { stage, google, browser } = await newcomer(open);
      const url = await browser.begin();
      expect(url.origin + url.pathname).toBe(`${google.origin}/o/oauth2/v2/auth`);
      const { state, nonce, code_challenge, ...rest } = Object.fromEntries(url.searchParams);
      expect(rest).toEqual({
        client_id: stage.client.id,
        redirect_uri: `${stage.origin}/auth/callback`,
        response_type: "code",
        scope: SCOPES,
        access_type: "offline",
        code_challenge_method: "S256",
      });
      expect(new Set([state, nonce, code_challenge]).size).toBe(3);
      // 128 bits or more in base64url.
      expect(state?.length).toBeGreaterThanOrEqual(22);
      expect(nonce?.length).toBeGreaterThanOrEqual(22);
      expect(code_challenge).toMatch(/^[A-Za-z0-9_-]{43}$/);
    },
  );

  test("sends no prompt on the first trip, so that Google shows its page only to who has not consented", async ({
    open,
  }) => {
    const { browser } = await newcomer(open);
    expect((await browser.begin()).searchParams.has("prompt")).toBe(false);
  });

  test.for(["none", "consent", "select_account"])("passes prompt=%s on", async (prompt, { open }) => {
    const { browser } = await newcomer(open);
    expect((await browser.begin(`?prompt=${prompt}`)).searchParams.get("prompt")).toBe(prompt);
  });

  test("passes login_hint on, whatever it holds", async ({ open }) => {
    const { browser } = await newcomer(open);
    const hint = "ada+mail&prompt=none@example.com";
    const url = await browser.begin(`?login_hint=${encodeURIComponent(hint)}`);
    expect(url.searchParams.get("login_hint")).toBe(hint);
    expect(url.searchParams.has("prompt")).toBe(false);
  });

  test.for(["login", "NONE", "consent select_account", "consent%0d%0aX: y"])(
    "refuses prompt=%s with 400 and sets no cookie",
    async (prompt, { open }) => {
      const { browser } = await newcomer(open);
      const response = await browser.fetch(`/auth/login?prompt=${encodeURIComponent(prompt)}`);
      const { message } = await expectError(response, 400, "INVALID_ARGUMENT");
      expect(message).toContain("prompt");
      expect(browser.jar.seen).toEqual([]);
    },
  );

  test("answers are never cached", async ({ open }) => {
    const { browser } = await newcomer(open);
    expect((await browser.step("/auth/login")).headers.get("cache-control")).toContain("no-store");
  });
});

describeInside("GET /auth/login (other configuration)", () => {
  test("asks for GOOGLE_SCOPES", async ({ open }) => {
    const scopes = `${SCOPES} https://www.googleapis.com/auth/gmail.labels`;
    const { browser } = await newcomer(open, { vars: { GOOGLE_SCOPES: scopes } });
    expect((await browser.begin()).searchParams.get("scope")).toBe(scopes);
  });
});

describe("the transaction cookie", () => {
  test("is sealed, HttpOnly, SameSite=Lax and short-lived", { tags: ["process"] }, async ({ open }) => {
    const { browser, stage } = await newcomer(open);
    const url = await browser.begin("?return_to=%2Fsecret-place");
    const [cookie, ...others] = [...browser.jar.cookies.values()];
    expect(others).toEqual([]);
    expect(cookie?.attributes.has("httponly")).toBe(true);
    expect(cookie?.attributes.get("samesite")).toBe("Lax");
    expect(cookie?.attributes.has("domain")).toBe(false);
    expect(cookie?.attributes.has("secure")).toBe(false);
    expect(cookie?.name).not.toMatch(/^__Host-/);
    expect(cookie?.expiresAtMs).toBeLessThanOrEqual(stage.now() + 15 * 60_000);
    // A compact JWE shows its header and nothing else.
    expect(cookie?.value.split(".").length).toBe(5);
    for (const name of ["state", "nonce", "code_challenge"]) {
      expect(cookie?.value).not.toContain(url.searchParams.get(name));
    }
    expect(cookie?.value).not.toContain(btoa("/secret-place").slice(0, 12));
  });

  test("has the __Host- prefix and Secure on HTTPS", { tags: ["process"] }, async ({ open }) => {
    const { browser } = await newcomer(open, { publicUrl: "https://mail.example.com" });
    const url = await browser.begin();
    expect(url.searchParams.get("redirect_uri")).toBe("https://mail.example.com/auth/callback");
    expect(browser.jar.refused).toEqual([]);
    for (const cookie of browser.jar.cookies.values()) {
      expect(cookie.name).toMatch(/^__Host-/);
      expect(cookie.attributes.has("secure")).toBe(true);
    }
    expect(browser.jar.cookies.size).toBe(1);
  });

  test(
    "belongs to its flow alone: two tabs sign in at once, each to its own place",
    { tags: ["process"] },
    async ({ open }) => {
      // Someone whose refresh token is stored: of two first consents at once, Google gives a refresh token for one.
      const known = await signedIn(open);
      const scene = { ...known, browser: known.stage.browser() };
      const first = await callbackUrl(scene, {}, "?return_to=%2Fhealthz%3Ftab%3D1");
      const second = await callbackUrl(scene, {}, "?return_to=%2Fhealthz%3Ftab%3D2");
      expect(scene.browser.jar.cookies.size).toBe(2);
      expect((await scene.browser.comeBack(second.href)).headers.get("location")).toContain("/healthz?tab=2");
      expect((await scene.browser.comeBack(first.href)).headers.get("location")).toContain("/healthz?tab=1");
    },
  );

  test("is gone after the callback", { tags: ["process"] }, async ({ open }) => {
    const scene = await newcomer(open);
    const callback = await callbackUrl(scene);
    const [transaction] = [...scene.browser.jar.cookies.keys()];
    await scene.browser.comeBack(callback.href);
    expect([...scene.browser.jar.cookies.keys()]).not.toContain(transaction);
  });
});

describe("return_to", () => {
  const kept = [
    "/",
    "/api/messages?q=from%3Aada%26more&limit=3",
    "/gmail/v1/users/me/messages?q=%25",
    "/authors",
    "/a/auth/b",
  ];
  test.for(kept)("%s is where the person arrives", { tags: ["process"] }, async (returnTo, { open }) => {
    expect(await arrival(await newcomer(open), returnTo)).toBe(returnTo);
  });

  const attacks = [
    "",
    "api/me",
    "https://evil.test/",
    "//evil.test/",
    "///evil.test",
    "/\\evil.test",
    "\\\\evil.test",
    "/\t/evil.test",
    "/\n/evil.test",
    "\t//evil.test",
    " //evil.test",
    "http:evil.test",
    "javascript:alert(1)",
    "data:text/html,x",
    "@evil.test",
    ".evil.test",
    "/auth/logout",
    "/auth/callback?error=x",
    "/auth/login",
    "/./auth/login",
    "/x/../auth/login",
    "/x/%2e%2e/auth/login",
    "/..//evil.test",
    "/x/..//evil.test",
    "/.//evil.test",
  ];
  test.for(attacks)("%j counts as /", async (returnTo, { open }) => {
    expect(await arrival(await newcomer(open), returnTo)).toBe("/");
  });

  // The router may read an escaped letter as the letter: then it would be a way into /auth/.
  test.for(["/%61uth/login", "/auth%2Flogin", "/AUTH/login", "/%2Fevil.test", "/%5Cevil.test", "/auth"])(
    "%s never leads off this origin or back into /auth/",
    async (returnTo, { open }) => {
      const scene = await newcomer(open);
      const visit = await scene.browser.signIn({ user: scene.user.email }, returnTo);
      expect(visit.trips).toBe(1);
      expect(visit.url.startsWith("/")).toBe(true);
    },
  );
});

async function arrival(scene: Awaited<ReturnType<typeof newcomer>>, returnTo: string): Promise<string> {
  const callback = await callbackUrl(scene, {}, `?return_to=${encodeURIComponent(returnTo)}`);
  const response = await scene.browser.comeBack(callback.href);
  expect(response.status).toBe(302);
  const target = new URL(response.headers.get("location") ?? "", scene.stage.origin);
  expect(target.origin).toBe(scene.stage.origin);
  return target.pathname + target.search;
}
