/**
 * What browser tests import: `test` with `open`, which gives a person a browser of their own. Whatever they do, at the end
 * nothing may have been asked of another server, nothing may have gone against the CSP, and the console must be empty.
 */
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { expect, inject, test as base } from "vitest";
import { launchChromium } from "../../../scripts/browser/chromium.ts";
import { signIn } from "../../../scripts/browser/person.ts";
import { BUSY_USER } from "../../google/accounts.ts";
import type { BrowserServers } from "./servers.ts";
import { Google } from "../../support/google.ts";

/** Longer than any page takes, shorter than the test's own time, so that the failure says what was waited for. */
const ACTION_TIMEOUT_MS = 45_000;

/** A browser of one person. */
export interface Visitor {
  readonly context: BrowserContext;
  readonly page: Page;
  /** Requests that left for servers other than the Worker and Google. None was let through. */
  readonly foreign: string[];
  /** What the browser complained about. */
  readonly complaints: string[];
  /** Lets complaints pass that the test is about. */
  expectComplaints(pattern: RegExp): void;
}

export type Open = (options?: BrowserContextOptions) => Promise<Visitor>;

/** A test with `open`, for a browser of one's own, and `mailbox`, for one that is signed in. */
export const test = base
  .extend<{ browser: Browser }>({
    browser: [
      // oxlint-disable-next-line no-empty-pattern -- vitest reads the dependencies of a fixture from this pattern
      async ({}, use) => {
        const browser = await launchChromium();
        await use(browser);
        await browser.close();
      },
      { scope: "file" },
    ],
  })
  .extend<{ open: Open }>({
    open: async ({ browser }, use) => {
      await atGoogle().clearFaults();
      const visitors: Watched[] = [];
      await use(async (options = {}) => {
        const visitor = await openVisitor(browser, options);
        visitors.push(visitor);
        return visitor;
      });
      await atGoogle().clearFaults();
      for (const { context, complaints, expected, foreign } of visitors) {
        await context.close();
        const unexpected = complaints.filter((text) => !expected.some((pattern) => pattern.test(text)));
        expect(unexpected, "what the browser complained about").toEqual([]);
        expect(foreign, "requests to other servers").toEqual([]);
      }
    },
  })
  .extend<{ mailbox: Visitor }>({
    mailbox: async ({ open }, use) => {
      const visitor = await open();
      await visitor.page.goto("/");
      await signIn(visitor.page, BUSY_USER.email);
      await visitor.page.locator(".pager").waitFor({ state: "attached" });
      await use(visitor);
    },
  });

export const { describe } = base;
export { expect };

/** The servers of this vitest worker. */
export function servers(): BrowserServers {
  const own = inject("browserServers")[Number(process.env["VITEST_POOL_ID"]) - 1];
  if (own === undefined) throw new Error("there are fewer servers than workers");
  return own;
}

interface Watched extends Visitor {
  readonly expected: RegExp[];
}

async function openVisitor(browser: Browser, options: BrowserContextOptions): Promise<Watched> {
  const { worker: baseURL, google } = servers();
  const context = await browser.newContext({ locale: "en-GB", timezoneId: "Europe/Zurich", baseURL, ...options });
  context.setDefaultTimeout(ACTION_TIMEOUT_MS);
  const complaints: string[] = [];
  const foreign: string[] = [];
  const expected: RegExp[] = [];
  context.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  context.on("weberror", (error) => complaints.push(String(error.error())));
  const own = new Set([baseURL, google]);
  await context.route(
    (url) => !own.has(url.origin),
    async (route) => {
      foreign.push(route.request().url());
      await route.fulfill({ contentType: "text/html", body: "<!doctype html><title>elsewhere</title>" });
    },
  );
  const page = await context.newPage();
  return { context, page, complaints, foreign, expected, expectComplaints: (pattern) => expected.push(pattern) };
}

/** The Google of this vitest worker. */
export function atGoogle(): Google {
  return new Google(servers().google);
}
