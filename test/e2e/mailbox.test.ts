/** The mailbox in a browser: the list as it streams in, search, pages, folders, and text of all kinds. */
import type { Locator, Page } from "playwright-core";
import { signIn } from "../../scripts/browser/person.ts";
import { BUSY_USER } from "../google/accounts.ts";
import { atGoogle, describe, expect, test } from "./support/test.ts";

const PAGE_ROWS = 25;

/** Browsers and Node may come with different spaces for the same locale. */
function plain(text: string | null): string {
  return (text ?? "").replaceAll(/[\s\u202f]+/g, " ");
}

/** Follows a link of the pager, and waits until the whole page is there. */
async function follow(page: Page, name: string): Promise<void> {
  const link = page.locator(".pager").getByRole("link", { name });
  const href = (await link.getAttribute("href")) ?? "";
  await link.click();
  await page.waitForURL((url) => url.pathname + url.search === href);
}

/** Scrolls until the list has grown to so many pages. */
async function scrollToEnd(page: Page, pages: number): Promise<void> {
  for (let shown = 2; shown <= pages; shown += 1) {
    await page.locator(".pager").scrollIntoViewIfNeeded();
    await page.waitForFunction((rows) => document.querySelectorAll(".row").length >= rows, shown * PAGE_ROWS);
  }
  await page.locator(".pager").scrollIntoViewIfNeeded();
}

describe("the list", () => {
  test("shows sender, subject, snippet and date of each message, and opens it in Gmail by link", async ({
    mailbox,
  }) => {
    const row = mailbox.page.locator(".row").first();
    for (const part of [".from", ".subject", ".snippet", "time"]) {
      expect((await row.locator(part).innerText()).trim(), part).not.toBe("");
    }
    const link = row.locator("a.gmail");
    const href = new URL((await link.getAttribute("href")) ?? "");
    expect(href.origin + href.pathname).toBe("https://mail.google.com/mail/");
    expect(href.searchParams.get("authuser")).toBe(BUSY_USER.email);
    expect(href.hash).toMatch(/^#all\/[0-9a-f]{16}$/);
    expect([await link.getAttribute("target"), await link.getAttribute("rel")]).toEqual(["_blank", "noreferrer"]);
  });

  test("shows unread messages in bold, and a star", async ({ mailbox: { page } }) => {
    await page.goto("/?q=is%3Aunread");
    const weight = (selector: string): Promise<number> =>
      page
        .locator(selector)
        .first()
        .evaluate((element) => Number(getComputedStyle(element).fontWeight));
    expect(await weight(".row .subject")).toBeGreaterThanOrEqual(600);
    await page.goto("/?label=SENT");
    // As in Gmail: where all mail is sent, no row says so.
    expect(await page.locator(".row").count()).toBeGreaterThan(4);
    expect(await page.locator(".chip", { hasText: /^Sent$/ }).count()).toBe(0);
    expect(await weight(".row .subject")).toBe(400);
    await page.goto("/?label=STARRED");
    expect(await page.getByRole("img", { name: "Starred" }).count()).toBeGreaterThan(4);
  });

  test("arrives row by row: its frame and search are there while Gmail is still asked for rows", async ({
    mailbox,
  }) => {
    const { page } = mailbox;
    // Rows that are known would be there at once.
    await atGoogle().act({ action: "forgetHistory", email: BUSY_USER.email });
    await atGoogle().always("batch", { delayMs: 4000 });
    await page.goto("/", { waitUntil: "commit" });
    await page.getByRole("searchbox").waitFor();
    expect(await page.locator(".row").count()).toBe(0);
    await page.locator(".row").first().waitFor();
  });

  test("shows markup in subjects as text, and right-to-left and East Asian text in its direction", async ({
    mailbox: { page },
  }) => {
    await page.goto("/?label=Label_odd");
    await page.locator("bdi.subject", { hasText: "<script>alert(1)</script>" }).waitFor();
    const direction = (text: string): Promise<string> =>
      page
        .locator("bdi.subject", { hasText: text })
        .first()
        .evaluate((element) => (element.matches(":dir(rtl)") ? "rtl" : "ltr"));
    expect(await direction("گزارش GitHub")).toBe("rtl");
    expect(await direction("寿限無")).toBe("ltr");
    // An override that is never closed turns its own subject, and not the date beside it.
    const row = page.locator(".row", { hasText: "Left open" });
    const [from, when] = [await row.locator(".from").boundingBox(), await row.locator("time").boundingBox()];
    expect(from?.x ?? 0).toBeLessThan(when?.x ?? 0);
  });

  test.for([
    { locale: "de-CH", timezoneId: "Europe/Zurich" },
    { locale: "ja-JP", timezoneId: "Asia/Tokyo" },
    { locale: "ar-EG", timezoneId: "Africa/Cairo" },
  ])("writes dates as a browser in $locale and $timezoneId does", async ({ locale, timezoneId }, { open }) => {
    const { page } = await open({ locale, timezoneId });
    await page.goto("/");
    await signIn(page, BUSY_USER.email);
    const time = page.locator(".row time").nth(PAGE_ROWS - 1);
    const date = new Date((await time.getAttribute("datetime")) ?? "");
    const full = new Intl.DateTimeFormat(locale, { timeZone: timezoneId, dateStyle: "full", timeStyle: "short" });
    expect(plain(await time.getAttribute("title"))).toBe(plain(full.format(date)));
  });
});

describe("searching", () => {
  test("by the form finds what Gmail's operators say, and keeps the search in its field", async ({ open }) => {
    const { page } = await open({ javaScriptEnabled: false });
    await page.goto("/");
    await signIn(page, BUSY_USER.email);
    await page.getByRole("searchbox").fill("is:starred");
    await page.getByRole("button", { name: "Search" }).click();
    await page.waitForURL("**/?q=is%3Astarred");
    const rows = await page.locator(".row").count();
    expect(await page.locator(".row .star").count()).toBe(rows);
    expect(await page.getByRole("searchbox").inputValue()).toBe("is:starred");
  });

  test("as one types changes the list and the address, without a new page, and says how many there are", async ({
    mailbox: { page },
  }) => {
    await page.evaluate(() => Object.assign(window, { isSamePage: true }));
    await page.getByRole("searchbox").pressSequentially("is:starred", { delay: 20 });
    await page.waitForURL("**/?q=is%3Astarred");
    await page.waitForFunction(() => document.querySelectorAll(".row:not(:has(.star))").length === 0);
    expect(await page.locator(".row").count()).toBeGreaterThan(0);
    expect(await page.getByRole("status").innerText()).toMatch(/^(First )?(1 message|\d+ messages)$/);
    await page.getByRole("searchbox").fill("subject:nothing-has-this-subject");
    await page.locator("main").getByText("No messages here.", { exact: true }).waitFor();
    expect(await page.locator(".row").count()).toBe(0);
    expect(await page.evaluate(() => "isSamePage" in window)).toBe(true);
  });

  test("has help, whose operators are searches", async ({ mailbox: { page } }) => {
    await page.getByText("Search operators").click();
    await page.getByRole("link", { name: "is:starred" }).click();
    await page.waitForURL("**/?q=is%3Astarred");
    expect(await page.getByRole("searchbox").inputValue()).toBe("is:starred");
  });
});

describe("pages", () => {
  test("lead to older messages and back to the newer ones, over several pages", async ({ open }) => {
    const { page } = await open({ javaScriptEnabled: false });
    await page.goto("/");
    await signIn(page, BUSY_USER.email);
    const subjects = (): Promise<string[]> =>
      page.locator(".row .open").evaluateAll((all) => all.map((link) => link.getAttribute("href") ?? ""));
    const seen = [await subjects()];
    expect(await page.locator(".pager").getByRole("link", { name: "Newer" }).count()).toBe(0);
    for (let step = 0; step < 3; step += 1) {
      await follow(page, "Older");
      seen.push(await subjects());
    }
    expect(new Set(seen.flat()).size).toBe(4 * PAGE_ROWS);
    for (const expected of seen.slice(0, 3).toReversed()) {
      await follow(page, "Newer");
      expect(await subjects()).toEqual(expected);
    }
    expect(await page.locator(".pager").getByRole("link", { name: "Newer" }).count()).toBe(0);
  });

  test("come by themselves as one scrolls, up to three, and then by a button, each message once", async ({
    mailbox: { page },
  }) => {
    await scrollToEnd(page, 3);
    // The end of the list is in view, and it grows no more.
    await page.waitForTimeout(1_000);
    expect(await page.locator(".row").count()).toBe(3 * PAGE_ROWS);
    const more = page.getByRole("button", { name: "Show older messages" });
    expect(await page.locator(".pager").getByRole("link", { name: "Older" }).isVisible()).toBe(false);
    for (const pages of [4, 5]) {
      await more.click();
      await page.waitForFunction((rows) => document.querySelectorAll(".row").length === rows, pages * PAGE_ROWS);
    }
    await page.waitForTimeout(1_000);
    expect(await page.locator(".row").count()).toBe(5 * PAGE_ROWS);
    const links = await page.locator(".row .open").evaluateAll((all) => all.map((link) => link.getAttribute("href")));
    expect(new Set(links).size).toBe(links.length);
  });

  test("that the button cannot read are a page that says why", async ({ mailbox }) => {
    const { page } = mailbox;
    mailbox.expectComplaints(/the server responded with a status of 50\d/);
    await scrollToEnd(page, 3);
    await atGoogle().always("list", "unavailable");
    await page.getByRole("button", { name: "Show older messages" }).click();
    await page.getByText("This usually passes soon.").waitFor();
  });

  test.for([
    ["the third page", 3],
    ["a page that the button brought", 5],
  ] as const)("are there again when one comes back from a message of %s", async ([, pages], { mailbox: { page } }) => {
    await scrollToEnd(page, 3);
    for (let shown = 4; shown <= pages; shown += 1) {
      await page.getByRole("button", { name: "Show older messages" }).click();
      await page.waitForFunction((rows) => document.querySelectorAll(".row").length === rows, shown * PAGE_ROWS);
    }
    const opened = page.locator(".row a.open").nth(pages * PAGE_ROWS - 5);
    const href = await opened.getAttribute("href");
    await opened.click();
    await page.waitForURL("**/message/*");
    await page.goBack();
    await page.waitForFunction((rows) => document.querySelectorAll(".row").length === rows, 3 * PAGE_ROWS);
    const again = page.locator(`.row a.open[href="${href}"]`);
    await expect.poll(() => again.evaluate((link) => link === document.activeElement)).toBe(true);
    const { y = -1 } = (await again.boundingBox()) ?? {};
    expect(y).toBeGreaterThan(0);
    expect(y).toBeLessThan(page.viewportSize()?.height ?? 0);
    // And so do they by the link of the message's page.
    await again.press("Enter");
    await page.waitForURL("**/message/*");
    await page.getByRole("link", { name: "Back to the mailbox" }).click();
    await expect.poll(() => again.evaluate((link) => link === document.activeElement)).toBe(true);
  });
});

/** What a screen reader adds to the name of an element. */
async function descriptionOf(element: Locator): Promise<string> {
  const session = await element.page().context().newCDPSession(element.page());
  const handle = `[aria-describedby="${await element.getAttribute("aria-describedby")}"]`;
  const { root } = await session.send("DOM.getDocument");
  const { nodeId } = await session.send("DOM.querySelector", { nodeId: root.nodeId, selector: handle });
  const { nodes } = await session.send("Accessibility.getPartialAXTree", { nodeId, fetchRelatives: false });
  await session.detach();
  return String(nodes[0]?.description?.value ?? "").replaceAll(/\s+/g, " ");
}

describe("folders", () => {
  test("and own labels stand at the side with what is unread, and lead to what is in them", async ({ mailbox }) => {
    const { page } = mailbox;
    const folders = page.getByRole("navigation", { name: "Folders" });
    const inbox = folders.getByRole("link", { name: "Inbox", exact: true });
    expect(await descriptionOf(inbox)).toMatch(/^\d+ unread$/);
    expect(await folders.locator("[aria-current=page]").innerText()).toMatch(/^All mail/);
    // Each count stands in the row of its folder, in the last one, too.
    for (const link of [inbox, folders.getByRole("link").last()]) {
      const count = page.locator(`[id="${await link.getAttribute("aria-describedby")}"]`);
      const [row, beside] = [await link.boundingBox(), await count.boundingBox()];
      expect([beside?.y, beside?.height]).toEqual([row?.y, row?.height]);
      expect(await count.textContent()).toMatch(/^\d+ unread$/);
    }
    const travels = page.locator(".row", { has: page.locator(".chip", { hasText: "Reisen & Ausflüge" }) });
    expect(await travels.count()).toBeGreaterThan(0);
    await folders.getByRole("link", { name: /Reisen & Ausflüge/ }).click();
    await page.waitForURL("**/?label=Label_travel");
    expect(await folders.locator("[aria-current=page]").innerText()).toMatch(/^Reisen & Ausflüge/);
    // A label is not shown on what it lists.
    expect(await page.locator(".row").count()).toBeGreaterThan(4);
    expect(await travels.count()).toBe(0);
    await folders.getByRole("link", { name: /^Spam/ }).click();
    await page.waitForURL("**/?label=SPAM");
    expect(await page.locator(".row").count()).toBeGreaterThan(4);
  });
});
