/**
 * Makes of a mail's HTML what may be shown in a frame: markup that loads nothing unless pictures are asked for, runs nothing,
 * sends nothing, and has no links to us. CSP and sandbox cannot do this alone: `preconnect`, frames and the like open connections before either is
 * asked, and so tell the sender that, when and from where a mail is read.
 *
 * The HTML is split, and the output is written from scratch: tags by their names in `ELEMENTS`, attributes by their names in
 * the lists below, with values that were checked and are escaped here, and text without `<` and `>`. Not a byte of the
 * sender's markup is passed on. So the output is safe even where a browser would have read the input otherwise, and it has
 * neither raw text nor foreign content, whose rules make sanitizers leak (mutation XSS).
 *
 * Why neither `HTMLRewriter` nor a sanitizer of npm: docs/adr/0007-own-html-sanitizer.md.
 */
import { tokenize } from "./html-tokens.ts";
import { cleanLink, cleanResource, hostsOf, linkBudget, type LinkBudget, linkify, LINK_TARGET } from "./links.ts";
import type { Pictures } from "./pictures.ts";
import { cleanStyle } from "./style.ts";
import { decodeEntities } from "../lib/entities.ts";

/** Of longer HTML, the rest is left out: it costs the reader's browser more than it says. Gmail itself clips at 102 KB. */
const MAX_HTML_CHARS = 5_000_000;
const MAX_TAGS = 100_000;
const MAX_PICTURE_CHARS = 1_500_000;

/** Other elements are dropped, and what is in them stays, but for the raw text of scripts and the like. */
const ELEMENTS = words(`
  html body address article aside blockquote center dd details dir div dl dt figcaption figure footer h1 h2 h3 h4 h5 h6
  header hr li main menu nav ol p pre section summary ul
  a abbr acronym area b bdi bdo big br cite code del dfn em font i img ins kbd map mark nobr q rp rt ruby s samp small span strike
  strong sub sup time tt u var wbr
  table caption colgroup col thead tbody tfoot tr th td`);

/** Presentational attributes: numbers, colours and keywords. No browser fetches or resolves anything for them. */
const PLAIN_ATTRIBUTES = words(`
  align aria-hidden bgcolor border bordercolor cellpadding cellspacing clear color cols colspan compact coords datetime dir
  face frame height hspace lang noshade nowrap open reversed role rowspan rules scope shape size span start text type valign
  value vspace width`);
const PLAIN_VALUE = /^[\w #%.,+*'()-]{0,200}$/;

/** Cells that span thousands of rows take a browser seconds to lay out. */
const SPANS = words("colspan rowspan span");

/** Attributes that people read. */
const TEXT_ATTRIBUTES = words("abbr alt aria-label summary title");

/** Pictures that came along in the HTML itself. SVG is not one of them: it is markup. */
const PICTURE = /^data:image\/(?:gif|jpe?g|png|webp);base64,[a-z\d+/]+={0,2}$/i;

/**
 * A picture from elsewhere has no `src`: its place is shown, with its alternative text. Pages on plain HTTP, as in
 * development, would look up the hosts of links in DNS.
 */
const FRAME_HEAD =
  '<!doctype html><meta charset="utf-8"><meta http-equiv="x-dns-prefetch-control" content="off">' +
  "<style>body{overflow-wrap:break-word}img[alt]:not([src],[alt='']){background:#eee;color:#555;font:12px sans-serif}</style>";

const CUT_OFF = "<p>The rest of this message is too long to be shown here.</p>";

/** What the HTML is shown with. */
export interface FrameOptions {
  /** URLs of ours, to whose hosts no link may lead. */
  readonly ownUrls: readonly string[];
  /** Pictures that came with the message. */
  readonly pictures?: Pick<Pictures, "take"> | null;
  /** Somebody has asked for pictures from elsewhere. */
  readonly showsRemotePictures?: boolean;
}

/** A part of the message for the frame. */
export interface FramePart {
  readonly kind: "html" | "text";
  readonly text: string;
}

/** The page for the frame. */
export function toFrameDocument(parts: readonly FramePart[], options: FrameOptions): string {
  const budget = linkBudget();
  const written = parts.map(({ kind, text }) => {
    if (kind === "text") return writeText(text, options, budget);
    const html = sanitizeHtml(text, options);
    return parts.length === 1 ? html : enclose(html);
  });
  return FRAME_HEAD + written.join("<hr>");
}

function writeText(text: string, { ownUrls }: FrameOptions, budget: LinkBudget): string {
  const pieces = linkify(text, hostsOf(ownUrls), budget).map((piece) => {
    const shown = escapeMarkup(piece.text.replaceAll("&", "&amp;").replaceAll("\0", ""));
    if (piece.href === null) return shown;
    const host = piece.host === null ? "" : ` [${escapeMarkup(piece.host)}]`;
    return `<a href="${escapeMarkup(piece.href.replaceAll("&", "&amp;"))}"${NEW_TAB}>${shown}</a>${host}`;
  });
  return `<pre style="white-space:pre-wrap;font-family:inherit" dir="auto">${pieces.join("")}</pre>`;
}

/**
 * Sanitized HTML from which nothing reaches the next part: a list's footer, another's words. To a browser's parser `object`
 * is a border: no end tag within closes what is around it, and its own closes all that is in it, formatting that would be
 * opened again included. The HTML has no `object` of its own. Only in a cell of a table its end tag does not count, so
 * tables are closed first. The `div` is one for layout: neither floats nor negative margins get out of it.
 *
 * https://html.spec.whatwg.org/multipage/parsing.html#has-an-element-in-scope
 */
function enclose(html: string): string {
  // The document's own elements are those of all parts.
  const part = html.replaceAll(/<(?:html|body)(?=[ >])/g, "<div");
  let openTables = 0;
  for (const [, slash] of part.matchAll(/<(\/?)table(?=[ >])/g)) {
    openTables = Math.max(0, openTables + (slash === "" ? 1 : -1));
  }
  return `<div style="overflow:auto"><object style="display:block">${part}${"</table>".repeat(openTables)}</object></div>`;
}

/** The HTML without all that is not allowed. Sanitizing it again changes nothing. */
export function sanitizeHtml(html: string, options: FrameOptions): string {
  const context: Context = { ...options, ownHosts: hostsOf(options.ownUrls), base: null };
  const pieces: string[] = [];
  let tags = 0;
  // Browsers drop or replace NULs, each in another place.
  for (const token of tokenize(html.slice(0, MAX_HTML_CHARS).replaceAll("\0", ""))) {
    if (token.kind === "text") {
      pieces.push(escapeMarkup(token.text));
      continue;
    }
    // Those that are dropped take time, too.
    if (++tags > MAX_TAGS) break;
    if (token.kind === "start" && token.name === "base")
      context.base ??= cleanBase(token.attributes.get("href"), context);
    if (ELEMENTS.has(token.name)) {
      const { kind, name } = token;
      if (kind === "start") pieces.push(`<${name}${writeAttributes(name, token.attributes, context)}>`);
      else if (name !== "html" && name !== "body") pieces.push(`</${name}>`);
    }
  }
  return pieces.join("") + (tags > MAX_TAGS || html.length > MAX_HTML_CHARS ? CUT_OFF : "");
}

interface Context extends FrameOptions {
  readonly ownHosts: ReadonlySet<string>;
  /** What relative links are relative to; null where the mail does not say. */
  base: string | null;
}

/** The first `base` counts. It is the sender's own page, or none. */
function cleanBase(href: string | undefined, { ownHosts }: Context): string | null {
  return href === undefined ? null : cleanLink(decodeEntities(href), ownHosts)?.replace(/^(?!https?:).*/, "") || null;
}

const NEW_TAB = ` target="${LINK_TARGET.target}" rel="${LINK_TARGET.rel}"`;

function writeAttributes(element: string, attributes: ReadonlyMap<string, string>, context: Context): string {
  let written = "";
  for (const [name, source] of attributes) {
    // Their entities stay as they are: in an attribute's value they mean text, whichever they are.
    if (TEXT_ATTRIBUTES.has(name)) written += ` ${name}="${escapeMarkup(source)}"`;
    else {
      const value = cleanValue({ element, name, value: decodeEntities(source) }, context);
      // What a browser reads must be what was checked: of entities that are not known here, the `&` is escaped.
      if (value !== null) written += ` ${name}="${escapeMarkup(value.replaceAll("&", "&amp;"))}"`;
      if (value !== null && name === "href") written += NEW_TAB;
    }
  }
  return written;
}

/** Elements whose `background` is a picture. */
const WITH_BACKGROUND = words("body table tbody td tfoot th thead tr");
const MAP_NAME = /^#?[\w.-]{1,100}$/;

function cleanValue(
  { element, name, value }: { element: string; name: string; value: string },
  context: Context,
): string | null {
  if (name === "style") return cleanStyle(value, (url) => cleanPicture(url, context)) || null;
  if (name === "href" && (element === "a" || element === "area"))
    return cleanLink(value, context.ownHosts, context.base);
  if (name === "src" && element === "img") return cleanPicture(value, context);
  if (name === "background" && WITH_BACKGROUND.has(element)) return cleanPicture(value, context);
  if ((name === "usemap" && element === "img") || (name === "name" && element === "map")) {
    return MAP_NAME.test(value) ? value : null;
  }
  if (SPANS.has(name)) return /^\d{1,3}$/.test(value) ? value : null;
  return PLAIN_ATTRIBUTES.has(name) && PLAIN_VALUE.test(value) ? value : null;
}

/** A picture in the HTML itself, one that came with the message, or one from elsewhere that was asked for. */
function cleanPicture(src: string, { base, ownHosts, pictures, showsRemotePictures }: Context): string | null {
  if (src.length > MAX_PICTURE_CHARS) return null;
  const url = src.replaceAll(/\s/g, "");
  if (/^data:/i.test(url)) return PICTURE.test(url) ? url : null;
  const found = pictures?.take(src) ?? null;
  if (found !== null || !showsRemotePictures) return found;
  return cleanResource(src, ownHosts, base);
}

/** For text, and for a value in double quotes. */
function escapeMarkup(text: string): string {
  return text.replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

function words(list: string): ReadonlySet<string> {
  return new Set(list.trim().split(/\s+/));
}
