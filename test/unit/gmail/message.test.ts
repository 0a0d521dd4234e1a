/** What a row shows of a message: `messages.get` with `format=metadata`. */
import { describe, expect, test } from "vitest";
import { type MessageMetadata, MessageMetadataSchema } from "../../../src/gmail/message.ts";

const MESSAGE = {
  id: "18c",
  threadId: "18b",
  labelIds: ["INBOX", "UNREAD"],
  snippet: "Tom &amp; Jerry",
  internalDate: "1795348800000",
  payload: {
    headers: [
      { name: "From", value: "Ann <ann@example.test>" },
      { name: "To", value: "bob@example.test" },
      { name: "Subject", value: "Hello" },
    ],
  },
};

/** Through JSON, where what is undefined is absent. */
function read(changes: object = {}): MessageMetadata {
  return MessageMetadataSchema.parse(JSON.parse(JSON.stringify({ ...MESSAGE, ...changes })));
}

function readSubject(value: string): string | null {
  return read({ payload: { headers: [{ name: "Subject", value }] } }).subject;
}

describe("a message", () => {
  test("becomes a row", () => {
    expect(read()).toEqual({
      id: "18c",
      threadId: "18b",
      labelIds: ["INBOX", "UNREAD"],
      snippet: "Tom &amp; Jerry",
      date: "2026-11-22T12:00:00.000Z",
      from: "Ann <ann@example.test>",
      to: "bob@example.test",
      subject: "Hello",
      unread: true,
    });
  });

  test.each<[string, object]>([
    ["no payload", { payload: undefined }],
    ["no headers", { payload: {} }],
    ["empty headers", { payload: { headers: [] } }],
    ["other headers", { payload: { headers: [{ name: "X-Subject", value: "no" }] } }],
  ])("with %s has null for what is missing", (_, changes) => {
    expect(read(changes)).toMatchObject({ from: null, to: null, subject: null });
  });

  test("without labels and snippet has none, and is read", () => {
    expect(read({ labelIds: undefined, snippet: undefined })).toMatchObject({
      labelIds: [],
      snippet: "",
      unread: false,
    });
  });

  test("has its headers whatever the case of their names (RFC 5322 §1.2.2)", () => {
    const headers = [
      { name: "FROM", value: "a@example.test" },
      { name: "subject", value: "lower" },
    ];
    expect(read({ payload: { headers } })).toMatchObject({ from: "a@example.test", subject: "lower" });
  });

  test("of megabytes is decoded up to a limit, and whole all the same", () => {
    const words = "=?utf-8?Q?=C3=BC?= ".repeat(20_000);
    const subject = readSubject(words) ?? "";
    expect(subject.startsWith("üüü")).toBe(true);
    expect(subject.endsWith("=?utf-8?Q?=C3=BC?= ")).toBe(true);
    expect(readSubject("x".repeat(1_000_000))).toHaveLength(1_000_000);
  });

  test.each([
    ["plain", "a\0b\u001b[1m\r\nc\u202ed\u2066e\u2069\u2028f", "a b [1m  cde f"],
    ["encoded", "=?utf-8?Q?a=0D=0Ab=00=E2=80=AEc?=", "a  b c"],
    ["marks that turn nothing", "\u200ea\u200f", "\u200ea\u200f"],
  ])("has neither controls nor what turns the direction of text in its headers: %s", (_, value, expected) => {
    expect(readSubject(value)).toBe(expected);
    const from = read({ payload: { headers: [{ name: "From", value: `"a\u202eb\u001bc" <a@example.test>` }] } }).from;
    expect(from).toBe('"ab c" <a@example.test>');
  });

  test("with an empty subject has an empty one, which is not a missing one", () => {
    expect(readSubject("")).toBe("");
  });

  test.each([
    ["0", "1970-01-01T00:00:00.000Z"],
    ["-1000", "1969-12-31T23:59:59.000Z"],
  ])("of internalDate %s has that date", (internalDate, date) => {
    expect(read({ internalDate })).toMatchObject({ date });
  });

  test.each([undefined, null, "", "today", "NaN", 0, "9999999999999999", "300000000000000", "-99999999999999"])(
    "of internalDate %j has no date, and is read all the same",
    (internalDate) => {
      expect(read({ internalDate })).toMatchObject({ date: null, subject: "Hello" });
    },
  );

  test.each<[string, unknown]>([
    ["no id", { ...MESSAGE, id: undefined }],
    ["headers that are none", { ...MESSAGE, payload: { headers: ["From: ann"] } }],
    ["null", null],
  ])("in a form that Gmail does not have (%s) is refused, and nothing is thrown", (_, body) => {
    expect(MessageMetadataSchema.safeParse(body).success).toBe(false);
  });
});

describe("encoded words (RFC 2047)", () => {
  test.each<[string, string, string]>([
    ["base64", "=?UTF-8?B?16nXnNeV150=?=", "שלום"],
    ["quoted-printable, with _ for a space (§4.2)", "=?utf-8?q?Caf=C3=A9_au_lait?=", "Café au lait"],
    ["emoji", "=?UTF-8?B?8J+SjCBIaQ==?=", "💌 Hi"],
    ["ISO-8859-1", "=?ISO-8859-1?Q?Andr=E9?=", "André"],
    ["another charset", "=?koi8-r?B?8NLJ18XU?=", "Привет"],
    ["ISO-2022-JP", "=?ISO-2022-JP?B?GyRCJDMkcyRLJEEkTxsoQg==?=", "こんにちは"],
    ["plain text around", "Re: =?UTF-8?Q?=C3=A9t=C3=A9?= now", "Re: été now"],
    ["white space between two words dropped (§6.2)", "=?UTF-8?Q?a?= =?UTF-8?Q?b?=", "ab"],
    ["a fold between two words dropped (§6.2)", "=?UTF-8?Q?a?=\r\n =?UTF-8?Q?b?=", "ab"],
    ["a language (RFC 2231 §5)", "=?UTF-8*en?Q?a?=", "a"],
    ["a character that two words share", "=?UTF-8?B?8J+S?= =?UTF-8?B?jA==?=", "💌"],
    ["no encoded word", "1 =? 2 ?= 3", "1 =? 2 ?= 3"],
  ])("%s", (_, value, expected) => {
    expect(readSubject(value)).toBe(expected);
  });

  test.each(["=?UTF-8?B?!!!?=", "=?x-unknown?Q?a?=", "=?UTF-8?X?a?=", "=?UTF-8?B?", "=?=?=?=", "=?UTF-8?Q?=ZZ?="])(
    "%j, which is broken, does not break the row",
    (value) => {
      expect(readSubject(value)).toEqual(expect.any(String));
    },
  );

  test.each([
    ["=?utf-8?Q?Doe=2C_J=C3=B6rg?= <j@example.org>", '"Doe, Jörg" <j@example.org>'],
    ["=?utf-8?Q?Zo=C3=AB_=3A=29?= <z@example.org>, a@example.org", '"Zoë :)" <z@example.org>, a@example.org'],
  ])("in From and To are still addresses: %s", (value, expected) => {
    const headers = ["From", "To"].map((name) => ({ name, value }));
    expect(read({ payload: { headers } })).toMatchObject({ from: expected, to: expected });
  });

  test("in From keep the address as it is", () => {
    const headers = [{ name: "From", value: "=?UTF-8?B?16nXqNeU?= <sarah@example.test>" }];
    expect(read({ payload: { headers } })).toMatchObject({ from: "שרה <sarah@example.test>" });
  });
});
