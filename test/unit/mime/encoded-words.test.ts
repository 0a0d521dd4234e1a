/** Encoded words (RFC 2047) as mailers write them. */
import { describe, expect, test, vi } from "vitest";
import { decodeWords } from "../../../src/mime/encoded-words.ts";

describe("encoded words", () => {
  test.each<[string, string, string]>([
    ["a character in two words", "=?utf-8?B?8J+YgPCf?= =?utf-8?B?mIA=?=", "😀😀"],
    ["a character in two words with padding", "=?utf-8?B?8J8=?= =?UTF-8?B?mIA=?=", "😀"],
    ["a character in three words", "=?utf-8?B?8A==?=\r\n =?utf-8?B?nw==?=\t=?utf-8?B?mIA=?=", "😀"],
    ["a character in two words of Q", "=?utf-8?Q?a=C3?= =?utf-8?Q?=BCb?=", "aüb"],
    ["a character in a word of Q and one of B", "=?utf-8?Q?=C3?= =?utf-8?B?vA==?=", "ü"],
    ["padding inside of a word", "=?utf-8?B?YQ==Yg==?=", "ab"],
    ["no padding", "=?utf-8?B?YQ?= =?utf-8?B?Yg?=", "ab"],
    ["white space in base64", "=?utf-8?B?YW I=?=", "ab"],
    ["Shift_JIS in two words", "=?shift_jis?B?gg==?= =?Shift_JIS?B?sQ==?=", "こ"],
    ["two charsets", "=?utf-8?Q?=C3=BC?= =?iso-8859-1?Q?=FC?=", "üü"],
    ["a word that is broken off beside a good one", "=?utf-8?B?8J8=?= =?utf-8?Q?good_=C3=BC?=", "\u{fffd}good ü"],
    ["a question mark", "=?utf-8?Q?Really?_Y=C3=A9s?=", "Really? Yés"],
    ["an equals sign", "=?utf-8?Q?1=1_=C3=BC?=", "1=1 ü"],
    ["spaces", "=?utf-8?Q?Rechnung f=C3=BCr M=C3=A4rz?=", "Rechnung für März"],
    ["letters that should have been encoded", "=?utf-8?Q?é?=", "é"],
    ["a language (RFC 2231 §5)", "=?iso-8859-1*de?Q?=FC?=", "ü"],
    ["an unknown charset", "=?x-unknown?B?SGVsbG8gd29ybGQ=?=", "Hello world"],
    ["a code page", "=?cp1251?B?z/Do4uXy?=", "Привет"],
    ["UTF-8 that is called something else", "=?iso-8859-1?Q?=C3=BCber?=", "über"],
    ["something else that is called UTF-8", "=?utf-8?Q?=FCber?=", "über"],
    ["words that touch each other", "=?utf-8?Q?a?==?utf-8?Q?b?=", "ab"],
    ["text that touches words", "x=?utf-8?Q?a?=y", "xay"],
    ["a word in a word's beginning", "=?utf-8?Q?a =?utf-8?Q?b?=", "=?utf-8?Q?a b"],
    ["no word", "a =? b ?= c", "a =? b ?= c"],
  ])("%s", (_, text, expected) => {
    expect(decodeWords(text)).toBe(expected);
  });
});

describe("encoded words without end", () => {
  test("are decoded up to 1,000, and up to 16,384 characters", () => {
    const short = "=?a?q?b?= ".repeat(1_500);
    expect(decodeWords(short)).toBe("b".repeat(1_000) + short.slice(9_999));
    const long = `${"x".repeat(16_380)}=?utf-8?q?b?=`;
    expect(decodeWords(long)).toBe(long);
  });

  test("of charsets that nobody knows ask for each of them once", () => {
    const labels: unknown[] = [];
    const Real = TextDecoder;
    vi.stubGlobal(
      "TextDecoder",
      class extends Real {
        constructor(label?: string, options?: TextDecoderConstructorOptions) {
          if (label?.startsWith("nobodys")) labels.push(label);
          super(label, options);
        }
      },
    );
    decodeWords("=?nobodys-1?q?b?= x =?nobodys-2?q?b?= x ".repeat(400));
    vi.unstubAllGlobals();
    expect(labels.length).toBeGreaterThan(0);
    expect(labels.length).toBeLessThanOrEqual(4);
  });
});
