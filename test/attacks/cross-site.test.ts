/** What another site makes a browser send with the victim's cookie. */
import { describe, expect } from "../support/contract.ts";
import { GMAIL_READONLY } from "../support/scenes.ts";
import { ROUTES } from "./routes.ts";
import { FORBIDDEN, requestOf, test, withBearer } from "./victim.ts";

const CHANGING = ROUTES.filter(({ crossSite }) => crossSite !== null);

/** What tells that a request comes from elsewhere. Our origin is http://mail.localhost. */
const FOREIGN: readonly [title: string, headers: Readonly<Record<string, string>>][] = [
  ["Origin of another site", { origin: "https://evil.test" }],
  ["Origin null", { origin: "null" }],
  ["an empty Origin", { origin: "" }],
  ["Origin of a subdomain", { origin: "http://sub.mail.localhost" }],
  ["Origin that begins with ours", { origin: "http://mail.localhost.evil.test" }],
  ["Origin that ends with ours", { origin: "http://evilmail.localhost" }],
  ["our Origin with another scheme", { origin: "https://mail.localhost" }],
  ["our Origin with another port", { origin: "http://mail.localhost:8080" }],
  ["our Origin with a path", { origin: "http://mail.localhost/" }],
  ["our Origin in capitals", { origin: "HTTP://MAIL.LOCALHOST" }],
  ["our Origin as a user name", { origin: "http://mail.localhost@evil.test" }],
  ["two Origins, ours first", { origin: "http://mail.localhost, https://evil.test" }],
  ["two Origins, ours last", { origin: "https://evil.test, http://mail.localhost" }],
  ["Sec-Fetch-Site cross-site", { "sec-fetch-site": "cross-site" }],
  ["Sec-Fetch-Site same-site", { "sec-fetch-site": "same-site" }],
  [
    "Sec-Fetch-Site cross-site, although Origin is ours",
    { origin: "http://mail.localhost", "sec-fetch-site": "cross-site" },
  ],
  [
    "Sec-Fetch-Site same-site, although Origin is ours",
    { origin: "http://mail.localhost", "sec-fetch-site": "same-site" },
  ],
  [
    "Sec-Fetch-Site same-origin, although Origin is foreign",
    { origin: "https://evil.test", "sec-fetch-site": "same-origin" },
  ],
  ["Sec-Fetch-Site none, although Origin is foreign", { origin: "https://evil.test", "sec-fetch-site": "none" }],
  ["Sec-Fetch-Site that nobody knows", { "sec-fetch-site": "trusted" }],
  ["Referer of ours, but another Origin", { origin: "https://evil.test", referer: "http://mail.localhost/" }],
];

const BODIES = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"];

describe("every route that changes something refuses it, with a good session, and nothing has changed:", () => {
  test("the table holds every route that changes something by a session", () => {
    const changing = ROUTES.filter(({ example, caller }) => example.method !== "GET" && caller.startsWith("session"));
    expect(changing).toEqual(CHANGING);
  });

  test.for(FOREIGN)("%s", async ([title, headers], { victim }) => {
    const scene = await victim();
    expect(scene.stage.origin).toBe("http://mail.localhost");
    const cookie = `${scene.cookieName}=${scene.session}`;
    for (const route of CHANGING) {
      await scene.refused(requestOf(route, { cookie, ...headers }), FORBIDDEN, title);
      // As a form of another site sends it.
      for (const type of BODIES) {
        await scene.refused(requestOf(route, { cookie, ...headers, "content-type": type }), FORBIDDEN, type);
      }
    }
    const me = await scene.stage.send({ path: "/api/me", headers: { cookie } });
    expect(me.status).toBe(200);
    expect(await scene.google.count()).toBe(0);
  });

  test("neither Origin nor Sec-Fetch-Site", async ({ victim }) => {
    const scene = await victim();
    const cookie = `${scene.cookieName}=${scene.session}`;
    for (const route of CHANGING) await scene.refused(requestOf(route, { cookie }), FORBIDDEN);
    expect(await scene.google.count()).toBe(0);
  });

  test("no Origin, where a request to Gmail comes of it", async ({ victim }) => {
    const scene = await victim();
    const cookie = `${scene.cookieName}=${scene.session}`;
    const strict = CHANGING.filter(({ crossSite }) => crossSite === "origin-required");
    expect(strict.length).toBeGreaterThan(1);
    for (const route of strict) await scene.refused(requestOf(route, { cookie }), FORBIDDEN);
    for (const route of strict)
      await scene.refused(requestOf(route, { cookie, "sec-fetch-site": "same-origin" }), FORBIDDEN);
    expect(await scene.google.count()).toBe(0);
  });

  test("what changes something, by a GET: 405", async ({ victim }) => {
    const scene = await victim();
    const cookie = `${scene.cookieName}=${scene.session}`;
    for (const path of ["/auth/logout", "/auth/disconnect", "/auth/security-events"]) {
      await scene.refused({ path, headers: { cookie } }, [405, "METHOD_NOT_ALLOWED"]);
    }
    expect((await scene.stage.send({ path: "/api/me", headers: { cookie } })).status).toBe(200);
  });
});

describe("the session cookie", () => {
  test("is not for other sites, scripts or hosts: HttpOnly, SameSite=Lax, and __Host- with Secure on HTTPS", async ({
    victim,
  }) => {
    for (const [publicUrl, pattern] of [
      [undefined, /^gmail_edge_session=[^;]+; Max-Age=\d+; Path=\/; HttpOnly; SameSite=Lax$/],
      [
        "https://mail.example.test",
        /^__Host-gmail_edge_session=[^;]+; Max-Age=\d+; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
      ],
    ] as const) {
      const { browser } = await victim(publicUrl === undefined ? {} : { publicUrl });
      const lines = browser.jar.seen.filter((line) => /session=[^;]/.test(line));
      expect(lines.length).toBeGreaterThan(0);
      for (const line of lines) expect(line).toMatch(pattern);
    }
  });

  test("without its __Host- prefix opens nothing on HTTPS: a subdomain could have set it", async ({ victim }) => {
    const scene = await victim({ publicUrl: "https://mail.example.test" });
    const headers = { cookie: `gmail_edge_session=${scene.session}` };
    await scene.refused({ path: "/api/me", headers }, [401, "SIGN_IN_REQUIRED"]);
  });
});

describe("an API token", () => {
  test("is no cookie, so that another site's page needs it in hand: no Origin is asked for", async ({ victim }) => {
    const scopes = `openid email profile ${GMAIL_READONLY} https://mail.google.com/`;
    const scene = await victim({ mayCallGoogle: true, vars: { GOOGLE_SCOPES: scopes } });
    const strict = CHANGING.filter(({ caller }) => caller === "session-or-token");
    for (const route of strict) {
      await scene.google.forgetCalls();
      await scene.stage.send(withBearer(route, scene.apiToken));
      expect((await scene.google.calls()).length).toBeGreaterThan(0);
    }
  });
});
