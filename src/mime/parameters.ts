/**
 * Structured header values with parameters (RFC 2045 §5.1), such as `text/plain; charset=utf-8`, with the extensions of RFC
 * 2231 and the ways in which mailers break both.
 */
import { decodeLabelled } from "./charset.ts";
import { concat, decodeWords, fromHex } from "./encoded-words.ts";

export interface StructuredValue {
  /** In lower case, without parameters. */
  readonly value: string;
  /** By name in lower case, decoded. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** Longer values and more parameters are not a mailer's. */
const MAX_CHARACTERS = 16 * 1024;
const MAX_PARAMETERS = 200;

/** A value in quotes, which may be left open, or up to the next semicolon. */
const PARAMETER = /;\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\[^])*)(?:"[^;]*|$)|([^;]*))/g;

/** Reads a header's value; null and an empty one have neither value nor parameters. */
export function parseStructured(header: string | null): StructuredValue {
  const source = (header ?? "").slice(0, MAX_CHARACTERS);
  const plain = new Map<string, string>();
  const sections = new Map<string, Section[]>();
  for (const [, name = "", quoted, token = ""] of [...source.matchAll(PARAMETER)].slice(0, MAX_PARAMETERS)) {
    const value = quoted === undefined ? withoutComment(token) : quoted.replaceAll(/\\([^])/g, "$1");
    const [, base = "", number, star] = /^([^*]+)(?:\*(\d{1,4})?(\*?))?$/.exec(name.toLowerCase()) ?? [];
    if (base === "") continue;
    if (!name.includes("*")) {
      if (!plain.has(base)) plain.set(base, decodeWords(value));
      continue;
    }
    const isEncoded = number === undefined || star === "*";
    const before = sections.get(base) ?? [];
    sections.set(base, [...before, { number: Number(number ?? 0), value, isEncoded }]);
  }
  // RFC 6266 §4.3: the extended form is the better one.
  for (const [name, list] of sections) plain.set(name, joinSections(list));
  return {
    value: (/^[^;(]*/.exec(source)?.[0] ?? "").trim().toLowerCase(),
    parameters: plain,
  };
}

function withoutComment(token: string): string {
  const comment = token.search(/\s\(/);
  return (comment === -1 ? token : token.slice(0, comment)).trim();
}

/** A part of a value that is continued: `name*0*=`. RFC 2231 §3 */
interface Section {
  readonly number: number;
  readonly value: string;
  readonly isEncoded: boolean;
}

/** A character may be in two sections, so the bytes of all are decoded together. */
function joinSections(sections: readonly Section[]): string {
  const ordered = sections.toSorted((one, other) => one.number - other.number);
  const [first] = ordered;
  if (!ordered.some(({ isEncoded }) => isEncoded)) return decodeWords(ordered.map(({ value }) => value).join(""));
  const [, charset = "", rest = first?.value ?? ""] = /^([^']*)'[^']*'([^]*)$/.exec(first?.value ?? "") ?? [];
  const pieces = ordered.map(({ value, isEncoded }, index) => {
    const text = index === 0 && isEncoded ? rest : value;
    return isEncoded ? fromHex(text, "%") : new TextEncoder().encode(text);
  });
  return decodeLabelled(concat(pieces), charset || "utf-8");
}
