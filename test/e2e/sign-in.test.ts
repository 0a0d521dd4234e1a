/** Coming and going: sign-in, what may go wrong on Google's pages, and every way out. */
import { answerGoogle, goToGoogle, signIn } from "../../scripts/browser/person.ts";
import { BUSY_USER, EMPTY_USER, SMALL_USER } from "../google/accounts.ts";
import { atGoogle, describe, expect, test } from "./support/test.ts";

describe("signing in", () => {
  test("leads from the welcome page through Google's consent to the mailbox", async ({ open }) => {
    await atGoogle().act({ action: "revokeGrant", email: SMALL_USER.email });
    const { page } = await open();
    await page.goto("/");
    expect(await page.getByRole("heading", { level: 1 }).textContent()).toBe("Your mail, at the edge");
    await signIn(page, SMALL_USER.email);
    await page.locator(".pager").waitFor({ state: "attached" });
    expect(await page.locator(".rows > .row").count()).toBe(12);
    expect(await page.locator("header .user").innerText()).toContain(SMALL_USER.email);
    expect(new URL(page.url()).pathname + new URL(page.url()).search).toBe("/");
  });

  test("leads back to the search that was asked for", async ({ open }) => {
    const { page } = await open();
    await page.goto("/?q=from:maya");
    await signIn(page, BUSY_USER.email);
    await page.locator(".rows > .row").first().waitFor();
    expect(new URL(page.url()).search).toBe("?q=from:maya");
    expect(await page.getByRole("searchbox").inputValue()).toBe("from:maya");
  });

  test("to an empty mailbox says that there are no messages", async ({ open }) => {
    const { page } = await open();
    await page.goto("/");
    await signIn(page, EMPTY_USER.email);
    await page.getByText("No messages here.").waitFor();
  });

  test("with a refusal at Google says so, and can be tried again", async ({ open }) => {
    const visitor = await open();
    const { page } = visitor;
    visitor.expectComplaints(/the server responded with a status of 403/);
    await atGoogle().act({ action: "revokeGrant", email: SMALL_USER.email });
    await page.goto("/");
    await signIn(page, SMALL_USER.email, { cancel: true });
    await page.getByText("If you change your mind").waitFor();
    await signIn(page, SMALL_USER.email);
    await page.locator(".rows > .row").first().waitFor();
  });

  test("without the tick at Gmail says which box to tick, and can be tried again", async ({ open }) => {
    const visitor = await open();
    const { page } = visitor;
    visitor.expectComplaints(/the server responded with a status of 403/);
    await atGoogle().act({ action: "revokeGrant", email: SMALL_USER.email });
    await page.goto("/");
    await signIn(page, SMALL_USER.email, { untick: "gmail.readonly" });
    await page.getByText("tick every box for Gmail").waitFor();
    await signIn(page, SMALL_USER.email);
    await page.locator(".rows > .row").first().waitFor();
  });

  test("in two tabs at once works in both", async ({ open }) => {
    const { context, page } = await open();
    const other = await context.newPage();
    await Promise.all([page.goto("/"), other.goto("/")]);
    for (const tab of [page, other]) await goToGoogle(tab);
    await answerGoogle(page, BUSY_USER.email);
    await answerGoogle(other, BUSY_USER.email);
    for (const tab of [page, other]) await tab.locator(".rows > .row").first().waitFor();
    await page.reload();
    await page.locator(".rows > .row").first().waitFor();
  });
});

describe("a consent that is lost in the middle", () => {
  test("is asked for again, and leads back to where one was", async ({ mailbox: { page } }) => {
    await page.goto("/?q=is%3Aunread");
    await page.locator(".rows > .row").first().waitFor();
    await atGoogle().act({ action: "revokeGrant", email: BUSY_USER.email });
    await page.reload();
    await page.locator("form#consent").waitFor();
    await answerGoogle(page, BUSY_USER.email);
    await page.locator(".rows > .row").first().waitFor();
    expect(new URL(page.url()).search).toBe("?q=is%3Aunread");
  });

  test("while one searches as one types leads to Google, and to the search's result", async ({ mailbox }) => {
    const { page } = mailbox;
    mailbox.expectComplaints(/the server responded with a status of 401/);
    await atGoogle().act({ action: "revokeGrant", email: BUSY_USER.email });
    await page.getByRole("searchbox").fill("is:starred");
    await page.locator("form#consent").waitFor();
    await answerGoogle(page, BUSY_USER.email);
    await page.locator(".rows > .row").first().waitFor();
    expect(new URL(page.url()).search).toBe("?q=is%3Astarred");
  });

  test("while one submits a search leads to Google, and to the search's result", async ({ open }) => {
    const { page } = await open({ javaScriptEnabled: false });
    await page.goto("/");
    await signIn(page, BUSY_USER.email);
    await page.locator(".rows > .row").first().waitFor();
    await atGoogle().act({ action: "revokeGrant", email: BUSY_USER.email });
    await page.getByRole("searchbox").fill("is:starred");
    await page.getByRole("button", { name: "Search" }).click();
    await page.locator("form#consent").waitFor();
    await answerGoogle(page, BUSY_USER.email);
    await page.locator(".rows > .row").first().waitFor();
    expect(new URL(page.url()).search).toBe("?q=is%3Astarred");
  });
});

describe("leaving", () => {
  test("by signing out ends the session here, and not in another browser", async ({ mailbox: { page }, open }) => {
    const { page: elsewhere } = await open();
    await elsewhere.goto("/");
    await signIn(elsewhere, BUSY_USER.email);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("link", { name: "Sign in with Google" }).waitFor();
    await page.goto("/");
    await page.getByRole("link", { name: "Sign in with Google" }).waitFor();
    await elsewhere.reload();
    await elsewhere.locator(".rows > .row").first().waitFor();
  });

  test("by signing out everywhere ends the session in another browser too", async ({ mailbox: { page }, open }) => {
    const { page: elsewhere } = await open();
    await elsewhere.goto("/");
    await signIn(elsewhere, BUSY_USER.email);
    await elsewhere.locator(".rows > .row").first().waitFor();
    await page.goto("/account");
    await page.getByRole("button", { name: "Sign out everywhere" }).click();
    await page.getByRole("link", { name: "Sign in with Google" }).waitFor();
    await elsewhere.goto("/");
    await elsewhere.getByRole("link", { name: "Sign in with Google" }).waitFor();
  });

  test("by disconnecting gives the access back, so that Google asks again", async ({ mailbox: { page } }) => {
    await page.goto("/account");
    await page.getByRole("button", { name: "Disconnect from Google" }).click();
    await page.getByRole("link", { name: "Sign in with Google" }).click();
    await page.locator(`a[data-email="${BUSY_USER.email}"]`).click();
    await page.locator("form#consent").waitFor();
  });
});
