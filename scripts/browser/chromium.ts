/** The browser that tests, pictures and measurements use: the one that is installed, by Playwright without a download. */

import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";
import { ScriptError } from "../lib/script-error.ts";

const USUAL_PATHS = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** What to do where there is none. */
export const HOW_TO_GET_CHROMIUM =
  "Install Chromium (Debian: apt-get install chromium fonts-noto-core), or name one by CHROMIUM_PATH.";

/** Where Chromium or Chrome is; null where there is none. */
export function findChromium(): string | null {
  const candidates = process.env["CHROMIUM_PATH"] === undefined ? USUAL_PATHS : [process.env["CHROMIUM_PATH"]];
  return candidates.find((candidate) => existsSync(candidate)) ?? null;
}

/** Starts Chromium. Throws a ScriptError that says what to install when there is none. */
export async function launchChromium(): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === null) throw new ScriptError(`There is no Chromium. ${HOW_TO_GET_CHROMIUM}`);
  // The same glyphs and colours on every screen, so that pictures can be compared.
  return chromium.launch({ executablePath, args: ["--font-render-hinting=none", "--force-color-profile=srgb"] });
}
