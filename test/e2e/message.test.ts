/** Reading a message in a browser, above all one that tries everything that HTML can. */
import type { Page } from "playwright-core";
import { describe, expect, test } from "./support/test.ts";

async function openHostileMessage(page: Page): Promise<void> {
  await page.goto("/?q=subject%3Atries");
  await page.getByRole("link", { name: "HTML that tries everything" }).first().click();
  await page.getByRole("heading", { level: 1 }).waitFor();
}

describe("a message", () => {
  test("is shown with its headers and its text, and leads back to the list where one was", async ({ mailbox }) => {
    const { page } = mailbox;
    await page.goto("/?label=Label_odd");
    const row = page.locator(".row", { hasText: "{{7*7}}" });
    await row.locator("a.open").click();
    await page.waitForURL("**/message/*");
    expect(await page.getByRole("heading", { level: 1 }).innerText()).toContain("{{7*7}} ${7*7}");
    expect(await page.locator(".headers").innerText()).toContain("pat@security.example");
    expect(await page.locator(".text").innerText()).toBe("Templates.");
    expect(await page.getByRole("link", { name: "Open in Gmail" }).getAttribute("href")).toContain("#all/");
    await page.getByRole("link", { name: "Back to the mailbox" }).click();
    await page.waitForURL("**/?label=Label_odd");
  });

  test("that does not exist is a page that says so", async ({ mailbox }) => {
    mailbox.expectComplaints(/the server responded with a status of 404/);
    await mailbox.page.goto("/message/0000000000000000");
    await mailbox.page.getByText("It may have been moved or deleted.").waitFor();
  });
});

describe("the HTML of a message", () => {
  test("runs no script, loads nothing from elsewhere and cannot leave its frame", async ({ mailbox }) => {
    const { page } = mailbox;
    // Nothing is left for the browser to refuse: a complaint of it would fail this test.
    await openHostileMessage(page);
    await page.evaluate(() => addEventListener("message", () => (document.title = "script ran")));
    const frame = page.frameLocator(".html iframe");
    await frame.getByRole("heading", { name: "Special offer" }).waitFor();
    await page.waitForTimeout(1_000);
    expect(await frame.locator("body").getAttribute("data-ran")).toBeNull();
    expect(await page.title()).not.toContain("script ran");
    // A form and a link that runs a script are text.
    await frame.getByText("Log in").click();
    await frame.getByText("A script link").click();
    expect(await frame.locator("form, button, script, iframe, [href^=javascript]").count()).toBe(0);
    await page.waitForTimeout(500);
    expect(await frame.getByRole("heading", { name: "Special offer" }).count()).toBe(1);
    // The place of a picture from elsewhere is kept, with the words for it.
    expect(await frame.getByAltText("a picture from elsewhere").getAttribute("src")).toBeNull();
    // What came along in the message itself is shown. Last, as clicks after it would run Playwright's scripts in the frame.
    const isShown = await frame
      .getByAltText("a picture that came along")
      .evaluate((image) => image instanceof HTMLImageElement && image.naturalWidth > 0);
    expect(isShown).toBe(true);
    expect(new URL(page.url()).pathname).toMatch(/^\/message\//);
    expect(mailbox.foreign).toEqual([]);
  });

  test("cannot lead the page or its frame elsewhere by a link: each opens a tab", async ({ mailbox }) => {
    const { context, page } = mailbox;
    await openHostileMessage(page);
    const address = page.url();
    const frame = page.frameLocator(".html iframe");
    for (const [name, path] of [
      ["A link to the top", "top"],
      ["A link in place", "self"],
    ] as const) {
      const opened = context.waitForEvent("page");
      await frame.getByRole("link", { name }).click();
      const tab = await opened;
      await tab.waitForLoadState();
      expect(tab.url()).toBe(`http://remote.example/${path}`);
      expect(page.url()).toBe(address);
      expect(mailbox.foreign.splice(0)).toEqual([`http://remote.example/${path}`]);
    }
  });

  test("has no link to us", async ({ mailbox }) => {
    const { page } = mailbox;
    await openHostileMessage(page);
    const frame = page.frameLocator(".html iframe");
    await frame.getByText("A link to our documents").waitFor();
    expect(await frame.locator("a:not([href])").allInnerTexts()).toEqual(["A script link", "A link to our page"]);
    // Relative links are to the base that the mail names.
    for (const link of await frame.locator("a[href]").all()) {
      expect(await link.getAttribute("href")).toMatch(/^http:\/\/remote\.example\//);
    }
  });

  test("loads pictures from elsewhere after a click, and nothing else from there", async ({ mailbox }) => {
    const { page } = mailbox;
    await openHostileMessage(page);
    const frame = page.frameLocator(".html iframe");
    await frame.getByRole("heading", { name: "Special offer" }).waitFor();
    expect(mailbox.foreign).toEqual([]);
    const loaded = page.waitForRequest(/pixel\.gif/);
    await page.getByRole("link", { name: "Show pictures" }).click();
    const request = await loaded;
    expect([request.headers()["referer"], request.headers()["cookie"]]).toEqual([undefined, undefined]);
    await page.waitForTimeout(1_000);
    expect(mailbox.foreign.splice(0)).toEqual(["http://remote.example/pixel.gif"]);
    expect(new URL(page.url()).pathname).toMatch(/^\/message\//);
    // Another view asks again.
    await page.reload();
    await frame.getByRole("heading", { name: "Special offer" }).waitFor();
    await page.waitForTimeout(500);
    expect(mailbox.foreign).toEqual([]);
  });

  test("opens links in a tab of their own, which knows nothing of ours", async ({ mailbox }) => {
    const { context, page } = mailbox;
    await openHostileMessage(page);
    const opened = context.waitForEvent("page");
    await page.frameLocator(".html iframe").getByRole("link", { name: "A link", exact: true }).click();
    const tab = await opened;
    await tab.waitForLoadState();
    expect(tab.url()).toBe("http://remote.example/link");
    expect(await tab.evaluate(() => [window.opener, document.referrer])).toEqual([null, ""]);
    expect(mailbox.foreign.splice(0)).toEqual(["http://remote.example/link"]);
  });
});
