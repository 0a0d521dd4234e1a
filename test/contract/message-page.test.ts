/** Reading one message: `/message/{id}`, and its HTML for the frame. */
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
          '<a href="https://evil.test/x" target="_blank" rel="noopener noreferrer">there</a><a>here</a>',
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

  test("of a message without HTML is 404", async ({ open }) => {
    const { browser } = await signedIn(open, { user: { mailbox: { messages: 20 } } });
    await expectPage(await browser.step(`/message/${ID}/body`, FRAME), 404);
  });

  test("is not shown without a session", async ({ open }) => {
    const stage = await open();
    expect((await stage.browser().step(`/message/${ID}/body`)).status).toBe(302);
  });
});
