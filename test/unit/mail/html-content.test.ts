/** Whether a mail's HTML shows anything: of two alternatives, the one that says nothing must not hide the other. */
import { describe, expect, test } from "vitest";
import { htmlSaysSomething } from "../../../src/mail/html-content.ts";

describe("HTML says nothing", () => {
  test.each([
    "",
    '<img src="https://x.test/o.gif" style="display:none">',
    '<img src="https://x.test/o.gif" style="DISPLAY: none !important">',
    '<img src="https://x.test/o.gif" style="width:1px;height:1px">',
    '<img src="https://x.test/o.gif" style="width:1px !important">',
    '<img src="https://x.test/o.gif" width=100 style="height:0">',
    '<img src="https://x.test/o.gif" width="1px">',
    '<div style="display:none"><img src="https://x.test/a.png"></div>',
    '<div style="display:none">preheader</div>',
    '<div style="display:none"><div>pre</div>header</div>&nbsp;',
    '<div style="display:block;display:none">x</div>',
    '<div style="display:none!important;display:block">x</div>',
    '<div style="visibility:hidden">x</div>',
    '<span style="font-size:0">x</span>',
    '<span style="font-size:0px;line-height:1">x<b style="font-size:2em">y</b></span>',
    '<div style="max-height:0;overflow:hidden">x</div>',
    '<div style="opacity:0">x</div>',
    '<div style="d&#105;splay:none">x</div>',
    "<p hidden>x",
    "<p hidden=hidden>x</p>",
    "<template>x</template>",
    "<template><p>x</p></template><p>&nbsp;</p>",
    "<p>&lrm;</p>",
    "&lrm;&rlm;",
    "<p>&nbsp</p>",
    "<p>&#8203;&#x200b&#160</p>",
    "<p>&zwnj;&emsp;&#847;</p>",
  ])("%s", (html) => {
    expect(htmlSaysSomething(html)).toBe(false);
  });
});

describe("HTML says something", () => {
  test.each([
    "x",
    '<div style="display:none">preheader</div>Hello',
    '<div style="display:none"><div>pre</div>header</div><p>Hello',
    "<p hidden>x<p>Hello",
    "<p hidden>x<div>Hello</div>",
    "<ul><li hidden>x<li>Hello</ul>",
    '<tr><td style="display:none">x<td>Hello',
    '<div><span style="display:none">x</div>Hello',
    "</div></p>Hello",
    '<div style="display:none;display:block">Hello</div>',
    '<p hidden style="display:block">Hello',
    '<td style="font-size:0px"><div style="font-size:13px">Hello</div></td>',
    '<td style="font-size:0"><img src="cid:a"></td>',
    '<div style="visibility:hidden"><b style="visibility:visible">Hello</b></div>',
    '<img src="cid:a" style="width:100%;height:auto">',
    '<img src="cid:a" width=600 style="max-width:100%;opacity:0.5">',
    '<br style="display:none">Hello',
    '<img src="https://x.test/o.gif" style="display:none">Hello',
    '<div style="max-height:0">Hello</div>',
    '<div style="font-size:0.9em;opacity:.9">Hello</div>',
    "<p>&nbsp&copy;</p>",
    "&#65",
    "<p>&amp;</p>",
  ])("%s", (html) => {
    expect(htmlSaysSomething(html)).toBe(true);
  });
});

test("is known in linear time", () => {
  const hostile = [
    "<p hidden>",
    "<div>",
    "</div>",
    "<div></p>",
    '<b style="',
    '<b style="display:none;',
    "&nbsp",
    "&#8203",
    "&#",
    `<b style="${" ".repeat(50)}:">`,
    "<p><b>",
  ];
  for (const piece of hostile) {
    const beganMs = performance.now();
    htmlSaysSomething(piece.repeat(100_000));
    htmlSaysSomething(`<div style="${piece.replaceAll('"', "").repeat(100_000)}">`);
    expect(performance.now() - beganMs, piece).toBeLessThan(4_000);
  }
});
