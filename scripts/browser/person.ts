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
  await page.getByRole("link", { name: "Sign in with Google" }).click();
  await answerGoogle(page, email, answers);
}

/** Goes through Google's pages, whichever of them there are, until the browser is back at ours. */
export async function answerGoogle(page: Page, email: string, { cancel = false, untick }: Answers = {}): Promise<void> {
  const chooser = page.locator(`a[data-email="${email}"]`);
  const consent = page.locator("form#consent");
  await page.locator(`a[data-email="${email}"], form#consent, a.brand`).first().waitFor();
  if (await chooser.isVisible()) {
    await chooser.click();
    await page.locator("form#consent, a.brand").first().waitFor();
  }
  if (!(await consent.isVisible())) return;
  if (untick !== undefined) await consent.locator(`input[type=checkbox][value*="${untick}"]`).uncheck();
  await consent.getByRole("button", { name: cancel ? "Cancel" : "Continue" }).click();
  await page.locator("a.brand").waitFor();
}
