/**
 * The examples that call the API with a token, against gmail-edge in front of the emulated Google: what they find is what
 * is in the mailbox.
 */
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { searchMessages } from "../../examples/fetch-with-token/index.ts";
import { newestSubjects } from "../../examples/official-client/index.ts";
import { newestUnread } from "../../examples/typed-client/index.ts";
import { chromiumPath, startChromium } from "../support/chromium.ts";
import { type EmulatedWorker, startEmulatedWorker, USER } from "../support/emulated-worker.ts";

const BROWSER_APP = path.join(import.meta.dirname, "../../examples/browser-app");
const TYPES: Readonly<Record<string, string>> = { ".html": "text/html", ".js": "text/javascript" };

let app: Server;
let appOrigin: string;
let worker: EmulatedWorker;
let token: string;

/** Serves the files of the browser app on an origin of its own. */
async function serveBrowserApp(): Promise<void> {
  app = createServer((request, response) => {
    const name = request.url === "/" ? "index.html" : path.basename(request.url ?? "");
    response.setHeader("Content-Type", TYPES[path.extname(name)] ?? "text/plain");
    try {
      response.end(readFileSync(path.join(BROWSER_APP, name)));
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => app.listen(0, "127.0.0.1", resolve));
  appOrigin = `http://127.0.0.1:${(app.address() as AddressInfo).port}`;
}

beforeAll(async () => {
  await serveBrowserApp();
  // Few calls to Gmail a request: a longer listing has to go on by page token.
  worker = await startEmulatedWorker({ ALLOWED_ORIGINS: appOrigin, SUBREQUEST_BUDGET: "8" });
  token = await worker.makeToken();
}, 60_000);

afterAll(async () => {
  app?.close();
  await worker?.close();
});

async function askFrom(origin: string): Promise<Response> {
  const headers = { Origin: origin, Authorization: `Bearer ${token}` };
  const response = await fetch(`${worker.origin}/api/messages?limit=1`, { headers });
  await response.arrayBuffer();
  return response;
}

/** As Gmail finds it: without spam and trash. */
function unreadCount(): number {
  const labels = worker.google.mailOf(USER).map((mail) => new Set(mail.labelIds));
  return labels.filter((names) => names.has("UNREAD") && !names.has("SPAM") && !names.has("TRASH")).length;
}

describe("fetch-with-token", () => {
  test("finds every unread message once, over several requests", { timeout: 60_000 }, async () => {
    const found = await Array.fromAsync(searchMessages(worker.origin, token, "is:unread"));
    expect(found.length).toBe(unreadCount());
    expect(new Set(found.map(({ id }) => id)).size).toBe(found.length);
    expect(found.every((message) => "subject" in message)).toBe(true);
  });

  test("tells the reason where the token is not in force", async () => {
    const search = Array.fromAsync(searchMessages(worker.origin, `${token}x`, ""));
    await expect(search).rejects.toThrow(/^SIGN_IN_REQUIRED: /);
  });
});

describe("typed-client", () => {
  test("finds the newest unread messages", { timeout: 30_000 }, async () => {
    const found = await newestUnread(worker.origin, token, 3);
    expect(found).toHaveLength(3);
    for (const line of found) expect(line).toMatch(/@.*: ./);
  });

  test("tells the reason where the token is not in force", async () => {
    await expect(newestUnread(worker.origin, "gmedge_wrong", 3)).rejects.toThrow(/^SIGN_IN_REQUIRED: /);
  });
});

describe("official-client", () => {
  test("reads the subjects of the newest unread messages", { timeout: 30_000 }, async () => {
    const rows = await newestUnread(worker.origin, token, 3);
    const subjects = await newestSubjects(worker.origin, token, 3);
    expect(subjects).toHaveLength(3);
    for (const [index, subject] of subjects.entries()) expect(rows[index]).toContain(subject);
  });

  test("throws what gmail-edge answers where the token is not in force", async () => {
    await expect(newestSubjects(worker.origin, "gmedge_wrong", 3)).rejects.toMatchObject({ status: 401 });
  });
});

describe("browser-app", () => {
  test("its origin may read the answer, with the token and without a cookie; others may not", async () => {
    const allowed = await askFrom(appOrigin);
    expect(allowed.headers.get("access-control-allow-origin")).toBe(appOrigin);
    expect(allowed.headers.get("access-control-allow-credentials")).toBeNull();
    expect((await askFrom("https://other.example")).headers.get("access-control-allow-origin")).toBeNull();
  });

  test.skipIf(chromiumPath === null)("shows unread mail in a browser", { timeout: 60_000 }, async () => {
    const browser = await startChromium();
    try {
      const page = await browser.newPage();
      await page.goto(appOrigin);
      await page.getByLabel("gmail-edge").fill(worker.origin);
      await page.getByLabel("API token").fill(token);
      await page.getByRole("button", { name: "Show" }).click();
      await page.getByRole("status").filter({ hasText: "10 messages" }).waitFor();
      expect(await page.getByRole("listitem").count()).toBe(10);
    } finally {
      await browser.close();
    }
  });
});
