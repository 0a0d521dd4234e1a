/**
 * The page at /docs as `wrangler dev` serves it: its headers, and in a real browser that its Content-Security-Policy lets
 * it work and that an operation can be tried with a session and with an API token.
 */
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

describe("files that are served without the Worker", () => {
  test.for(["/docs", "/docs/docs.js", "/docs/docs.css", "/style.css", "/favicon.svg", "/openapi.json"])(
    "%s has the strict headers",
    async (path) => {
      const response = await fetch(worker.origin + path);
      await response.arrayBuffer();
      expect(response.status).toBe(200);
      const policy = response.headers.get("content-security-policy") ?? "";
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toMatch(/unsafe|https?:|data:|\*/);
      expect(response.headers.get("x-content-type-options")).toBe("nosniff");
      expect(response.headers.get("strict-transport-security")).toBe("max-age=31536000");
      expect(response.headers.get("referrer-policy")).toBe("same-origin");
      expect(response.headers.get("access-control-allow-origin")).toBe(path === "/openapi.json" ? "*" : null);
    },
  );

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
