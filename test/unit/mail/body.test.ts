/** A message's headers and the text of its parts, from what Gmail has taken apart. */
import { describe, expect, test } from "vitest";
import { aroundFrame, fetchTexts, unshown } from "../../../src/mail/body.ts";
import { apart, latin1, multipart, part, read, shown } from "./fixtures.ts";

describe("headers", () => {
  test("are decoded, whatever the case of their names", () => {
    const headers = [
      { name: "FROM", value: "=?UTF-8?B?16nXqNeU?= <sarah@example.test>" },
      { name: "to", value: "=?utf-8?Q?Doe=2C_J=C3=B6rg?= <j@example.org>" },
      { name: "Cc", value: "carol@example.test" },
      { name: "Subject", value: "=?ISO-8859-1?Q?Caf=E9?=" },
    ];
    expect(read({ headers }, { labelIds: ["INBOX"] })).toMatchObject({
      id: "18c",
      threadId: "18b",
      labelIds: ["INBOX"],
      from: "שרה <sarah@example.test>",
      to: '"Doe, Jörg" <j@example.org>',
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
      blocks: [],
      listed: [],
      attachments: [],
      isEncrypted: false,
      isCut: false,
    });
  });
});

describe("a message that Gmail describes in another form", () => {
  test.each<[string, unknown]>([
    ["null", null],
    ["a text", "x"],
    ["parts that are none", { mimeType: "multipart/mixed", parts: "x" }],
    ["parts in parts that are none", { mimeType: "multipart/mixed", parts: [null, 1, "x", []] }],
    ["headers that are none", { mimeType: "text/plain", headers: [{ name: 1 }] }],
    ["a body that is none", { mimeType: "text/plain", body: "x" }],
    ["a size that is none", { mimeType: "text/plain", body: { size: "many", data: "SGk" } }],
    ["a type that is none", { mimeType: 7, body: { size: 1, data: "SGk" } }],
  ])("is read as far as it goes: %s", (_, payload) => {
    expect(read(payload).id).toBe("18c");
  });
});

describe("the text of a part", () => {
  test.each<[string, Uint8Array | string, string | undefined, string]>([
    ["UTF-8", "שלום 💌", "text/plain; charset=utf-8", "שלום 💌"],
    ["UTF-8 that calls itself something else, as Gmail converts it", "é", "text/plain; charset=iso-8859-1", "é"],
    ["no charset", "é", undefined, "é"],
    ["ISO-8859-1", latin1("Caf\u00e9"), 'text/plain; charset="ISO-8859-1"', "Café"],
    ["Windows-1252 for no charset", latin1("Caf\u00e9 \u0093q\u0094"), "text/plain", "Café “q”"],
    ["KOI8-R", latin1("\u00f0\u00d2\u00c9"), "text/plain; format=fixed; charset=koi8-r", "При"],
    ["a charset by RFC 2231", latin1("\u00f0\u00d2\u00c9"), "text/plain; charset*=us-ascii'en'koi8-r", "При"],
    [
      "ISO-2022-JP, which is ASCII to the eye",
      latin1("\u001b$B$3$s\u001b(B"),
      "text/plain; charset=iso-2022-jp",
      "こん",
    ],
    ["Shift_JIS", latin1("\u0082\u00b1"), "text/plain; charset=Shift_JIS", "こ"],
    ["a charset that nobody knows", latin1("a\u00e9b"), "text/plain; charset=x-unknown", "aéb"],
    ["a byte-order mark, dropped", "\ufeffHello", "text/plain; charset=utf-8", "Hello"],
    [
      "flowed lines (RFC 3676)",
      "One \nline.\n\nTwo\n>> a \n>> b\n-- \nAnn",
      "text/plain; format=flowed",
      "One line.\n\nTwo\n>> a b\n-- \nAnn",
    ],
    ["flowed lines without the space", "一 \n二", "text/plain; format=flowed; delsp=yes", "一二"],
    ["lines that end in spaces and are not flowed", "One \nline.", "text/plain", "One \nline."],
  ])("%s", (_, content, contentType, expected) => {
    const headers = contentType === undefined ? {} : { "Content-Type": contentType };
    expect(shown(part("text/plain", content, headers))).toEqual([`text: ${expected}`]);
  });

  test.each<[string, string]>([
    ['<meta charset="koi8-r">', "text/html"],
    ['<META HTTP-EQUIV=Content-Type CONTENT="text/html; charset=koi8-r">', "text/html; charset=us-ascii"],
    ['<?xml version="1.0" encoding="koi8-r"?>', "text/html; charset=utf-8"],
  ])("of HTML whose charset only the HTML names: %s", (head, contentType) => {
    const html = part("text/html", latin1(`${head}\u00f0\u00d2\u00c9`), { "Content-Type": contentType });
    expect(shown(html)).toEqual([`html: ${head}При`]);
  });

  test.each<[string, string, string, string]>([
    ['<meta http-equiv=Content-Type content="text/html; charset=unicode">', "Gr\u00fc\u00dfe", "Grüße", "text/html"],
    ['<meta charset="utf-16">', "\u00cf\u00f0\u00e8\u00e2\u00e5\u00f2", "Привет", "text/html; charset=utf-8"],
    ['<meta charset="utf-16le">', "\u00c3\u00a9", "é", "text/html"],
    ['<?xml version="1.0" encoding="utf-16"?>', "Gr\u00fc\u00dfe", "Grüße", "text/html; charset=x-unknown"],
    ["<meta charset=x-user-defined>", "Gr\u00fc\u00dfe", "Grüße", "text/html"],
    ["<!-- <meta charset=koi8-r> -->", "Gr\u00fc\u00dfe", "Grüße", "text/html"],
    ["<!--><meta charset=koi8-r>", "\u00f0\u00d2\u00c9", "При", "text/html"],
    ["<!-- --><meta charset=koi8-r><!-- x", "\u00f0\u00d2\u00c9", "При", "text/html"],
    ["<!--[if mso]><meta charset=koi8-r>", "Gr\u00fc\u00dfe", "Grüße", "text/html"],
  ])("of HTML that names what it cannot be in, or in a comment: %s", (head, content, expected, contentType) => {
    const html = part("text/html", latin1(`${head}${content}`), { "Content-Type": contentType });
    expect(shown(html)).toEqual([`html: ${head}${expected}`]);
  });

  test("of enriched text (RFC 1896) is its words", () => {
    const text = "<bold>Now</bold> is <color><param>red</param>the</color>\ntime\n\nfor <<all>.<nofill>";
    expect(shown(part("text/enriched", text))).toEqual(["text: Now is the time\nfor <all>."]);
  });

  test("may be padded in Gmail's answer, or not", () => {
    for (const data of ["SGVsbG8", "SGVsbG8="]) {
      expect(shown({ mimeType: "text/plain", filename: "", headers: [], body: { size: 5, data } })).toEqual([
        "text: Hello",
      ]);
    }
  });

  test.each([
    ["w7/Dvw==", "ÿÿ"],
    ["w7_Dvw", "ÿÿ"],
    ["8J+SjA==", "💌"],
  ])("may be in the other alphabet: %s", (data, expected) => {
    expect(shown({ mimeType: "text/plain", filename: "", headers: [], body: { size: 4, data } })).toEqual([
      `text: ${expected}`,
    ]);
  });

  test("that is no base64url breaks nothing but itself", () => {
    const broken = { mimeType: "text/plain", filename: "", headers: [], body: { size: 1, data: "*" } };
    expect(shown(multipart("mixed", broken, part("text/html", "<p>Hello")))).toEqual(["html: <p>Hello"]);
  });
});

describe("texts that did not come with the message", () => {
  test("are fetched, and decoded as the others", async () => {
    const { blocks } = read(
      multipart("mixed", apart("text/plain", 4, { "Content-Type": "text/plain; charset=koi8-r" })),
    );
    const fetched = await fetchTexts(blocks, async () => latin1("\u00f0\u00d2\u00c9"));
    expect(fetched.map(({ text }) => text)).toEqual(["При"]);
  });

  test("are fetched up to a size and a number, and listed beyond that and where they cannot be had", async () => {
    const message = read(
      multipart("mixed", apart("text/plain", 4_000_000), apart("text/plain", 2_000_000), apart("text/plain", 1)),
    );
    const asked: number[] = [];
    const blocks = await fetchTexts(message.blocks, async ({ size }) => {
      asked.push(size);
      return size === 1 ? null : latin1("x");
    });
    expect(asked).toEqual([4_000_000, 1]);
    expect(blocks.map(({ text }) => text)).toEqual(["x", null, null]);
    expect(unshown(blocks, message).map(({ size, name }) => [name, size])).toEqual([
      ["text.txt", 2_000_000],
      ["text.txt", 1],
    ]);
    const many = read(multipart("mixed", ...Array.from({ length: 30 }, () => apart("text/plain", 1))));
    let calls = 0;
    await fetchTexts(many.blocks, async () => {
      calls += 1;
      return latin1("x");
    });
    expect(calls).toBe(10);
  });
});

/** What is before, in and after the frame. */
function kinds(payload: object): string[] {
  const { before, framed, after } = aroundFrame(read(payload).blocks);
  return [before, framed, after].map((blocks) => blocks.map(({ kind }) => kind).join(" "));
}

test("one frame has all HTML and the texts between; what is no text stays on the page", () => {
  const html = part("text/html", "<p>h");
  const calendar = part("text/calendar", "BEGIN:VCALENDAR");
  const text = part("text/plain", "t");
  expect(kinds(multipart("mixed", text, html, text, calendar, html, text))).toEqual([
    "calendar text",
    "html text html",
    "text",
  ]);
  expect(kinds(multipart("mixed", text, calendar))).toEqual(["text calendar", "", ""]);
});
