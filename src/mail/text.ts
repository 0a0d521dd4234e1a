/**
 * The text of a part: decoded, and for types that wrap or mark up their lines as it is meant to be read.
 */
import { decodeBody, findCharset } from "../mime/charset.ts";
import type { Part } from "./part.ts";

/** Where HTML may name its charset. https://html.spec.whatwg.org/#prescan-a-byte-stream-to-determine-its-encoding */
const META_BYTES = 4_096;
const META_CHARSET = /<meta\b[^>]*\bcharset\s*=\s*(?:["']\s*)?([^\s"'/>;]+)|<\?xml[^>]*\bencoding\s*=\s*["']([^"']+)/i;
const COMMENT = /<!--(?:-?>|[^]*?(?:-->|$))/g;

/** The text of a part by the bytes that came with it; null where they have to be fetched. */
export function bodyText(part: Part): string | null {
  if (part.bytes !== null) return decodePart(part, part.bytes);
  return part.attachmentId === null ? "" : null;
}

/** The text of a part whose bytes were fetched. */
export function decodePart({ type, parameters }: Part, bytes: Uint8Array): string {
  const isMarkup = type.endsWith("html") || type.endsWith("xml");
  const text = decodeBody(bytes, [parameters.get("charset") ?? null, isMarkup ? metaCharset(bytes) : null]).replaceAll(
    "\r\n",
    "\n",
  );
  if (/^text\/(?:enriched|richtext)$/.test(type)) return unmarkEnriched(text);
  const isFlowed = type === "text/plain" && parameters.get("format")?.toLowerCase() === "flowed";
  return isFlowed ? unflow(text, parameters.get("delsp")?.toLowerCase() === "yes") : text;
}

function metaCharset(bytes: Uint8Array): string | null {
  const beginning = new TextDecoder("latin1").decode(bytes.subarray(0, META_BYTES)).replaceAll(COMMENT, "");
  const [, meta, xml] = META_CHARSET.exec(beginning) ?? [];
  const label = meta ?? xml ?? null;
  // A name that was read in ASCII letters is in no UTF-16: HTML takes it for UTF-8, and Word writes `unicode`.
  return findCharset(label)?.startsWith("utf-16") ? "utf-8" : label;
}

/** Joins lines that end with a space and are quoted alike: RFC 3676 §4. A line of `-- ` is a signature's. */
function unflow(text: string, deletesSpace: boolean): string {
  const joined: string[] = [];
  let openDepth: number | null = null;
  for (const line of text.split("\n")) {
    const [quotes = ""] = /^>*/.exec(line) ?? [];
    const content = line.slice(quotes.length).replace(/^ /, "");
    const isOpen = content.endsWith(" ") && content !== "-- ";
    const shown = isOpen && deletesSpace ? content.slice(0, -1) : content;
    if (openDepth === quotes.length && content !== "-- ") joined.push(shown);
    else joined.push(joined.length === 0 ? "" : "\n", quotes === "" ? "" : `${quotes} `, shown);
    openDepth = isOpen ? quotes.length : null;
  }
  return joined.join("");
}

/** The words of `text/enriched` (RFC 1896) without its commands: a line end alone is a space, and of several one goes. */
function unmarkEnriched(text: string): string {
  return withoutParameters(text)
    .replaceAll(/\n+/g, (ends) => (ends.length === 1 ? " " : ends.slice(1)))
    .replaceAll(/<<|<nl>|<\/?[\w-]{1,60}>/gi, (mark) =>
      mark === "<<" ? "<" : mark.toLowerCase() === "<nl>" ? "\n" : "",
    );
}

/** Without what stands from `<param>` to the next `</param>`. One that is never closed is a tag like others. */
function withoutParameters(text: string): string {
  const kept: string[] = [];
  let [end, open] = [0, -1];
  for (const { 0: mark, index } of text.matchAll(/<\/?param>/gi)) {
    if (!mark.startsWith("</")) {
      if (open === -1) open = index;
    } else if (open !== -1) {
      kept.push(text.slice(end, open));
      end = index + mark.length;
      open = -1;
    }
  }
  return kept.join("") + text.slice(end);
}
