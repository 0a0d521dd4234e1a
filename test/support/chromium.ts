/**
 * A real browser for tests of pages, where the machine has one. Node only.
 */
import type { Browser } from "playwright-core";
import { findChromium, launchChromium } from "../../scripts/browser/chromium.ts";

/** Where Chromium or Chrome is; null where there is none. */
export const chromiumPath: string | null = findChromium();

/** Starts it. Whoever starts it closes it. */
export function startChromium(): Promise<Browser> {
  return launchChromium();
}
