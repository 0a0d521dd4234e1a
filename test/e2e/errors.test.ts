/** What a person sees when Google does not play along. */
import { BUSY_USER } from "../google/accounts.ts";
import { atGoogle, describe, expect, test } from "./support/test.ts";

describe("when Google", () => {
  test("limits the rate, the page says so and how long to wait, and works again after that", async ({ mailbox }) => {
    const { page } = mailbox;
    mailbox.expectComplaints(/the server responded with a status of 429/);
    await atGoogle().always("list", { named: "tooManyRequests", retryAfter: 90 });
    await page.goto("/");
    await page.getByText("Wait, then try again.").waitFor();
    expect(await page.locator("main").innerText()).toMatch(/Try again in (\d+) seconds\./);
    await atGoogle().clearFaults();
    await page.getByRole("link", { name: "Back to the start" }).click();
    await page.locator(".row").first().waitFor();
  });

  test("is down, the page says that it passes, and that nothing was lost", async ({ mailbox }) => {
    const { page } = mailbox;
    mailbox.expectComplaints(/the server responded with a status of 50\d/);
    await atGoogle().always("list", "unavailable");
    await page.goto("/");
    await page.getByText("This usually passes soon.").waitFor();
    expect(await page.getByText(/request [0-9a-f-]{36}/).count()).toBe(1);
  });

  test("fails for some rows, the others are shown all the same", async ({ mailbox: { page } }) => {
    await atGoogle().fault("part", { named: "notFound", times: 5 });
    await page.goto("/");
    await page.locator(".pager").waitFor({ state: "attached" });
    expect(await page.locator(".row:not(.failed)").count()).toBeGreaterThanOrEqual(20);
  });

  test("fails in the middle of the list, the page says so under what it has", async ({ mailbox: { page } }) => {
    // Rows that are known would be there all the same.
    await atGoogle().act({ action: "forgetHistory", email: BUSY_USER.email });
    await atGoogle().always("batch", "unavailable");
    await page.goto("/");
    await page.getByRole("alert").getByText("The rest of the list could not be read.").waitFor();
    await atGoogle().clearFaults();
    await page.getByRole("link", { name: "Try again" }).click();
    await page.locator(".row").first().waitFor();
    expect(await page.getByRole("alert").count()).toBe(0);
  });

  test("fails while one types a search, the page that says so is shown", async ({ mailbox }) => {
    const { page } = mailbox;
    mailbox.expectComplaints(/the server responded with a status of (429|50\d)/);
    await atGoogle().always("list", "unavailable");
    await page.getByRole("searchbox").fill("is:starred");
    await page.getByText("This usually passes soon.").waitFor();
  });
});

test("An address where there is nothing is a page with the way back", async ({ open }) => {
  const visitor = await open();
  visitor.expectComplaints(/the server responded with a status of 404/);
  await visitor.page.goto("/nothing/here");
  await visitor.page.getByRole("link", { name: "Back to the start" }).click();
  await visitor.page.getByRole("link", { name: "Sign in with Google" }).waitFor();
});
