/** The pages for those without scripts, on a small phone, and with the keyboard only. */
import type { Page } from "playwright-core";
import { signIn } from "../../scripts/browser/person.ts";
import { BUSY_USER } from "../google/accounts.ts";
import { describe, expect, test } from "./support/test.ts";

/** The name of what has the focus. */
function focused(page: Page): Promise<string> {
  return page.evaluate(() => document.activeElement?.textContent?.trim() ?? "");
}

/** Whether what has the focus shows it, by an outline of its own or of what covers the row. */
function showsFocus(page: Page): Promise<boolean> {
  return page.evaluate(() => {
    const element = document.activeElement;
    if (element === null) return false;
    return [getComputedStyle(element), getComputedStyle(element, "::after")].some(
      ({ outlineStyle, outlineWidth }) => outlineStyle !== "none" && Number.parseFloat(outlineWidth) >= 2,
    );
  });
}

describe("without JavaScript", () => {
  test("everything but the extras works: reading, tokens, signing out", async ({ open }) => {
    const { page } = await open({ javaScriptEnabled: false });
    await page.goto("/");
    await signIn(page, BUSY_USER.email);
    await page.getByText("Search operators").click();
    await page.getByRole("link", { name: "is:starred" }).click();
    await page.locator(".row a.open").first().click();
    await page.locator("dl.headers").waitFor();
    await page.getByRole("link", { name: "Back to the mailbox" }).click();
    await page.goto("/account");
    await page.getByLabel("Name").fill("no script");
    await page.getByRole("button", { name: "Make a token" }).click();
    expect(await page.locator("#new-token").innerText()).toMatch(/^gmedge_/);
    expect(await page.getByRole("button", { name: "Copy" }).isVisible()).toBe(false);
    await page.getByRole("button", { name: "Revoke no script" }).click();
    await page.getByRole("button", { name: "Sign out", exact: true }).first().click();
    await page.getByRole("link", { name: "Sign in with Google" }).waitFor();
  });
});

describe("on a phone of 320 pixels", () => {
  test.for([
    ["the mailbox", "/"],
    ["text of all kinds", "/?label=Label_odd"],
    ["the account page", "/account"],
    ["a page that does not exist", "/nothing/here"],
  ])("%s does not scroll sideways", async ([, path = "/"], { open }) => {
    const visitor = await open({ viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true });
    const { page } = visitor;
    visitor.expectComplaints(/the server responded with a status of 404/);
    await page.goto("/");
    await signIn(page, BUSY_USER.email);
    await page.goto(path);
    await page.locator("main").waitFor();
    const closed = page.locator("details:not([open]) > summary");
    while ((await closed.count()) > 0) await closed.first().click();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(320);
    // What is cut off cannot be scrolled to either.
    const cut = await page
      .locator("button, input, h1, a.gmail")
      .evaluateAll((all) =>
        all
          .map((element) => element.getBoundingClientRect())
          .filter(({ left, right, width }) => width > 1 && (left < 0 || right > innerWidth)),
      );
    expect(cut).toEqual([]);
  });

  test.for([
    ["with", true],
    ["without", false],
  ] as const)("a tap unfolds the folders in view, with their counts, %s scripts", async ([, hasScripts], { open }) => {
    const phone = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };
    const { page } = await open({ ...phone, javaScriptEnabled: hasScripts });
    await page.goto("/");
    await signIn(page, BUSY_USER.email);
    const folders = page.getByRole("navigation", { name: "Folders" });
    const starred = folders.getByRole("link", { name: "Starred", exact: true });
    expect(await starred.isVisible()).toBe(false);
    expect(await page.locator(".counts").isVisible()).toBe(false);
    await folders.getByText("Folders and labels").tap();
    const { y = -1, height = 0 } = (await starred.boundingBox()) ?? {};
    expect(y).toBeGreaterThan(0);
    expect(y + height).toBeLessThan(740);
    // Large enough for a thumb.
    expect(height).toBeGreaterThanOrEqual(44);
    const count = page.locator(`[id="${await starred.getAttribute("aria-describedby")}"]`);
    expect((await count.boundingBox())?.y).toBe(y);
    await starred.tap();
    await page.waitForURL("**/?label=STARRED");
  });

  test("a message with HTML does not scroll sideways", async ({ open }) => {
    const { page } = await open({ viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true });
    await page.goto("/");
    await signIn(page, BUSY_USER.email);
    await page.goto("/?label=CATEGORY_PROMOTIONS");
    await page.locator(".row a.open").first().click();
    await page.waitForURL("**/message/*");
    await page.locator("dl.headers").waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(320);
  });
});

describe("with the keyboard", () => {
  test("the first stop skips to the content, and every stop is seen", async ({ mailbox: { page } }) => {
    await page.reload();
    await page.keyboard.press("Tab");
    expect(await focused(page)).toBe("Skip to the content");
    expect(await page.locator(".skip").boundingBox()).not.toMatchObject({ width: 1 });
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement?.getAttribute("name"))).toBe("q");
    for (let stop = 0; stop < 12; stop += 1) {
      expect(await showsFocus(page), await focused(page)).toBe(true);
      await page.keyboard.press("Tab");
    }
  });

  test.for([
    ["wide", 1280, 5],
    ["of a tablet", 768, 5],
    ["narrow", 360, 6],
  ] as const)("the folders are reached in a few stops, before the messages: %s", async ([, width, most], { open }) => {
    const { page } = await open({ viewport: { width, height: 740 } });
    await page.goto("/");
    await signIn(page, BUSY_USER.email);
    await page.reload();
    const stops: string[] = [];
    for (let name = ""; name !== "Inbox"; stops.push(name)) {
      expect(stops.length, stops.join(", ")).toBeLessThan(most);
      await page.keyboard.press("Tab");
      name = await focused(page);
      if (name === "Folders and labels") await page.keyboard.press("Enter");
    }
    expect(await showsFocus(page)).toBe(true);
    await page.keyboard.press("Enter");
    await page.waitForURL("**/?label=INBOX");
  });

  test("a message is one stop, and after the last one come those that a button adds", async ({ mailbox: { page } }) => {
    const PAGE_ROWS = 25;
    await page.locator(".row a.open").first().focus();
    const stops = new Set<string>();
    // The list grows twice under way, and the stop at its end leads on into what has come.
    for (let press = 0; press < 3 * PAGE_ROWS + 5; press += 1) {
      stops.add(await page.evaluate(() => document.activeElement?.getAttribute("href") ?? ""));
      await page.keyboard.press("Tab");
      if ((await focused(page)) === "Show older messages") break;
      await page.waitForFunction(() => document.activeElement !== document.body);
      if ((await focused(page)).startsWith("Older")) {
        await page.waitForFunction(() => document.activeElement?.closest(".row") !== null);
      }
    }
    expect(await focused(page)).toBe("Show older messages");
    expect([...stops].filter((href) => href.startsWith("/message/"))).toHaveLength(3 * PAGE_ROWS);
    await page.keyboard.press("Enter");
    await page.waitForFunction((rows) => document.querySelectorAll(".row").length > rows, 3 * PAGE_ROWS);
    const row = await page.evaluate(() =>
      [...document.querySelectorAll(".row")].findIndex((one) => one.contains(document.activeElement)),
    );
    expect(row).toBe(3 * PAGE_ROWS);
  });

  test("/ goes to the search, j and k to messages, Enter opens one", async ({ mailbox: { page } }) => {
    await page.keyboard.press("/");
    expect(await page.evaluate(() => document.activeElement?.getAttribute("name"))).toBe("q");
    // In the field it is a letter like any other.
    await page.keyboard.press("j");
    expect(await page.getByRole("searchbox").inputValue()).toBe("j");
    await page.keyboard.press("Backspace");
    await page.keyboard.press("Tab");
    const row = (): Promise<number> =>
      page.evaluate(() =>
        [...document.querySelectorAll(".row")].findIndex((one) => one.contains(document.activeElement)),
      );
    const visited: number[] = [];
    for (const key of ["j", "j", "j", "k"]) {
      await page.keyboard.press(key);
      visited.push(await row());
      expect(await showsFocus(page)).toBe(true);
    }
    expect(visited).toEqual([0, 1, 2, 1]);
    await page.keyboard.press("Enter");
    await page.waitForURL("**/message/*");
  });

  test("single keys can be turned off, and stay off", async ({ mailbox: { page } }) => {
    await page.getByText("Search operators").click();
    await page.getByLabel(/Keyboard shortcuts/).uncheck();
    await page.reload();
    await page.keyboard.press("/");
    expect(await page.evaluate(() => document.activeElement?.tagName)).toBe("BODY");
  });
});
