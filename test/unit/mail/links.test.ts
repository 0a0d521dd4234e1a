/** Links in plain text. */
import { describe, expect, test } from "vitest";
import { hostsOf, linkify } from "../../../src/mail/links.ts";

const OWN = hostsOf(["https://mail.example.test/x"]);

/** Links as `[text](href)`, with the host where it is said. */
function marked(text: string): string {
  return linkify(text, OWN)
    .map((piece) => (piece.href === null ? piece.text : `[${piece.text}](${piece.href})${piece.host ?? ""}`))
    .join("");
}

describe("a text", () => {
  test.each([
    ["See https://a.test/b?c=d&e#f now", "See [https://a.test/b?c=d&e#f](https://a.test/b?c=d&e#f) now"],
    ["http://a.test", "[http://a.test](http://a.test/)"],
    ["www.a.test/b", "[www.a.test/b](http://www.a.test/b)"],
    ["HTTPS://A.test/", "[HTTPS://A.test/](https://a.test/)"],
    ["Write to mailto:ann@a.test.", "Write to [mailto:ann@a.test](mailto:ann@a.test)."],
    [
      "<https://a.test/>, <URL:https://a.test/>",
      "<[https://a.test/](https://a.test/)>, <URL:[https://a.test/](https://a.test/)>",
    ],
    ["(https://a.test/x)", "([https://a.test/x](https://a.test/x))"],
    ["https://a.test/x_(y).", "[https://a.test/x_(y)](https://a.test/x_(y))."],
    [
      "https://a.test/x, and https://b.test/!",
      "[https://a.test/x](https://a.test/x), and [https://b.test/](https://b.test/)!",
    ],
    ['"https://a.test/"', '"[https://a.test/](https://a.test/)"'],
    ["https://a.test/。次", "[https://a.test/](https://a.test/)。次"],
    ["https://a.test/ä", "[https://a.test/ä](https://a.test/%C3%A4)"],
    ["line\nhttps://a.test/\nline", "line\n[https://a.test/](https://a.test/)\nline"],
    ["https://a.test/\u202egnp.exe", "[https://a.test/](https://a.test/)\u202egnp.exe"],
    ["https://a.test/\u200bb", "[https://a.test/](https://a.test/)\u200bb"],
  ])("has links: %s", (text, expected) => {
    expect(marked(text)).toBe(expected);
  });

  test.each([
    ["詳細はhttps://a.test/bをご覧ください", "https://a.test/b"],
    ["请点击https://a.test/b查看", "https://a.test/b"],
    ["링크https://a.test/b를 누르세요", "https://a.test/b"],
    ["смhttps://a.test/b", "https://a.test/b"],
    ["1https://a.test/b", "https://a.test/b"],
    ["xhttps://a.test/b", "https://a.test/b"],
    ["詳細はwww.a.testをご覧", "www.a.test"],
    ["https://a.test/カタログ", "https://a.test/"],
    ["https://a.test/b\uff08新\uff09", "https://a.test/b"],
    ["https://a.test请", "https://a.test"],
    ["https://a.test/日本語/佐々木.html?q=東京 x", "https://a.test/日本語/佐々木.html?q=東京"],
    ["https://a.test/日本語をご覧", "https://a.test/日本語"],
    ["https://a.test/위키백과:대문 x", "https://a.test/위키백과:대문"],
    ["_https://a.test/b_", "https://a.test/b"],
    ["__https://a.test/b_c__", "https://a.test/b_c"],
    ["~https://a.test/b~", "https://a.test/b"],
    ["**https://a.test/b**", "https://a.test/b"],
    ["https://a.test/b_", "https://a.test/b_"],
    ["https://a.test/~", "https://a.test/~"],
    ["https://a.test/#!", "https://a.test/#!"],
    ["https://a.test/#!.", "https://a.test/#!"],
    ["(see https://a.test/Foo_(bar))", "https://a.test/Foo_(bar)"],
    ["(https://a.test/Foo_(bar)).", "https://a.test/Foo_(bar)"],
    ["[1](https://a.test/a(b))", "https://a.test/a(b)"],
    ["[https://a.test/b](https://a.test/b)", "https://a.test/b"],
    ["(https://a.test/Foo_(bar)_baz)", "https://a.test/Foo_(bar)_baz"],
    ["((https://a.test/b))", "https://a.test/b"],
    ["[https://a.test/b[c]]", "https://a.test/b[c]"],
    ["{https://a.test/b}", "https://a.test/b"],
    ["http://[::1]/b", "http://[::1]/b"],
  ])("has links that begin and end where their readers think: %s", (text, link) => {
    expect(linkify(text, OWN).find((piece) => piece.href !== null)?.text).toBe(link);
  });

  test.each([
    "javascript:alert(1)",
    "data:text/html,x",
    "ftp://a.test/",
    "https://",
    "http://[",
    "www.",
    "awww.a.test",
    "xwww.a.test",
    "ann@www.a.test",
    "mailto:",
    "https://mail.example.test/auth/logout",
    "HTTP://MAIL.EXAMPLE.TEST.:8080/",
    "https://a@mail.example.test/",
    "vbscript:x",
  ])("has none: %s", (text) => {
    expect(marked(text)).toBe(text);
  });

  test.each([
    ["https://\u0430pple.test/", "xn--pple-43d.test"],
    ["https://bank.test@evil.test/", "evil.test"],
    ["https://bank.test:pass@evil.test/", "evil.test"],
    ["http://2130706433/", "127.0.0.1"],
    ["https://e\u200dvil.test", null],
    ["https://ß.test", "xn--zca.test"],
  ])("says where a link leads that looks like another: %s", (text, host) => {
    const [piece] = linkify(text, OWN);
    expect(piece?.host ?? null).toBe(host);
    if (piece?.href) expect(new URL(piece.href).username).toBe("");
  });

  test("has 2,000 links at most, and what is behind them stays text", () => {
    const text = "http://a.test ".repeat(2_001);
    const pieces = linkify(text, OWN);
    expect(pieces.filter(({ href }) => href !== null)).toHaveLength(2_000);
    expect(pieces.map((piece) => piece.text).join("")).toBe(text);
  });

  test("of megabytes takes time in proportion to it", () => {
    for (const part of [
      "https://",
      "https://a.test/ ",
      "www.a",
      "(((",
      "mailto:",
      "https://a.test/))))",
      "!!!!",
      "http://a.test/]]",
    ]) {
      const beganMs = performance.now();
      linkify(part.repeat(40_000), OWN);
      expect(performance.now() - beganMs, part).toBeLessThan(4_000);
    }
  });
});
