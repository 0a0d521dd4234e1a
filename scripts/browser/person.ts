/** What a person does on the pages of the Worker and of the emulated Google. */

import type { Page } from "playwright-core";

/** What a person answers Google. */
export interface Answers {
  /** Presses "Cancel" in place of "Continue". */
  readonly cancel?: boolean;
  /** Scopes to untick; a part of the name will do. */
  readonly untick?: string;
}

/** Signs in from the welcome page, with consent where Google asks for it, and waits until the person is back. */
export async function signIn(page: Page, email: string, answers: Answers = {}): Promise<void> {
  await goToGoogle(page);
  await answerGoogle(page, email, answers);
}

/** Follows the link to Google, and waits until its page has taken the place of ours. */
export async function goToGoogle(page: Page): Promise<void> {
  const left = page.waitForEvent("framenavigated");
  await page.getByRole("link", { name: "Sign in with Google" }).click();
  await left;
}

/** Goes through Google's pages, whichever of them there are, until the browser is back at ours and has all of it. */
export async function answerGoogle(page: Page, email: string, { cancel = false, untick }: Answers = {}): Promise<void> {
  const chooser = page.locator(`a[data-email="${email}"]`);
  const consent = page.locator("form#consent");
  await page.locator(`a[data-email="${email}"], form#consent, a.brand`).first().waitFor();
  if (await chooser.isVisible()) {
    await chooser.click();
    await page.locator("form#consent, a.brand").first().waitFor();
  }
  if (await consent.isVisible()) {
    if (untick !== undefined) await consent.locator(`input[type=checkbox][value*="${untick}"]`).uncheck();
    await consent.getByRole("button", { name: cancel ? "Cancel" : "Continue" }).click();
    await page.locator("a.brand").waitFor();
  }
  // Our pages come in pieces, and their script begins with the last one.
  await page.waitForLoadState();
}
