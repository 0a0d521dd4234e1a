/** What of a mail's HTML is shown: what mail needs stays as it was, and nothing else gets through. */
import { describe, expect, test } from "vitest";
import { type FramePart, sanitizeHtml, toFrameDocument } from "../../../src/mail/html.ts";
import { mentionsRemotePictures } from "../../../src/mail/html-content.ts";
import { readPart } from "../../../src/mail/part.ts";
import { Pictures } from "../../../src/mail/pictures.ts";
import { cleanStyle } from "../../../src/mail/style.ts";
import { expectAllowedOnly } from "../../support/mail-markup.ts";
import { openers, WRAPPERS } from "../../support/mail-payloads/openers.ts";
import { OTHER_LINKS, OWN_LINKS, OWN_URLS } from "../../support/mail-payloads/own-links.ts";
import { SCRIPT_LINKS, SCRIPTS } from "../../support/mail-payloads/scripts.ts";
import { styles } from "../../support/mail-payloads/styles.ts";

const SENDER = "http://sender.test";
const OPENERS = Object.values(openers(SENDER));

function clean(html: string): string {
  return sanitizeHtml(html, { ownUrls: OWN_URLS });
}

describe("what mail needs stays as it was:", () => {
  test.for([
    `<table width="600" cellpadding="0" cellspacing="0" border="0" align="center" bgcolor="#f4f4f4" role="presentation">`,
    `<tr valign="top"><td colspan="2" rowspan="3" height="50%" nowrap="">x</td></tr></table>`,
    `<p align="center" dir="rtl" lang="he" title="a &amp; b &eacute;">&copy; 2026 &lt;b&gt; &amp; &nbsp;x</p>`,
    `<font color="#123" face="Arial, 'Helvetica Neue'" size="+1"><center><h1>x</h1></center></font>`,
    `<ol type="a" start="3"><li value="7">x<ul><li>y</ul></ol><dl><dt>x<dd>y</dl>`,
    `<div style="margin:0 auto;max-width:600px;color:#FFF !important;font-family:Arial,'Segoe UI',sans-serif">x</div>`,
    `<div style="width:calc(100% - 20px);background:linear-gradient(90deg,rgb(1,2,3),rgba(1,2,3,.5))">x</div>`,
    `<div style="font-family:&quot;Segoe UI&quot;,ＭＳ Ｐゴシック;border-top-left-radius:3px;display:none">x</div>`,
    `<img alt="Our logo" width="120" height="40" style="display:block">`,
    `<img alt="" src="data:image/png;base64,iVBORw0KGgo=">`,
    `<blockquote>a<br>b<hr>c<wbr>d</blockquote><pre>  x\n  y</pre>`,
    `<details open=""><summary>x</summary>y</details>`,
    `<body bgcolor="#eee" style="margin:0">x`,
  ])("%s", (html) => {
    expect(clean(html)).toBe(html);
  });

  test("links to elsewhere open in a tab of their own", () => {
    const more = ` target="_blank" rel="noopener noreferrer"`;
    expect(clean(`<a href='https://shop.test/?a=1&amp;b=2#c' title="x">x</a>`)).toBe(
      `<a href="https://shop.test/?a=1&amp;b=2#c"${more} title="x">x</a>`,
    );
    expect(clean(`<a target=_top rel=opener href="mailto:a@shop.test?subject=x">x</a>`)).toBe(
      `<a href="mailto:a@shop.test?subject=x"${more}>x</a>`,
    );
    expect(clean("<A HREF=tel:+41-79>x</A>")).toBe(`<a href="tel:+41-79"${more}>x</a>`);
  });

  test("also what is not closed, not quoted or closed twice", () => {
    expect(clean("<table><TR><td align=center width=5>a<td>b</table></b></p></br>")).toBe(
      `<table><tr><td align="center" width="5">a<td>b</table></b></p></br>`,
    );
  });

  test("text is text, and what is around it goes", () => {
    expect(clean(`a < b > c <3 "d" & e &unknown; <`)).toBe("a &lt; b &gt; c &lt;3 &quot;d&quot; & e &unknown; &lt;");
    expect(
      clean(`<!doctype html><head><title>x</title><style>p{}</style></head><o:p>y</o:p><form><button>z</button>`),
    ).toBe("yz");
    expect(clean("<!--[if mso]><p>Outlook</p><![endif]--><!--[if !mso]><!--><p>others</p><!--<![endif]-->")).toBe(
      "<p>others</p>",
    );
    expect(clean("a<svg><text>b</text></svg><noscript>c</noscript><script>d</script><iframe>e</iframe>f")).toBe("abcf");
  });
});

describe("pictures", () => {
  test.for(["https://shop.test/logo.png", "//shop.test/x", "cid:part1@shop.test", "logo.png", ""])(
    "that did not come along leave their place: %s",
    (src) => {
      expect(clean(`<img src="${src}" srcset="x 2x" width=9 height=8 alt='"Logo"'>`)).toBe(
        `<img width="9" height="8" alt="&quot;Logo&quot;">`,
      );
    },
  );

  test.for(["png", "jpeg", "jpg", "gif", "webp"])("in the HTML itself are shown: %s", (type) => {
    expect(clean(`<img src=" data:image/${type};base64,AAAA\n BBBB ">`)).toBe(
      `<img src="data:image/${type};base64,AAAABBBB">`,
    );
  });

  test.for([
    "data:image/svg+xml;base64,AAAA",
    "data:text/html;base64,AAAA",
    "data:image/png,AAAA",
    "data:image/png;charset=x;base64,AAAA",
    "data:image/png;base64,AA%41A",
  ])("of other types and forms are not: %s", (src) => {
    expect(clean(`<img src="${src}">`)).toBe("<img>");
  });

  test("of more than 1.5 million characters are not", () => {
    const start = "data:image/png;base64,";
    const picture = (chars: number): string => `<img src="${start.padEnd(chars, "A")}">`;
    expect(clean(picture(1_500_000))).toBe(picture(1_500_000));
    expect(clean(picture(1_500_001))).toBe("<img>");
  });

  test("stay out of all but img", () => {
    expect(clean(`<p src="data:image/png;base64,AAAA"><a src="data:image/png;base64,AAAA">`)).toBe("<p><a>");
  });
});

function link(html: string): string | undefined {
  return /href="([^"]*)"/.exec(clean(html))?.[1];
}

function latin1(content: string): Uint8Array {
  return Uint8Array.from(content, (character) => character.charCodeAt(0));
}

/** The URL of bytes that call themselves a picture. */
function found(bytes: Uint8Array): string | null {
  const one = new Pictures();
  one.add(readPart({ mimeType: "image/png", headers: [{ name: "Content-ID", value: "<x>" }] }), bytes);
  return one.take("cid:x");
}

function withRemote(html: string): string {
  return sanitizeHtml(html, { ownUrls: OWN_URLS, showsRemotePictures: true });
}

function frame(...parts: FramePart[]): string {
  return toFrameDocument(parts, { ownUrls: OWN_URLS }).split("</style>").slice(1).join("</style>");
}

describe("links", () => {
  test.for(OWN_LINKS)("to us are none: %j", (href) => {
    expect(clean(`<a href="${href}" title="t">text</a>`)).toBe(`<a title="t">text</a>`);
  });

  test.for(OTHER_LINKS)("to elsewhere stay: %j", (href) => {
    expect(clean(`<a href="${href}">x</a>`)).toMatch(
      /^<a href="[^"]+" target="_blank" rel="noopener noreferrer">x<\/a>$/,
    );
  });

  test.for(SCRIPT_LINKS)("of other schemes are none: %j", (href) => {
    expect(clean(`<a href="${href}">x</a>`)).toBe("<a>x</a>");
  });

  test("lead where they say: without a user's name before the host, in the form of the URL parser", () => {
    expect(clean(`<a href="https://bank.test:x@SENDER.test\\a b">`)).toContain(`href="https://sender.test/a%20b"`);
    expect(clean(`<a href="https://sender.test/&copy;=&unknown;&quot;&lt;">`)).toContain(
      `href="https://sender.test/&amp;copy;=&amp;unknown;%22%3C"`,
    );
  });

  test("are on a and area, wherever they want to open: form and the like are gone", () => {
    for (const target of ["_self", "_top", "_parent", "_unfencedTop", "mail", ""]) {
      expect(clean(`<base target=_top><a href="https://sender.test/" target="${target}" rel=opener>x</a>`)).toBe(
        '<a href="https://sender.test/" target="_blank" rel="noopener noreferrer">x</a>',
      );
    }
    expect(clean(`<form action="https://sender.test/"><b href="https://x.test"><link href="https://x.test">x`)).toBe(
      "<b>x",
    );
    expect(
      clean(
        `<img usemap="#m"><map name="m"><area shape="rect" coords="0,0,1,1" href="https://sender.test/" target=_self>`,
      ),
    ).toBe(
      '<img usemap="#m"><map name="m"><area shape="rect" coords="0,0,1,1" href="https://sender.test/" target="_blank" rel="noopener noreferrer">',
    );
    expect(clean(`<area href="javascript:alert(1)"><area href="/docs"><area href="${OWN_URLS[0]}">`)).toBe(
      "<area><area><area>",
    );
  });

  test("that are relative are to the mail's own base, where that is not us", () => {
    expect(link('<base href="https://sender.test/a/"><a href="b?c#d">')).toBe("https://sender.test/a/b?c#d");
    expect(link('<base href="https://sender.test/a/"><base href="https://evil.test"><a href="/x">')).toBe(
      "https://sender.test/x",
    );
    expect(link('<base href="https://sender.test/a/"><a href="#top">')).toBeUndefined();
    expect(link('<base href="https://sender.test/a/"><a href="javascript:alert(1)">')).toBeUndefined();
    for (const base of [
      ...OWN_URLS,
      "/x",
      "javascript:alert(1)",
      "data:text/html,x",
      "mailto:a@b.test",
      "//sender.test",
      "",
    ]) {
      expect(link(`<base href="${base}"><a href="docs">`), base).toBeUndefined();
    }
    // What a base leads back to us is ours again.
    expect(link(`<base href="https://sender.test/"><a href="${OWN_URLS[0]}">`)).toBeUndefined();
    expect(
      link(`<base href="https://sender.test/"><a href="//${new URL(OWN_URLS[0] ?? "").host}/docs">`),
    ).toBeUndefined();
  });
});

describe("pictures that came with the message", () => {
  const png = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1, 2, 3);
  const url = "data:image/png;base64,iVBORw0KGgoBAgM";
  const pictures = new Pictures();
  pictures.add(readPart({ headers: [{ name: "Content-ID", value: "<a@b>" }] }), png);
  pictures.add(readPart({ headers: [{ name: "Content-Location", value: "image001.png" }] }), png);
  const withPictures = (html: string): string => sanitizeHtml(html, { ownUrls: OWN_URLS, pictures });

  test.each([
    [`<img src="cid:a@b">`, `<img src="${url}">`],
    [`<img src="CID:a%40b" alt="x">`, `<img src="${url}" alt="x">`],
    [`<img src="image001.png">`, `<img src="${url}">`],
    [`<td background="cid:a@b">`, `<td background="${url}">`],
    [
      `<p style="background:#fff url('cid:a@b') no-repeat">`,
      `<p style="background:url(&quot;${url}&quot;) #fff no-repeat">`,
    ],
    [
      `<p style="background-image: url(cid:a@b); color:red">`,
      `<p style="background-image:url(&quot;${url}&quot;);color:red">`,
    ],
  ])("are in it: %s", (html, expected) => {
    expect(withPictures(html)).toBe(expected);
    expect(withPictures(expected).replaceAll(/ +/g, " ")).toBe(expected.replaceAll(/ +/g, " "));
    expectAllowedOnly(withPictures(html).replaceAll(/url\(&quot;data:[^)]*\)/g, "none"));
  });

  test.each([
    `<img src="cid:other">`,
    `<img srcset="cid:a@b 1x, https://sender.test/ 2x">`,
    `<img src="https://sender.test/x.png">`,
    `<img src="https://sender.test/image001.png">`,
    `<p background="cid:a@b">`,
    `<a href="cid:a@b">`,
    `<p style="list-style-image:url(cid:a@b)">`,
    `<p style="cursor:url(cid:a@b)">`,
    `<p style="background:url(cid:a@b) url(https://sender.test/)">`,
    `<p style="background:url(https://sender.test/)">`,
    `<p style="background:url(data:image/svg+xml;base64,PHN2Zz4)">`,
    `<p style="background:image-set('cid:a@b' 1x)">`,
    `<svg><image href="cid:a@b"></svg>`,
    `<source srcset="cid:a@b"><video poster="cid:a@b"><object data="cid:a@b"><embed src="cid:a@b"><input type=image src="cid:a@b">`,
  ])("are nowhere else, and neither is anything from elsewhere: %s", (html) => {
    expect(withPictures(html)).not.toMatch(/data:|cid:|sender\.test|srcset|image001/);
  });

  test("are pictures by their bytes, whatever their type says, and 1 MB together", () => {
    expect(found(latin1("GIF89a..."))).toMatch(/^data:image\/gif;base64,/);
    expect(found(latin1("\u00ff\u00d8\u00ff\u00e0"))).toMatch(/^data:image\/jpeg;base64,/);
    expect(found(latin1("RIFF1234WEBP"))).toMatch(/^data:image\/webp;base64,/);
    for (const other of ["<svg xmlns='http://www.w3.org/2000/svg'>", "<html>", "", "BM", "%PDF"])
      expect(found(latin1(other))).toBeNull();
    expect(found(latin1(`GIF89a${"x".repeat(1024 * 1024)}`))).toBeNull();
  });

  test("are written up to 1 MB together, each time that the HTML refers to them, wherever and in whichever part", () => {
    const large = new Pictures();
    const bytes = latin1(`GIF89a${"x".repeat(300 * 1024)}`);
    large.add(readPart({ headers: [{ name: "Content-ID", value: "<a>" }] }), bytes);
    const uses = `<img src="cid:a"><td background="cid:a"><p style="background:url(cid:a)">`;
    const part = { kind: "html", text: uses.repeat(20) } as const;
    const html = toFrameDocument([part, part], { ownUrls: OWN_URLS, pictures: large });
    expect(html.match(/data:image/g)).toHaveLength(3);
    expect(html.length).toBeLessThan(1.5 * 1024 * 1024);
    expect(html).toContain("<img><td><p>");
  });
});

describe("pictures from elsewhere, once they were asked for", () => {
  test.each([
    [`<img src="https://sender.test/a.png?b&c">`, `<img src="https://sender.test/a.png?b&amp;c">`],
    [`<img src="http://u:p@sender.test/a.png">`, `<img src="http://sender.test/a.png">`],
    [`<base href="https://sender.test/a/"><img src="b.png">`, `<img src="https://sender.test/a/b.png">`],
    [`<table background="https://sender.test/a.png">`, `<table background="https://sender.test/a.png">`],
    [`<p style="background:url(https://sender.test/a.png?x='%22)">`, `<p>`],
    [
      `<p style='background:url("https://sender.test/a(1).png")'>`,
      `<p style="background:url(&quot;https://sender.test/a%281%29.png&quot;)">`,
    ],
  ])("are loaded: %s", (html, expected) => {
    expect(withRemote(html)).toBe(expected);
    expect(withRemote(expected)).toBe(expected);
  });

  test.each([
    ...OWN_URLS.map((url) => `<img src="${url}">`),
    `<img src="/auth/login"><img src="docs">`,
    `<img src="javascript:alert(1)"><img src="ftp://sender.test/"><img src="file:///etc/passwd"><img src="blob:https://sender.test/x">`,
    `<img src="http://192.168.0.1/reboot"><img src="http://[::1]/"><img src="http://localhost:8080/"><img src="http://router/">`,
    `<img src="http://nas.local/"><img src="http://0x7f.1/"><img src="http://2130706433/"><img src="http://box.lan./">`,
    ...[
      "a.localhost",
      "a.localhost.",
      "nas.home.arpa",
      "fritz.box",
      "FRITZ.box..",
      "x.localdomain",
      "x.corp",
      "x.intranet",
    ]
      .concat("x.private", "x.internal", "x.lan", "x.home", "x.local", "x.LOCAL", "127.0.0.1.nip.io", "a.sslip.io")
      .concat(
        "localtest.me",
        "router",
        "router.",
        "0177.0.0.1",
        "127.1",
        "127.0.0.1.",
        "[::ffff:127.0.0.1]",
        "[fe80::1]",
      )
      .concat("1.2.3", "0x7f.0.0.1", "017700000001", "127\u30020\u30020\u30021", "nas\uff0elocal", "x.%6cocal")
      .map(
        (host) =>
          `<img src="http://${host}/a"><td background="//${host}:8080/"><p style="background:url(http://${host}/)">`,
      ),
    `<script src="https://sender.test/x.js"></script><iframe src="https://sender.test/"></iframe><link rel=stylesheet href="https://sender.test/">`,
    `<video src="https://sender.test/x"><audio src="https://sender.test/x"><embed src="https://sender.test/x"><img srcset="https://sender.test/x">`,
    `<p style="list-style:url(https://sender.test/x);cursor:url(https://sender.test/x);content:url(https://sender.test/x)">`,
    `<p style="background:url(https://sender.test/x);}*{background:url(https://sender.test/y)">`,
  ])("are nothing else: %s", (html) => {
    expect(withRemote(html)).not.toMatch(
      / (?:src|srcset|poster)=|url\(&quot;(?!https:\/\/sender\.test\/x&quot;\))|[{}]/,
    );
  });
});

const BEFORE = '<div style="overflow:auto"><object style="display:block">';
const AFTER = "</object></div>";

describe("a frame of several parts", () => {
  test("has them in order, and what one leaves open does not hide the next", () => {
    const html = frame(
      { kind: "html", text: "<body><div style='display:none'><details><table><tr><td><p>a" },
      { kind: "text", text: "b" },
      { kind: "html", text: "<p>c" },
    );
    expect(html).toBe(
      `${BEFORE}<div><div style="display:none"><details><table><tr><td><p>a</table>${AFTER}` +
        `<hr><pre style="white-space:pre-wrap;font-family:inherit" dir="auto">b</pre><hr>${BEFORE}<p>c${AFTER}`,
    );
  });

  test.each([
    ["<table><table></table><td></table></table></table><table>", "</table>"],
    ["<table><tr><td></div></object><table></td>", "</table></table>"],
    ["<table></table><tablex></table>", ""],
  ])("closes the tables that a browser may have open: %s", (text, ends) => {
    const html = frame({ kind: "html", text }, { kind: "text", text: "b" });
    expect(html.slice(0, html.indexOf("<hr>"))).toBe(`${BEFORE}${clean(text)}${ends}${AFTER}`);
  });

  test("does not style the document by one part", () => {
    const html = frame(
      { kind: "html", text: "<html style='display:none'><body bgcolor=#000>a" },
      { kind: "text", text: "" },
    );
    expect(html).toMatch(
      /^<div style="overflow:auto"><object style="display:block"><div style="display:none"><div bgcolor="#000">a</,
    );
  });

  test("has texts as text, whose links open a tab", () => {
    const html = frame(
      { kind: "text", text: `<script>alert("1")</script> & &lt; https://sender.test/?a&b <b>` },
      { kind: "html", text: "<p>" },
    );
    expect(html).toContain(
      '&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &amp;lt; <a href="https://sender.test/?a&amp;b" ' +
        'target="_blank" rel="noopener noreferrer">https://sender.test/?a&amp;b</a> &lt;b&gt;</pre>',
    );
    expectAllowedOnly(html.replaceAll(BEFORE, "").replaceAll(AFTER, ""));
  });
});

test("names that only end like one's own network's are public", () => {
  for (const host of [
    "mylocal.test",
    "notfritz.box",
    "local.sender.test",
    "lan.sender.test",
    "homearpa.test",
    "1.sender.test",
  ]) {
    expect(withRemote(`<img src="https://${host}/">`)).toBe(`<img src="https://${host}/">`);
  }
});

describe("styles", () => {
  test.for(styles(SENDER))("load and run nothing: %j", (style) => {
    const html = clean(`<p style="${style}">x</p>`);
    expectAllowedOnly(html);
    // Markup after a `>` within the quotes is none, and no declaration with a URL is left.
    expect(html).toMatch(/^<p(?: style="[^"]*")?>x<\/p>$/);
    expect(html).not.toContain("sender.test");
    expect(html).not.toMatch(/url|import|expression|position|alert|--x|\\|@|\/\*/i);
  });

  test("that are fine stay beside those that are not", () => {
    expect(cleanStyle("COLOR: Red ; background:url(x);; margin : 0 auto;position:fixed; x; :; width:1px")).toBe(
      "color:Red;margin:0 auto;width:1px",
    );
  });

  test.for([
    "color:(red)",
    "color:rgb(1,2,3",
    "color:rgb(1,2,3))",
    "color:xrgb(1)",
    "font-family:'a",
    "font-family:'a\"b'",
    "color:",
    "colour:red",
    "color\\:red",
    "color:red:blue",
    "color:a*b",
  ])("whose end or meaning is not certain go: %s", (style) => {
    expect(cleanStyle(style)).toBe("");
  });
});

describe("the payloads of other sanitizers' tests become allowed markup only:", () => {
  test(`${SCRIPTS.length} that run scripts`, () => {
    expect(SCRIPTS.length).toBeGreaterThan(350);
    for (const payload of SCRIPTS) expectAllowedOnly(clean(payload), payload);
  });

  test.for(Object.entries(WRAPPERS))("those that open connections, within %s", ([, wrap]) => {
    expect(OPENERS.length).toBeGreaterThan(70);
    for (const opener of OPENERS) {
      const payload = wrap(opener);
      expectAllowedOnly(clean(payload), payload);
    }
  });

  test("scripts within whatever connections are hidden in", () => {
    for (const wrap of Object.values(WRAPPERS)) {
      for (const payload of SCRIPTS.slice(0, 180)) expectAllowedOnly(clean(wrap(payload)), wrap(payload));
    }
  });
});

describe("whatever its size, HTML takes time in proportion to it:", () => {
  const times = 400_000;
  test.for([
    ["<", times],
    ["<a ", times],
    ["<a x='", times],
    ["<!--", times],
    ["<script>", times],
    ["<title></titl", times],
    ["</p", times],
    ["<div>", times],
    ["<a style='rgb(", times],
    ["&#", times],
    ["<svg><style>", times],
    ["<p style='background:url( '>", times / 8],
    [`<p style="background:url(${" ".repeat(400_000)}x y)">`, 1],
    [`<a href="http://${".".repeat(1_000_000)}a/">`, 1],
  ] as const)("%s", { timeout: 20_000 }, ([piece, count]) => {
    expectAllowedOnly(
      clean(piece.repeat(count))
        .slice(0, 100_000)
        .replace(/<[^>]*$/, ""),
    );
  });

  test("several parts, too", () => {
    const html = frame(
      { kind: "html", text: "<b>".repeat(49_000) + "</i>".repeat(49_000) },
      { kind: "html", text: "<table><td>".repeat(40_000) },
      { kind: "text", text: "http://a.test ".repeat(30_000) },
      { kind: "text", text: "http://a.test " },
    );
    expect(html.match(/<a /g)).toHaveLength(2_000);
    expect(html.match(/<\/table>/g)).toHaveLength(40_000);
  });

  test("looking for pictures from elsewhere, too", () => {
    const spaces = " ".repeat(500_000);
    for (const html of [`<img src=${spaces}x`, `<img src${spaces}x`, `url(${spaces}x`, "src= ".repeat(100_000)]) {
      expect(mentionsRemotePictures(html)).toBe(false);
      expect(mentionsRemotePictures(`${html}<img src= " ${spaces}//sender.test/">`)).toBe(true);
    }
    expect(mentionsRemotePictures(`<p style="background:url(${spaces}'${spaces}https://sender.test/')">`)).toBe(true);
  });

  test("what is too long ends with a sentence that says so", () => {
    const note = "<p>The rest of this message is too long to be shown here.</p>";
    expect(clean("<b>".repeat(100_001))).toBe("<b>".repeat(100_000) + note);
    expect(clean("<b>".repeat(100_000))).not.toContain(note);
    const long = clean("x".repeat(5_000_001));
    expect(long.length).toBe(5_000_000 + note.length);
    expect(long.endsWith(note)).toBe(true);
  });
});

test("a value of a style has at most 500 characters", () => {
  const longest = `color:${"a".repeat(500)}`;
  expect([cleanStyle(longest), cleanStyle(`${longest}a`)]).toEqual([longest, ""]);
});

test("the frame's page is what was cleaned, after a head of ours", () => {
  const html = toFrameDocument([{ kind: "html", text: "<html dir=rtl><body><p>x<script>y</script>" }], {
    ownUrls: OWN_URLS,
  });
  expect(html).toMatch(/^<!doctype html><meta charset="utf-8">.*<\/style><html dir="rtl"><body><p>x$/);
  expect(html).not.toMatch(/<base|http:|https:/);
});
