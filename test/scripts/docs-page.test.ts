/**
 * The page at /docs as `wrangler dev` serves it: its headers, and in a real browser that its Content-Security-Policy lets
 * it work and that an operation can be tried with a session and with an API token.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { get, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chromiumPath, startChromium } from "../support/chromium.ts";
import { type EmulatedWorker, startEmulatedWorker, USER } from "../support/emulated-worker.ts";

let worker: EmulatedWorker;

beforeAll(async () => {
  worker = await startEmulatedWorker();
}, 60_000);

afterAll(async () => {
  await worker?.close();
});

/** Second spellings of the files' paths, sent as they stand. */
const SPELLINGS = [
  "/docs/",
  "/docs/index",
  "/docs/index.html",
  "/docs/index.html?x=1",
  "/docs?",
  "/docs/.",
  "/%64ocs",
  "/%64ocs/",
  "/docs%2F",
  "/docs%2Findex.html",
  "/docs/%69ndex.html",
  "/docs/index%2Ehtml",
  "/docs/%2e",
  "//docs",
  "///docs",
  "//docs/",
  "/docs//",
  "/docs//index.html",
  "//docs//index",
  "/./docs",
  "/x/../docs",
  "/docs\\",
  "/DOCS",
  "/docs;x",
  "/docs%00",
  "/docs/index.html/",
  "//evil.test/%2e%2e",
  "//evil.test/..%2fdocs/",
  "/openapi%2Ejson",
  "//openapi.json",
  "/openapi.json/",
  "/%61pp.js",
  "//app.js",
  "/docs/docs.js",
];

/** Asks for a path that `fetch` would write anew. */
async function ask(path: string): Promise<{ status: number; headers: IncomingHttpHeaders }> {
  const { hostname, port } = new URL(worker.origin);
  const [response] = (await once(get({ host: hostname, port, path }), "response")) as [IncomingMessage];
  response.resume();
  return { status: response.statusCode ?? 0, headers: response.headers };
}

/** SHA-256 of the script that stands in the page. */
async function scriptHash(): Promise<string> {
  const scripts = [...(await (await fetch(`${worker.origin}/docs`)).text()).matchAll(/<script>(.*?)<\/script>/gs)];
  expect(scripts).toHaveLength(1);
  return createHash("sha256")
    .update(scripts[0]?.[1] ?? "")
    .digest("base64");
}

describe("files that are served without the Worker", () => {
  test.for(["/docs", "/docs/docs.css", "/app.js", "/style.css", "/favicon.svg", "/openapi.json"])(
    "%s has the strict headers",
    async (path) => {
      const response = await fetch(worker.origin + path);
      await response.arrayBuffer();
      expect(response.status).toBe(200);
      const policy = response.headers.get("content-security-policy") ?? "";
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toMatch(/unsafe|https?:|data:|\*/);
      // Of scripts, the one that stands in the page at /docs, and no file of ours.
      expect(/script-src ([^;]*)/.exec(policy)?.[1]).toBe(`'sha256-${await scriptHash()}'`);
      expect(response.headers.get("x-content-type-options")).toBe("nosniff");
      expect(response.headers.get("strict-transport-security")).toBe("max-age=31536000");
      expect(response.headers.get("referrer-policy")).toBe("same-origin");
      expect(response.headers.get("access-control-allow-origin")).toBe(path === "/openapi.json" ? "*" : null);
    },
  );

  test.for(SPELLINGS)("%s has the same headers, or is not there", async (path) => {
    const asked = await ask(path);
    if (asked.status >= 400) return;
    expect(asked.headers["content-security-policy"]).toContain(`script-src 'sha256-${await scriptHash()}'`);
    expect(asked.headers["x-frame-options"]).toBe("DENY");
    // A redirect leads to the one spelling, on this origin.
    const { location } = asked.headers;
    expect(location === undefined || /^\/(docs\/|openapi\.json|app\.js)(\?|$)/.test(location), location).toBe(true);
  });

  test("/docs takes one redirect at most to its page", async () => {
    const first = await fetch(`${worker.origin}/docs`, { redirect: "manual" });
    await first.arrayBuffer();
    const location = first.headers.get("location");
    const last = location === null ? first : await fetch(new URL(location, worker.origin), { redirect: "manual" });
    expect(last.status).toBe(200);
    expect(last.headers.get("content-type")).toMatch(/^text\/html/);
  });

  test("the file of headers is not served", async () => {
    const response = await fetch(`${worker.origin}/_headers`);
    await response.arrayBuffer();
    expect(response.status).toBe(404);
  });
});

async function send(page: Page, id: string): Promise<string> {
  await page.locator(`#${id} > summary`).click();
  await page.locator(`#${id} button`).click();
  await page.locator(`#${id} [role=status]`).filter({ hasText: " ms" }).waitFor();
  return page.locator(`#${id} form`).innerText();
}

describe.skipIf(chromiumPath === null)("in a browser", () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await startChromium();
  }, 30_000);

  afterAll(async () => {
    await browser?.close();
  });

  /** Opens the page and keeps what the browser complains about. */
  async function openDocs(): Promise<{ page: Page; complaints: string[] }> {
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("request", (request) => {
      if (!request.url().startsWith(worker.origin)) complaints.push(`third party: ${request.url()}`);
    });
    await page.goto(`${worker.origin}/docs`);
    return { page, complaints };
  }

  test("nothing is refused by the policy, and nothing is fetched from elsewhere", { timeout: 30_000 }, async () => {
    const { page, complaints } = await openDocs();
    expect(await send(page, "getHealth")).toContain('"status": "ok"');
    expect(complaints).toEqual([]);
    await page.close();
  });

  test("has the frame of the other pages: its text stands off from the edge", { timeout: 30_000 }, async () => {
    const { page } = await openDocs();
    const main = page.locator("main");
    const [frame, text] = [await main.boundingBox(), await page.getByRole("heading", { level: 1 }).boundingBox()];
    expect((text?.x ?? 0) - (frame?.x ?? 0)).toBeGreaterThanOrEqual(16);
    const colours = await page.evaluate<string[]>(
      `["main", "body"].map((name) => getComputedStyle(document.querySelector(name)).backgroundColor)`,
    );
    expect(new Set(colours).size).toBe(2);
    await page.close();
  });

  test("no file of ours can be loaded as a script, and no other script runs", { timeout: 30_000 }, async () => {
    const { page, complaints } = await openDocs();
    // What somebody does who gets markup into the page. Trusted Types refuse the text before the policy does.
    await page.evaluate(`for (const attributes of [{ src: "/app.js" }, { textContent: "document.title = 'ran'" }]) {
      try {
        document.body.append(Object.assign(document.createElement("script"), attributes));
      } catch {}
    }`);
    await page.waitForTimeout(500);
    expect(await page.title()).not.toBe("ran");
    expect(await page.locator("[role=status].visually-hidden").count()).toBe(0);
    expect(complaints.length).toBeGreaterThan(0);
    await page.close();
  });

  test("an operation is tried with an API token", { timeout: 60_000 }, async () => {
    const token = await worker.makeToken();
    const { page } = await openDocs();
    expect(await send(page, "getMe")).toContain("SIGN_IN_REQUIRED");
    await page.getByLabel("API token", { exact: true }).fill(token);
    await page.locator("#getMe button").click();
    await page.locator("#getMe .answer").filter({ hasText: USER }).waitFor();
    await page.close();
  });

  test("an operation is tried with the session, line by line, too", { timeout: 60_000 }, async () => {
    const session = await worker.signIn();
    const { page } = await openDocs();
    const cookies = await session.cookies(worker.origin);
    await page.context().addCookies(cookies.map(({ key, value }) => ({ name: key, value, url: worker.origin })));
    await page.locator("#listMessages > summary").click();
    await page.locator("#listMessages-limit").fill("3");
    await page.getByLabel("Line by line (NDJSON)").check();
    await page.locator("#listMessages button").click();
    await page.locator("#listMessages .answer").filter({ hasText: '"count":3' }).waitFor();
    await page.close();
  });
});
