/**
 * Bytes of mail as text. Decodes as mail readers do: charsets by any of their names, U+FFFD for the bad bytes only, and a
 * guess where the label is missing or wrong.
 *
 * https://encoding.spec.whatwg.org/#names-and-labels
 */
import { guessCharset, shareOfFrequent } from "./charset-guess.ts";
import { decodeShifted, type Shifted, shiftedCharset } from "./charset-shifted.ts";

/** Names that mail uses and the WHATWG does not, without `x-`, `cs` and separators. */
const ALIASES: Readonly<Record<string, string>> = {
  ansi: "windows-1252",
  big5hk: "big5",
  euccn: "gbk",
  eucgb2312cn: "gbk",
  eucjp: "euc-jp",
  euckr: "euc-kr",
  euctw: "big5",
  iso2022jp1: "iso-2022-jp",
  iso2022jp2: "iso-2022-jp",
  iso2022jp3: "iso-2022-jp",
  iso2022jp2004: "iso-2022-jp",
  iso2022jpms: "iso-2022-jp",
  iso2022jp: "iso-2022-jp",
  junet: "iso-2022-jp",
  koi8r: "koi8-r",
  koi8u: "koi8-u",
  latin7: "iso-8859-13",
  latin8: "iso-8859-14",
  latin9: "iso-8859-15",
  latin10: "iso-8859-16",
  macroman: "macintosh",
  mskanji: "shift_jis",
  shiftjis: "shift_jis",
  shiftjis2004: "shift_jis",
  shiftjisx0213: "shift_jis",
  tis620: "windows-874",
  uhc: "euc-kr",
  ujis: "euc-jp",
  utf8mb4: "utf-8",
  utf16: "utf-16le",
  windows31j: "shift_jis",
};

/** Microsoft's and IBM's numbers, as in `cp932`. 125x and ISO 8859 follow rules of their own. */
const CODE_PAGES: Readonly<Record<string, string>> = {
  437: "windows-1252",
  850: "windows-1252",
  866: "ibm866",
  874: "windows-874",
  932: "shift_jis",
  936: "gbk",
  943: "shift_jis",
  949: "euc-kr",
  950: "big5",
  1200: "utf-16le",
  1201: "utf-16be",
  10000: "macintosh",
  10007: "x-mac-cyrillic",
  20127: "us-ascii",
  20866: "koi8-r",
  20932: "euc-jp",
  20936: "gbk",
  21866: "koi8-u",
  50220: "iso-2022-jp",
  50221: "iso-2022-jp",
  50222: "iso-2022-jp",
  51932: "euc-jp",
  51936: "gbk",
  51949: "euc-kr",
  54936: "gb18030",
  65001: "utf-8",
};

/** Charsets of several bytes a character, in which hardly any other text is valid. */
const MULTI_BYTE = new Set(["big5", "euc-jp", "euc-kr", "gb18030", "gbk", "shift_jis"]);

/** A label says nothing where it means ASCII: what goes beyond that was labelled by mistake. */
const MEANS_ASCII = /^(?:us-?ascii|ascii|ansi_x3\.4-19\d\d|iso646-us|646)$/;

/** How many UTF-8 sequences a wrong byte may stand beside, before the text counts as another charset's. */
const UTF8_SEQUENCES_PER_BAD_BYTE = 2;

/** The least share of frequent characters that makes two bytes a character of UTF-16. */
const UTF16_SHARE = 0.4;

/** A charset that can be decoded: one of TextDecoder's, or one with shift sequences that it lacks. */
type Charset = string;

/**
 * The text of a body. Gmail hands most bodies out in UTF-8, whatever their header says, and some as they came: what is
 * valid UTF-8 is hardly ever anything else.
 *
 * @param labels what may name the charset, the most trusted first: the part's header, the HTML's `meta`
 */
export function decodeBody(bytes: Uint8Array, labels: readonly (string | null)[]): string {
  const marked = byteOrderMark(bytes);
  if (marked !== null) return decodeAs(bytes, marked);
  const charsets = labels.map(findCharset).filter((charset) => charset !== null);
  const named = charsets.find((charset) => charset !== "us-ascii" && charset !== "utf-8") ?? null;
  const shifted = charsets.includes("iso-2022-jp") ? "iso-2022-jp" : shiftedIn(bytes, charsets);
  if (shifted !== null && isSevenBit(bytes)) return decodeAs(bytes, shifted);
  const wide = utf16Order(bytes, named);
  if (wide !== null) return decodeAs(bytes, wide);
  const { sequences, badBytes } = countUtf8(bytes);
  if (badBytes === 0) return decodeAs(bytes, "utf-8");
  const enough = charsets[0] === "utf-8" ? badBytes : badBytes * UTF8_SEQUENCES_PER_BAD_BYTE;
  if (sequences >= enough) return decodeAs(bytes, "utf-8");
  // A charset of seven bits, of which these bytes are not.
  if (named === null || named === "iso-2022-jp" || shiftedCharset(named) !== null || named.startsWith("utf-16")) {
    return decodeAs(bytes, guessCharset(bytes));
  }
  return decodeAs(bytes, named);
}

/** The text of an encoded word or a parameter, whose label stands beside it: it is believed before UTF-8. */
export function decodeLabelled(bytes: Uint8Array, label: string): string {
  const charset = findCharset(label);
  if (hasJapaneseShift(bytes)) return decodeBody(bytes, [label]);
  if (charset !== null && MULTI_BYTE.has(charset) && isValid(bytes, charset)) return decodeAs(bytes, charset);
  return decodeBody(bytes, [label]);
}

/**
 * Charsets by labels. TextDecoder throws for a label that it does not know, and a header may have thousands of them.
 * It forgets all of them when it is full.
 */
const found = new Map<string, Charset | null>();
const MAX_FOUND = 1_000;
/** No charset's name is as long. */
const MAX_LABEL_CHARS = 100;

/** The charset that a label means; null for one that nobody knows. */
export function findCharset(label: string | null): Charset | null {
  const key = (label ?? "").slice(0, MAX_LABEL_CHARS);
  const known = found.get(key);
  if (known !== undefined) return known;
  if (found.size >= MAX_FOUND) found.clear();
  const charset = charsetOf(key);
  found.set(key, charset);
  return charset;
}

function charsetOf(label: string): Charset | null {
  // RFC 2231 §5: `utf-8*en`.
  const plain = label
    .replaceAll(/["'\s]|\*.*/g, "")
    .toLowerCase()
    .slice(0, 40);
  if (MEANS_ASCII.test(plain)) return "us-ascii";
  // TextDecoder has it for scripts that read bytes; in mail it says that the sender set something.
  if (plain === "x-user-defined") return null;
  const bare = plain.replace(/^(?:x-|cs)+/, "").replaceAll(/[._:-]/g, "");
  const [, page = ""] =
    /^(?:cp|ms|ibm|win|windows|windowscodepage|codepage|microsoftcp|mscp)?0*(\d{3,5})$/.exec(bare) ?? [];
  const [, iso = ""] = /^(?:iso)?8859(\d{1,2})(?:\d{4}|[ei])?$/.exec(bare) ?? [];
  const candidates = [
    shiftedCharset(bare),
    plain,
    ALIASES[bare],
    CODE_PAGES[page],
    /^125\d$/.test(page) ? `windows-${page}` : undefined,
    /^28[56]\d\d$/.test(page) ? `iso-8859-${Number(page) - 28_590}` : undefined,
    iso === "" ? undefined : `iso-8859-${iso}`,
    bare,
    plain.replace(/^(?:x-|cs)+/, ""),
  ];
  for (const candidate of new Set(candidates)) {
    const charset = candidate ? nameOf(candidate) : null;
    if (charset !== null) return charset;
  }
  return null;
}

/** The encoding's name by the WHATWG; null where the runtime has none. */
function nameOf(label: string): Charset | null {
  if (label === "us-ascii" || shiftedCharset(label) === label) return label;
  try {
    return new TextDecoder(label).encoding;
  } catch {
    return null;
  }
}

function decodeAs(bytes: Uint8Array, charset: Charset): string {
  const shifted = shiftedCharset(charset);
  return shifted === null ? new TextDecoder(charset).decode(bytes) : decodeShifted(bytes, shifted);
}

/** Whether bytes are characters of a charset, by any of its names, from first to last. */
export function isValid(bytes: Uint8Array, label: string): boolean {
  const charset = findCharset(label);
  if (charset === null || shiftedCharset(charset) !== null) return false;
  try {
    new TextDecoder(charset, { fatal: true, ignoreBOM: false }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

function byteOrderMark([first, second, third]: Uint8Array): Charset | null {
  if (first === 0xef && second === 0xbb && third === 0xbf) return "utf-8";
  if (first === 0xfe && second === 0xff) return "utf-16be";
  return first === 0xff && second === 0xfe ? "utf-16le" : null;
}

function isSevenBit(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte < 0x80);
}

/** What shift sequences say, where a label names their charset, and for ISO-2022-JP in any case. */
function shiftedIn(bytes: Uint8Array, charsets: readonly Charset[]): Shifted | "iso-2022-jp" | null {
  const labelled = charsets.map(shiftedCharset).find((charset) => charset !== null);
  if (labelled !== undefined) return labelled;
  return hasJapaneseShift(bytes) ? "iso-2022-jp" : null;
}

/** Whether bytes begin double-byte characters of ISO-2022-JP: `ESC $ B` and `ESC $ @` say nothing else, by any label. */
function hasJapaneseShift(bytes: Uint8Array): boolean {
  for (let at = bytes.indexOf(0x1b); at !== -1; at = bytes.indexOf(0x1b, at + 1)) {
    if (bytes[at + 1] === 0x24 && (bytes[at + 2] === 0x42 || bytes[at + 2] === 0x40)) return true;
  }
  return false;
}

/** The byte order of UTF-16 without a byte order mark; null for text that is none, whatever its label says. */
function utf16Order(bytes: Uint8Array, named: Charset | null): Charset | null {
  if (named?.startsWith("utf-16")) {
    // Gmail may have converted the text, or the label may be a mistake. RFC 2781 §3.2: a label names the order.
    const other = named === "utf-16le" ? "utf-16be" : "utf-16le";
    const [share, otherShare] = [shareAs(bytes, named), shareAs(bytes, other)];
    if (Math.max(share, otherShare) >= UTF16_SHARE) return otherShare > share ? other : named;
    return null;
  }
  const zeros = [0, 0];
  for (const [index, byte] of bytes.entries()) if (byte === 0) zeros[index % 2] = (zeros[index % 2] ?? 0) + 1;
  const [even = 0, odd = 0] = zeros;
  // Latin letters have a zero byte each.
  if (Math.max(even, odd) <= bytes.length / 4) return null;
  return even > odd ? "utf-16be" : "utf-16le";
}

function shareAs(bytes: Uint8Array, charset: Charset): number {
  return shareOfFrequent(decodeAs(bytes.subarray(0, Math.min(bytes.length - (bytes.length % 2), 4_096)), charset));
}

/** Sequences of more than one byte that are UTF-8 (RFC 3629), and bytes that are in none. */
function countUtf8(bytes: Uint8Array): { sequences: number; badBytes: number } {
  let [sequences, badBytes] = [0, 0];
  const end = endOfWhole(bytes);
  for (let at = 0; at < end;) {
    const length = sequenceLength(bytes, at);
    if (length > 1) sequences += 1;
    if (length === 0) badBytes += 1;
    at += Math.max(length, 1);
  }
  return { sequences, badBytes };
}

/** Where a sequence begins that is broken off at the end. A first byte alone may be another charset's letter. */
function endOfWhole(bytes: Uint8Array): number {
  for (const [back, firstLead] of [
    [2, 0xe0],
    [3, 0xf0],
  ] as const) {
    const at = bytes.length - back;
    const [lead = 0, ...rest] = at < 0 ? [] : bytes.subarray(at);
    if (lead >= firstLead && lead <= 0xf4 && rest.every((byte) => byte >> 6 === 0b10)) return at;
  }
  return bytes.length;
}

/** @returns how many bytes the sequence has; 0 where none begins here */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] ?? 0;
  if (lead < 0x80) return 1;
  const length = lead >= 0xc2 && lead <= 0xdf ? 2 : lead >> 4 === 0xe ? 3 : lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
  for (let index = 1; index < length; index += 1) if ((bytes[at + index] ?? 0) >> 6 !== 0b10) return 0;
  const second = bytes[at + 1] ?? 0;
  const isOverlong = (lead === 0xe0 && second < 0xa0) || (lead === 0xf0 && second < 0x90);
  const isNoCharacter = (lead === 0xed && second > 0x9f) || (lead === 0xf4 && second > 0x8f);
  return isOverlong || isNoCharacter ? 0 : length;
}
