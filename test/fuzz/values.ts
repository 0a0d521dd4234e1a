/**
 * Single values that nobody sends in good faith.
 */
import * as fc from "fast-check";

/** Stands unescaped nowhere: with it, markup of the sender's would be in our page. */
export const MARKUP = `"'><fz onfz=fz()>&lt;fz`;
/** Longer than anything of ours, shorter than what a server in front of us refuses. */
export const HUGE = "A".repeat(5_000);

const odd = fc.constantFrom(
  MARKUP,
  `javascript:fz()//${MARKUP}`,
  HUGE,
  "",
  " ",
  "\u0000",
  "\r\nSet-Cookie: fz=1",
  "\u202e\ufeff\ud800",
  "💌".repeat(300),
  "%00%0d%0a",
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "null",
  "undefined",
  "NaN",
  "[object Object]",
  "-1",
  "1e999",
  "0x10",
  "9".repeat(400),
  "../../auth/login",
  "//evil.test/",
  "/\\evil.test",
  "https://evil.test/",
  "/auth/login?return_to=/auth/login",
  "/%61uth/login",
);
/** Any text, the odd ones first. */
export const anyText = fc.oneof(
  { weight: 3, arbitrary: fc.constant(MARKUP) },
  { weight: 4, arbitrary: odd },
  { weight: 2, arbitrary: fc.string({ unit: "binary", maxLength: 60 }) },
  { weight: 2, arbitrary: fc.string({ unit: "grapheme", maxLength: 60 }) },
  { weight: 1, arbitrary: fc.webUrl({ withFragments: true, withQueryParameters: true }) },
  { weight: 1, arbitrary: fc.json({ maxDepth: 2 }) },
);

/** A value that is not what it was: cut, doubled, or with one character changed. */
export function spoiled(value: string): fc.Arbitrary<string> {
  return fc.oneof(
    fc.constant(value),
    fc.nat(value.length).map((length) => value.slice(0, length)),
    fc.constant(value + value),
    fc
      .tuple(fc.nat(Math.max(0, value.length - 1)), fc.constantFrom("A", "-", ".", "=", "%", " ", "é", '"'))
      .map(([index, character]) => value.slice(0, index) + character + value.slice(index + 1)),
  );
}
