/**
 * `npm run screenshots`: six pictures for the documents, in docs/screenshots. The mail ends at a fixed time and random text
 * is replaced, so that a picture changes only when its page does.
 */

import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import sharp from "sharp";
import { launchChromium } from "./browser/chromium.ts";
import { fixRandomText, hidePointer } from "./browser/fix-text.ts";
import { type Servers, startServers } from "./browser/servers.ts";
import { signIn } from "./browser/person.ts";
import { BUSY_USER } from "../test/google/accounts.ts";
import { readCommandLine } from "./lib/command-line.ts";
import { runScript } from "./lib/run.ts";
import { ScriptError } from "./lib/script-error.ts";
import { PROJECT_ROOT } from "./lib/wrangler.ts";

const FOLDER = join(PROJECT_ROOT, "docs", "screenshots");
const TIMEOUT_MS = 600_000;
const MAX_BYTES = 150 * 1024;
const NOW_MS = Date.UTC(2026, 10, 22, 16, 20);
const LOOKS = {
  light: { viewport: { width: 1200, height: 800 }, colorScheme: "light" },
  dark: { viewport: { width: 1200, height: 800 }, colorScheme: "dark" },
  phone: { viewport: { width: 360, height: 720 }, colorScheme: "light", isMobile: true, hasTouch: true },
} as const satisfies Readonly<Record<string, BrowserContextOptions>>;
type Look = keyof typeof LOOKS;

interface Scene {
  readonly page: Page;
  readonly servers: Servers;
}

/** What each picture shows, and how. */
const SCENES: readonly (readonly [name: string, looks: readonly Look[], show: (scene: Scene) => Promise<unknown>])[] = [
  [
    "mailbox",
    ["light", "dark", "phone"],
    async ({ page, servers }) => {
      await page.goto(servers.origin);
      await hideOddMail(page);
    },
  ],
  [
    "message",
    ["light"],
    async ({ page, servers }) => {
      await openMessage(page, servers, "/?q=from%3Akettle");
      await page.getByText("Show as the sender formatted it").click();
      await page.frameLocator("iframe").locator("body > *").first().waitFor();
    },
  ],
  [
    "account",
    ["light"],
    async ({ page, servers }) => {
      await page.goto(`${servers.origin}/account`);
      await page.getByLabel("Name").fill("backup script");
      await page.getByRole("button", { name: "Make a token" }).click();
      await page.locator("#new-token").waitFor();
    },
  ],
  [
    "rate-limited",
    ["light"],
    async ({ page, servers }) => {
      servers.google.controls.fault({ endpoint: "list", named: "tooManyRequests", retryAfter: 90, times: "always" });
      await page.goto(servers.origin);
      servers.google.controls.clearFaults();
    },
  ],
];

readCommandLine({
  name: "screenshots",
  about: "Takes the pictures in docs/screenshots. Needs Chromium and the fonts that CONTRIBUTING.md names.",
  options: {},
  example: "",
});

await runScript(
  async ({ stack }) => {
    const servers = await startServers(stack, { mailUntilMs: NOW_MS });
    const browser = await launchChromium();
    stack.defer(() => browser.close());
    await rm(FOLDER, { recursive: true, force: true });
    await mkdir(FOLDER, { recursive: true });
    for (const look of Object.keys(LOOKS) as Look[]) await takeAll(browser, servers, look);
    return 0;
  },
  { timeoutMs: TIMEOUT_MS, interruptedExitCode: 130 },
);

async function takeAll(browser: Browser, servers: Servers, look: Look): Promise<void> {
  const context = await browser.newContext({ locale: "en-GB", timezoneId: "Europe/Zurich", ...LOOKS[look] });
  const page = await context.newPage();
  await page.clock.setFixedTime(NOW_MS);
  await page.goto(servers.origin);
  await signIn(page, BUSY_USER.email);
  for (const [name, looks, show] of SCENES) {
    if (!looks.includes(look)) continue;
    await show({ page, servers });
    await page.locator("main").waitFor();
    await page.locator(".folders, .narrow, .message").first().waitFor();
    await fixRandomText(page);
    await hidePointer(page);
    // Colours that fade in have done so.
    await delay(200);
    const path = join(FOLDER, `${name}-${look}.png`);
    const picture = await page.screenshot({ animations: "disabled", caret: "hide" });
    // Chromium writes true colour. A page of text has few colours, and takes a third of the bytes with a palette.
    const png = await sharp(picture).png({ palette: true, effort: 10 }).toBuffer();
    await writeFile(path, png);
    console.log(`${path.slice(PROJECT_ROOT.length)} ${(png.length / 1024).toFixed(0)} KiB`);
    if (png.length > MAX_BYTES) throw new ScriptError(`${path} is larger than ${MAX_BYTES / 1024} KiB.`);
  }
  await context.close();
}

/** Removes the mail that the local Google has for tests only, its label, and the label's unread count. */
async function hideOddMail(page: Page): Promise<void> {
  await page.locator(".row").last().waitFor();
  await page.evaluate(`
    for (const found of document.querySelectorAll(".row, .folders li")) {
      if (!found.textContent.includes("Odd <ones>")) continue;
      const countId = found.querySelector("a")?.getAttribute("aria-describedby");
      if (countId) document.getElementById(countId)?.remove();
      found.remove();
    }
  `);
}

async function openMessage(page: Page, { origin }: Servers, list: string): Promise<void> {
  await page.goto(`${origin}${list}`);
  await page.locator(".row a.open").first().click();
  await page.locator("dl.headers").waitFor();
}
