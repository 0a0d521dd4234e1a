/** Every page by axe's rules for WCAG 2.2 AA and good practice, in both colour schemes, wide and narrow. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { signIn } from "../../scripts/browser/person.ts";
import { BUSY_USER, EMPTY_USER, SMALL_USER } from "../google/accounts.ts";
import { atGoogle, describe, expect, test, type Visitor } from "./support/test.ts";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** What axe finds, in both colour schemes. */
async function findViolations(page: Page): Promise<string[]> {
  const found: string[] = [];
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    // Evaluated by the debugger, so that the page's CSP may stay as it is.
    await page.evaluate(AXE);
    const { violations } = await page.evaluate<AxeResults>(
      `axe.run({ exclude: [["iframe"]] }, { runOnly: ${JSON.stringify(TAGS)}, iframes: false })`,
    );
    for (const { id, help, nodes } of violations) {
      for (const { html, failureSummary } of nodes)
        found.push(`${colorScheme}: ${id} (${help}) ${html} ${failureSummary}`);
    }
  }
  return found;
}

type Scene = (visitor: Visitor) => Promise<void>;

/** Signs in and goes to a path. */
function at(path: string, then: (page: Page) => Promise<void> = async () => {}): Scene {
  return async ({ page }) => {
    await page.goto("/");
    await signIn(page, BUSY_USER.email);
    await page.goto(path);
    await then(page);
  };
}

const SCENES: readonly (readonly [name: string, scene: Scene])[] = [
  ["the welcome page", async ({ page }) => void (await page.goto("/"))],
  ["the mailbox", at("/")],
  ["the mailbox with the help open", at("/?label=INBOX", (page) => page.getByText("Search operators").click())],
  ["text of all kinds", at("/?label=Label_odd")],
  [
    "an older page",
    at("/", (page) => page.goto("/").then(() => page.locator(".pager").getByRole("link", { name: "Older" }).click())),
  ],
  ["an empty search", at("/?q=subject%3Anothing-has-this")],
  ["an empty mailbox", async ({ page }) => (await page.goto("/"), signIn(page, EMPTY_USER.email))],
  [
    "rows that failed",
    at("/", async (page) => {
      await atGoogle().always("part", { named: "notFound", share: 0.4 });
      await page.reload();
    }),
  ],
  [
    "a list that broke off",
    at("/", async (page) => {
      await atGoogle().always("batch", "unavailable");
      await page.reload();
    }),
  ],
  ["a message", at("/?label=Label_odd", (page) => page.locator(".row a.open").first().click())],
  [
    "a message with HTML",
    at("/?label=CATEGORY_PROMOTIONS", async (page) => {
      await page.locator(".row a.open").first().click();
    }),
  ],
  ["the account page", at("/account")],
  [
    "the account page with a new token",
    at("/account", async (page) => {
      await page.getByLabel("Name").fill("axe");
      await page.getByRole("button", { name: "Make a token" }).click();
      await page.locator("#new-token").waitFor();
    }),
  ],
  [
    "the account page with a mistake in the form",
    at("/account", async (page) => {
      await page.getByLabel("Name").fill("  ");
      await page.getByRole("button", { name: "Make a token" }).click();
      await page.getByRole("alert").waitFor();
    }),
  ],
  [
    "the page after a refusal",
    async ({ page }) => {
      await atGoogle().act({ action: "revokeGrant", email: SMALL_USER.email });
      await page.goto("/");
      await signIn(page, SMALL_USER.email, { cancel: true });
    },
  ],
  [
    "the page of a rate limit",
    at("/", async (page) => {
      await atGoogle().always("list", { named: "tooManyRequests", retryAfter: 30 });
      await page.reload();
    }),
  ],
  ["the API's description", async ({ page }) => void (await page.goto("/docs"))],
  ["the page of an address with nothing", async ({ page }) => void (await page.goto("/nothing"))],
];

describe.for([
  ["wide", { width: 1200, height: 800 }],
  ["narrow", { width: 320, height: 640 }],
] as const)("%s", ([, viewport]) => {
  test.for(SCENES)("%s has no violation", async ([, scene], { open }) => {
    const visitor = await open({ viewport });
    visitor.expectComplaints(/the server responded with a status of [45]\d\d/);
    await scene(visitor);
    await visitor.page.locator("main").waitFor();
    // Without its style sheet a page looks different.
    await visitor.page.waitForLoadState();
    expect(await findViolations(visitor.page)).toEqual([]);
  });
});
