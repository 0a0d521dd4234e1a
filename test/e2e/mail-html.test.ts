/**
 * A mail's HTML in Chromium, with a server of the sender's that counts connections. Three layers keep a mail in: the
 * sanitizer, the content security policy, the sandbox. Each is tested without the others, and all of them together.
 */
import { readFile } from "node:fs/promises";
import * as fc from "fast-check";
import type { Browser, Page } from "playwright-core";
import { sanitizeHtml, toFrameDocument } from "../../src/mail/html.ts";
import { allowedHtml, mailHtml } from "../support/mail-grammar.ts";
import { ALLOWED_ATTRIBUTES, ALLOWED_ELEMENTS } from "../support/mail-markup.ts";
import { openers, WRAPPERS } from "../support/mail-payloads/openers.ts";
import { SCRIPTS } from "../support/mail-payloads/scripts.ts";
import { styles } from "../support/mail-payloads/styles.ts";
import { type Sender, showInFrames, startSender } from "./support/mail-frames.ts";
import { describe, expect, test as base, type Visitor } from "./support/test.ts";

const SEED = 20_261_130;
const OWN = "https://mail.example.test/";
/** Many frames on a busy machine. */
const LONG_MS = 300_000;
const BARE = { headers: {}, sandbox: null };

/** A page that lets everything through, and a sender. */
const test = base
  .extend<{ sender: Sender }>({
    // oxlint-disable-next-line no-empty-pattern -- vitest reads the dependencies of a fixture from this pattern
    sender: async ({}, use) => {
      const sender = await startSender();
      await use(sender);
      await sender.close();
    },
  })
  .extend<{ page: Page }>({
    page: async ({ browser }: { browser: Browser }, use: (page: Page) => Promise<void>) => {
      const context = await browser.newContext();
      await use(await context.newPage());
      await context.close();
    },
  });

/** Every payload, cleaned. Most become one of a few hundred texts. */
function cleaned({ origin }: Sender): string[] {
  const opening = Object.values(openers(origin));
  const payloads = [
    ...Object.values(WRAPPERS).flatMap((wrap) => opening.map(wrap)),
    ...styles(origin).map((style) => `<p style="${style}">x</p>`),
    ...SCRIPTS,
  ];
  expect(payloads.length).toBeGreaterThan(2_500);
  return [...new Set(payloads.map((html) => sanitizeHtml(html, { ownUrls: [OWN] })))];
}

/** As they are sent: scripts that run by themselves, of each kind that a layer may miss, and what calls home. */
function obvious({ origin }: Sender): { scripts: string[]; opening: string[] } {
  const scripts = SCRIPTS.filter((_, index) => index < 120 && index % 4 === 0);
  return { scripts, opening: Object.values(openers(origin)) };
}

/** The headers and the frame's `sandbox` that the Worker answers for a mail. */
async function servedFor({ page }: Visitor): Promise<{ policy: string; sandbox: string }> {
  await page.goto("/?q=subject%3Atries");
  await page.getByRole("link", { name: "HTML that tries everything" }).first().click();
  await page.waitForURL("**/message/*");
  const frame = page.locator(".html iframe");
  const response = await page.context().request.get((await frame.getAttribute("src")) ?? "");
  return {
    policy: response.headers()["content-security-policy"] ?? "",
    sandbox: (await frame.getAttribute("sandbox")) ?? "",
  };
}

function expectNothingRan({ dialogs, popups }: { dialogs: string[]; popups: string[] }): void {
  expect(dialogs).toEqual([]);
  expect(popups).toEqual([]);
}

describe("with none of the layers", () => {
  test(
    "mails run scripts and call home, so the tests below would notice",
    { timeout: LONG_MS },
    async ({ page, sender }) => {
      const { scripts, opening } = obvious(sender);
      const outcome = await showInFrames(page, [...opening, ...scripts], BARE);
      expect(outcome.dialogs.length).toBeGreaterThan(10);
      // Most requests share one.
      expect(sender.connections).toBeGreaterThan(5);
      expect(new Set(sender.requests).size).toBeGreaterThan(30);
    },
  );
});

describe("the sanitizer alone, without policy and sandbox,", () => {
  test(
    "lets no mail open a connection, run a script or leave its frame",
    { timeout: LONG_MS },
    async ({ page, sender }) => {
      const documents = cleaned(sender).map((html) =>
        toFrameDocument([{ kind: "html", text: html }], { ownUrls: [OWN] }),
      );
      const outcome = await showInFrames(page, documents, BARE);
      expectNothingRan(outcome);
      expect(outcome.elsewhere).toEqual([]);
      expect(sender.requests).toEqual([]);
      expect(sender.connections).toBe(0);
      expect(outcome.elements.size).toBeGreaterThan(5);
      expect([...outcome.elements].filter((name) => !ALLOWED_ELEMENTS.has(name))).toEqual([]);
      expect([...outcome.attributes].filter((name) => !ALLOWED_ATTRIBUTES.has(name))).toEqual([]);
    },
  );

  test("makes of arbitrary HTML what Chromium, too, reads as allowed only", async ({ page }) => {
    const mails = fc
      .sample(mailHtml, { numRuns: 5_000, seed: SEED })
      .map((html) => sanitizeHtml(html, { ownUrls: [OWN] }));
    const found = await page.evaluate(readAll, { mails, page: `${OWN}message/1/body` });
    expect(found.elements.filter((name) => !ALLOWED_ELEMENTS.has(name) && name !== "head")).toEqual([]);
    expect(found.attributes.filter((name) => !ALLOWED_ATTRIBUTES.has(name))).toEqual([]);
    expect(found.hosts.length).toBeGreaterThan(0);
    expect(found.hosts).not.toContain(new URL(OWN).hostname);
    expect(found.styles.length).toBeGreaterThan(1);
    expect(found.styles.filter((style) => /url|image-set|position|--/.test(style))).toEqual([]);
  });

  test("leaves allowed HTML the tree that Chromium makes of it", async ({ page }) => {
    const mails = fc.sample(allowedHtml, { numRuns: 2_000, seed: SEED });
    const trees = await page.evaluate(treesOf, [mails, mails.map((html) => sanitizeHtml(html, { ownUrls: [OWN] }))]);
    expect(trees[1]).toEqual(trees[0]);
  });

  test.for([
    '<p>first</p><div style="display:none"><table><tr><td></div>',
    '</div></object></div><div style="display:none"><font style="display:none">',
    '<a style="display:none"><p><table><b style="display:none"><tr><td><table><caption><table></table></table>',
    '<table><colgroup><td><i style="visibility:hidden"><div style="opacity:0"></table><table>',
    "<html style='display:none'><body style='visibility:hidden'><details>",
    '<div style="margin-bottom:-5000px;float:left;width:100%;height:4000px">',
    "<ruby><rt><pre><ul><li><h1><nobr style='display:none'><nobr style='display:none'>",
  ])("lets no part of a message hide the next one: %s", async (text, { page }) => {
    const parts = [
      { kind: "html", text },
      { kind: "text", text: "second" },
    ] as const;
    await page.setContent(toFrameDocument(parts, { ownUrls: [OWN] }));
    const pre = page.locator("body > pre");
    expect(await pre.innerText()).toBe("second");
    const second = await pre.evaluate((element) => ({
      isSeen: element.checkVisibility({ opacityProperty: true, visibilityProperty: true }),
      isBelow:
        element.getBoundingClientRect().top >=
        (element.previousElementSibling?.getBoundingClientRect().bottom ?? Infinity),
      isOnPage: element.getBoundingClientRect().top + scrollY >= 0,
      style: getComputedStyle(element).fontWeight,
    }));
    expect(second).toEqual({ isSeen: true, isBelow: true, isOnPage: true, style: "400" });
  });

  test.for(["newsletter", "receipt", "invitation"])("leaves a mail as it looked: %s", async (name, { page }) => {
    const html = await readFile(new URL(`../fixtures/mails/${name}.html`, import.meta.url), "utf8");
    await page.route(/^https?:/, (route) => route.abort());
    const shown: unknown[] = [];
    for (const document of [
      `<!doctype html><meta charset="utf-8">${html}`,
      toFrameDocument([{ kind: "html", text: html }], { ownUrls: [OWN] }),
    ]) {
      await page.setContent(document);
      shown.push(await page.evaluate(layout));
    }
    expect(shown[1]).toEqual(shown[0]);
  });
});

describe("the policy alone, without sanitizer and sandbox,", () => {
  test("lets no mail run a script or load anything", { timeout: LONG_MS }, async ({ mailbox, page, sender }) => {
    const { policy } = await servedFor(mailbox);
    const headers = { "content-security-policy": policy.replace(/;?\s*sandbox[^;]*/, "") };
    const { scripts, opening } = obvious(sender);
    const outcome = await showInFrames(page, [...opening, ...scripts], { headers, sandbox: null });
    expectNothingRan(outcome);
    // A policy does not stop `meta refresh`: that is left to the other two. Nor connections before there is a request.
    expect(sender.requests.filter((request) => !request.startsWith("navigate /refresh"))).toEqual([]);
  });
});

describe("the sandbox alone, without sanitizer and policy,", () => {
  test(
    "lets no mail run a script, open a window or lead elsewhere",
    { timeout: LONG_MS },
    async ({ mailbox, page, sender }) => {
      const { policy, sandbox } = await servedFor(mailbox);
      expect(policy).toContain(`sandbox ${sandbox}`);
      const { scripts, opening } = obvious(sender);
      // A sandbox does not stop what loads, frames among it: that is left to the other two.
      const leading = opening.filter((html) => /refresh|<form|srcdoc/.test(html));
      expect(leading.length).toBeGreaterThan(3);
      const outcome = await showInFrames(page, [...leading, ...scripts], { headers: {}, sandbox });
      expectNothingRan(outcome);
      expect(sender.requests.filter((request) => /refresh|form/.test(request))).toEqual([]);
    },
  );

  test(
    "also does so as a header, where the frame has none",
    { timeout: LONG_MS },
    async ({ mailbox, page, sender }) => {
      const { sandbox } = await servedFor(mailbox);
      const headers = { "content-security-policy": `sandbox ${sandbox}` };
      const outcome = await showInFrames(page, obvious(sender).scripts, { headers, sandbox: null });
      expectNothingRan(outcome);
    },
  );
});

describe("all layers together", () => {
  test(
    "let no mail open a connection, run a script or leave its frame",
    { timeout: LONG_MS },
    async ({ mailbox, page, sender }) => {
      const { policy, sandbox } = await servedFor(mailbox);
      const mails = cleaned(sender);
      const documents = Array.from({ length: 10 }, (_, index) =>
        toFrameDocument([{ kind: "html", text: mails.filter((_mail, number) => number % 10 === index).join("<hr>") }], {
          ownUrls: [OWN],
        }),
      );
      const outcome = await showInFrames(page, documents, { headers: { "content-security-policy": policy }, sandbox });
      expectNothingRan(outcome);
      expect(outcome.elsewhere).toEqual([]);
      expect(sender.connections).toBe(0);
    },
  );
});

/** Runs in the page: where everything is, and what it says. */
function layout(): unknown[] {
  return [...document.querySelectorAll("body, body *")]
    .filter((element) => element.matches("body, td, th, p, h1, h2, a, li, b, pre, div, blockquote"))
    .map((element) => {
      const { x, y, width, height } = element.getBoundingClientRect();
      const { color, backgroundColor, fontFamily, fontSize } = getComputedStyle(element);
      const box = [x, y, width, height].map(Math.round);
      return {
        name: element.localName,
        text: element.textContent.trim(),
        box,
        color,
        backgroundColor,
        fontFamily,
        fontSize,
      };
    });
}

/** Runs in the page: what a browser's parser finds in documents. */
function readAll({ mails, page }: { mails: string[]; page: string }) {
  const names = {
    elements: new Set<string>(),
    attributes: new Set<string>(),
    hosts: new Set<string>(),
    styles: new Set<string>(),
  };
  for (const html of mails) {
    for (const element of new DOMParser().parseFromString(html, "text/html").querySelectorAll("*")) {
      names.elements.add(`${element.namespaceURI?.endsWith("xhtml") ? "" : "foreign:"}${element.localName}`);
      for (const name of element.getAttributeNames()) names.attributes.add(name);
      const href = element.getAttribute("href");
      if (href !== null) names.hosts.add(new URL(href, page).hostname.replace(/\.$/, ""));
      if (element instanceof HTMLElement) names.styles.add(element.style.cssText);
    }
  }
  const { elements, attributes, hosts, styles: found } = names;
  return { elements: [...elements], attributes: [...attributes], hosts: [...hosts], styles: [...found] };
}

/** Runs in the page: documents as a browser writes them. */
function treesOf(lists: string[][]): string[][] {
  return lists.map((mails) => mails.map((html) => new DOMParser().parseFromString(html, "text/html").body.innerHTML));
}
