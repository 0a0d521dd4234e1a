/**
 * The resource isolation policy: with the session cookie, another origin gets nothing that it could time, and leads a
 * browser to pages only.
 */
import { describe, expect } from "../support/contract.ts";
import { ROUTES } from "./routes.ts";
import { FORBIDDEN, requestOf, test, type Victim } from "./victim.ts";
import { openWorker } from "./worker.ts";

const READS = ROUTES.filter(({ example }) => example.method === "GET");
/** Where another site may lead a person. */
const PAGES = READS.filter(({ path }) =>
  ["/", "/account", "/message/:id", "/auth/login", "/auth/callback"].includes(path),
);
const SITES = ["same-site", "cross-site", "unknown", ""];
const NAVIGATION = { "sec-fetch-mode": "navigate", "sec-fetch-dest": "document", accept: "text/html" };

/** What of a navigation is missing, or is something else. */
const NO_NAVIGATIONS: readonly [title: string, headers: Readonly<Record<string, string>>][] = [
  ["a picture", { "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image" }],
  ["a script", { "sec-fetch-mode": "no-cors", "sec-fetch-dest": "script" }],
  ["a fetch", { "sec-fetch-mode": "cors", "sec-fetch-dest": "empty" }],
  ["a fetch without CORS", { "sec-fetch-mode": "no-cors", "sec-fetch-dest": "empty" }],
  ["a frame", { "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe" }],
  ["an object", { "sec-fetch-mode": "navigate", "sec-fetch-dest": "object" }],
  ["an embed", { "sec-fetch-mode": "navigate", "sec-fetch-dest": "embed" }],
  ["a document that is no navigation", { "sec-fetch-mode": "no-cors", "sec-fetch-dest": "document" }],
  ["a navigation that does not say what for", { "sec-fetch-mode": "navigate" }],
  ["a prefetch", { "sec-fetch-mode": "no-cors", "sec-fetch-dest": "empty", "sec-purpose": "prefetch" }],
  ["nothing else said", {}],
  ["a prefetched document", { ...NAVIGATION, "sec-purpose": "prefetch" }],
  ["a prerendered document", { ...NAVIGATION, "sec-purpose": "prefetch;prerender" }],
  ["a document that an older browser prefetches", { ...NAVIGATION, purpose: "prefetch" }],
];

function cookieOf(scene: Victim): string {
  return `${scene.cookieName}=${scene.session}`;
}

describe("with the session, a request of another origin", () => {
  test("the pages that it may lead to are in the table", () => {
    expect(PAGES).toHaveLength(5);
  });

  test.for(NO_NAVIGATIONS)(
    "as %s gets 403 from every route that reads, and Google no call",
    async ([, headers], { victim }) => {
      const scene = await victim();
      for (const route of READS) {
        for (const site of SITES) {
          const request = requestOf(route, { cookie: cookieOf(scene), ...headers, "sec-fetch-site": site });
          expect((await scene.attack(request)).status, `${route.path} ${site}`).toBe(403);
        }
      }
      expect(await scene.google.count()).toBe(0);
    },
  );

  test("as a navigation gets 403 from every route that is no page, and Google no call", async ({ victim }) => {
    const scene = await victim();
    for (const route of READS.filter((read) => !PAGES.includes(read))) {
      for (const site of SITES) {
        const headers = { cookie: cookieOf(scene), ...NAVIGATION, "sec-fetch-site": site };
        const response = await scene.attack(requestOf(route, headers));
        expect(response.status, route.path).toBe(403);
      }
    }
    expect(await scene.google.count()).toBe(0);
  });

  test("as a navigation opens a page", async ({ victim }) => {
    const scene = await victim({ mayCallGoogle: true });
    for (const route of PAGES) {
      const headers = { cookie: cookieOf(scene), ...NAVIGATION, "sec-fetch-site": "cross-site" };
      const response = await scene.stage.send(requestOf(route, headers));
      expect(response.status, route.path).not.toBe(403);
    }
  });

  test("as a HEAD, or as another method that reads, is no navigation", async ({ victim }) => {
    const scene = await victim();
    for (const { example } of READS) {
      const headers = { cookie: cookieOf(scene), ...NAVIGATION, "sec-fetch-site": "cross-site" };
      expect((await scene.attack({ method: "HEAD", path: example.path, headers })).status, example.path).toBe(403);
    }
  });

  test("is refused before it is looked at: what is wrong with it is not told", async ({ victim }) => {
    const scene = await victim();
    const headers = { cookie: cookieOf(scene), "sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors" };
    for (const path of ["/api/messages?limit=x", "/gmail/v1/users/other/profile"]) {
      await scene.refused({ path, headers }, FORBIDDEN);
    }
  });
});

describe("what a request of our own, or of nobody, is let through for", () => {
  test("our pages, the address bar, and a browser that does not say read everything", async ({ victim }) => {
    const scene = await victim({ mayCallGoogle: true });
    for (const said of [{ "sec-fetch-site": "same-origin" }, { "sec-fetch-site": "none" }, {}]) {
      for (const path of ["/api/me", "/api/messages?limit=1", "/gmail/v1/users/me/profile"]) {
        const response = await scene.stage.send({ path, headers: { cookie: cookieOf(scene), ...said } });
        expect(response.status, path).toBe(200);
      }
    }
  });

  test("an API token is no cookie: where a request comes from is not asked", async ({ victim }) => {
    const scene = await victim({ mayCallGoogle: true });
    const headers = {
      authorization: `Bearer ${scene.apiToken}`,
      "sec-fetch-site": "cross-site",
      cookie: cookieOf(scene),
    };
    expect((await scene.stage.send({ path: "/api/me", headers })).status).toBe(200);
  });

  test("without the session there is nothing to be told by the time it takes: 401", async ({ victim }) => {
    const scene = await victim();
    await scene.refused({ path: "/api/messages", headers: { "sec-fetch-site": "cross-site" } }, [
      401,
      "SIGN_IN_REQUIRED",
    ]);
  });
});

describe("a link to nothing of ours", () => {
  test.for(["//evil.test/x", "///evil.test/x", "//evil.test/%2e/docs/x", "/api//evil", "/nowhere"])(
    "%s: the page has no link to it",
    async (path, { victim }) => {
      const scene = await victim();
      const headers = { cookie: cookieOf(scene), ...NAVIGATION, "sec-fetch-site": "cross-site" };
      const response = await openWorker(scene.stage, scene.google.vars)(scene.stage.origin + path, { headers });
      expect(response.status).toBe(403);
      const text = await response.text();
      expect(text).toContain("<h1>");
      expect(text).not.toMatch(/evil|nowhere|Open the address/);
    },
  );
});

describe("where consent leads back to an address of the API", () => {
  test("a page offers it as a link, which then works", async ({ victim }) => {
    const scene = await victim({ mayCallGoogle: true });
    const path = "/api/messages?q=a%20%26%20b&limit=1";
    const headers = { cookie: cookieOf(scene), ...NAVIGATION };
    const led = await scene.stage.send({ path, headers: { ...headers, "sec-fetch-site": "cross-site" } });
    expect(led.status).toBe(403);
    const [, href] = /<a href="([^"]+)"[^>]*>Open the address/.exec(await led.text()) ?? [];
    expect(href).toBe(`${scene.stage.origin}/api/messages?q=a%20%26%20b&amp;limit=1`);
    const opened = await scene.stage.send({ path, headers: { ...headers, "sec-fetch-site": "same-origin" } });
    expect(opened.status).toBe(200);
  });
});
