/**
 * `npm run screenshots`: a picture of every page in docs/screenshots, light, dark and on a phone. The mail ends at a fixed
 * time and what is random is written over, so that a picture changes only when its page does.
 */

import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { launchChromium } from "./browser/chromium.ts";
import { fixRandomText, hidePointer } from "./browser/fix-text.ts";
import { type Servers, startServers } from "./browser/servers.ts";
import { signIn } from "./browser/person.ts";
import { shrinkPng } from "./browser/small-png.ts";
import { BUSY_USER } from "../test/google/accounts.ts";
import { runScript } from "./lib/run.ts";
import { ScriptError } from "./lib/script-error.ts";
import { PROJECT_ROOT } from "./lib/wrangler.ts";

const FOLDER = join(PROJECT_ROOT, "docs", "screenshots");
const TIMEOUT_MS = 600_000;
const MAX_BYTES = 150 * 1024;
const NOW_MS = Date.UTC(2026, 10, 22, 16, 20);
const LOOKS: readonly (readonly [name: string, options: BrowserContextOptions])[] = [
  ["light", { viewport: { width: 1200, height: 800 }, colorScheme: "light" }],
  ["dark", { viewport: { width: 1200, height: 800 }, colorScheme: "dark" }],
  ["phone", { viewport: { width: 360, height: 720 }, colorScheme: "light", isMobile: true, hasTouch: true }],
];

interface Scene {
  readonly page: Page;
  readonly servers: Servers;
}

/** What each picture shows, in an order in which a person could walk through it. */
const SCENES: readonly (readonly [name: string, show: (scene: Scene) => Promise<unknown>])[] = [
  ["welcome", ({ page, servers }) => page.goto(servers.origin)],
  [
    "denied",
    async ({ page, servers }) => {
      servers.google.invalidateGrant(BUSY_USER.email);
      await signIn(page, BUSY_USER.email, { cancel: true });
    },
  ],
  ["mailbox", ({ page }) => signIn(page, BUSY_USER.email)],
  ["scripts", ({ page, servers }) => page.goto(`${servers.origin}/?label=Label_odd`)],
  [
    "search",
    async ({ page, servers }) => {
      await page.goto(`${servers.origin}/?q=is%3Astarred`);
      await page.getByText("Search operators").click();
    },
  ],
  ["message", ({ page, servers }) => openMessage(page, servers, "/?q=from%3Ahaddad")],
  [
    "message-html",
    async ({ page, servers }) => {
      await openMessage(page, servers, "/?q=subject%3Atries");
      await page.frameLocator("iframe").getByRole("heading").waitFor();
    },
  ],
  [
    "account",
    async ({ page, servers }) => {
      await page.goto(`${servers.origin}/account`);
      if (await page.getByRole("button", { name: "Revoke" }).count()) {
        await page.getByRole("button", { name: "Revoke" }).first().click();
      }
      await page.getByLabel("Name").fill("backup script");
      await page.getByRole("button", { name: "Make a token" }).click();
      await page.locator("#new-token").waitFor();
    },
  ],
  [
    "rate-limited",
    async ({ page, servers }) => {
      servers.google.faults.add({ endpoint: "list", status: 429, retryAfter: 90 });
      await page.goto(servers.origin);
      servers.google.faults.clear();
    },
  ],
];

await runScript(
  async ({ stack }) => {
    const servers = await startServers(stack, { mailUntilMs: NOW_MS });
    const browser = await launchChromium();
    stack.defer(() => browser.close());
    await rm(FOLDER, { recursive: true, force: true });
    await mkdir(FOLDER, { recursive: true });
    for (const look of LOOKS) await takeAll(browser, servers, look);
    return 0;
  },
  { timeoutMs: TIMEOUT_MS, interruptedExitCode: 130 },
);

async function takeAll(browser: Browser, servers: Servers, [look, options]: (typeof LOOKS)[number]): Promise<void> {
  const context = await browser.newContext({ locale: "en-GB", timezoneId: "Europe/Zurich", ...options });
  const page = await context.newPage();
  await page.clock.setFixedTime(NOW_MS);
  for (const [name, show] of SCENES) {
    await show({ page, servers });
    await page.locator("main").waitFor();
    await page.locator(".folders, .narrow, .message").first().waitFor();
    await fixRandomText(page);
    await hidePointer(page);
    // Colours that fade in have done so.
    await delay(200);
    const path = join(FOLDER, `${name}-${look}.png`);
    const png = shrinkPng(await page.screenshot({ animations: "disabled", caret: "hide" }));
    await writeFile(path, png);
    console.log(`${path.slice(PROJECT_ROOT.length)} ${(png.length / 1024).toFixed(0)} KiB`);
    if (png.length > MAX_BYTES) throw new ScriptError(`${path} is larger than ${MAX_BYTES / 1024} KiB.`);
  }
  await context.close();
}

async function openMessage(page: Page, { origin }: Servers, list: string): Promise<void> {
  await page.goto(`${origin}${list}`);
  await page.locator(".row a.open").first().click();
  await page.locator("dl.headers").waitFor();
}
