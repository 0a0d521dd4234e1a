/** The account page in a browser: what is granted, and API tokens from the making to the end. */
import { BUSY_USER } from "../google/accounts.ts";
import { signIn } from "../../scripts/browser/person.ts";
import { describe, expect, servers, test } from "./support/test.ts";

function callApi(token: string): Promise<Response> {
  return fetch(`${servers().worker}/api/messages?limit=1`, { headers: { Authorization: `Bearer ${token}` } });
}

describe("the account page", () => {
  test("says who is signed in, what is granted and what for, and since when", async ({ mailbox: { page } }) => {
    await page.getByRole("link", { name: BUSY_USER.email, exact: true }).click();
    await page.waitForURL("**/account");
    const text = await page.locator("main").innerText();
    expect(text).toContain(BUSY_USER.name);
    expect(text).toContain("to list, search and read your messages");
    expect(text).toMatch(/Consent given\s+\w+day/);
  });

  test("makes a token that is shown once, can be copied and used, and ends when it is revoked", async ({ mailbox }) => {
    const { context, page } = mailbox;
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.goto("/account");
    await page.getByLabel("Name").fill("A script <b>of mine</b>");
    await page.getByLabel("Valid for").selectOption("7");
    await page.getByRole("button", { name: "Make a token" }).click();
    const secret = await page.locator("#new-token").innerText();
    await page.getByRole("button", { name: "Copy" }).click();
    await page.getByRole("button", { name: "Copied" }).waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(secret);
    expect((await callApi(secret)).status).toBe(200);
    await page.goto("/account");
    expect(await page.content()).not.toContain(secret);
    await page.getByRole("button", { name: "Revoke A script <b>of mine</b>" }).click();
    await page.waitForURL("**/account#tokens");
    expect(await page.getByRole("button", { name: /^Revoke A script/ }).count()).toBe(0);
    expect((await callApi(secret)).status).toBe(401);
  });

  test("shows where one is signed in, and ends a session elsewhere at once", async ({ mailbox: { page }, open }) => {
    const elsewhere = await open({
      userAgent: "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) Version/26.0 Mobile Safari/604.1",
    });
    await elsewhere.page.goto("/");
    await signIn(elsewhere.page, BUSY_USER.email);
    await page.goto("/account");
    const sessions = page.locator("section[aria-labelledby=sessions]");
    expect(await sessions.innerText()).toMatch(/Chrome on Linux\s+\(this one\)/);
    await sessions.getByRole("button", { name: "End the session of Safari on iPhone" }).first().click();
    await page.waitForURL("**/account#sessions");
    await elsewhere.page.goto("/account");
    await elsewhere.page.waitForURL((url) => url.origin === servers().google);
  });

  test("says what is wrong with a token's name", async ({ mailbox }) => {
    const { page } = mailbox;
    mailbox.expectComplaints(/the server responded with a status of 400/);
    await page.goto("/account");
    await page.getByLabel("Name").fill("   ");
    await page.getByRole("button", { name: "Make a token" }).click();
    expect(await page.getByRole("alert").innerText()).toMatch(/name.*empty/i);
  });
});
