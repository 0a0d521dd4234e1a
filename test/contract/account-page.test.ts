/** The account page and its forms. */
import { describe, describeInside, expect, inside, test } from "../support/contract.ts";
import type { Browser } from "../support/browser.ts";
import { expectPage } from "../support/errors.ts";
import { signedIn, signIn } from "../support/scenes.ts";
import type { Stage } from "../support/stage.ts";

const TOKEN = /gmedge_[A-Za-z0-9_-]{92}/;

function make(
  browser: Browser,
  fields: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<Response> {
  return browser.submit("/account/tokens", headers, fields);
}

async function makeToken(browser: Browser, name = "a script"): Promise<string> {
  const text = await expectPage(await make(browser, { name, expiresInDays: "7" }), 200);
  return TOKEN.exec(text)?.[0] ?? expect.fail("There is no token in the page.");
}

/** Paths of the forms that revoke tokens, as the page has them. */
async function revokeForms(browser: Browser): Promise<string[]> {
  const text = await expectPage(await browser.step("/account"), 200);
  return [...text.matchAll(/action="(\/account\/tokens\/[^"]+\/revoke)"/g)].map(([, path]) => path ?? "");
}

function statusWith(stage: Stage, token: string): Promise<number> {
  const headers = { authorization: `Bearer ${token}`, accept: "application/json" };
  return stage.send({ path: "/api/messages?limit=1", headers }).then(({ status }) => status);
}

describe("GET /account", () => {
  test("says who is signed in and what is granted", async ({ open }) => {
    const { browser, user } = await signedIn(open);
    const text = await expectPage(await browser.step("/account"), 200);
    expect(text).toContain(user.email);
    expect(text).toContain("gmail.readonly");
    expect(text).toMatch(/<time datetime="\d{4}-[^"]+" data-format="long">/);
    expect(text).not.toMatch(TOKEN);
  });

  test("without a session leads to the sign-in and back", async ({ open }) => {
    const response = await (await open()).browser().step("/account");
    expect(response.status).toBe(302);
    expect(new URL(response.headers.get("location") ?? "").searchParams.get("return_to")).toBe("/account");
  });
});

describeInside("ten minutes after the sign-in", () => {
  test("the account page has a way to sign in again in place of the form, and back to it", async ({ open }) => {
    const { browser, stage, user } = await signedIn(open);
    expect(await expectPage(await browser.step("/account"), 200)).toContain('action="/account/tokens"');
    await inside(stage).advance(10 * 60 * 1000 + 1_000);
    const text = await expectPage(await browser.step("/account"), 200);
    expect(text).not.toContain('action="/account/tokens"');
    const [, href = ""] = /<a href="([^"]+)">Sign in again to make a token<\/a>/.exec(text) ?? [];
    const url = new URL(href.replaceAll("&amp;", "&"));
    expect(Object.fromEntries(url.searchParams)).toEqual({ return_to: "/account#tokens", login_hint: user.email });
    const visit = await browser.navigate(url.pathname + url.search, { person: { user: user.email } });
    expect(visit.trips).toBe(1);
    expect(visit.text).toContain('action="/account/tokens"');
    await makeToken(browser);
  });

  test("a form that was opened before leads there, and makes no token", async ({ open }) => {
    const { browser, stage, user } = await signedIn(open);
    await inside(stage).advance(10 * 60 * 1000 + 1_000);
    const response = await make(browser, { name: "late", expiresInDays: "7" });
    expect(response.status).toBe(303);
    const url = new URL(response.headers.get("location") ?? "");
    expect(url.origin + url.pathname).toBe(`${stage.origin}/auth/login`);
    expect(Object.fromEntries(url.searchParams)).toEqual({ return_to: "/account#tokens", login_hint: user.email });
    expect(await revokeForms(browser)).toEqual([]);
  });
});

describe("the form for a token", () => {
  test("makes one that works, shows it once, and lists its name as text", { tags: ["process"] }, async ({ open }) => {
    const { browser, stage } = await signedIn(open);
    const token = await makeToken(browser, "<i>mine</i>");
    expect(await statusWith(stage, token)).toBe(200);
    const text = await expectPage(await browser.step("/account"), 200);
    expect(text).not.toContain(token);
    expect(text).toContain("&lt;i&gt;mine&lt;/i&gt;");
    expect(text).not.toContain("<i>mine");
  });

  test("makes one that reads unless something else is chosen, and the list says what each may do", async ({ open }) => {
    const { browser, stage } = await signedIn(open);
    const form = await expectPage(await browser.step("/account"), 200);
    expect(form).toMatch(/<select name="access">/);
    expect(form).toMatch(/<option value="read" selected/);
    for (const access of ["list", "full", null]) {
      const fields = { name: `may ${access}`, expiresInDays: "7", ...(access === null ? {} : { access }) };
      const token = TOKEN.exec(await expectPage(await make(browser, fields), 200))?.[0] ?? "";
      const headers = { authorization: `Bearer ${token}`, accept: "application/json" };
      const profile = await stage.send({ path: "/gmail/v1/users/me/profile", headers });
      expect(profile.status, String(access)).toBe(access === "list" ? 403 : 200);
    }
    const text = await expectPage(await browser.step("/account"), 200);
    const said = [...text.matchAll(/class="muted">\s*(May [a-z ]+?) ·/g)].map(([, words]) => words);
    expect(new Set(said)).toEqual(
      new Set(["May list messages", "May read and change everything", "May read everything"]),
    );
  });

  test.for<[string, Record<string, string>]>([
    ["an access that there is not", { name: "a", expiresInDays: "7", access: "admin" }],
    ["a field that there is not", { name: "a", expiresInDays: "7", acess: "full" }],
    ["no name", { expiresInDays: "7" }],
    ["a blank name", { name: "  ", expiresInDays: "7" }],
    ["a name that is too long", { name: "x".repeat(101), expiresInDays: "7" }],
    ["no days", { name: "a" }],
    ["no whole number of days", { name: "a", expiresInDays: "1.5" }],
    ["too many days", { name: "a", expiresInDays: "366" }],
    ["words for days", { name: "a", expiresInDays: "soon" }],
  ])("with %s says what is wrong, on the page, and makes none", async ([, fields], { open }) => {
    const { browser } = await signedIn(open);
    const text = await expectPage(await make(browser, fields), 400);
    expect(text).toContain('role="alert"');
    expect(text).not.toMatch(TOKEN);
    expect(await revokeForms(browser)).toEqual([]);
  });

  test("that is too large is refused", async ({ open }) => {
    const { browser } = await signedIn(open);
    await expectPage(await make(browser, { name: "x".repeat(5_000), expiresInDays: "7" }), 413);
  });

  test.for<[string, Record<string, string>]>([
    ["another origin", { origin: "https://evil.test" }],
    ["an opaque origin", { origin: "null" }],
    ["another origin, by Sec-Fetch-Site alone", { "sec-fetch-site": "cross-site" }],
    ["another port of this host", { "sec-fetch-site": "same-site" }],
  ])("is refused from %s", async ([, headers], { open }) => {
    const { browser } = await signedIn(open);
    await expectPage(await make(browser, { name: "a", expiresInDays: "7" }, headers), 403);
    expect(await revokeForms(browser)).toEqual([]);
  });

  test("is refused where it does not say from where it comes", async ({ open }) => {
    const { browser, stage } = await signedIn(open);
    const cookie = browser.jar.header() ?? "";
    const response = await stage.send({
      path: "/account/tokens",
      method: "POST",
      body: "name=a&expiresInDays=7",
      headers: { cookie, "content-type": "application/x-www-form-urlencoded", accept: "text/html" },
    });
    await expectPage(response, 403);
    expect(await revokeForms(browser)).toEqual([]);
  });

  test("is not for somebody who is not signed in", async ({ open }) => {
    await expectPage(await make((await open()).browser(), { name: "a", expiresInDays: "7" }), 401);
  });
});

describe("the button that revokes a token", () => {
  test("ends it, and leads back to the list", { tags: ["process"] }, async ({ open }) => {
    const { browser, stage } = await signedIn(open);
    const token = await makeToken(browser);
    const [form = ""] = await revokeForms(browser);
    const response = await browser.submit(form);
    expect([response.status, response.headers.get("location")]).toEqual([303, "/account#tokens"]);
    expect(await revokeForms(browser)).toEqual([]);
    expect(await statusWith(stage, token)).toBe(401);
  });

  test("does nothing to a token of somebody else", async ({ open }) => {
    const { browser, google, stage } = await signedIn(open);
    const token = await makeToken(browser);
    const [form = ""] = await revokeForms(browser);
    const stranger = stage.browser();
    await signIn(stranger, await google.addUser());
    await expectPage(await stranger.submit(form), 404);
    expect(await statusWith(stage, token)).toBe(200);
    expect(await revokeForms(browser)).toEqual([form]);
  });

  test("is refused from another origin", async ({ open }) => {
    const { browser, stage } = await signedIn(open);
    const token = await makeToken(browser);
    const [form = ""] = await revokeForms(browser);
    await expectPage(await browser.submit(form, { origin: "https://evil.test" }), 403);
    expect(await statusWith(stage, token)).toBe(200);
  });
});
