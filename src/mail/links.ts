/**
 * Links of mail: which of them may be shown, and which words of a plain text are some. None of them leads to us.
 */

/** How a link must be written: it opens a tab of its own, which cannot reach ours. */
export const LINK_TARGET = { target: "_blank", rel: "noopener noreferrer" } as const;

/** URLs of ours, to whose hosts no link may lead. */
export function hostsOf(ownUrls: readonly string[]): ReadonlySet<string> {
  return new Set(ownUrls.map((url) => hostOf(new URL(url))));
}

/** @returns the host as the URL parser writes it (lower case, punycode), without the dots of a fully qualified name */
function hostOf({ hostname }: URL): string {
  let end = hostname.length;
  while (hostname[end - 1] === ".") end -= 1;
  return hostname.slice(0, end);
}

/**
 * The link in the form to which browsers bring it; null for one that is relative, to us, or of another scheme.
 *
 * @param base of the mail itself: what relative links are relative to
 */
export function cleanLink(href: string, ownHosts: ReadonlySet<string>, base: string | null = null): string | null {
  const url = absoluteUrl(href, base);
  if (url === null) return null;
  if (url.protocol === "mailto:" || url.protocol === "tel:") return url.href;
  return cleanWebUrl(url, ownHosts);
}

/**
 * Names that no public DNS has, or that RFC 6761, 6762, 8375 and 9476 or ICANN keep for networks of one's own; then public
 * names of devices at home, and those that stand for whatever address one asks them for.
 */
const OWN_NETWORKS = `
  alt arpa corp home internal intranet invalid lan local localdomain localhost mail onion private workgroup
  asusrouter.com fritz.box router.asus.com routerlogin.com routerlogin.net tplinklogin.net tplinkwifi.net
  lacolhost.com local.gd localho.st localtest.me lvh.me nip.io sslip.io traefik.me vcap.me xip.io`
  .trim()
  .split(/\s+/);

/**
 * The same for what is to be loaded: the web's schemes, and hosts whose names are no one's own network. A picture must not
 * be a request to a device at home. What a public name resolves to, and where its server redirects, is not known here.
 */
export function cleanResource(src: string, ownHosts: ReadonlySet<string>, base: string | null): string | null {
  const url = absoluteUrl(src, base);
  return url === null || !isPublicName(hostOf(url)) ? null : cleanWebUrl(url, ownHosts);
}

/** @param host as the URL parser writes it: an IPv4 address in any notation has become four decimal numbers */
function isPublicName(host: string): boolean {
  const isAddress = host.startsWith("[") || /\.\d+$/.test(host);
  return host.includes(".") && !isAddress && !OWN_NETWORKS.some((name) => `.${host}`.endsWith(`.${name}`));
}

function cleanWebUrl(url: URL, ownHosts: ReadonlySet<string>): string | null {
  if (!/^https?:$/.test(url.protocol)) return null;
  // Any scheme and any port: a cookie goes to all of them.
  if (ownHosts.has(hostOf(url))) return null;
  // `https://bank.example@evil.example/` says another host than it leads to.
  url.username = "";
  url.password = "";
  return url.href;
}

/** Longer ones are not a person's, and no server takes them. */
const MAX_URL_CHARS = 16 * 1024;

function absoluteUrl(href: string, base: string | null): URL | null {
  if (href.length > MAX_URL_CHARS) return null;
  // With its `base`, a browser would leave a link within the mail for the sender's page.
  if (base !== null) return href.trim().startsWith("#") ? null : URL.parse(href, base);
  // A link that depends on its page leads to us: `/docs`, and `https:docs` on a page of the same scheme.
  const url = URL.parse(href, "http://a.invalid");
  return url !== null && url.href === URL.parse(href, "https://b.invalid")?.href ? url : null;
}

/** A piece of plain text. */
export interface TextPiece {
  readonly text: string;
  /** Null: no link. */
  readonly href: string | null;
  /** Where the link leads, if its text says that in other letters; else null. */
  readonly host: string | null;
}

/** `https://` begins a link also within a word, as words of Chinese and Japanese have no spaces between them. */
const START = /https?:\/\/|(?<![\p{sc=Latin}\p{N}_@.])(?:mailto:(?=[^\s@]{1,64}@)|www\.(?=[\p{L}\p{N}]))/u;

/**
 * Neither what turns the direction of text nor what has no width is a part of a link, nor kana and punctuation of Chinese
 * and Japanese. Their other letters are one at the beginning of a name only, else words that follow: `/a查看`.
 */
const IN_URL =
  /(?!\]\()[^\s<>"\p{C}\p{sc=Han}\p{sc=Hangul}\u2028\u2029\u3000-\u30ff\uff00-\uffef]|(?<=[/.=#?&+_:(\-\p{sc=Han}\p{sc=Hangul}])[\p{sc=Han}\p{sc=Hangul}]/u;

const URL_IN_TEXT = new RegExp(`(?:${START.source})(?:${IN_URL.source}){1,2000}`, "giu");

/** How many more links a message may have. Each costs three URLs to parse; the rest of a longer list is text. */
export interface LinkBudget {
  links: number;
}

export function linkBudget(): LinkBudget {
  return { links: 2_000 };
}

/** The pieces of a text, whose links may be followed. @param budget of the message, which counts down */
export function linkify(text: string, ownHosts: ReadonlySet<string>, budget: LinkBudget = linkBudget()): TextPiece[] {
  const pieces: TextPiece[] = [];
  let end = 0;
  for (const { 0: match, index } of text.matchAll(URL_IN_TEXT)) {
    if (--budget.links < 0) break;
    const shown = withoutPunctuation(match, text.charAt(index - 1));
    const href = cleanLink(/^www\./i.test(shown) ? `http://${shown}` : shown, ownHosts);
    if (href === null) continue;
    if (index > end) pieces.push({ text: text.slice(end, index), href: null, host: null });
    pieces.push({ text: shown, href, host: hiddenHost(shown, href) });
    end = index + shown.length;
  }
  if (end < text.length) pieces.push({ text: text.slice(end), href: null, host: null });
  return pieces;
}

/**
 * Without what ends a sentence, without brackets that were opened before the link, and without the sign that stands before
 * it too: `_https://…_`. https://github.github.com/gfm/#extended-autolink-path-validation
 */
function withoutPunctuation(url: string, before: string): string {
  const unopened = new Map(["()", "[]", "{}"].map(([open = "", close = ""]) => [close, excess(url, { open, close })]));
  for (let end = url.length; ; end -= 1) {
    const last = url.charAt(end - 1);
    const count = unopened.get(last) ?? 0;
    // `#!` begins the path of a page that is made by its script.
    const isPunctuation = /[.,;:!?'*|\u2018-\u201f\u2026]/.test(last) && url.slice(end - 2, end) !== "#!";
    const isMark = /[_~]/.test(last) && last === before;
    if (!isPunctuation && !isMark && count <= 0) return url.slice(0, end);
    unopened.set(last, count - 1);
  }
}

/** How many more brackets are closed than opened. */
function excess(url: string, { open, close }: { open: string; close: string }): number {
  return url.split(close).length - url.split(open).length;
}

/** A host in letters that look like others, and one behind a user name, are said in plain letters. */
function hiddenHost(shown: string, href: string): string | null {
  const { hostname, protocol } = new URL(href);
  if (protocol === "mailto:") return null;
  const [, written = ""] = /^(?:https?:\/\/)?([^/?#:]*)/i.exec(shown) ?? [];
  return written.toLowerCase() === hostname ? null : hostname;
}
