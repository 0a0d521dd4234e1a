/**
 * What a mail may say in a `style` attribute: properties that change how something looks within its frame, with values
 * that can load nothing. A declaration stays or goes as a whole, and what is dropped is the safe half: a value has no
 * escape, comment, rule or unbalanced quote or bracket, and calls none but the functions below, so that it means to every
 * browser what it says here.
 */

/** Longer ones are not a person's. */
const MAX_VALUE_CHARS = 500;

/** Neither `position` nor `content`, `cursor`, `filter` and `behavior`, nor custom properties and animations. */
const PROPERTY = new RegExp(
  `^(?:${[
    "background(?:-(?:attachment|clip|color|image|origin|position|repeat|size))?",
    "border(?:-(?:top|right|bottom|left))?(?:-(?:color|style|width))?",
    "border(?:-(?:top|bottom)-(?:left|right))?-radius",
    "border-(?:collapse|spacing)",
    "(?:max-|min-)?(?:height|width)",
    "(?:margin|padding)(?:-(?:top|right|bottom|left))?",
    "font(?:-(?:family|kerning|size|stretch|style|variant|weight))?",
    "text-(?:align|align-last|indent|overflow|shadow|transform)",
    "text-decoration(?:-(?:color|line|style|thickness))?",
    "list-style(?:-(?:position|type))?",
    "(?:letter|word)-spacing|line-height|white-space|word-(?:break|wrap)|hyphens|tab-size",
    "overflow(?:-(?:wrap|x|y))?",
    "box-(?:shadow|sizing)|caption-side|empty-cells|table-layout|vertical-align",
    "clear|color|direction|display|float|object-fit|opacity|unicode-bidi|visibility",
  ].join("|")})$`,
);

const FUNCTION = String.raw`(?:rgba?|hsla?|calc|min|max|clamp|(?:repeating-)?(?:linear|radial)-gradient)\(`;
const STRING = String.raw`"[^"'\\<>{};\x00-\x1f]*"|'[^"'\\<>{};\x00-\x1f]*'`;
const VALUE = new RegExp(String.raw`^(?:(?<![\w-])${FUNCTION}|${STRING}|[\w\s#%.,+/!)-]|[^\x00-\x7f])+$`, "i");

const BACKGROUND = /^background(?:-image)?$/;
/** A semicolon in brackets ends nothing: `data:image/png;base64,…`. */
const DECLARATION = /[^;(]*(?:\([^)]*\)?[^;(]*)*(?:;|$)/g;

/**
 * The declarations of a style that a mail may have; empty where there are none.
 *
 * @param cleanUrl the URL of a picture that may be shown; null for another one
 */
export function cleanStyle(style: string, cleanUrl: (url: string) => string | null = () => null): string {
  const declarations = style.match(DECLARATION) ?? [];
  return declarations
    .map((declaration) => cleanDeclaration(declaration.replace(/;$/, ""), cleanUrl))
    .filter(Boolean)
    .join(";");
}

function cleanDeclaration(declaration: string, cleanUrl: (url: string) => string | null): string {
  const colon = declaration.indexOf(":");
  const property = declaration.slice(0, Math.max(colon, 0)).trim().toLowerCase();
  const whole = declaration.slice(colon + 1).trim();
  const picture = BACKGROUND.test(property) ? findPicture(whole) : null;
  if ((picture?.rest ?? whole).length > MAX_VALUE_CHARS) return "";
  const url = picture === null ? null : cleanUrl(picture.url);
  const value = picture === null || url === null ? whole : picture.rest;
  if (!PROPERTY.test(property) || value.length > MAX_VALUE_CHARS) return "";
  if (!(value.trim() === "" && url !== null) && !(VALUE.test(value) && isBalanced(value))) return "";
  return `${property}:${url === null ? value : `url("${escapeUrl(url)}") ${value.replaceAll(/\s+/g, " ").trim()}`.trim()}`;
}

/** A picture as a background. Its URL is taken out before the rest is checked, and is written again. */
function findPicture(value: string): { url: string; rest: string } | null {
  const start = value.search(/url\(/i);
  if (start === -1) return null;
  const inner = value.slice(start + "url(".length).trimStart();
  const quote = /^["']/.exec(inner)?.[0] ?? "";
  const end = inner.indexOf(quote || ")", quote.length);
  if (end === -1) return null;
  const url = quote === "" ? inner.slice(0, end).trimEnd() : inner.slice(1, end);
  const after = inner.slice(end + quote.length).trimStart();
  const isCertain = (quote === "" ? /^[^\s"'()\\]*$/ : /^[^\\\n]*$/).test(url) && after.startsWith(")");
  return isCertain ? { url, rest: `${value.slice(0, start)} ${after.slice(1)}` } : null;
}

/** What ends a string or a URL in CSS is not needed in one. */
function escapeUrl(url: string): string {
  return url.replaceAll(/["'()\\<>{};\s]/g, (character) =>
    url.startsWith("data:") ? character : `%${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}

function isBalanced(value: string): boolean {
  let depth = 0;
  for (const character of value.replaceAll(/"[^"]*"|'[^']*'/g, "")) {
    if (character === "(") depth += 1;
    else if (character === ")" && --depth < 0) return false;
  }
  return depth === 0;
}
