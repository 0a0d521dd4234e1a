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

/** A picture as a background. Its URL is taken out before the rest is checked, and is written again. */
const URL_VALUE = /url\(\s*(?:"([^"\\\n]*)"|'([^'\\\n]*)'|([^\s"'()\\]*))\s*\)/i;
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
  const picture = BACKGROUND.test(property) ? URL_VALUE.exec(whole) : null;
  const url = picture === null ? null : cleanUrl(picture[1] ?? picture[2] ?? picture[3] ?? "");
  const value = picture === null || url === null ? whole : whole.replace(picture[0], " ");
  if (!PROPERTY.test(property) || value.length > MAX_VALUE_CHARS) return "";
  if (!(value.trim() === "" && url !== null) && !(VALUE.test(value) && isBalanced(value))) return "";
  return `${property}:${url === null ? value : `url("${escapeUrl(url)}") ${value.replaceAll(/\s+/g, " ").trim()}`.trim()}`;
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
