/** The browser that tests, pictures and measurements use: the one that is installed, by Playwright without a download. */

import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";
import { ScriptError } from "../lib/script-error.ts";

const DEBIAN_CHROMIUM = "/usr/bin/chromium";

/** Starts Chromium. Throws a ScriptError that says what to install when there is none. */
export async function launchChromium(): Promise<Browser> {
  const executablePath = process.env["CHROMIUM_PATH"] ?? DEBIAN_CHROMIUM;
  if (!existsSync(executablePath)) {
    throw new ScriptError(
      `There is no Chromium at ${executablePath}. Install it (Debian: apt-get install chromium fonts-noto-core), or ` +
        "name another one by CHROMIUM_PATH.",
    );
  }
  // The same glyphs and colours on every screen, so that pictures can be compared.
  return chromium.launch({ executablePath, args: ["--font-render-hinting=none", "--force-color-profile=srgb"] });
}
