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

/** The declarations of a style that a mail may have; empty where there are none. */
export function cleanStyle(style: string): string {
  return style.split(";").map(cleanDeclaration).filter(Boolean).join(";");
}

function cleanDeclaration(declaration: string): string {
  const colon = declaration.indexOf(":");
  const property = declaration.slice(0, Math.max(colon, 0)).trim().toLowerCase();
  const value = declaration.slice(colon + 1).trim();
  if (!PROPERTY.test(property) || value.length > MAX_VALUE_CHARS) return "";
  return VALUE.test(value) && isBalanced(value) ? `${property}:${value}` : "";
}

function isBalanced(value: string): boolean {
  let depth = 0;
  for (const character of value.replaceAll(/"[^"]*"|'[^']*'/g, "")) {
    if (character === "(") depth += 1;
    else if (character === ")" && --depth < 0) return false;
  }
  return depth === 0;
}
