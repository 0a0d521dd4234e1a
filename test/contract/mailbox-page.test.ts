/** The mailbox page: what it asks Gmail for, its pages, and that nothing from outside gets into it as markup. */
import { parse } from "node-html-parser";
import { describe, expect, type Open, test } from "../support/contract.ts";
import type { Browser } from "../support/browser.ts";
import { expectPage } from "../support/errors.ts";
import { readIds } from "../support/rows.ts";
import { newcomer, signedIn } from "../support/scenes.ts";

const PAGE_ROWS = 25;
const HOSTILE = `"><script>alert(1)</script>&'~`;

async function show(browser: Browser, path: string) {
  const response = await browser.step(path);
  const root = parse(await expectPage(response, 200));
  return {
    root,
    rows: root.querySelectorAll(".row a.open").map((link) => link.getAttribute("href") ?? ""),
    older: root.querySelector("a[rel=next]")?.getAttribute("href") ?? null,
    newer: root.querySelector("a[rel=prev]")?.getAttribute("href") ?? null,
  };
}

describe("the mailbox page", () => {
  test(
    "has a row for each message, a link to Gmail's own page, and the folders",
    { tags: ["process"] },
    async ({ open }) => {
      const { browser, user } = await signedIn(open, { user: { mailbox: { messages: 5 } } });
      const { root, rows, older, newer } = await show(browser, "/");
      expect(rows).toHaveLength(5);
      expect([older, newer]).toEqual([null, null]);
      expect(root.querySelector(".row a.gmail")?.getAttribute("href")).toContain(
        `?authuser=${encodeURIComponent(user.email)}#all/`,
      );
      const folders = root.querySelectorAll(".folders a").map((link) => link.getAttribute("href"));
      expect(folders).toEqual(expect.arrayContaining(["/?label=INBOX", "/", "/?label=TRASH"]));
    },
  );

  test("has the folders before the messages, one stop of the keyboard a row, and the counts last", async ({ open }) => {
    const { browser } = await signedIn(open, { user: { mailbox: { messages: 5 } } });
    const { root } = await show(browser, "/");
    const order = root
      .querySelectorAll(".folders, main, .rows, .pager, .counts")
      .map(({ classNames, tagName }) => (classNames === "" ? tagName : classNames));
    expect(order).toEqual(["folders", "MAIN", "rows", "pager", "counts"]);
    for (const row of root.querySelectorAll(".row")) {
      const stops = row.querySelectorAll("a, button, input, [tabindex]");
      expect(stops.filter((stop) => stop.getAttribute("tabindex") !== "-1")).toHaveLength(1);
    }
    expect(root.querySelector(".skip")?.getAttribute("href")).toBe("#content");
    // Each folder is described by its count, which is on the page.
    for (const link of root.querySelectorAll(".folders a")) {
      expect(root.querySelectorAll(`#${link.getAttribute("aria-describedby")}`)).toHaveLength(1);
    }
  });

  test("shows messages while Gmail still counts what is unread", { tags: ["process"] }, async ({ open }) => {
    const { browser, google } = await signedIn(open, { user: { mailbox: { messages: 5 } } });
    await google.always("batch", { match: "messagesUnread", delayMs: 3_000 });
    const headers = { accept: "text/html", "sec-fetch-mode": "navigate" };
    const response = await browser.fetch("/", { headers, stream: true });
    const reader = (response.body ?? expect.fail("no body")).pipeThrough(new TextDecoderStream()).getReader();
    const begunMs = Date.now();
    let html = "";
    let rowsMs = Infinity;
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      html += part.value;
      if (html.includes('class="pager"')) rowsMs = Math.min(rowsMs, Date.now() - begunMs);
    }
    expect(rowsMs).toBeLessThan(2_500);
    expect(html.indexOf('class="counts"')).toBeGreaterThan(html.indexOf('class="pager"'));
    expect(Date.now() - begunMs).toBeGreaterThan(2_000);
  });

  test("asks once for messages and once for labels, and for rows and counts in batches only", async ({ open }) => {
    const { browser, google } = await signedIn(open, { user: { mailbox: { messages: 100 } } });
    await show(browser, "/");
    const endpoints = (await google.calls()).map(({ endpoint }) => endpoint);
    expect(endpoints.filter((endpoint) => endpoint !== "batch").sort()).toEqual(["labels", "list", "profile"]);
    expect(endpoints.length).toBeLessThan(10);
  });

  test.for<[string, Record<string, string>]>([
    ["/?q=subject%3Areport", { q: "subject:report" }],
    ["/?label=INBOX", { labelIds: "INBOX" }],
    ["/?label=SPAM", { labelIds: "SPAM", includeSpamTrash: "true" }],
    ["/?label=TRASH", { labelIds: "TRASH", includeSpamTrash: "true" }],
    ["/?label=INBOX&q=a", { labelIds: "INBOX", q: "a" }],
  ])("%s asks Gmail for that", async ([path, expected], { open }) => {
    const { browser, google } = await signedIn(open, { user: { mailbox: { messages: 30 } } });
    await show(browser, path);
    const list = (await google.calls()).find(({ endpoint }) => endpoint === "list");
    const { q, labelIds, includeSpamTrash } = Object.fromEntries(list?.query ?? []);
    expect(JSON.parse(JSON.stringify({ q, labelIds, includeSpamTrash }))).toEqual(expected);
  });

  test("is shown without folders where labels cannot be read", async ({ open }) => {
    const { browser, google } = await signedIn(open, { user: { mailbox: { messages: 5 } } });
    await google.always("labels", { named: "backendError" });
    expect((await show(browser, "/")).rows).toHaveLength(5);
  });

  test(
    "with a list that breaks off has what was read, what happened, and the way on",
    { tags: ["process"] },
    async ({ open }) => {
      const { browser, google } = await signedIn(open, { user: { mailbox: { messages: 5 } } });
      await google.always("batch", { status: 503 });
      const { root, rows } = await show(browser, "/");
      expect(rows).toEqual([]);
      expect(root.querySelector("[role=alert]")?.text).toContain("could not be read");
      // A list that broke off is not an empty one.
      expect(root.querySelector(".empty")).toBeNull();
      expect(root.querySelector("body")?.innerHTML.trimEnd().endsWith("</div></div>")).toBe(true);
    },
  );
});

/** Labels as `labels.list` answers them; without a name, `Label_9` was deleted. */
const LABELS = [
  ...["INBOX", "SENT", "DRAFT", "STARRED", "YELLOW_STAR"].map((id) => ({ id, name: id, type: "system" })),
  { id: "Label_1", name: "Work", type: "user", color: { textColor: "#ffffff", backgroundColor: "#fb4c2f" } },
  { id: "Label_2", name: "Hidden on messages", type: "user", messageListVisibility: "hide" },
  { id: "Label_3", name: "Hidden in the list", type: "user", labelListVisibility: "labelHide" },
  { id: "Label_4", name: "Read", type: "user", labelListVisibility: "labelShowIfUnread" },
  { id: "Label_5", name: "Unread", type: "user", labelListVisibility: "labelShowIfUnread" },
  { id: "Label_6", name: "\u200b", type: "user" },
];

/** Chips of the newest row, and names in the list of labels, with such labels and such a message. */
async function labelled(open: Open, path: string, message: object) {
  const { browser, google } = await signedIn(open, { user: { mailbox: { messages: 1, spamEvery: 0, trashEvery: 0 } } });
  await google.fault("labels", { body: { labels: LABELS } });
  for (const [id, messagesUnread] of [
    ["Label_4", 0],
    ["Label_5", 2],
  ] as const) {
    await google.always("part", { match: `/labels/${id}?`, body: { id, messagesUnread } });
  }
  const [id = ""] = await readIds(await browser.fetch("/api/messages?limit=1"));
  await google.always("part", {
    match: `/messages/${id}?`,
    body: { id, threadId: id, internalDate: "1700000000000", ...message },
  });
  const { root } = await show(browser, path);
  return {
    root,
    chips: root.querySelectorAll(".row .chip").map(({ text }) => text.trim()),
    list: root.querySelectorAll(".folders details > ul + h2 + ul a").map(({ text }) => text.trim()),
  };
}

function headersTo(to: string): object[] {
  return [
    { name: "From", value: "Me <me@x.test>" },
    { name: "To", value: to },
    { name: "Subject", value: "\u200b \u00ad" },
  ];
}

describe("the labels of the mailbox", () => {
  test("are those that Gmail would show on a message, in their colours", async ({ open }) => {
    const labelIds = ["INBOX", "STARRED", "YELLOW_STAR", "IMPORTANT", "CATEGORY_SOCIAL", "SENT", "Label_99", "DRAFT"];
    const { chips, root } = await labelled(open, "/", {
      labelIds: [...labelIds, "Label_1", "Label_2", "Label_3", "Label_6"],
    });
    expect(chips).toEqual(["Draft", "Work", "Hidden in the list", "(no name)"]);
    expect(root.querySelector(".row .chip circle")?.getAttribute("fill")).toBe("#fb4c2f");
    expect(root.querySelectorAll(".row .star")).toHaveLength(1);
  });

  test("are those that the user wants to see in the list", async ({ open }) => {
    const { list } = await labelled(open, "/", { labelIds: [] });
    expect(list).toEqual(
      ["(no name)", "Hidden on messages", "Unread", "Work"].toSorted((a, b) => list.indexOf(a) - list.indexOf(b)),
    );
  });

  test("do not name on each row what is looked at", async ({ open }) => {
    expect((await labelled(open, "/?label=INBOX", { labelIds: ["INBOX", "SENT", "Label_1"] })).chips).toEqual(["Work"]);
  });

  test("of a draft lead to whom it goes, and nothing that is seen is a subject, a sender or a recipient", async ({
    open,
  }) => {
    const draft = await labelled(open, "/", {
      labelIds: ["DRAFT"],
      payload: { headers: headersTo("=?utf-8?Q?Doe=2C_J=C3=B6rg?= <j@x.test>") },
    });
    expect(draft.root.querySelector(".row .from")?.text).toBe("To: Doe, Jörg");
    expect(draft.root.querySelector(".row .subject")?.text).toBe("(no subject)");
    const empty = await labelled(open, "/", { labelIds: ["DRAFT"], payload: { headers: headersTo(" ") } });
    expect(empty.root.querySelector(".row .from")?.text).toBe("(no recipient)");
    const blank = await labelled(open, "/", {
      labelIds: ["INBOX"],
      payload: { headers: [{ name: "From", value: '"\u200b" <ann@x.test>' }] },
    });
    expect(blank.root.querySelector(".row .from")?.text).toBe("ann@x.test");
  });

  test("and a row without a date are no reason not to show it", async ({ open }) => {
    const { root } = await labelled(open, "/", { internalDate: "9999999999999999", labelIds: undefined });
    expect(root.querySelectorAll(".row time")).toHaveLength(0);
    expect(root.querySelectorAll(".row a.open")).toHaveLength(1);
  });
});

describe("the pages of the mailbox", () => {
  test("lead to the end and back again, each message once", async ({ open }) => {
    const { browser } = await signedIn(open, {
      user: { mailbox: { messages: 4 * PAGE_ROWS, spamEvery: 0, trashEvery: 0 } },
    });
    const pages = [await show(browser, "/")];
    for (let page = pages[0]; page?.older; page = pages.at(-1)) pages.push(await show(browser, page.older));
    expect(pages.map(({ rows }) => rows.length)).toEqual([25, 25, 25, 25]);
    expect(new Set(pages.flatMap(({ rows }) => rows)).size).toBe(4 * PAGE_ROWS);
    let here = pages.at(-1);
    for (const expected of pages.slice(0, -1).toReversed()) {
      here = await show(browser, here?.newer ?? "");
      expect(here.rows).toEqual(expected.rows);
    }
    expect(here?.newer).toBeNull();
  });

  test("keep search and label, and the way back to the newest when there were many", async ({ open }) => {
    const { browser } = await signedIn(open, {
      user: { mailbox: { messages: 14 * PAGE_ROWS } },
      google: { quotaUnitsPerMinute: 60_000 },
    });
    let page = await show(browser, "/?q=message&label=INBOX");
    for (let step = 0; step < 10; step += 1) page = await show(browser, page.older ?? "");
    const remembered = new URL(page.newer ?? "", "http://x").searchParams;
    expect([remembered.get("q"), remembered.get("label")]).toEqual(["message", "INBOX"]);
    let steps = 0;
    for (; page.newer !== null; steps += 1) page = await show(browser, page.newer);
    // The two that were forgotten are skipped.
    expect(steps).toBe(9);
  });

  test.for([
    ["newer", "/?newer="],
    ["newer on an older page", "/?pageToken=TOKEN&newer="],
    ["q", "/?q="],
  ])("take a hostile value of %s as text", async ([, prefix = ""], { open }) => {
    const { browser } = await signedIn(open, { user: { mailbox: { messages: 60 } } });
    const { older } = await show(browser, "/");
    const token = new URL(older ?? "", "http://x").searchParams.get("pageToken") ?? "";
    const path = prefix.replace("TOKEN", encodeURIComponent(token)) + encodeURIComponent(HOSTILE);
    const { root } = await show(browser, path);
    expect(root.querySelectorAll("script").map((script) => script.getAttribute("src"))).toEqual(["/app.js"]);
    for (const link of root.querySelectorAll("a[href]")) {
      expect(link.getAttribute("href")).toMatch(/^(\/|#|https:\/\/(mail|support)\.google\.com\/)/);
    }
  });

  test.for(["~", "~~~~", "a~~b", "~".repeat(500), "a~".repeat(400)])(
    "lead somewhere from any list of tokens: %s",
    async (newer, { open }) => {
      const { browser } = await signedIn(open, { user: { mailbox: { messages: 60 } } });
      const first = await show(browser, "/");
      const { newer: back, older } = await show(browser, `${first.older?.split("&newer")[0]}&newer=${newer}`);
      expect(back).toMatch(/^\//);
      expect(older?.length ?? 0).toBeLessThan(4_000);
    },
  );

  test.for(["/?pageToken=nonsense", `/?label=${encodeURIComponent(HOSTILE)}`])(
    "of something that Gmail does not have are a page that says so: %s",
    async (path, { open }) => {
      const { browser } = await signedIn(open, { user: { mailbox: { messages: 5 } } });
      const response = await browser.step(path);
      const text = await response.text();
      expect([200, 400, 404]).toContain(response.status);
      expect(text).not.toContain("<script>alert");
    },
  );
});

describe("who is not signed in", () => {
  test.for([
    ["/", "/"],
    ["/?q=from%3Amaya", "/?q=from%3Amaya"],
    ["/?q=from:maya&label=INBOX", "/?q=from:maya&label=INBOX"],
    ["/account", "/account"],
    ["/message/18c0", "/message/18c0"],
  ])("asks for %s, signs in by the link, and is there", async ([path, target], { open }) => {
    const { browser, google, user } = await newcomer(open, { user: { mailbox: { messages: 5 } } });
    const first = await browser.step(path ?? "");
    // The welcome page has a link; from the other pages one is led to Google at once.
    const link =
      first.status === 200
        ? (parse(await first.text())
            .querySelector("a.google-button")
            ?.getAttribute("href") ?? "")
        : (first.headers.get("location") ?? "");
    const { pathname, search } = new URL(link, browser.origin);
    const begun = await browser.step(pathname + search);
    const callback = new URL(await google.consent(begun.headers.get("location") ?? "", { user: user.email }));
    const back = await browser.step(callback.pathname + callback.search);
    expect([back.status, back.headers.get("location")]).toEqual([302, target]);
  });
});
