/** Parameters of headers (RFC 2045 §5.1, RFC 2231). */
import { describe, expect, test } from "vitest";
import { parseStructured } from "../../../src/mime/parameters.ts";

function read(header: string): Record<string, string> {
  return Object.fromEntries(parseStructured(header).parameters);
}

describe("a header's value", () => {
  test.each([
    ["Text/HTML; charset=utf-8", "text/html"],
    [" attachment ;filename=a", "attachment"],
    ["text/plain (a comment); charset=utf-8", "text/plain"],
    ["", ""],
  ])("of %j is %j", (header, expected) => {
    expect(parseStructured(header).value).toBe(expected);
  });

  test.each<[string, string, Record<string, string>]>([
    ["a token", "text/plain; charset=utf-8", { charset: "utf-8" }],
    ["quotes", 'text/plain; Charset="utf-8"; format=flowed', { charset: "utf-8", format: "flowed" }],
    ["a comment", "text/plain; charset=us-ascii (Plain text)", { charset: "us-ascii" }],
    ["spaces", "text/plain ;\r\n\tcharset = utf-8 ", { charset: "utf-8" }],
    ["escapes", String.raw`a; filename="a \"b\" \\ c.txt"`, { filename: String.raw`a "b" \ c.txt` }],
    ["a semicolon in quotes", 'a; filename="a;b.txt"; size=1', { filename: "a;b.txt", size: "1" }],
    ["a quote that stays open", 'a; filename="a b.txt', { filename: "a b.txt" }],
    ["a name with spaces and no quotes", "a; filename=my file.txt; size=1", { filename: "my file.txt", size: "1" }],
    ["the first of two", "text/plain; charset=a; charset=b", { charset: "a" }],
    ["no value", "text/plain; charset=; x", { charset: "" }],
    ["no semicolon", "text/plain charset=utf-8", {}],
  ])("has parameters with %s", (_, header, expected) => {
    expect(read(header)).toEqual(expected);
  });

  test.each<[string, string, string]>([
    ["an encoded word", 'a; filename="=?utf-8?Q?=C3=BC=2Epdf?="', "ü.pdf"],
    ["several encoded words", 'a; filename="=?utf-8?B?w7w=?=\r\n =?utf-8?B?LnBkZg==?="', "ü.pdf"],
    ["percent signs (RFC 2231 §4)", "a; filename*=UTF-8'en'%C3%BC%20b.pdf", "ü b.pdf"],
    ["another charset", "a; filename*=iso-8859-1''%FC.pdf", "ü.pdf"],
    ["no charset", "a; filename*=%C3%BC.pdf", "ü.pdf"],
    ["continuations (§3)", 'a; filename*0="long "; filename*1="name.pdf"', "long name.pdf"],
    ["continuations that are encoded (§4.1)", "a; filename*0*=utf-8''%C3; filename*1*=%BC; filename*2=.pdf", "ü.pdf"],
    ["continuations in any order", "a; filename*1=b; filename*0=a; filename*2=c", "abc"],
    ["percent signs in a plain one", "a; filename*0*=utf-8''a; filename*1=%2F", "a%2F"],
    ["an encoded word in two continuations", 'a; filename*0="=?utf-8?Q?=C3"; filename*1="=BC?="', "ü"],
    ["both forms", "a; filename=u.pdf; filename*=utf-8''%C3%BC.pdf", "ü.pdf"],
    ["an apostrophe and no charset", "a; filename*=it's.pdf", "it's.pdf"],
    ["broken percent signs", "a; filename*=utf-8''100%25%zz%", "100%%zz%"],
    ["quotes around", "a; filename*=\"utf-8''%C3%BC\"", "ü"],
  ])("has a file name with %s", (_, header, expected) => {
    expect(read(header)["filename"]).toBe(expected);
  });

  test.each([
    ["text/plain; x=" + '" ("'.repeat(8000) + "\u2028", "text/plain"],
    ["text/plain; x=a" + " (".repeat(8000) + "\u2028", "text/plain"],
    ["text/plain" + " ".repeat(16_000) + "x", `text/plain${" ".repeat(16_000)}x`],
    ["text/plain (a\u2028b)", "text/plain"],
  ])("is read whatever its comments are", (header, value) => {
    expect(parseStructured(header).value).toBe(value);
  });

  test("without a comment that a line separator is in", () => {
    expect(read("a; charset=utf-8 (x\u2028y)")).toEqual({ charset: "utf-8" });
  });

  test("of megabytes takes no time", () => {
    for (const part of ["; a*0=", ';a="', "; a", '; a="\\', "; filename*9=x"]) {
      const beganMs = performance.now();
      parseStructured(`a${part.repeat(300_000)}`);
      expect(performance.now() - beganMs, part).toBeLessThan(1_000);
    }
  });
});
