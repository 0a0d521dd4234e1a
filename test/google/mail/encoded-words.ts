/** Headers outside ASCII: encoded words (RFC 2047). */
import { toBase64 } from "../base64.ts";

/** RFC 2047 for what is not ASCII; an address keeps its angle brackets outside. */
export function encodeHeader(value: string, encoding: "B" | "Q"): string {
  if (/^[\x20-\x7e]*$/.test(value)) return value;
  const [, name, bare] = /^(.*?) (<[^>]*>)$/.exec(value) ?? [];
  if (name === undefined || bare === undefined) return encodeWords(value, encoding);
  return `${encodeWords(name, encoding)} ${bare}`;
}

/** Words of at most 75 characters, none of which splits a character. */
function encodeWords(text: string, encoding: "B" | "Q"): string {
  const words: string[] = [];
  let chunk = "";
  for (const character of text) {
    if (new TextEncoder().encode(chunk + character).byteLength > (encoding === "B" ? 42 : 18)) {
      words.push(chunk);
      chunk = "";
    }
    chunk += character;
  }
  words.push(chunk);
  return words.map((word) => `=?UTF-8?${encoding}?${encodeWord(word, encoding)}?=`).join("\r\n ");
}

function encodeWord(word: string, encoding: "B" | "Q"): string {
  const bytes = new TextEncoder().encode(word);
  if (encoding === "B") return toBase64(bytes);
  return Array.from(bytes, encodeByte).join("");
}

function encodeByte(byte: number): string {
  const character = String.fromCharCode(byte);
  return /[A-Za-z0-9]/.test(character) ? character : `=${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}

/** RFC 2047 words, so that what was encoded is found. */
export function decodeWords(text: string): string {
  if (!text.includes("=?")) return text;
  return text.replaceAll(/=\?utf-8\?([bq])\?([^?]*)\?=/gi, (whole, encoding: string, payload: string) => {
    try {
      const binary = encoding.toLowerCase() === "b" ? atob(payload) : fromQuoted(payload);
      return new TextDecoder().decode(Uint8Array.from(binary, (character) => character.charCodeAt(0)));
    } catch {
      return whole;
    }
  });
}

function fromQuoted(payload: string): string {
  return payload
    .replaceAll("_", " ")
    .replaceAll(/=([0-9a-f]{2})/gi, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
