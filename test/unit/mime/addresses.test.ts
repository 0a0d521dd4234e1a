/** Address headers (RFC 5322 §3.4): split first, each name decoded, quoted again where it needs it (RFC 2047 §6.2). */
import { describe, expect, test } from "vitest";
import { decodeAddressHeader, flatAddresses, parseAddresses } from "../../../src/mime/addresses.ts";

describe("an address header", () => {
  test.each<[string, string, string]>([
    ["a comma", "=?utf-8?Q?Doe=2C_J=C3=B6rg?= <j@example.org>", '"Doe, Jörg" <j@example.org>'],
    ["a comma that was not encoded", "=?utf-8?Q?Doe,_J=C3=B6rg?= <j@example.org>", '"Doe, Jörg" <j@example.org>'],
    ["a colon", "=?utf-8?Q?B=C3=BCro=3A_Ann?= <a@example.org>", '"Büro: Ann" <a@example.org>'],
    ["a parenthesis", "=?utf-8?Q?Ann_=28B=C3=BCro?= <a@example.org>", '"Ann (Büro" <a@example.org>'],
    ["both parentheses", "=?utf-8?B?QW5uIChCw7xybyk=?= <a@example.org>", '"Ann (Büro)" <a@example.org>'],
    ["a face", "=?utf-8?Q?Zo=C3=AB_=3A=29?= <z@example.org>", '"Zoë :)" <z@example.org>'],
    ["a quotation mark", "=?utf-8?Q?Zo=C3=AB_=22Z=22?= <z@example.org>", String.raw`"Zoë \"Z\"" <z@example.org>`],
    ["a backslash", "=?utf-8?Q?a=5Cb?= <z@example.org>", String.raw`"a\\b" <z@example.org>`],
    ["an angle bracket", "=?utf-8?Q?=3Cevil=40x.test=3E?= <z@example.org>", '"<evil@x.test>" <z@example.org>'],
    ["an at sign", "=?utf-8?Q?boss=40example.org?= <z@evil.test>", '"boss@example.org" <z@evil.test>'],
    ["a semicolon", "=?utf-8?Q?a=3Bb?= <z@example.org>", '"a;b" <z@example.org>'],
    ["a dot", "=?utf-8?Q?Dr=2E_J=C3=B6rg?= <j@example.org>", '"Dr. Jörg" <j@example.org>'],
    ["a line break", "=?utf-8?Q?a=0D=0AB?= <z@example.org>", "a B <z@example.org>"],
    ["nothing special", "=?utf-8?Q?J=C3=B6rg_Doe?= <j@example.org>", "Jörg Doe <j@example.org>"],
    [
      "an encoded word that was encoded",
      "=?utf-8?Q?=3D=3Futf-8=3FQ=3Fa=3F=3D?= <a@b.test>",
      '"=?utf-8?Q?a?=" <a@b.test>',
    ],
  ])("whose encoded name has %s is still the same addresses", (_, header, expected) => {
    expect(decodeAddressHeader(header)).toBe(expected);
  });

  test.each<[string, string, string]>([
    [
      "two in one header",
      "=?utf-8?Q?A=2C?= <a@x.test>, =?utf-8?Q?=C3=9C?= <b@x.test>",
      '"A," <a@x.test>, Ü <b@x.test>',
    ],
    ["words beside atoms", "Jane =?utf-8?Q?M=C3=BCller?= <j@x.test>", "Jane Müller <j@x.test>"],
    ["words that are folded", "=?utf-8?Q?M=C3=BC?=\r\n =?utf-8?Q?ller?= <j@x.test>", "Müller <j@x.test>"],
    ["a word in quotes, which is not allowed", '"=?utf-8?Q?M=C3=BCller=2C_J?=" <j@x.test>', '"Müller, J" <j@x.test>'],
    ["a quoted name beside a word", '"Doe, J." =?utf-8?Q?=C3=9C?= <j@x.test>', '"Doe, J. Ü" <j@x.test>'],
    ["a group", "=?utf-8?Q?Fr=C3=BC?=: a@x.test, B <b@x.test>;", "Frü: a@x.test, B <b@x.test>;"],
    ["a comment as the name", "j@x.test (=?utf-8?Q?J=C3=B6rg?=)", "Jörg <j@x.test>"],
    ["no space before the address", "=?utf-8?Q?J=C3=B6rg?=<j@x.test>", "Jörg <j@x.test>"],
    ["everything encoded", "=?utf-8?Q?J=C3=B6rg_=3Cj=40x.test=3E?=", '"Jörg <j@x.test>"'],
    ["an encoded word in the address", "Jo =?utf-8?Q?=C3=9C?= <=?utf-8?Q?j?=@x.test>", "Jo Ü <=?utf-8?Q?j?=@x.test>"],
    ["a name that a mailer has not quoted", "Doe, Jörg <j@x.test>", '"Doe, Jörg" <j@x.test>'],
    ["a name of several parts", "Foo Co., Ltd., Tokyo <a@x.test>", '"Foo Co., Ltd., Tokyo" <a@x.test>'],
    ["encoded parts of a name", "=?utf-8?Q?M=C3=BC?=, =?utf-8?Q?J=C3=B6?=, Dr. <a@x.test>", '"Mü, Jö, Dr." <a@x.test>'],
    ["a colon in a name", "Sales: EU <s@x.test>", '"Sales: EU" <s@x.test>'],
    ["brackets in a name", "Smith John [Dept] <a@x.test>", '"Smith John [Dept]" <a@x.test>'],
    ["an at sign in a name", "John @ Acme <j@x.test>", '"John @ Acme" <j@x.test>'],
    ["a parenthesis that stays open", "J. Doe (Acme <j@x.test>", '"J. Doe (Acme" <j@x.test>'],
    ["a quotation mark that stays open", '"unclosed <a@x.test>', String.raw`"\"unclosed" <a@x.test>`],
    ["semicolons in place of commas", "a@x.test; c@y.test", "a@x.test, c@y.test"],
    ["several of them", "Doe, Jörg <j@x.test>, Roe, Ann <a@x.test>", '"Doe, Jörg" <j@x.test>, "Roe, Ann" <a@x.test>'],
  ])("with %s", (_, header, expected) => {
    expect(decodeAddressHeader(header)).toBe(expected);
  });

  test.each([
    "Ann <ann@example.test>",
    '"Doe, Ann" <ann@example.test>',
    "ann@example.test",
    "ann@example.test (Ann)",
    "a@x.test, b@x.test",
    "undisclosed-recipients:;",
    String.raw`"a \"b\" c" <a@x.test>`,
    '"a b"@x.test',
    "<ann@example.test>",
    "",
    "nobody",
    "J. Doe <j@x.test>",
    // Whose address it is depends on the reader: nothing is taken out of it.
    '"Bank =?" <"alice@bank.test> "@evil.test>',
    "alice@bank.test (=?) evil@evil.test",
    "=?utf-8?q?Bank?= <alice@bank.test> <evil@evil.test>",
    "=?utf-8?q?Bank?= <(<alice@bank.test>)evil@evil.test>",
    "=?utf-8?q?Bank?= <alice@bank.test (>) @evil.test>",
    "=?utf-8?q?Bank?= <alice@bank.test> evil@evil.test",
    "=?utf-8?q?Bank?= <alice@bank.test@evil.test>",
    "=?utf-8?q?Bank?= > <alice@bank.test>",
    "=?utf-8?q?Bank?= alice@bank.test, evil@evil.test evil@other.test",
  ])("that needs nothing stays as it is: %s", (header) => {
    expect(decodeAddressHeader(header)).toBe(header);
  });

  test("is decoded the same when it is decoded again, and means the same addresses", () => {
    const header = "=?utf-8?Q?Doe=2C_=22J=22?= <j@x.test>, =?utf-8?Q?a=3A?= <b@x.test>, g: c@x.test;";
    const once = decodeAddressHeader(header);
    expect(decodeAddressHeader(once)).toBe(once);
    expect(flatAddresses(parseAddresses(once)).map(({ address }) => address)).toEqual([
      "j@x.test",
      "b@x.test",
      "c@x.test",
    ]);
  });

  test("of megabytes takes no time", () => {
    for (const part of [
      "(",
      '"',
      "<",
      "<@",
      "=?",
      "=?a?q?",
      ":",
      ";",
      "a,",
      '"a" ',
      String.raw`"\ `.trim(),
      "=?utf-8?q?=C3?= ",
    ]) {
      const beganMs = performance.now();
      decodeAddressHeader(part.repeat(500_000));
      expect(performance.now() - beganMs, part).toBeLessThan(3_000);
    }
  });
});

describe("the addresses of a header", () => {
  test.each<[string, string, { name: string; address: string }[]]>([
    ["route and spaces", "A <@r.test,@s.test:a @x.test>", [{ name: "A", address: "a@x.test" }]],
    ["a quoted local part", '"a b"@x.test', [{ name: "", address: '"a b"@x.test' }]],
    [
      "semicolons",
      "a@x.test; b@x.test",
      [
        { name: "", address: "a@x.test" },
        { name: "", address: "b@x.test" },
      ],
    ],
    ["nothing between commas", ",, a@x.test,", [{ name: "", address: "a@x.test" }]],
    [
      "a bracket that stays open",
      "A <a@x.test, B <b@x.test>",
      [
        { name: "A", address: "a@x.test" },
        { name: "B", address: "b@x.test" },
      ],
    ],
    ["nested comments", "A (b (c) d) <a@x.test>", [{ name: "A", address: "a@x.test" }]],
    ["a colon that begins no group", "mailto:a@x.test", [{ name: "", address: "mailto:a@x.test" }]],
  ])("with %s", (_, header, expected) => {
    expect(flatAddresses(parseAddresses(header))).toEqual(expected);
  });
});
