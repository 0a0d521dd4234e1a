/**
 * Whether a mail's HTML shows anything: text that can be seen, or a picture. Nothing is shown from here.
 */
import { decodeEntities } from "../lib/entities.ts";
import { isVisible } from "../mime/visible.ts";
import { tokenize } from "./html-tokens.ts";

/** Spaces and joiners by their names. */
const BLANK_ENTITIES = /&(?:zwn?j|shy|e[mn]sp|thinsp|hairsp|NoBreak|ZeroWidthSpace);?/gi;

export function htmlSaysSomething(html: string): boolean {
  for (const token of tokenize(html)) {
    if (token.kind === "text" && isVisible(decodeEntities(token.text.replaceAll(BLANK_ENTITIES, "")))) return true;
    if (token.kind === "start" && token.name === "img" && isPicture(token.attributes)) return true;
  }
  return false;
}

/** White space on both sides of a quote is matched with the quote: two neighbours could share it in as many ways as it is long. */
const REMOTE_PICTURE = /(?:\bsrc|\bbackground)\s*=\s*(?:["']\s*)?(?:https?:)?\/\/|\burl\(\s*(?:["']\s*)?https?:/i;

/** Whether HTML seems to have pictures from elsewhere. */
export function mentionsRemotePictures(html: string): boolean {
  return REMOTE_PICTURE.test(html);
}

/** What is a pixel wide or high is there to be counted, and not to be seen. */
function isPicture(attributes: ReadonlyMap<string, string>): boolean {
  const isTiny = ["width", "height"].some((name) => /^\s*[01](?:px)?\s*$/.test(attributes.get(name) ?? ""));
  return isVisible(attributes.get("src")) && !isTiny;
}
