/** What a person reads of a message, from the parts that Gmail has taken it apart into. */
import { describe, expect, test } from "vitest";
import { GmailMessageSchema } from "../../../src/gmail/message.ts";
import { type ReadableMessage, toReadableMessage } from "../../../src/mail/body.ts";

type Part = Record<string, unknown>;

function base64url(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

/** A byte for each character. */
function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function part(mimeType: string, content: string | Uint8Array, contentType?: string): Part {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const headers = contentType === undefined ? [] : [{ name: "Content-Type", value: contentType }];
  return { mimeType, filename: "", headers, body: { size: bytes.length, data: base64url(bytes) } };
}

function multipart(kind: string, ...parts: Part[]): Part {
  return { mimeType: `multipart/${kind}`, filename: "", headers: [], body: { size: 0 }, parts };
}

function attachment(filename: string, inner: Part, size = 0): Part {
  return { ...inner, filename, body: { ...(inner["body"] as object), size } };
}

/** Through JSON, where what is undefined is absent. */
function read(payload: Part | undefined, changes: object = {}): ReadableMessage {
  const message = { id: "18c", threadId: "18b", internalDate: "1795348800000", payload, ...changes };
  return toReadableMessage(GmailMessageSchema.parse(JSON.parse(JSON.stringify(message))));
}

describe("headers", () => {
  test("are decoded, whatever the case of their names", () => {
    const headers = [
      { name: "FROM", value: "=?UTF-8?B?16nXqNeU?= <sarah@example.test>" },
      { name: "to", value: "bob@example.test" },
      { name: "Cc", value: "carol@example.test" },
      { name: "Subject", value: "=?ISO-8859-1?Q?Caf=E9?=" },
    ];
    expect(read({ headers }, { labelIds: ["INBOX"] })).toMatchObject({
      id: "18c",
      threadId: "18b",
      labelIds: ["INBOX"],
      from: "שרה <sarah@example.test>",
      to: "bob@example.test",
      cc: "carol@example.test",
      subject: "Café",
      dateMs: Date.UTC(2026, 10, 22, 12),
    });
  });

  test("that are missing are null, and a message without a payload has nothing", () => {
    expect(read(undefined)).toEqual({
      id: "18c",
      threadId: "18b",
      labelIds: [],
      from: null,
      to: null,
      cc: null,
      subject: null,
      dateMs: Date.UTC(2026, 10, 22, 12),
      text: null,
      html: null,
      attachments: [],
    });
  });
});

describe("the body", () => {
  test("of a message of one part is that part", () => {
    expect(read(part("text/plain", "Hello"))).toMatchObject({ text: "Hello", html: null });
    expect(read(part("TEXT/HTML", "<p>Hello"))).toMatchObject({ text: null, html: "<p>Hello" });
  });

  test("is found however deep it is, the first of each type", () => {
    const alternative = multipart("alternative", part("text/plain", "plain"), part("text/html", "<b>html</b>"));
    const message = multipart("mixed", multipart("related", alternative), part("text/plain", "a footer"));
    expect(read(message)).toMatchObject({ text: "plain", html: "<b>html</b>", attachments: [] });
  });

  test("passes over a part without data for one that has it", () => {
    const empty = { mimeType: "text/plain", filename: "", headers: [], body: { size: 0 } };
    expect(read(multipart("mixed", empty, part("text/plain", "second")))).toMatchObject({ text: "second" });
  });

  test("is not an attachment, which is listed by its name and size", () => {
    const message = multipart(
      "mixed",
      attachment("notes.txt", part("text/plain", "attached"), 5),
      attachment("page.html", part("text/html", "<p>attached"), 11),
      { mimeType: "image/png", filename: "תמונה.png", headers: [], body: { attachmentId: "x", size: 2048 } },
    );
    expect(read(message)).toMatchObject({
      text: null,
      html: null,
      attachments: [
        { name: "notes.txt", bytes: 5 },
        { name: "page.html", bytes: 11 },
        { name: "תמונה.png", bytes: 2048 },
      ],
    });
  });

  test("of another type only is none", () => {
    expect(read(part("text/calendar", "BEGIN:VCALENDAR"))).toMatchObject({ text: null, html: null });
  });

  test("is read beside a part that is none", () => {
    const odd: Part = { mimeType: 7 };
    expect(read(multipart("mixed", odd, part("text/plain", "Hello")))).toMatchObject({ text: "Hello" });
  });

  test("in parts within parts without end is not looked for for ever", () => {
    let message = part("text/plain", "too deep");
    for (let depth = 0; depth < 200; depth += 1) message = multipart("mixed", message);
    expect(read(message)).toMatchObject({ text: null });
  });
});

describe("the text of a body", () => {
  test.each<[string, Uint8Array | string, string | undefined, string]>([
    ["UTF-8", "שלום 💌", "text/plain; charset=utf-8", "שלום 💌"],
    ["UTF-8 that calls itself something else, as Gmail converts it", "é", "text/plain; charset=iso-8859-1", "é"],
    ["no charset", "é", undefined, "é"],
    ["ISO-8859-1", latin1("Caf\u00e9"), 'text/plain; charset="ISO-8859-1"', "Café"],
    ["Windows-1252 for no charset", latin1("Caf\u00e9 \u0093q\u0094"), "text/plain", "Café “q”"],
    ["KOI8-R", latin1("\u00f0\u00d2\u00c9"), "text/plain; format=flowed; charset=koi8-r", "При"],
    [
      "ISO-2022-JP, which is ASCII to the eye",
      latin1("\u001b$B$3$s\u001b(B"),
      "text/plain; charset=iso-2022-jp",
      "こん",
    ],
    ["Shift_JIS", latin1("\u0082\u00b1"), "text/plain; charset=Shift_JIS", "こ"],
    ["a charset that nobody knows", latin1("a\u00ffb"), "text/plain; charset=x-unknown", "a\ufffdb"],
    ["a byte-order mark, dropped", "\ufeffHello", "text/plain; charset=utf-8", "Hello"],
  ])("%s", (_, content, contentType, expected) => {
    expect(read(part("text/plain", content, contentType)).text).toBe(expected);
  });

  test("may be padded in Gmail's answer, or not", () => {
    for (const data of ["SGVsbG8", "SGVsbG8="]) {
      const plain = { mimeType: "text/plain", filename: "", headers: [], body: { size: 5, data } };
      expect(read(plain).text).toBe("Hello");
    }
  });

  test("that is no base64url breaks nothing but itself", () => {
    const broken = { mimeType: "text/plain", filename: "", headers: [], body: { size: 1, data: "*" } };
    expect(read(multipart("mixed", broken, part("text/html", "<p>Hello"))).html).toBe("<p>Hello");
  });
});
