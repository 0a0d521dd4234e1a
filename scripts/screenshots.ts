/**
 * `npm run screenshots`: the pictures in docs/screenshots. The mail ends at a fixed time and what is random is written
 * over, so that a picture changes only when its page does.
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
const DESKTOP = { viewport: { width: 1200, height: 800 } };
const PHONE = { viewport: { width: 360, height: 720 }, isMobile: true, hasTouch: true };

interface Scene {
  readonly page: Page;
  readonly origin: string;
}

/** What each picture shows, of somebody who has signed in. Those that a document shows, and no others. */
const PICTURES: readonly (readonly [
  name: string,
  look: BrowserContextOptions,
  show: (scene: Scene) => Promise<unknown>,
])[] = [
  ["mailbox-light", DESKTOP, showMailbox],
  ["scripts-dark", { ...DESKTOP, colorScheme: "dark" }, ({ page, origin }) => page.goto(`${origin}/?label=Label_odd`)],
  ["account-light", DESKTOP, showNewToken],
  ["mailbox-phone", PHONE, showMailbox],
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
    for (const picture of PICTURES) await take(browser, servers, picture);
    return 0;
  },
  { timeoutMs: TIMEOUT_MS, interruptedExitCode: 130 },
);

async function take(
  browser: Browser,
  { origin }: Servers,
  [name, look, show]: (typeof PICTURES)[number],
): Promise<void> {
  const context = await browser.newContext({
    locale: "en-GB",
    timezoneId: "Europe/Zurich",
    colorScheme: "light",
    ...look,
  });
  const page = await context.newPage();
  await page.clock.setFixedTime(NOW_MS);
  await page.goto(origin);
  await signIn(page, BUSY_USER.email);
  await show({ page, origin });
  await page.locator("main").waitFor();
  await page.locator(".folders, .narrow").first().waitFor();
  await fixRandomText(page);
  await hidePointer(page);
  // Colours that fade in have done so.
  await delay(200);
  const path = join(FOLDER, `${name}.png`);
  const picture = await page.screenshot({ animations: "disabled", caret: "hide" });
  // Chromium writes true colour. A page of text has few colours, and takes a third of the bytes with a palette.
  const png = await sharp(picture).png({ palette: true, effort: 10 }).toBuffer();
  await writeFile(path, png);
  console.log(`${path.slice(PROJECT_ROOT.length)} ${(png.length / 1024).toFixed(0)} KiB`);
  if (png.length > MAX_BYTES) throw new ScriptError(`${path} is larger than ${MAX_BYTES / 1024} KiB.`);
  await context.close();
}

async function showMailbox({ page }: Scene): Promise<void> {
  await page.locator(".row").first().waitFor();
}

async function showNewToken({ page, origin }: Scene): Promise<void> {
  await page.goto(`${origin}/account`);
  await page.getByLabel("Name").fill("backup script");
  await page.getByRole("button", { name: "Make a token" }).click();
  await page.locator("#new-token").waitFor();
}
