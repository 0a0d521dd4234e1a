/** Reading one message: `/message/{id}`, and its HTML for the frame. */
import { parse } from "node-html-parser";
import { describe, expect, test } from "../support/contract.ts";
import { expectPage } from "../support/errors.ts";
import { messageId } from "../google/mail/numbered.ts";
import { signedIn, type Scene } from "../support/scenes.ts";

const ID = messageId(7);
/** As a browser asks for what a frame shows. */
const FRAME = { "sec-fetch-dest": "iframe" };
const HOSTILE =
  `<link rel="preconnect" href="https://evil.test"><script>alert(1)</script><p onclick="alert(2)" align="left">Hello</p>` +
  `<base href="https://evil.test/"><a href="https://evil.test/x">there</a><a href="body/">here</a>`;

function base64url(text: string): string {
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Lets Google answer the next message with these parts. */
async function answerNext({ google }: Scene, payload: object): Promise<void> {
  const body = { id: ID, threadId: ID, labelIds: ["INBOX"], internalDate: "1700000000000", payload };
  await google.fault("get", { body });
}

function html(text: string): object {
  return { mimeType: "text/html", filename: "", headers: [], body: { size: 1, data: base64url(text) } };
}

/** The directives of a CSP. */
function policyOf(response: Response): Record<string, string> {
  const directives = (response.headers.get("content-security-policy") ?? "").split(/\s*;\s*/).filter(Boolean);
  return Object.fromEntries(directives.map((directive) => directive.split(/ (.*)/, 2) as [string, string]));
}

describe("GET /message/{id}", () => {
  test(
    "is a page with headers and text, and with everything in it escaped",
    { tags: ["process"] },
    async ({ open }) => {
      const scene = await signedIn(open, { user: { mailbox: { messages: 20 } } });
      await answerNext(scene, {
        mimeType: "text/plain",
        filename: "",
        headers: [
          { name: "Subject", value: '<script>alert("s")</script>' },
          { name: "From", value: '"<b>x</b>" <a@example.test>' },
        ],
        body: { size: 1, data: base64url("</pre><script>alert('t')</script>") },
      });
      const text = await expectPage(await scene.browser.step(`/message/${ID}`), 200);
      expect(text).toContain("&lt;script&gt;alert(&quot;s&quot;)&lt;/script&gt;");
      expect(text).toContain("&lt;/pre&gt;&lt;script&gt;");
      expect(text).not.toContain('alert("s")');
      expect(text).not.toMatch(/<script>alert|<b>x/);
      // A message without HTML has no frame.
      expect(text).not.toContain("<iframe");
    },
  );

  test("shows HTML in a sandboxed frame only, never in the page", async ({ open }) => {
    const scene = await signedIn(open, { user: { mailbox: { messages: 20 } } });
    await answerNext(scene, html(HOSTILE));
    const text = await expectPage(await scene.browser.step(`/message/${ID}`), 200);
    expect(text).not.toContain("Hello");
    const [frame = ""] = /<iframe[^>]*>/.exec(text) ?? [];
    expect(frame).toContain(`src="/message/${ID}/body"`);
    expect(frame).toContain('sandbox="allow-popups allow-popups-to-escape-sandbox"');
  });

  test("without a session leads to the sign-in and back", async ({ open }) => {
    const stage = await open();
    const response = await stage.browser().step(`/message/${ID}`);
    expect(response.status).toBe(302);
    const login = new URL(response.headers.get("location") ?? "");
    expect([login.pathname, login.searchParams.get("return_to")]).toEqual(["/auth/login", `/message/${ID}`]);
  });

  test.for(["0000000000000000", "a%20b", "..", "x".repeat(65), "a.b", "%3Cscript%3E"])(
    "of an ID that is nobody's is 404: %s",
    async (id, { open }) => {
      const { browser, google } = await signedIn(open, { user: { mailbox: { messages: 20 } } });
      const response = await browser.step(`/message/${id}`);
      // Dot segments are resolved before a route is chosen: `/message/..` is the mailbox.
      if (id === "..") return expect(response.status).toBe(200);
      await expectPage(response, 404);
      expect(await google.count("get")).toBe(id === "0000000000000000" ? 1 : 0);
    },
  );
});

/** A part. @param body text, or the size of one that has to be fetched */
function part(mimeType: string, body: string | number, headers: Record<string, string> = {}): object {
  return {
    mimeType,
    filename: "",
    headers: Object.entries(headers).map(([name, value]) => ({ name, value })),
    body:
      typeof body === "number"
        ? { attachmentId: `a-${body}`, size: body }
        : { size: body.length, data: base64url(body) },
  };
}

function picture(id: string, size: number): object {
  return { ...part("image/png", size, { "Content-ID": `<${id}>` }), filename: `${id}.png` };
}

function multipart(kind: string, ...parts: object[]): object {
  return { mimeType: `multipart/${kind}`, filename: "", headers: [], body: { size: 0 }, parts };
}

/** The page of a message, as a tree. */
async function show(scene: Scene, payload: object, query = "") {
  await answerNext(scene, payload);
  const response = await scene.browser.step(`/message/${ID}${query}`);
  const units = response.headers.get("x-gmail-quota-units");
  const page = await expectPage(response, 200);
  const root = parse(page, { blockTextElements: { script: true } });
  return { page, root, units, texts: root.querySelectorAll("pre.text").map(({ text }) => text.trim()) };
}

describe("GET /message/{id} of a message of several parts", () => {
  test("shows its texts in order, and lists its files", async ({ open }) => {
    const scene = await signedIn(open, { user: { mailbox: { messages: 5 } } });
    const { root, texts } = await show(
      scene,
      multipart(
        "mixed",
        part("text/plain", "BEFORE"),
        part("image/png", 9),
        part("text/plain", "AFTER"),
        part("application/pdf", 9),
      ),
    );
    expect(texts).toEqual(["BEFORE", "AFTER"]);
    expect(root.querySelectorAll("section li bdi").map(({ text }) => text)).toEqual(["image.png", "attachment.pdf"]);
  });

  test("shows one frame for its HTML, with the footer of a list behind it, and its text where one asks for that", async ({
    open,
  }) => {
    const scene = await signedIn(open, { user: { mailbox: { messages: 5 } } });
    const mail = multipart(
      "mixed",
      multipart(
        "alternative",
        part("text/plain", "PLAIN"),
        multipart("mixed", html("<p>ONE<div>"), part("application/pdf", 3), html("<p>TWO")),
      ),
      part("text/plain", "FOOTER"),
    );
    const rich = await show(scene, mail);
    expect(rich.texts).toEqual(["FOOTER"]);
    expect(rich.page).not.toMatch(/PLAIN|ONE|TWO/);
    expect(rich.page.indexOf("<iframe")).toBeLessThan(rich.page.indexOf("FOOTER"));
    const plain = await show(scene, mail, "?as=text");
    expect(plain.texts).toEqual(["PLAIN", "FOOTER"]);
    expect(plain.root.querySelector("iframe")).toBeNull();
    await answerNext(scene, mail);
    const frame = await (await scene.browser.step(`/message/${ID}/body`, FRAME)).text();
    const enclosed = String.raw`<div[^>]*><object[^>]*>`;
    const end = String.raw`(?:</\w+>)*</object></div>`;
    expect(frame).toMatch(new RegExp(`${enclosed}<p>ONE<div>${end}<hr>${enclosed}<p>TWO${end}$`));
  });

  test("never shows mail within it, and shows what a report says", async ({ open }) => {
    const scene = await signedIn(open, { user: { mailbox: { messages: 5 } } });
    const inner = { ...part("message/rfc822", 99), parts: [part("text/plain", "INNER", { Subject: "Returned" })] };
    const status = part(
      "message/delivery-status",
      "Reporting-MTA: dns; m\n\nFinal-Recipient: rfc822; ann@x.test\nAction: failed\nStatus: 5.1.1\n",
    );
    const { page, root } = await show(scene, multipart("report", part("text/plain", "Sorry"), status, inner));
    expect(page).not.toContain("INNER");
    expect(root.querySelector(".card")?.text).toMatch(/ann@x\.test.*Not delivered.*5\.1\.1/s);
    expect(root.querySelector("section li bdi")?.text).toBe("Returned.eml");
  });

  test("shows what, when, where and who of an invitation", async ({ open }) => {
    const scene = await signedIn(open, { user: { mailbox: { messages: 5 } } });
    const lines = [
      "BEGIN:VCALENDAR",
      "METHOD:REQUEST",
      "BEGIN:VEVENT",
      "SUMMARY:Lunch <b>",
      "DTSTART:20261201T100000Z",
      "DTEND:20261201T110000Z",
    ];
    lines.push(
      "LOCATION:Köln",
      "ORGANIZER;CN=Ann:mailto:ann@x.test",
      "ATTENDEE:mailto:bob@x.test",
      "END:VEVENT",
      "END:VCALENDAR",
    );
    const data = base64url(String.fromCharCode(...new TextEncoder().encode(lines.join("\r\n"))));
    const { root } = await show(scene, {
      mimeType: "text/calendar",
      filename: "",
      headers: [],
      body: { size: 1, data },
    });
    const card = root.querySelector(".card")?.text ?? "";
    for (const word of ["Invitation", "Lunch <b>", "2026", "Köln", "Ann <ann@x.test>", "bob@x.test"])
      expect(card).toContain(word);
    expect(root.querySelector("time")?.getAttribute("datetime")).toBe("2023-11-14T22:13:20.000Z");
    expect(root.querySelector(".card time")?.getAttribute("datetime")).toBe("2026-12-01T10:00:00.000Z");
  });

  test("has links in its text that open a tab, and none to us", async ({ open }) => {
    const scene = await signedIn(open, { user: { mailbox: { messages: 5 } } });
    const own = `${scene.browser.origin}/auth/login`;
    const { root } = await show(
      scene,
      part("text/plain", `https://evil.test/?a&b ${own} javascript:alert(1) https://bank.test@evil.test/`),
    );
    const links = root.querySelectorAll("pre a").map(({ attributes }) => attributes);
    expect(links).toEqual([
      { href: "https://evil.test/?a&b", target: "_blank", rel: "noopener noreferrer" },
      { href: "https://evil.test/", target: "_blank", rel: "noopener noreferrer" },
    ]);
    expect(root.querySelector("pre")?.text).toContain("[evil.test]");
  });
});

describe("GET /message/{id} of a text that did not come with its message", () => {
  test("fetches it, for 20 units", async ({ open }) => {
    const scene = await signedIn(open, { user: { mailbox: { messages: 5 } } });
    await scene.google.fault("attachment", { body: { size: 9, data: base64url("FETCHED") } });
    const { texts, units } = await show(
      scene,
      multipart("mixed", part("text/plain", "HERE"), part("text/plain", 200_000)),
    );
    expect(texts).toEqual(["HERE", "FETCHED"]);
    expect(units).toBe("40");
    expect((await scene.google.calls("attachment")).map(({ path }) => path)).toEqual([
      `/gmail/v1/users/me/messages/${ID}/attachments/a-200000`,
    ]);
  });

  test("lists it where it is too long or cannot be read, and shows the rest", async ({ open }) => {
    const scene = await signedIn(open, { user: { mailbox: { messages: 5 } } });
    await scene.google.fault("attachment", { named: "notFound" });
    const { root, texts } = await show(
      scene,
      multipart("mixed", part("text/plain", "HERE"), part("text/plain", 9), part("text/plain", 30_000_000)),
    );
    expect(texts).toEqual(["HERE"]);
    expect(root.querySelectorAll("section li").map(({ text }) => text)).toEqual([
      "text.txt (1 KiB)",
      "text.txt (28.6 MiB)",
    ]);
    expect(await scene.google.count("attachment")).toBe(1);
  });

  test("of megabytes arrives whole, and within a budget of calls", async ({ open }) => {
    const scene = await signedIn(open, { user: { mailbox: { messages: 5 } }, vars: { QUOTA_BUDGET: "50" } });
    const long = `${"0123456789 https://a.test/\n".repeat(40_000)}END`;
    await scene.google.always("attachment", { body: { size: long.length, data: base64url(long) } });
    const { root, texts } = await show(
      scene,
      multipart("mixed", part("text/plain", 9), part("text/plain", 9), part("text/plain", 9)),
    );
    expect(texts.map((text) => text.length)).toEqual([long.length]);
    expect(root.querySelectorAll("section li")).toHaveLength(2);
    expect(await scene.google.count("attachment")).toBe(1);
  });
});

describe("GET /message/{id} of an odd message", () => {
  test.for(["300000000000000", "-99999999999999", "999999999999999999", "", "tomorrow", "NaN", undefined])(
    "with the date %j is shown without a date",
    async (internalDate, { open }) => {
      const scene = await signedIn(open, { user: { mailbox: { messages: 20 } } });
      const payload = {
        mimeType: "text/plain",
        filename: "",
        headers: [],
        body: { size: 1, data: base64url("Hello") },
      };
      await scene.google.fault("get", { body: { id: ID, threadId: ID, internalDate, payload } });
      const text = await expectPage(await scene.browser.step(`/message/${ID}`), 200);
      expect(text).toContain("Hello");
      expect(text).not.toContain("<time");
    },
  );

  test("larger than 16 MiB leads to Gmail, and Google is asked once", { tags: ["process"] }, async ({ open }) => {
    const scene = await signedIn(open, { user: { mailbox: { messages: 20 } } });
    await scene.google.forgetCalls();
    await scene.google.fault("get", { body: { id: ID, threadId: ID, snippet: "x".repeat(17 * 1024 * 1024) } });
    const text = await expectPage(await scene.browser.step(`/message/${ID}`), 502);
    expect(text).toContain("too large");
    expect(text).toMatch(new RegExp(`<a href="https://mail.google.com/mail/[^"]*#all/${ID}"`));
    expect(await scene.google.count("get")).toBe(1);
  });
});

describe("GET /message/{id}/body", () => {
  test(
    "is what of the message's HTML is allowed, which may do nothing but be looked at",
    { tags: ["process"] },
    async ({ open }) => {
      const scene = await signedIn(open, { user: { mailbox: { messages: 20 } } });
      await answerNext(scene, html(HOSTILE));
      const response = await scene.browser.step(`/message/${ID}/body`, FRAME);
      const [head = "", body] = (await response.clone().text()).split("</style>");
      expect(head).toMatch(/^<!doctype html><meta charset="utf-8">/);
      expect(body).toBe(
        '<p align="left">Hello</p>' +
          '<a href="https://evil.test/x" target="_blank" rel="noopener noreferrer">there</a>' +
          '<a href="https://evil.test/body/" target="_blank" rel="noopener noreferrer">here</a>',
      );
      await expectPage(response, 200);
      expect(policyOf(response)).toEqual({
        "default-src": "'none'",
        "style-src": "'unsafe-inline'",
        "img-src": "data:",
        "form-action": "'none'",
        "base-uri": "'none'",
        "frame-ancestors": "'self'",
        sandbox: "allow-popups allow-popups-to-escape-sandbox",
      });
      expect(response.headers.get("x-frame-options")).toBe("SAMEORIGIN");
      expect(response.headers.get("x-content-type-options")).toBe("nosniff");
      expect(response.headers.get("referrer-policy")).toBe("no-referrer");
    },
  );

  test("has the pictures that came with the message, and fetches those that its HTML shows", async ({ open }) => {
    const scene = await signedIn(open, { user: { mailbox: { messages: 5 } } });
    await answerNext(
      scene,
      multipart(
        "related",
        html('<img src="cid:one@x"><img src="cid:big@x"><img src="https://evil.test/">'),
        picture("one@x", 9),
        picture("two@x", 9),
        picture("big@x", 2_000_000),
      ),
    );
    await scene.google.fault("attachment", { body: { size: 8, data: base64url("\u0089PNG\r\n\u001a\n") } });
    const response = await scene.browser.step(`/message/${ID}/body`, FRAME);
    expect(response.headers.get("x-gmail-quota-units")).toBe("40");
    expect(response.headers.get("server-timing")).toContain("hydrate");
    expect(await response.text()).toMatch(/<\/style><img src="data:image\/png;base64,iVBORw0KGgo"><img><img>$/);
    expect(await scene.google.count("attachment")).toBe(1);
    const { root } = await show(
      scene,
      multipart("related", html('<img src="cid:one@x">'), picture("one@x", 9), picture("two@x", 9)),
    );
    expect(root.querySelectorAll("section li bdi").map(({ text }) => text)).toEqual(["two@x.png"]);
  });

  test("loads pictures from elsewhere only where one asks for them, and says what that tells", async ({ open }) => {
    const scene = await signedIn(open, { user: { mailbox: { messages: 5 } } });
    const mail = html(
      '<img src="https://evil.test/a.png"><img src="http://127.0.0.1/"><script src="https://evil.test/"></script>',
    );
    const { root } = await show(scene, mail);
    const link = root.querySelector("a.show-pictures");
    expect([link?.getAttribute("target"), root.querySelector("iframe")?.getAttribute("name")]).toEqual([
      "mail",
      "mail",
    ]);
    expect(root.querySelector(".html p")?.text).toMatch(/the sender then learns/);
    const asked = await scene.browser.step(link?.getAttribute("href") ?? "", FRAME);
    expect(policyOf(asked)).toEqual({
      "default-src": "'none'",
      "style-src": "'unsafe-inline'",
      "img-src": "data: https: http:",
      "form-action": "'none'",
      "base-uri": "'none'",
      "frame-ancestors": "'self'",
      sandbox: "allow-popups allow-popups-to-escape-sandbox",
    });
    expect(asked.headers.get("referrer-policy")).toBe("no-referrer");
    expect(await asked.text()).toMatch(/<\/style><img src="https:\/\/evil.test\/a.png"><img>$/);
    const notAsked = await scene.browser.step(`/message/${ID}/body?pictures=please`, FRAME);
    expect(policyOf(notAsked)["img-src"]).toBe("data:");
    expect(await notAsked.text()).toMatch(/<img><img>$/);
    expect((await show(scene, html("<p>no pictures"))).root.querySelector("a.show-pictures")).toBeNull();
  });

  test("is of the message that its page has read: one read for both, and none is stored", async ({ open }) => {
    const scene = await signedIn(open, { user: { mailbox: { messages: 5 } } });
    const { units } = await show(scene, html("<p>read once"));
    const frame = await scene.browser.step(`/message/${ID}/body`, FRAME);
    expect([units, frame.headers.get("x-gmail-quota-units")]).toEqual(["20", "0"]);
    expect(await frame.text()).toContain("read once");
  });

  test("of a message without HTML is 404", async ({ open }) => {
    const { browser } = await signedIn(open, { user: { mailbox: { messages: 20 } } });
    await expectPage(await browser.step(`/message/${ID}/body`, FRAME), 404);
  });

  test("is not shown without a session", async ({ open }) => {
    const stage = await open();
    expect((await stage.browser().step(`/message/${ID}/body`)).status).toBe(302);
  });
});
