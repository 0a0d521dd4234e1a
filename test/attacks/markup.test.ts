/** Text of others on our pages: markup, and words that look like ours. */
import { describe, expect } from "../support/contract.ts";
import { signIn } from "../support/scenes.ts";
import { BATCH_TYPE, batchOf } from "./routes.ts";
import { test } from "./victim.ts";

const MARKUP = [
  `"><script>alert(1)</script>`,
  `'><img src=x onerror=alert(1)>`,
  `</title><svg/onload=alert(1)>`,
  `javascript:alert(1)//`,
];

describe("markup of others is text on our pages, or is not there:", () => {
  const page = { accept: "text/html", "sec-fetch-mode": "navigate" };

  test("in error, q, pageToken and paths", async ({ victim }) => {
    const scene = await victim({ mayCallGoogle: true });
    const cookie = `${scene.cookieName}=${scene.session}`;
    for (const text of MARKUP) {
      const encoded = encodeURIComponent(text);
      for (const path of [
        `/auth/callback?error=${encoded}`,
        `/auth/login?prompt=${encoded}`,
        `/?q=${encoded}`,
        `/?pageToken=${encoded}`,
        `/nowhere/${encoded}`,
        `/gmail/v1/users/${encoded}/messages`,
        `/api/messages?${encoded}=1&limit=${encoded}`,
      ]) {
        const response = await scene.stage.send({ path, headers: { ...page, cookie } });
        expectNoMarkup(await response.text(), path);
      }
    }
  });

  test("in the name and the address of an account", async ({ victim }) => {
    const scene = await victim({ mayCallGoogle: true });
    for (const text of MARKUP) {
      const user = await scene.google.addUser({
        email: `${text}${crypto.randomUUID()}@evil.test`,
        name: text,
        picture: text,
      });
      const browser = scene.stage.browser();
      await signIn(browser, user);
      const response = await browser.step("/");
      expect(response.status).toBe(200);
      expectNoMarkup(await response.text(), text);
    }
  });

  test("in subject, sender, date and snippet of a mail", async ({ victim }) => {
    const scene = await victim({ mayCallGoogle: true });
    const cookie = `${scene.cookieName}=${scene.session}`;
    for (const text of MARKUP) {
      for (const value of [text, `=?utf-8?B?${btoa(text)}?=`, `${text}\r\nX: <b>`]) {
        const headers = ["From", "To", "Subject"].map((name) => ({ name, value }));
        const mail = { id: "0", threadId: "0", snippet: text, internalDate: "1763812800000", payload: { headers } };
        await scene.google.always("list", { status: 200, body: { messages: [{ id: "0", threadId: "0" }] } });
        await scene.google.always("part", { status: 200, body: mail });
        const response = await scene.stage.send({ path: "/", headers: { ...page, cookie } });
        const html = await response.text();
        expect(html, value).toContain("alert(1)");
        expectNoMarkup(html, value);
        await scene.google.clearFaults();
      }
    }
  });

  test("in the message of an error of Gmail's", async ({ victim }) => {
    const scene = await victim({ mayCallGoogle: true });
    const cookie = `${scene.cookieName}=${scene.session}`;
    for (const text of MARKUP) {
      const error = {
        code: 400,
        message: text,
        status: "INVALID_ARGUMENT",
        errors: [{ reason: "badRequest", message: text }],
      };
      await scene.google.always("list", { status: 400, body: { error } });
      const response = await scene.stage.send({ path: "/", headers: { ...page, cookie } });
      const html = await response.text();
      expect(html, text).not.toContain("alert(1)");
      expectNoMarkup(html, text);
    }
  });

  test("in a batch or a JSON answer, which no browser takes for a page", async ({ victim }) => {
    const scene = await victim({ mayCallGoogle: true });
    const headers = { authorization: `Bearer ${scene.apiToken}`, "content-type": BATCH_TYPE, accept: "text/html" };
    const body = batchOf("/gmail/v1/users/me/profile").replace("<1>", "<script>");
    const response = await scene.stage.send({ method: "POST", path: "/batch/gmail/v1", headers, body });
    expect(response.headers.get("content-type")).toMatch(/^multipart\/mixed/);
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
  });
});

test("an error that Google does not send is not shown: nobody's text stands on our page", async ({ victim }) => {
  const scene = await victim();
  for (const lure of ["Your account is locked. Call +1 555 0100 now", "your_account_is_locked_call_our_hotline"]) {
    const path = `/auth/callback?error=${encodeURIComponent(lure)}`;
    const response = await scene.refused({ path }, [400, "AUTHORIZATION_FAILED"]);
    expect(await response.text()).not.toMatch(/555|hotline/);
    const shown = await scene.stage.send({ path, headers: { accept: "text/html" } });
    expect(await shown.text()).not.toMatch(/555|hotline/);
  }
});

/** What the layout itself has. */
const OWN_MARKUP = [
  /<script src="\/app.js" nonce="[\w+/]{22}==" defer=""><\/script>/,
  /<img src="\/google-g.svg" alt="" width="18" height="18"\/>/,
];

/** Of markup, what the layout itself has is all that is there. */
function expectNoMarkup(html: string, what: string): void {
  const rest = OWN_MARKUP.reduce((text, own) => text.replace(own, ""), html);
  expect(rest, what).not.toMatch(/<script|<img|<svg|<b>|onerror=[^&]*>|href="javascript|src="javascript/i);
}
