/** One message by the API: `GET /api/messages/{id}`, what is attached to it, and `GET /api/labels`. */
import { makeToken, withToken } from "../support/api-tokens.ts";
import { describe, expect, test } from "../support/contract.ts";
import { expectError, expectPage } from "../support/errors.ts";
import { messageId } from "../google/mail/numbered.ts";
import { call, type Scene, signedIn } from "../support/scenes.ts";

const ID = messageId(7);
const PATH = `/api/messages/${ID}`;

function base64url(bytes: string | Uint8Array): string {
  const data = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
  return btoa(Array.from(data, (byte) => String.fromCharCode(byte)).join(""))
    .replaceAll("+", "-")
    .replaceAll("/", "_");
}

function header(name: string, value: string): { name: string; value: string } {
  return { name, value };
}

function textPart(partId: string, mimeType: string, content: string): object {
  return {
    partId,
    mimeType,
    filename: "",
    headers: [header("Content-Type", `${mimeType}; charset=UTF-8`)],
    body: { size: content.length, data: base64url(content) },
  };
}

/** A file whose bytes Gmail hands out apart. */
function file(partId: string, filename: string, mimeType = "application/pdf", headers: object[] = []): object {
  return { partId, mimeType, filename, headers, body: { attachmentId: `ANGj-of-${partId}`, size: 5 } };
}

function mixed(kind: string, ...parts: object[]): object {
  return { partId: "", mimeType: `multipart/${kind}`, filename: "", headers: [], body: { size: 0 }, parts };
}

const MESSAGE = {
  id: ID,
  threadId: ID,
  labelIds: ["INBOX", "UNREAD"],
  snippet: "Hello &amp; more",
  internalDate: "1700000000000",
  payload: {
    partId: "",
    mimeType: "multipart/mixed",
    filename: "",
    headers: [
      header("From", "=?UTF-8?Q?Andr=C3=A9?= <andre@example.com>"),
      header("To", "ada@gmail.com"),
      header("Subject", "=?UTF-8?B?157Xm9eq15E=?="),
      header("Received", "one"),
      header("Received", "two"),
    ],
    body: { size: 0 },
    parts: [
      {
        partId: "0",
        mimeType: "multipart/alternative",
        filename: "",
        headers: [],
        body: { size: 0 },
        parts: [
          textPart("0.0", "text/plain", "Héllo"),
          textPart("0.1", "text/html", "<p onclick=x>Héllo</p><script>1</script>"),
        ],
      },
      file("1", "report.pdf"),
      file("2", "=?UTF-8?Q?R=C3=A9sum=C3=A9.pdf?="),
      file("3", "logo.png", "image/png", [header("Content-ID", "<logo@x>"), header("Content-Disposition", "inline")]),
      {
        partId: "4",
        mimeType: "text/calendar",
        filename: "",
        headers: [],
        body: { size: 5, data: base64url("BEGIN") },
      },
      {
        partId: "5",
        mimeType: "message/rfc822",
        filename: "forwarded.eml",
        headers: [],
        body: { attachmentId: "ANGj-of-5", size: 9 },
        parts: [textPart("5.0", "text/plain", "INNER")],
      },
    ],
  },
};

async function scene(open: Parameters<typeof signedIn>[0], message: object = MESSAGE): Promise<Scene> {
  const signed = await signedIn(open);
  await signed.google.fault("get", { body: message });
  return signed;
}

describe("GET /api/messages/{id}", () => {
  test("is the message decoded: 20 units, one call", async ({ open }) => {
    const { browser, google } = await scene(open);
    const response = await call(browser, PATH);
    expect(response.status, await response.clone().text()).toBe(200);
    expect(response.headers.get("x-gmail-quota-units")).toBe("20");
    expect(await response.json()).toEqual({
      id: ID,
      threadId: ID,
      labelIds: ["INBOX", "UNREAD"],
      snippet: "Hello &amp; more",
      date: "2023-11-14T22:13:20.000Z",
      from: expect.stringMatching(/^"?André"? <andre@example\.com>$/),
      to: "ada@gmail.com",
      subject: "מכתב",
      unread: true,
      headers: [
        { name: "From", value: expect.stringMatching(/^"?André"? <andre@example\.com>$/) },
        { name: "To", value: "ada@gmail.com" },
        { name: "Subject", value: "מכתב" },
        { name: "Received", value: "one" },
        { name: "Received", value: "two" },
      ],
      text: "Héllo",
      html: "<p onclick=x>Héllo</p><script>1</script>",
      attachments: [
        { id: "1", name: "report.pdf", type: "application/pdf", size: 5, inline: false },
        { id: "2", name: "Résumé.pdf", type: "application/pdf", size: 5, inline: false },
        { id: "3", name: "logo.png", type: "image/png", size: 5, inline: true },
        { id: "4", name: expect.stringMatching(/\S/), type: "text/calendar", size: 5, inline: false },
        { id: "5", name: "forwarded.eml", type: "message/rfc822", size: 9, inline: false },
      ],
    });
    expect(await google.count()).toBe(1);
  });

  const INVITATION = { ...textPart("", "text/calendar", "BEGIN"), headers: MESSAGE.payload.headers };
  const LONG = {
    partId: "0",
    mimeType: "text/plain",
    filename: "",
    headers: [],
    body: { attachmentId: "l", size: 6e6 },
  };
  test.for<[title: string, payload: object, text: string | null, html: string | null, attachments: object[]]>([
    ["that is an invitation", INVITATION, null, null, [{ id: "0", type: "text/calendar", size: 5 }]],
    [
      "with an invitation among its alternatives",
      mixed("alternative", textPart("0", "text/plain", "Come"), textPart("1", "text/calendar", "BEGIN")),
      "Come",
      null,
      [{ id: "1", type: "text/calendar" }],
    ],
    [
      "with a delivery status",
      mixed(
        "report",
        textPart("0", "text/plain", "Failed"),
        textPart("1", "message/delivery-status", "Action: failed"),
      ),
      "Failed",
      null,
      [{ id: "1", type: "message/delivery-status" }],
    ],
    ["with a text that is too long", mixed("mixed", LONG), null, null, [{ id: "0", type: "text/plain", size: 6e6 }]],
    [
      "with a text that is too long beside its HTML",
      mixed("mixed", mixed("alternative", LONG, textPart("1", "text/html", "<p>Hi"))),
      null,
      "<p>Hi",
      [{ id: "0", type: "text/plain" }],
    ],
    [
      "with a text beside the HTML that its text does not have",
      mixed(
        "alternative",
        textPart("0", "text/plain", "Hi"),
        mixed("mixed", textPart("1.0", "text/html", "<p>Hi"), textPart("1.1", "text/plain", "Footer")),
      ),
      "Hi",
      "<p>Hi",
      [{ id: "1.1", type: "text/plain" }],
    ],
    [
      "with a named invitation, which is listed once, and more than ten parts",
      mixed(
        "mixed",
        textPart("0", "text/plain", "Come"),
        file("2", "a.pdf"),
        { ...textPart("9", "text/calendar", "BEGIN"), filename: "invite.ics" },
        file("10", "b.pdf"),
      ),
      "Come",
      null,
      [{ id: "2" }, { id: "9", name: "invite.ics" }, { id: "10" }],
    ],
  ])("loses no part of a message %s", async ([, payload, text, html, attachments], { open }) => {
    const { browser, google } = await scene(open, { ...MESSAGE, payload });
    const answer = await (await call(browser, PATH)).json<{ attachments: { id: string; size: number }[] }>();
    expect(answer).toMatchObject({ text, html, attachments });
    expect(answer.attachments).toHaveLength(attachments.length);
    for (const { id } of answer.attachments) {
      await google.fault("get", { body: { ...MESSAGE, payload } });
      await google.fault("attachment", { body: '{"data":"AA"}' });
      expect((await call(browser, `${PATH}/attachments/${id}`)).status).toBe(200);
    }
  });

  test("lists a text that Gmail does not give", async ({ open }) => {
    const payload = mixed(
      "mixed",
      { ...LONG, body: { attachmentId: "l", size: 9 } },
      textPart("1", "text/html", "<p>Hi"),
    );
    const { browser, google } = await scene(open, { ...MESSAGE, payload });
    await google.fault("attachment", { named: "notFound" });
    expect(await (await call(browser, PATH)).json()).toMatchObject({
      text: null,
      html: "<p>Hi",
      attachments: [{ id: "0", type: "text/plain", size: 9 }],
    });
  });

  test.for<[title: string, changes: object]>([
    ["no date", { internalDate: undefined }],
    ["a date that is out of range", { internalDate: "99999999999999999" }],
  ])("with %s has null for it", async ([, changes], { open }) => {
    const { browser } = await scene(open, { ...MESSAGE, ...changes });
    const response = await call(browser, PATH);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ id: ID, date: null });
  });

  test("with nothing but its IDs is a message all the same", async ({ open }) => {
    const { browser } = await scene(open, { id: ID, threadId: ID });
    const response = await call(browser, PATH);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ headers: [], text: null, html: null, attachments: [], labelIds: [] });
  });

  test("of Google's own answers is read, too", async ({ open }) => {
    const { browser, google, user } = await signedIn(open, { user: { mailbox: { kind: "small" } } });
    const { messages } = await (await call(browser, "/api/messages?limit=all")).json<{ messages: { id: string }[] }>();
    expect(messages.length).toBeGreaterThan(5);
    for (const { id } of messages.slice(0, 8)) {
      const response = await call(browser, `/api/messages/${id}`);
      expect(response.status, await response.clone().text()).toBe(200);
    }
    expect(user.email).toContain("@");
    expect(await google.count("get")).toBe(8);
  });

  test("with an API token needs the access read", async ({ open }) => {
    const { browser, stage, google } = await scene(open);
    const list = await makeToken(browser, { name: "list", access: "list" });
    const read = await makeToken(browser, { name: "read", access: "read" });
    const refused = await expectError(await withToken(stage, list.token, { path: PATH }), 403, "PERMISSION_DENIED");
    expect(refused.metadata["requiredAccess"]).toBe("read");
    expect(await google.count("get")).toBe(0);
    expect((await withToken(stage, read.token, { path: PATH })).status).toBe(200);
  });

  test.for(["/api/messages/0", "/api/messages/..%2e", "/api/messages/a%20b", `/api/messages/${"a".repeat(65)}`])(
    "that is not there is 404: %s",
    async (path, { open }) => {
      const { browser } = await signedIn(open);
      await expectError(await call(browser, path), 404, "NOT_FOUND");
    },
  );
});

describe("GET /api/messages/{id}/attachments/{partId}", () => {
  const HELLO = Uint8Array.from([0, 255, 62, 63, 104]);

  /** What `attachments.get` may look like. */
  const FORMS: [title: string, body: string, bytes: Uint8Array][] = [
    ["in one line", `{"data":"${base64url(HELLO)}"}`, HELLO],
    ["over several lines, with its size", `{\n  "size": 5,\n  "data": "${base64url(HELLO)}"\n}\n`, HELLO],
    ["without padding", `{"data":"${base64url(HELLO).replaceAll("=", "")}"}`, HELLO],
    ["with escaped padding", `{"data":"${base64url(HELLO).replaceAll("=", "\\u003d")}"}`, HELLO],
    ["in the other alphabet", `{"data":"${btoa(String.fromCharCode(...HELLO))}"}`, HELLO],
    ["with its size behind", `{"data":"${base64url(HELLO)}","size":5}`, HELLO],
    ["empty", '{"size":0}', new Uint8Array()],
    ["empty, with data", '{"data":""}', new Uint8Array()],
  ];

  test.for(FORMS)("answers the bytes: %s", async ([, body, bytes], { open }) => {
    const { browser, google } = await scene(open);
    await google.fault("attachment", { body });
    const response = await call(browser, `${PATH}/attachments/1`);
    expect(response.status, await response.clone().text()).toBe(200);
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(bytes);
    expect(response.headers.get("x-gmail-quota-units")).toBe("40");
    expect(response.headers.get("content-type")).toBe("application/pdf");
    expect(response.headers.get("content-disposition")).toBe('attachment; filename="report.pdf"');
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect(response.headers.get("content-security-policy")).toBe("default-src 'none'; sandbox");
    expect(response.headers.get("cache-control")).toContain("no-store");
    const [asked] = await google.calls("attachment");
    expect(asked?.path).toBe(`/gmail/v1/users/me/messages/${ID}/attachments/ANGj-of-1`);
  });

  test("that came with the message costs no second read", async ({ open }) => {
    const { browser, google } = await scene(open);
    const response = await call(browser, `${PATH}/attachments/4`);
    expect(await response.text()).toBe("BEGIN");
    expect(response.headers.get("x-gmail-quota-units")).toBe("20");
    expect(await google.count("attachment")).toBe(0);
  });

  test("has the sender's name, also where it is not ASCII", async ({ open }) => {
    const { browser, google } = await scene(open);
    await google.fault("attachment", { body: '{"data":"AA"}' });
    const response = await call(browser, `${PATH}/attachments/2`);
    expect(response.headers.get("content-disposition")).toBe(
      "attachment; filename=\"R_sum_.pdf\"; filename*=UTF-8''R%C3%A9sum%C3%A9.pdf",
    );
  });

  test("finds its bytes although Gmail's IDs change with each read", async ({ open }) => {
    const { browser } = await signedIn(open, { user: { mailbox: { kind: "busy" } } });
    const listing = await call(browser, "/api/messages?q=has:attachment&limit=3");
    const { messages } = await listing.json<{ messages: { id: string }[] }>();
    expect(messages.length).toBeGreaterThan(0);
    for (const { id } of messages) {
      const message = await (
        await call(browser, `/api/messages/${id}`)
      ).json<{
        attachments: { id: string; size: number }[];
      }>();
      expect(message.attachments.length).toBeGreaterThan(0);
      for (const { id: partId, size } of message.attachments) {
        const response = await call(browser, `/api/messages/${id}/attachments/${partId}`);
        expect(response.status).toBe(200);
        expect((await response.arrayBuffer()).byteLength).toBe(size);
      }
    }
  });

  test("of several MiB comes whole", async ({ open }) => {
    const { browser, google } = await scene(open);
    const bytes = new Uint8Array(3 * 1024 * 1024).map((_, index) => index * 7);
    await google.fault("attachment", { body: `{"data":"${base64url(bytes)}"}` });
    const response = await call(browser, `${PATH}/attachments/1`);
    expect(new Uint8Array(await response.arrayBuffer()).every((byte, index) => byte === bytes[index])).toBe(true);
  });

  test("of a message that is a file itself has the ID that is listed", async ({ open }) => {
    const payload = { ...file("", "only.pdf"), headers: MESSAGE.payload.headers };
    const { browser, google } = await scene(open, { ...MESSAGE, payload });
    const { attachments } = await (await call(browser, PATH)).json<{ attachments: { id: string }[] }>();
    expect(attachments).toEqual([expect.objectContaining({ name: "only.pdf" })]);
    await google.fault("get", { body: { ...MESSAGE, payload } });
    await google.fault("attachment", { body: '{"data":"AA"}' });
    expect((await call(browser, `${PATH}/attachments/${attachments[0]?.id}`)).status).toBe(200);
  });

  test.for(["9", "5.0", "0", "x", "..", "1.", "%31%20"])("that is not there is 404: %s", async (partId, { open }) => {
    const { browser, google } = await scene(open);
    const response = await call(browser, `${PATH}/attachments/${partId}`);
    if (partId === "..") return expect([400, 404, 405]).toContain(response.status);
    await expectError(response, 404, "NOT_FOUND");
    expect(await google.count("attachment")).toBe(0);
  });

  test.for<[title: string, body: string]>([
    ["is no JSON", "<html>"],
    ["has no data and no end", '{"size": 5'],
    ["is cut off in its data", `{"data":"${base64url("abc").repeat(3)}`],
    ["is not base64", '{"data":"*"}'],
    ["is a list", "[]"],
  ])("whose answer %s is an outage, or ends with an error", async ([, body], { open }) => {
    const { browser, google } = await scene(open);
    await google.fault("attachment", { body });
    const response = await call(browser, `${PATH}/attachments/1`).catch(() => null);
    if (response === null) return;
    // What has begun to go out cannot become an error any more: it breaks off.
    if (response.status === 200) return expect(response.arrayBuffer()).rejects.toThrow();
    await expectError(response, 502, "UPSTREAM_UNAVAILABLE");
  });

  test("is tried again where Gmail says later, and tells what Gmail refuses", async ({ open }) => {
    const { browser, google } = await scene(open);
    await google.fault("attachment", { named: "userRateLimitExceeded", times: 1 });
    await google.fault("attachment", { named: "notFound", times: 1 });
    await expectError(await call(browser, `${PATH}/attachments/1`), 404, "NOT_FOUND");
    expect(await google.count("attachment")).toBe(2);
  });

  test("of a person who is not signed in leads to the sign-in", async ({ open }) => {
    const stage = await open();
    const response = await stage.browser().step(`${PATH}/attachments/1`);
    expect(response.status).toBe(302);
    expect(response.headers.get("location")).toContain("/auth/login?return_to=");
  });

  test("that another site leads to is a page with a link, and no file", async ({ open }) => {
    const { browser, google } = await scene(open);
    const text = await expectPage(await browser.step(`${PATH}/attachments/1`, { "sec-fetch-site": "cross-site" }), 403);
    expect(text).toContain("Open the address");
    expect(await google.count()).toBe(0);
  });
});

describe("GET /api/labels", () => {
  test("lists Gmail's own labels and the user's: 1 unit", async ({ open }) => {
    const { browser, stage } = await signedIn(open);
    const { token } = await makeToken(browser, { name: "list", access: "list" });
    for (const response of [
      await call(browser, "/api/labels"),
      await withToken(stage, token, { path: "/api/labels" }),
    ]) {
      expect(response.status).toBe(200);
      expect(response.headers.get("x-gmail-quota-units")).toBe("1");
      const { labels } = await response.json<{ labels: object[] }>();
      expect(labels).toContainEqual({ id: "INBOX", name: "INBOX", type: "system" });
      expect(labels).toContainEqual({ id: "Label_1", name: "Of no message", type: "user" });
    }
  });

  test("tells Gmail's refusals", async ({ open }) => {
    const { browser, google } = await signedIn(open);
    await google.always("labels", "ACCESS_TOKEN_SCOPE_INSUFFICIENT");
    await expectError(await call(browser, "/api/labels"), 403, "SCOPE_REQUIRED");
  });
});
