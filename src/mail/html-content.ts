/**
 * Whether a mail's HTML shows anything: text that can be seen, or a picture. Nothing is shown from here.
 */
import { decodeEntities } from "../lib/entities.ts";
import { isVisible } from "../mime/visible.ts";
import { tokenize } from "./html-tokens.ts";

/** Spaces, joiners and marks of direction, by their names and numbers. Old names may lack their semicolon, as numbers may. */
const BLANK_ENTITIES =
  /&(?:(?:nbsp|shy);?|(?:zwn?j|e[mn]sp|emsp1[34]|numsp|puncsp|thinsp|hairsp|lrm|rlm|Tab|NewLine|NoBreak|NonBreakingSpace|ZeroWidthSpace);?)/gi;
const OPEN_NUMBER = /&#(\d{1,7}|x[\da-f]{1,6})(?![\da-f;])/gi;

/** Elements without content. */
const VOID = new Set("area base br col embed hr img input link meta param source track wbr".split(" "));

/** Elements that the start of one of these ends: https://html.spec.whatwg.org/multipage/syntax.html#optional-tags */
const ENDED_BY: Readonly<Record<string, RegExp>> = {
  p: /^(?:address|article|aside|blockquote|center|d[dlt]|details|div|fieldset|figure|footer|form|h[1-6]|header|hr|li|main|nav|ol|p|pre|section|table|t[dhr]|tbody|ul)$/,
  li: /^li$/,
  dd: /^d[dt]$/,
  dt: /^d[dt]$/,
  td: /^(?:t[dhr]|tbody|tfoot)$/,
  th: /^(?:t[dhr]|tbody|tfoot)$/,
  tr: /^(?:tr|tbody|tfoot)$/,
};

/** An element that is open, and what it does to what is in it. */
interface Open {
  readonly name: string;
  readonly isHidden: boolean;
  readonly isInvisible: boolean;
  readonly hasNoSize: boolean;
}

const ROOT: Open = { name: "", isHidden: false, isInvisible: false, hasNoSize: false };

/** Whether somebody would see anything of it. Style sheets are not looked at: the frame has none of the sender's. */
export function htmlSaysSomething(html: string): boolean {
  const open: Open[] = [];
  const counts = new Map<string, number>();
  const close = (): void => {
    const name = open.pop()?.name ?? "";
    counts.set(name, (counts.get(name) ?? 1) - 1);
  };
  for (const token of tokenize(html)) {
    const within = open.at(-1) ?? ROOT;
    if (token.kind === "text") {
      if (!within.isHidden && !within.isInvisible && !within.hasNoSize && isVisible(textOf(token.text))) return true;
    } else if (token.kind === "end") {
      // Each is closed once, so the time is linear.
      if ((counts.get(token.name) ?? 0) > 0) while (open.at(-1)?.name !== token.name) close();
      if (open.at(-1)?.name === token.name) close();
    } else {
      while (ENDED_BY[open.at(-1)?.name ?? ""]?.test(token.name) === true) close();
      const element = toOpen(token.name, token.attributes, open.at(-1) ?? ROOT);
      if (token.name === "img" && !element.isHidden && !element.isInvisible && isPicture(token.attributes)) return true;
      if (VOID.has(token.name)) continue;
      open.push(element);
      counts.set(token.name, (counts.get(token.name) ?? 0) + 1);
    }
  }
  return false;
}

function textOf(source: string): string {
  return decodeEntities(source.replaceAll(BLANK_ENTITIES, "").replaceAll(OPEN_NUMBER, "&#$1;"));
}

function toOpen(name: string, attributes: ReadonlyMap<string, string>, outer: Open): Open {
  const style = readStyle(attributes.get("style"));
  const display = style.get("display") ?? (attributes.has("hidden") ? "none" : "");
  const clips = /^(?:hidden|clip)/.test(style.get("overflow") ?? "");
  const isFlat = clips && ["height", "max-height", "width", "max-width"].some((side) => isZero(style.get(side)));
  const visibility = style.get("visibility");
  return {
    name,
    isHidden: outer.isHidden || name === "template" || display === "none" || isFlat || isZero(style.get("opacity")),
    isInvisible: visibility === undefined ? outer.isInvisible : /^(?:hidden|collapse)$/.test(visibility),
    hasNoSize: hasNoSize(style, outer),
  };
}

/** A size of nothing is inherited until an element has one of its own; wrappers of columns have it. */
function hasNoSize(style: ReadonlyMap<string, string>, outer: Open): boolean {
  const size = style.get("font-size");
  if (size === undefined) return outer.hasNoSize;
  if (isZero(size)) return true;
  return outer.hasNoSize && /(?:%|[\d.]em|^(?:inherit|larger|smaller|unset))$/.test(size);
}

function isZero(value: string | undefined): boolean {
  return value !== undefined && /^[+-]?[0.]+(?:[a-z]{1,4}|%)?$/.test(value);
}

/** Longer ones are not a person's. */
const MAX_STYLE_CHARACTERS = 10_000;

/** The declarations of a `style` attribute, of several the one that counts, in lower case. */
function readStyle(source: string | undefined): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  const important = new Set<string>();
  const declarations = decodeEntities((source ?? "").slice(0, MAX_STYLE_CHARACTERS))
    .toLowerCase()
    .split(";");
  for (const declaration of declarations) {
    const colon = declaration.indexOf(":");
    if (colon === -1) continue;
    const name = declaration.slice(0, colon).trim();
    const [value = "", mark] = declaration.slice(colon + 1).split("!");
    const isImportant = mark?.trim() === "important";
    if (important.has(name) && !isImportant) continue;
    if (isImportant) important.add(name);
    values.set(name, value.trim());
  }
  return values;
}

/** White space on both sides of a quote is matched with the quote: two neighbours could share it in as many ways as it is long. */
const REMOTE_PICTURE = /(?:\bsrc|\bbackground)\s*=\s*(?:["']\s*)?(?:https?:)?\/\/|\burl\(\s*(?:["']\s*)?https?:/i;

/** Whether HTML seems to have pictures from elsewhere. */
export function mentionsRemotePictures(html: string): boolean {
  return REMOTE_PICTURE.test(html);
}

/** What is a pixel wide or high is there to be counted, and not to be seen. */
function isPicture(attributes: ReadonlyMap<string, string>): boolean {
  const style = readStyle(attributes.get("style"));
  const sides = ["width", "height"].map((side) => style.get(side) ?? attributes.get(side)?.trim() ?? "");
  const limits = ["max-width", "max-height"].map((side) => style.get(side) ?? "");
  const isTiny = [...sides, ...limits].some((side) => isZero(side) || /^0*1(?:px)?$/.test(side));
  return isVisible(attributes.get("src")) && !isTiny;
}
