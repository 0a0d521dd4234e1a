/**
 * Makes of a mail's HTML what may be shown in a frame: markup that loads nothing, runs nothing, sends nothing, and has no
 * links to us. CSP and sandbox cannot do this alone: `preconnect`, frames and the like open connections before either is
 * asked, and so tell the sender that, when and from where a mail is read.
 *
 * The HTML is taken apart, and the output is written anew: tags by their names in `ELEMENTS`, attributes by their names in
 * the lists below, with values that were checked and are escaped here, and text without `<` and `>`. Not a byte of the
 * sender's markup is passed on. So the output is safe even where a browser would have read the input otherwise, and it has
 * neither raw text nor foreign content, whose rules make sanitizers leak (mutation XSS).
 *
 * Why neither `HTMLRewriter` nor a sanitizer of npm: docs/adr/0007-own-html-sanitizer.md.
 */
import { tokenize } from "./html-tokens.ts";
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
  a abbr acronym b bdi bdo big br cite code del dfn em font i img ins kbd mark nobr q rp rt ruby s samp small span strike
  strong sub sup time tt u var wbr
  table caption colgroup col thead tbody tfoot tr th td`);

/** Presentational attributes: numbers, colours and keywords. No browser fetches or resolves anything for them. */
const PLAIN_ATTRIBUTES = words(`
  align aria-hidden bgcolor border bordercolor cellpadding cellspacing clear color cols colspan compact datetime dir face
  frame height hspace lang noshade nowrap open reversed role rowspan rules scope size span start text type valign value
  vspace width`);
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

/** The page for the frame. @param ownUrls URLs of ours, to whose hosts no link may lead */
export function toFrameDocument(html: string, ownUrls: readonly string[]): string {
  return FRAME_HEAD + sanitizeHtml(html, ownUrls);
}

/** The HTML without all that is not allowed. Sanitizing it again changes nothing. @param ownUrls see above */
export function sanitizeHtml(html: string, ownUrls: readonly string[]): string {
  const ownHosts = new Set(ownUrls.map((url) => hostOf(new URL(url))));
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
    if (ELEMENTS.has(token.name)) {
      const { kind, name } = token;
      if (kind === "start") pieces.push(`<${name}${writeAttributes(name, token.attributes, ownHosts)}>`);
      else if (name !== "html" && name !== "body") pieces.push(`</${name}>`);
    }
  }
  return pieces.join("") + (tags > MAX_TAGS || html.length > MAX_HTML_CHARS ? CUT_OFF : "");
}

function writeAttributes(
  element: string,
  attributes: ReadonlyMap<string, string>,
  ownHosts: ReadonlySet<string>,
): string {
  let written = "";
  for (const [name, source] of attributes) {
    // Their entities stay as they are: in an attribute's value they mean text, whichever they are.
    if (TEXT_ATTRIBUTES.has(name)) written += ` ${name}="${escapeMarkup(source)}"`;
    else {
      const value = cleanValue({ element, name, value: decodeEntities(source) }, ownHosts);
      // What a browser reads must be what was checked: of entities that are not known here, the `&` is escaped.
      if (value !== null) written += ` ${name}="${escapeMarkup(value.replaceAll("&", "&amp;"))}"`;
      if (value !== null && name === "href") written += ' target="_blank" rel="noopener noreferrer"';
    }
  }
  return written;
}

function cleanValue(
  { element, name, value }: { element: string; name: string; value: string },
  ownHosts: ReadonlySet<string>,
): string | null {
  if (name === "style") return cleanStyle(value) || null;
  if (name === "href" && element === "a") return cleanLink(value, ownHosts);
  if (name === "src" && element === "img") return cleanPicture(value);
  if (SPANS.has(name)) return /^\d{1,3}$/.test(value) ? value : null;
  return PLAIN_ATTRIBUTES.has(name) && PLAIN_VALUE.test(value) ? value : null;
}

/** The link in the form to which browsers bring it; null for one that is relative, to us, or of another scheme. */
function cleanLink(href: string, ownHosts: ReadonlySet<string>): string | null {
  // A link that depends on its page leads to us: `/docs`, and `https:docs` on a page of the same scheme.
  const url = URL.parse(href, "http://a.invalid");
  if (url === null || url.href !== URL.parse(href, "https://b.invalid")?.href) return null;
  if (url.protocol === "mailto:" || url.protocol === "tel:") return url.href;
  if (!/^https?:$/.test(url.protocol)) return null;
  // Any scheme and any port: a cookie goes to all of them.
  if (ownHosts.has(hostOf(url))) return null;
  // `https://bank.example@evil.example/` says another host than it leads to.
  url.username = "";
  url.password = "";
  return url.href;
}

/** @returns the host as the URL parser writes it (lower case, punycode), without the dots of a fully qualified name */
function hostOf({ hostname }: URL): string {
  return hostname.replace(/\.+$/, "");
}

function cleanPicture(src: string): string | null {
  if (src.length > MAX_PICTURE_CHARS) return null;
  const url = src.replaceAll(/\s/g, "");
  return PICTURE.test(url) ? url : null;
}

/** For text, and for a value in double quotes. */
function escapeMarkup(text: string): string {
  return text.replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

function words(list: string): ReadonlySet<string> {
  return new Set(list.trim().split(/\s+/));
}
