/** HTML for the fuzz runs: pieces on which parsers differ, in any order, and among them what mail has. */
import * as fc from "fast-check";
import { ALLOWED_ATTRIBUTES, ALLOWED_ELEMENTS } from "./mail-markup.ts";

const FORBIDDEN_ELEMENTS =
  `script style title textarea iframe noembed noframes noscript template xmp plaintext listing svg math
  mtext mi mglyph malignmark annotation-xml foreignObject desc select option optgroup form input button object embed link meta
  base frameset frame video audio source image head o:p v:rect x-y`.split(/\s+/);
const FORBIDDEN_ATTRIBUTES =
  `onload onerror onclick id name class srcset background action formaction ping xlink:href is slot
  style\0 =x "x 'x x" <b`.split(" ");

const elementName = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...ALLOWED_ELEMENTS) },
  { weight: 2, arbitrary: fc.constantFrom(...FORBIDDEN_ELEMENTS) },
  fc.string({ maxLength: 4 }),
);
const attributeName = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...ALLOWED_ATTRIBUTES) },
  { weight: 2, arbitrary: fc.constantFrom(...FORBIDDEN_ATTRIBUTES) },
  fc.string({ maxLength: 4 }),
);
const fragment = fc.constantFrom(
  ..."< > </ <! <!-- --> --!> <!--> <![CDATA[ ]]> <? /> \" ' ` = / & ; &lt; &gt &quot; &#60; &#x3c; &amp;lt; &Tab; &colon; \\ /* */ ( ) { } @ : \0".split(
    " ",
  ),
  " ",
  "\n",
  "\t",
  "\f",
  "\r",
  "\u2028",
  "\ud800",
  "ſ",
  "\u212a",
);
const word = fc.constantFrom(
  "javascript:alert(1)",
  "https://mail.example.test/x",
  "HTTP://MAIL.EXAMPLE.TEST.:80",
  "//mail.example.test",
  "https:\\\\mail.example.test",
  "https://sender.test/?a=1&b=2",
  "https://a:b@sender.test",
  "mailto:a@b.test",
  "data:image/png;base64,AAAA",
  "color:red",
  "background:url(https://sender.test)",
  "width:calc(1px + (2px))",
  "font-family:'a b'",
  "u\\72l(",
  "100%",
  "#fff",
);
const value = fc
  .array(fc.oneof({ weight: 3, arbitrary: word }, fragment, fc.string({ maxLength: 6 })), { maxLength: 4 })
  .map((parts) => parts.join(""));
const spaces = fc.constantFrom(" ", "\n", "/", "\t ", "\f", "");

const attribute = fc
  .tuple(spaces, attributeName, fc.constantFrom("=", " = ", ""), fc.constantFrom('"', "'", ""), value, fc.boolean())
  .map(
    ([space, name, equals, quote, text, isClosed]) => space + name + equals + quote + text + (isClosed ? quote : ""),
  );

const startTag = fc
  .tuple(elementName, fc.array(attribute, { maxLength: 4 }), fc.constantFrom(">", ">", ">", "/>", " >", ""))
  .map(([name, attributes, end]) => `<${name} ${attributes.join(" ")}${end}`);
const link = fc
  .tuple(word, value, fc.constantFrom("", " ", "\n", "&#9;", "//", "\\\\"))
  .map(([start, rest, before]) => `<a href="${before}${start}${rest}">`);
const style = fc
  .tuple(fc.constantFrom("color", "background", "width", "font-family", "x"), value, value)
  .map(([property, first, rest]) => `<p style="${property}:${first};${rest}">`);
const endTag = fc
  .tuple(elementName, fc.constantFrom(">", ">", " >", "/>", " x='>'>", ""))
  .map(([name, end]) => `</${name}${end}`);

/** A document or a part of one. */
export const mailHtml: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: startTag },
      { weight: 3, arbitrary: endTag },
      { weight: 2, arbitrary: fragment },
      link,
      style,
      value,
      fc.string({ unit: "binary", maxLength: 12 }),
    ),
    { maxLength: 20 },
  )
  .map((parts) => parts.join(""));

const plainText = fc.constantFrom("x", " ", "a &amp; b", "&eacute;", "1 &lt; 2", "\n");
const allowedName = fc.constantFrom(...[...ALLOWED_ELEMENTS].filter((name) => name !== "html" && name !== "body"));

/** HTML of allowed tags only, well-formed or not: what comes out must be the same tree. */
export const allowedHtml: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(
      fc
        .tuple(
          allowedName,
          fc.constantFrom("", ' align="left"', " width=5", ' style="color:red"', " title='a &quot; &lt;'"),
        )
        .map(([name, attributes]) => `<${name}${attributes}>`),
      allowedName.map((name) => `</${name}>`),
      plainText,
    ),
    { maxLength: 30 },
  )
  .map((parts) => parts.join(""));
