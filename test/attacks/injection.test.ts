/** Text of others in headers and links: line breaks, and other sites as return_to. */
import { describe, expect } from "../support/contract.ts";
import { INVALID, test } from "./victim.ts";

const BREAKS = ["%0d%0a", "%0a", "%0d", "\r\n", "\n", "\r", "%E5%98%8A%E5%98%8D", "%u000d%u000a", "%250d%250a", "%00"];

describe("a line break makes no header:", () => {
  const targets: [title: string, path: (text: string) => string][] = [
    ["return_to", (text) => `/auth/login?return_to=/x${text}`],
    ["login_hint", (text) => `/auth/login?login_hint=x${text}`],
    ["prompt", (text) => `/auth/login?prompt=consent${text}`],
    ["error", (text) => `/auth/callback?error=x${text}`],
    ["state", (text) => `/auth/callback?code=c&state=x${text}`],
    ["q", (text) => `/api/messages?limit=1&q=x${text}`],
    ["labelIds", (text) => `/api/messages?limit=1&labelIds=x${text}`],
    ["pageToken", (text) => `/api/messages?limit=1&pageToken=x${text}`],
    ["q of the page", (text) => `/?q=x${text}`],
    ["a path", (text) => `/gmail/v1/users/me/messages/x${text}`],
    ["a query of Gmail's", (text) => `/gmail/v1/users/me/messages?q=x${text}`],
    ["everywhere", (text) => `/auth/logout?everywhere=x${text}`],
    ["cursor", (text) => `/operator/rotate?cursor=x${text}`],
    ["an unknown path", (text) => `/nowhere${text}`],
  ];
  test.for(targets)("in %s", async ([title, path], { victim }) => {
    const scene = await victim({ mayCallGoogle: true });
    const cookie = `${scene.cookieName}=${scene.session}`;
    for (const mode of ["navigate", "cors"]) {
      for (const text of BREAKS) {
        const url = path(`${text}X-Evil: 1${text}Set-Cookie: evil=1${text}${text}<html>`);
        const headers = { cookie, "sec-fetch-mode": mode, accept: "*/*" };
        const response = await scene.stage.send({ path: url, headers });
        const names = [...response.headers.keys()];
        expect(names, `${title} ${url}`).not.toContain("x-evil");
        expect(response.headers.getSetCookie().join(), `${title} ${url}`).not.toContain("evil=");
        for (const [name, value] of response.headers) expect(value, `${title} ${name}`).not.toMatch(/[\r\n]/);
      }
    }
    const seen = await scene.google.calls();
    expect(seen.filter(({ headers }) => "x-evil" in headers)).toEqual([]);
  });

  test("in the name of an API token, which is shown as it is in JSON", async ({ victim }) => {
    const scene = await victim();
    const name = 'x\r\nSet-Cookie: evil=1\r\n\r\n<script>"';
    const headers = { "content-type": "application/json", origin: scene.stage.origin };
    const made = await scene.browser.fetch("/api/tokens", { method: "POST", headers, body: JSON.stringify({ name }) });
    expect(made.status).toBe(201);
    expect(made.headers.getSetCookie().join()).not.toContain("evil");
    const list = await scene.browser.fetch("/api/tokens", { headers: { accept: "text/html" } });
    expect(list.headers.get("content-type")).toMatch(/^application\/json/);
    expect(await list.json()).toMatchObject({ tokens: [{ name: "a script" }, { name }].toReversed() });
  });

  test("in headers of the request that are sent on to Google", async ({ victim }) => {
    const scene = await victim({ mayCallGoogle: true });
    const headers = {
      authorization: `Bearer ${scene.apiToken}`,
      "x-http-method-override": "GET",
      "x-method-override": "GET",
      "x-goog-user-project": "other",
      "x-forwarded-for": "1.2.3.4",
      cookie: "a=b",
      host: "evil.test",
      via: "1.1 evil",
    };
    await scene.stage.send({ path: "/gmail/v1/users/me/profile?_method=DELETE", headers });
    expect(await scene.google.count("profile")).toBe(0);
    await scene.stage.send({ path: "/gmail/v1/users/me/profile", headers });
    const [call] = await scene.google.calls("profile");
    expect(call?.method).toBe("GET");
    const sent = JSON.stringify(call?.headers);
    expect(sent).not.toMatch(/override|user-project|evil|1\.2\.3\.4|a=b/i);
    expect(sent).not.toContain(scene.apiToken);
  });

  test("in the headers of Google's answers: only what a client needs of them comes through", async ({ victim }) => {
    const scene = await victim({ mayCallGoogle: true });
    await scene.google.always("profile", {
      status: 200,
      body: {},
      headers: {
        "set-cookie": "evil=1",
        "access-control-allow-origin": "*",
        "access-control-allow-credentials": "true",
        "content-security-policy": "default-src *",
        location: "https://evil.test/",
        link: "<https://evil.test/>; rel=preload",
        "clear-site-data": '"*"',
        "x-evil": "1",
        refresh: "0;url=https://evil.test/",
      },
    });
    const headers = { authorization: `Bearer ${scene.apiToken}` };
    const response = await scene.stage.send({ path: "/gmail/v1/users/me/profile", headers });
    expect(response.status).toBe(200);
    const all = JSON.stringify([...response.headers]);
    expect(all).not.toMatch(/evil|clear-site-data|access-control|default-src \*/);
  });
});

/** Where a person must not be led, as `return_to` says it. */
const OPEN_REDIRECTS = [
  "https://evil.test/",
  "//evil.test/",
  "///evil.test/",
  "////evil.test/",
  "/\\evil.test/",
  "\\\\evil.test/",
  "\\/evil.test/",
  "/\t/evil.test/",
  "/\n/evil.test/",
  "\t//evil.test/",
  " //evil.test/",
  "\u00a0//evil.test",
  "/.//evil.test/",
  "/..//evil.test/",
  "/x/..//evil.test/",
  "/%2e//evil.test/",
  "/;@evil.test/",
  "@evil.test/",
  "http:evil.test/",
  "https:/evil.test/",
  "javascript:alert(1)",
  "JaVaScRiPt:alert(1)",
  "java\nscript:alert(1)",
  "data:text/html,<script>alert(1)</script>",
  "mail.localhost.evil.test",
  "http://mail.localhost@evil.test/",
  "http://mail.localhost:80@evil.test/",
  "http://mail.localhost\\@evil.test/",
  "http://mail.localhost%00.evil.test/",
  "/\u2028/evil.test",
  "／／evil.test",
  "/％2Fevil.test",
  "http://evil.test#mail.localhost",
  "http://evil.test?mail.localhost",
  "/auth/login?return_to=//evil.test",
  "/auth/logout",
  "/%61uth/login",
];

describe("return_to leads to a path of this site, whatever it says:", () => {
  test("after signing in, each of the known tricks", async ({ victim }) => {
    const { stage, user } = await victim({ mayCallGoogle: true });
    for (const trick of OPEN_REDIRECTS) {
      const tab = stage.browser();
      const authorization = await tab.begin(`?return_to=${encodeURIComponent(trick)}`);
      const callback = await stage.google.consent(authorization.href, { user: user.email });
      const response = await tab.comeBack(callback);
      const location = response.headers.get("location") ?? "";
      expect(response.status, trick).toBe(302);
      const target = new URL(location, `${stage.origin}/auth/callback`);
      expect(target.origin, `${trick} → ${location}`).toBe(stage.origin);
      expect(location, trick).toMatch(/^\/([^/\\]|$)/);
      expect(decodeURIComponent(target.pathname), trick).not.toMatch(/^\/auth\//);
    }
  });

  test("in the sign-in link of an error, from a Referer of another site or a path that looks like one", async ({
    victim,
  }) => {
    const scene = await victim();
    for (const headers of [
      { referer: "https://evil.test/lure" },
      { referer: "http://mail.localhost.evil.test/lure" },
      { referer: "javascript:alert(1)" },
      { referer: "http://mail.localhost//evil.test/" },
      { "sec-fetch-mode": "navigate" },
    ]) {
      const response = await scene.stage.send({ path: "/api/me", headers });
      const shown = (response.headers.get("location") ?? "") + (await response.text());
      expect(shown).not.toMatch(/evil|lure/);
      expect(shown).toContain(`${scene.stage.origin}/auth/login`);
    }
  });
});

test("an option that is not valid is named, and its value is not repeated", async ({ victim }) => {
  const scene = await victim();
  const headers = { cookie: `${scene.cookieName}=${scene.session}` };
  for (const name of ["limit", "includeSpamTrash", "view"]) {
    const response = await scene.refused({ path: `/api/messages?${name}=evil555`, headers }, INVALID);
    expect(await response.text()).not.toContain("evil555");
  }
});
