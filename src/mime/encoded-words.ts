/**
 * Encoded words in headers (RFC 2047), read as leniently as mail is written: long words, spaces and question marks inside
 * of them, padding anywhere, characters that two words share.
 */
import { decodeLabelled, isValid } from "./charset.ts";

/** Not across the beginning of another word, so that the time is linear. */
const WORD = /=\?([^?\s]{1,80})\?([bq])\?((?:[^?=]|=(?!\?(?!=))|\?(?!=))*)\?=/gi;

/** One at a place of a text: for who takes a header apart, in which it is an atom whatever it holds. */
export const ENCODED_WORD = new RegExp(WORD.source, "iy");

/** Between two encoded words, white space is a fold (§6.2). */
const FOLD = /^[\t\n\r ]*$/;

interface Word {
  readonly charset: string;
  readonly bytes: Uint8Array;
}

/** What a header may have of them. Behind them, and in a longer text, words stay as they are: decoding takes time. */
const MAX_WORDS = 1_000;
const MAX_CHARACTERS = 16 * 1024;

/** A text with its encoded words decoded. What is none stays. */
export function decodeWords(text: string): string {
  if (!text.includes("=?")) return text;
  let decoded = "";
  let run: Word[] = [];
  let end = 0;
  let words = 0;
  for (const match of text.slice(0, MAX_CHARACTERS).matchAll(WORD)) {
    if (++words > MAX_WORDS) break;
    const [whole, charset = "", encoding = "", encoded = ""] = match;
    const between = text.slice(end, match.index);
    if (run.length === 0 || !FOLD.test(between)) {
      decoded += decodeRun(run) + between;
      run = [];
    }
    run.push({
      charset: charset.toLowerCase(),
      bytes: encoding.toLowerCase() === "b" ? fromBase64(encoded) : fromQ(encoded),
    });
    end = match.index + whole.length;
  }
  return decoded + decodeRun(run) + text.slice(end);
}

/** Words of one charset that follow each other are decoded together: a character may be in two of them. */
function decodeRun(words: readonly Word[]): string {
  let decoded = "";
  for (let first = 0; first < words.length;) {
    const { charset = "" } = words[first] ?? {};
    let last = first + 1;
    while (words[last]?.charset === charset) last += 1;
    const pieces = words.slice(first, last).map(({ bytes }) => bytes);
    const joined = concat(pieces);
    // Where that makes no characters, a word that is broken should not spoil the next one.
    const texts = isValid(joined, charset) ? [joined] : pieces;
    decoded += texts.map((bytes) => decodeLabelled(bytes, charset)).join("");
    first = last;
  }
  return decoded;
}

/** The bytes of the Q encoding (§4.2); what should have been encoded and was not is taken as UTF-8. */
function fromQ(text: string): Uint8Array {
  return fromHex(text.replaceAll("_", " ").replaceAll(/=\s+(?=[\da-f])/gi, "="), "=");
}

/** Bytes of a text in which `mark` and two hexadecimal digits are a byte. */
export function fromHex(text: string, mark: "=" | "%"): Uint8Array {
  const source = new TextEncoder().encode(text);
  const bytes = new Uint8Array(source.length);
  let length = 0;
  for (let at = 0; at < source.length; at += 1) {
    const isMarked = source[at] === mark.charCodeAt(0);
    const [high, low] = isMarked ? [hexDigit(source[at + 1]), hexDigit(source[at + 2])] : [null, null];
    if (high === null || low === null) bytes[length] = source[at] ?? 0;
    else {
      bytes[length] = high * 16 + low;
      at += 2;
    }
    length += 1;
  }
  return bytes.subarray(0, length);
}

function hexDigit(byte = 0): number | null {
  const digit = Number.parseInt(String.fromCharCode(byte), 16);
  return Number.isNaN(digit) ? null : digit;
}

/** The bytes of base64, of either alphabet, with whatever else in between; padding ends a group, not the text. */
export function fromBase64(text: string): Uint8Array {
  const groups = text
    .replaceAll("-", "+")
    .replaceAll("_", "/")
    .replaceAll(/[^a-z\d+/=]/gi, "")
    .split(/=+/);
  return concat(
    groups.map((group) => {
      // One character alone has too few bits for a byte.
      const binary = atob(group.length % 4 === 1 ? group.slice(0, -1) : group);
      return Uint8Array.from(binary, (character) => character.charCodeAt(0));
    }),
  );
}

/** Bytes one after another. */
export function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
