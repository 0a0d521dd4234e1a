/**
 * Takes HTML apart into tags and text, by the rules of the HTML standard's tokenizer, without building a tree. Comments,
 * doctypes, CDATA sections, processing instructions and what stands in elements of raw text are passed over.
 *
 * Nothing depends on reading a tag as a browser does: src/mail/html.ts writes its output from names and values that it has
 * checked, so a tag that is read otherwise is shown otherwise, and no more. The time is linear in the length.
 *
 * https://html.spec.whatwg.org/multipage/parsing.html#tokenization
 */

export type HtmlToken =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "end"; readonly name: string }
  /** Of attributes with the same name, the first one counts. Values are as in the source: with their entities. */
  | { readonly kind: "start"; readonly name: string; readonly attributes: ReadonlyMap<string, string> };

/** Their text is no markup and not for people: it ends with their own end tag. */
const RAW_TEXT_END = new Map(
  ["script", "style", "title", "textarea", "iframe", "noembed", "noframes"].map((name) => [
    name,
    new RegExp(String.raw`</${name}(?=[\t\n\f\r />])`, "gi"),
  ]),
);

/** Where a tag, a comment or what counts as one begins; any other `<` is text. */
const MARKUP = /<[a-z!/?]/gi;
const TAG_NAME = /<\/?[a-z][^\t\n\f\r />]*/iy;
const SPACES = /[\t\n\f\r ]*/y;
const SPACES_AND_SLASHES = /[\t\n\f\r /]*/y;
/** An equals sign that comes first is a part of the name. */
const ATTRIBUTE_NAME = /[^\t\n\f\r />][^\t\n\f\r />=]*/y;
const UNQUOTED_VALUE = /[^\t\n\f\r >]*/y;
const COMMENT_END = /--!?>/g;

/** The tags and texts of a document or a fragment, in order. Names are in lower case. */
export function* tokenize(html: string): Generator<HtmlToken, void> {
  for (let at = 0; at < html.length;) {
    const markup = indexOf(MARKUP, html, at);
    if (markup > at) yield { kind: "text", text: html.slice(at, markup) };
    const tag = matchAt(TAG_NAME, html, markup);
    if (tag === "") at = html.startsWith("<!--", markup) ? endOfComment(html, markup) : after(html, ">", markup + 2);
    else {
      const attributes = new Map<string, string>();
      const end = readAttributes(html, markup + tag.length, attributes);
      // A tag that never ends is none, and takes the rest with it.
      if (end === null) return;
      const name = tag.replace(/^<\/?/, "").toLowerCase();
      yield tag.startsWith("</") ? { kind: "end", name } : { kind: "start", name, attributes };
      const rawTextEnd = tag.startsWith("</") ? undefined : RAW_TEXT_END.get(name);
      at = rawTextEnd === undefined ? end : indexOf(rawTextEnd, html, end);
    }
  }
}

/** Reads attributes up to the end of their tag. @returns where the tag ends, or null where it does not */
function readAttributes(html: string, from: number, attributes: Map<string, string>): number | null {
  let at = from;
  for (;;) {
    at += matchAt(SPACES_AND_SLASHES, html, at).length;
    if (at >= html.length) return null;
    if (html[at] === ">") return at + 1;
    const name = matchAt(ATTRIBUTE_NAME, html, at);
    at += name.length;
    at += matchAt(SPACES, html, at).length;
    let value = "";
    if (html[at] === "=") {
      at += 1;
      at += matchAt(SPACES, html, at).length;
      const quote = html[at];
      if (quote === '"' || quote === "'") {
        const close = html.indexOf(quote, at + 1);
        if (close === -1) return null;
        value = html.slice(at + 1, close);
        at = close + 1;
      } else {
        value = matchAt(UNQUOTED_VALUE, html, at);
        at += value.length;
      }
    }
    const lowerCase = name.toLowerCase();
    if (!attributes.has(lowerCase)) attributes.set(lowerCase, value);
  }
}

function endOfComment(html: string, at: number): number {
  const start = at + "<!--".length;
  // `<!-->` and `<!--->` are comments without text.
  for (const short of [">", "->"]) if (html.startsWith(short, start)) return start + short.length;
  COMMENT_END.lastIndex = start;
  return COMMENT_END.test(html) ? COMMENT_END.lastIndex : html.length;
}

/** Where the text after the next `mark` begins. */
function after(html: string, mark: string, from: number): number {
  const at = html.indexOf(mark, from);
  return at === -1 ? html.length : at + mark.length;
}

/** Where a global pattern matches next; the length of the text where it does not. */
function indexOf(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from;
  return pattern.exec(text)?.index ?? text.length;
}

/** What a sticky pattern matches at a place; empty where it does not. */
function matchAt(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? "";
}
