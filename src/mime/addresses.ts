/**
 * Lists of addresses in headers (RFC 5322 §3.4): taken apart first, and each name decoded after that, so that nothing that
 * is encoded in a name can end it (RFC 2047 §6.2).
 */
import { decodeWords, ENCODED_WORD } from "./encoded-words.ts";
import { oneLine } from "./visible.ts";

/** A mailbox of a header; for what is none, one of the two is empty. */
export interface Address {
  readonly name: string;
  readonly address: string;
}

/** An address, or several under a name: `Friends: a@example.org, b@example.org;`. */
export type AddressEntry = Address | { readonly name: string; readonly members: readonly Address[] };

/** Of a longer header, the rest is not taken apart: that takes time, and nobody reads so many names. */
const MAX_CHARACTERS = 16 * 1024;
const MAX_COMMENT_CHARACTERS = 500;

interface Token {
  readonly kind: "atom" | "space" | "quoted" | "comment" | "angle" | "," | ";" | ":";
  /** Without its delimiters and escapes. */
  readonly text: string;
}

/** The entries of a header. @param options.isDecoded names hold no encoded words any more */
export function parseAddresses(header: string, { isDecoded = false } = {}): AddressEntry[] {
  return parse(header, isDecoded).entries;
}

/**
 * @returns `isPlain`: every reader of the header finds the same addresses in it; `isStrict`: names have quotes where they
 * need them, and commas are between entries
 */
function parse(header: string, isDecoded: boolean): { entries: AddressEntry[]; isPlain: boolean; isStrict: boolean } {
  const decode = isDecoded ? oneLine : (text: string) => oneLine(decodeWords(text));
  const tokens = tokenize(header.slice(0, MAX_CHARACTERS));
  const groupColon = findGroupColon(tokens);
  const entries: AddressEntry[] = [];
  let isPlain = true;
  let isStrict = true;
  let pending: Token[] = [];
  let group: { name: string; members: Address[] } | null = null;
  const flush = (): void => {
    const address = toAddress(pending, decode);
    isPlain &&= isUnambiguous(pending);
    isStrict &&= hasStrictName(pending);
    pending = [];
    if (address !== null) (group?.members ?? entries).push(address);
  };
  for (const [index, token] of tokens.entries()) {
    if (token.kind === ",") flush();
    else if (token.kind === ";") {
      flush();
      if (group === null) isStrict = false;
      else entries.push(group);
      group = null;
    } else if (token.kind === ":" && group === null && groupColon(index)) {
      group = { name: phrase(pending, decode), members: [] };
      pending = [];
    } else pending.push(token.kind === ":" ? { kind: "atom", text: ":" } : token);
  }
  flush();
  if (group !== null) entries.push(group);
  return { entries, isPlain, isStrict };
}

/** Every mailbox of a header, also those in groups. */
export function flatAddresses(entries: readonly AddressEntry[]): Address[] {
  return entries.flatMap((entry) => ("members" in entry ? entry.members : [entry]));
}

/**
 * An address header as people and programs can read it: names decoded, and quoted again where they need it. A header that
 * needs neither stays as it is. So does one in which readers may find different addresses: taken apart, it could show
 * another sender than the one that was authenticated.
 */
export function decodeAddressHeader(header: string): string {
  const unfolded = header.replaceAll(/\r?\n(?=[\t ])/g, "").trim();
  const end = unfolded.length > MAX_CHARACTERS ? unfolded.lastIndexOf(",", MAX_CHARACTERS) : unfolded.length;
  const { entries, isPlain, isStrict } = parse(unfolded.slice(0, Math.max(end, 0)), false);
  if (!isPlain) return unfolded;
  const joined = joinSplitNames(entries);
  if (!unfolded.includes("=?") && isStrict && joined.length === entries.length) return unfolded;
  return joined.map(formatEntry).join(", ") + unfolded.slice(Math.max(end, 0));
}

function formatEntry(entry: AddressEntry): string {
  if (!("members" in entry)) return formatAddress(entry);
  return `${quoteName(entry.name)}: ${entry.members.map(formatAddress).join(", ")};`;
}

/** `Name <address>`, the name in quotes where it needs them. */
export function formatAddress({ name, address }: Address): string {
  if (name === "") return address;
  return address === "" ? quoteName(name) : `${quoteName(name)} <${address}>`;
}

/** RFC 5322 §3.2.3: words of these characters, and of those beyond ASCII (RFC 6532), are a name without quotes. */
const PHRASE = /^[\w!#$%&'*+/=?^`{|}~\u{80}-\u{10ffff}-]+(?: [\w!#$%&'*+/=?^`{|}~\u{80}-\u{10ffff}-]+)*$/u;

function quoteName(name: string): string {
  if (PHRASE.test(name) && !name.includes("=?")) return name;
  return `"${name.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}

/**
 * `Doe, Jane <jane@example.org>` is one person, whom a mailer has left without quotes: what is before the comma is no
 * address.
 */
function joinSplitNames(entries: readonly AddressEntry[]): AddressEntry[] {
  const joined: AddressEntry[] = [];
  for (const entry of entries) {
    if (!("address" in entry) || entry.name === "" || entry.address === "") {
      joined.push(entry);
      continue;
    }
    let { name } = entry;
    for (let before = joined.at(-1); before !== undefined && isNameAlone(before); before = joined.at(-1)) {
      name = `${before.name}, ${name}`;
      joined.pop();
    }
    joined.push({ name, address: entry.address });
  }
  return joined;
}

function isNameAlone(entry: AddressEntry): boolean {
  return "address" in entry && entry.address === "" && entry.name !== "";
}

/** A phrase as RFC 5322 §4.1 still allows it: with dots. */
const OLD_PHRASE = /^[\w!#$%&'*+/=?^`{|}~.\s\u{80}-\u{10ffff}-]*$/u;

function hasStrictName(tokens: readonly Token[]): boolean {
  const angle = tokens.findIndex(({ kind }) => kind === "angle");
  const name = tokens.slice(0, Math.max(angle, 0)).filter(({ kind }) => kind === "atom");
  return name.every(({ text }) => OLD_PHRASE.test(text));
}

/** Tells which colons begin a group: a semicolon ends it, and nothing before it belongs to an address. */
function findGroupColon(tokens: readonly Token[]): (index: number) => boolean {
  const end = tokens.findLastIndex(({ kind }) => kind === ";");
  const first = tokens.findIndex(({ kind, text }) => kind === "angle" || (kind === "atom" && text.includes("@")));
  return (index) => index < end && (first === -1 || index < first);
}

/** RFC 5322 §3.4.1, of characters beyond ASCII too (RFC 6532); or a word without `@`, such as `MAILER-DAEMON`. */
const ADDR_SPEC =
  /^(?:(?:[\w.!#$%&'*+/=?^`{|}~\u{80}-\u{10ffff}-]+|"(?:[^"\\<>]|\\[^<>])*")@(?:[\w.\u{80}-\u{10ffff}-]+|\[[^\s[\]<>]*\])|[\w.!#$%&'*+/=?^`{|}~-]*)$/u;

/** Whether an entry has one address at most, where each reader looks for it. */
function isUnambiguous(tokens: readonly Token[]): boolean {
  const angles = tokens.filter(({ kind }) => kind === "angle");
  const outside = tokens.filter(({ kind }) => kind === "atom");
  if (angles.length > 1 || outside.some(({ text }) => /[<>]/.test(text))) return false;
  const [angle] = angles;
  if (angle === undefined) return splitAtSpaces(tokens).filter((word) => word.some(hasAt)).length <= 1;
  const after = tokens.slice(tokens.indexOf(angle));
  return ADDR_SPEC.test(angleAddress(angle)) && !after.some((token) => token.kind === "atom" && hasAt(token));
}

const hasAt = ({ text }: Token): boolean => text.includes("@");

/** A route before the address is obsolete (RFC 5322 §4.4). */
const angleAddress = ({ text }: Token): string => cleanAddress(text.replace(/^\s*@[^:]*:/, ""));

function toAddress(tokens: readonly Token[], decode: (text: string) => string): Address | null {
  const angle = tokens.findIndex(({ kind }) => kind === "angle");
  const angleToken = tokens[angle];
  const comment = (): string =>
    decode(
      tokens
        .filter(({ kind }) => kind === "comment")
        .map(({ text }) => text)
        .join(" "),
    );
  if (angleToken !== undefined) {
    const name = phrase(tokens.slice(0, angle), decode) || phrase(tokens.slice(angle + 1), decode) || comment();
    return { name, address: angleAddress(angleToken) };
  }
  const words = splitAtSpaces(tokens);
  const bare = words.findIndex((word) => word.some(({ text }) => text.includes("@")));
  const address = (words[bare] ?? [])
    .map(({ kind, text }, _, { length }) => (kind === "quoted" && length > 1 ? `"${text}"` : text))
    .join("");
  const rest: Token[] = [];
  for (const [index, word] of words.entries()) if (index !== bare) rest.push(...word, { kind: "space", text: " " });
  const name = phrase(rest, decode) || comment();
  return name === "" && address === "" ? null : { name, address: cleanAddress(address) };
}

function cleanAddress(address: string): string {
  return oneLine(address)
    .replaceAll(/\s+(?=[@.])|(?<=[@.])\s+/g, "")
    .replaceAll(/[<>]/g, "");
}

/** Words that touch each other, such as a quoted local part and its domain. */
function splitAtSpaces(tokens: readonly Token[]): Token[][] {
  const words: Token[][] = [[]];
  for (const token of tokens) {
    if (token.kind === "space" || token.kind === "comment") words.push([]);
    else words.at(-1)?.push(token);
  }
  return words.filter((word) => word.length > 0);
}

/** The name that words and quoted strings make. Encoded words in quotes are not allowed, and usual. */
function phrase(tokens: readonly Token[], decode: (text: string) => string): string {
  let [name, plain] = ["", ""];
  for (const { kind, text } of tokens) {
    if (kind === "quoted") {
      name += edgeSpaced(plain, decode) + decode(text);
      plain = "";
    } else if (kind !== "comment") plain += text;
  }
  return oneLine(name + edgeSpaced(plain, decode));
}

/** Decoded, with a space at either end where there was one. */
function edgeSpaced(text: string, decode: (text: string) => string): string {
  return (/^\s/.test(text) ? " " : "") + decode(text) + (/\s$/.test(text) ? " " : "");
}

function tokenize(header: string): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < header.length;) {
    const { token, end } = tokenAt(header, at);
    const last = tokens.at(-1);
    if (token.kind === "atom" && last?.kind === "atom")
      tokens.splice(-1, 1, { kind: "atom", text: last.text + token.text });
    else tokens.push(token);
    at = end;
  }
  return tokens;
}

const SPACE = /[\t\n\r ]+/y;
const QUOTED = /"((?:[^"\\]|\\[^])*)"/y;
const ATOM = /[^\t\n\r "(),:;<=]+|[^]/y;
const ANGLE = /<([^>]*)>?/y;
/** A bracket that is never closed ends with the entry. */
const OPEN_ANGLE = /<([^@<>,;][^<>,;]*)(?=[,;]|$)/y;

function tokenAt(header: string, at: number): { token: Token; end: number } {
  const character = header[at] ?? "";
  if (character === "," || character === ";" || character === ":")
    return { token: { kind: character, text: character }, end: at + 1 };
  const space = matchAt(SPACE, header, at);
  if (space !== null) return { token: { kind: "space", text: " " }, end: at + space[0].length };
  const word = character === "=" ? matchAt(ENCODED_WORD, header, at) : null;
  if (word !== null) return { token: { kind: "atom", text: word[0] }, end: at + word[0].length };
  const quoted = character === '"' ? matchAt(QUOTED, header, at) : null;
  if (quoted !== null)
    return { token: { kind: "quoted", text: unescape(quoted[1] ?? "") }, end: at + quoted[0].length };
  const angle = character === "<" ? (matchAt(OPEN_ANGLE, header, at) ?? matchAt(ANGLE, header, at)) : null;
  if (angle !== null) return { token: { kind: "angle", text: angle[1] ?? "" }, end: at + angle[0].length };
  const end = character === "(" ? endOfComment(header, at) : null;
  if (end !== null) return { token: { kind: "comment", text: unescape(header.slice(at + 1, end - 1)) }, end };
  const atom = matchAt(ATOM, header, at)?.[0] ?? character;
  return { token: { kind: "atom", text: atom }, end: at + atom.length };
}

function unescape(text: string): string {
  return text.replaceAll(/\\([^])/g, "$1");
}

/** Comments may hold others. @returns null where it is never closed: then the parenthesis is one */
function endOfComment(header: string, start: number): number | null {
  let depth = 0;
  for (let at = start; at < Math.min(header.length, start + MAX_COMMENT_CHARACTERS); at += 1) {
    if (header[at] === "\\") at += 1;
    else if (header[at] === "(") depth += 1;
    else if (header[at] === ")" && --depth === 0) return at + 1;
  }
  return null;
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}
