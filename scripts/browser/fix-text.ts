/** Writes over what is different every time, so that two pictures of the same page are the same. */

import type { Page } from "playwright-core";

/** In the browser: there is no DOM in the types of a script. */
const FIX = `{
  const words = [
    [/gmedge_[\\w-]{63}/g, "gmedge_" + "x".repeat(63)],
    [/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "00000000-0000-4000-8000-000000000000"],
  ];
  if (location.pathname.startsWith("/account")) {
    words.push([/made .*? · expires .*? ·/g, "made 22 Nov 2026 · expires 20 Feb 2027 ·"]);
    for (const time of document.querySelectorAll("time")) time.textContent = "Sunday 22 November 2026 at 17:20";
  }
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    for (const [pattern, fixed] of words) texts.currentNode.data = texts.currentNode.data.replaceAll(pattern, fixed);
  }
}`;

/** Gives random IDs, secrets and the account page's dates one value. */
export async function fixRandomText(page: Page): Promise<void> {
  await page.evaluate(FIX);
}

/** Nothing is hovered over, and nothing has the focus. */
export async function hidePointer(page: Page): Promise<void> {
  await page.mouse.move(0, 0);
  await page.evaluate("document.activeElement?.blur(); scrollTo(0, 0)");
}
