/**
 * A real browser for tests of pages, where the machine has one. Node only.
 */
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const USUAL_PATHS = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** Where Chromium or Chrome is; null where there is none. `CHROMIUM_PATH` names another. */
export const chromiumPath: string | null = process.env["CHROMIUM_PATH"] ?? USUAL_PATHS.find(existsSync) ?? null;

/** Starts it. Whoever starts it closes it. */
export async function startChromium(): Promise<Browser> {
  if (chromiumPath === null) throw new Error("no Chromium: install it, or set CHROMIUM_PATH");
  // The sandbox needs rights that containers do not have; only our own pages are opened.
  return chromium.launch({ executablePath: chromiumPath, args: ["--no-sandbox"] });
}
