/**
 * The text of an API token: `gmedge_`, the ID of the object that knows it, 256 random bits, and a checksum. A mistyped one is
 * refused by its checksum, and one that names no object of ours by the runtime, which checks the ID: both without storage.
 * Does not depend on `TOKEN_KEYS`.
 */
import { base64url } from "jose";
import { randomToken, sha256 } from "../lib/key-ring.ts";

/** Makes a token recognizable where it was leaked, to people and to secret scanners. */
const TOKEN_PREFIX = "gmedge_";
const ID_CHARACTERS = 43;
const CHECKSUM_CHARACTERS = 6;
const TOKEN_PATTERN = /^gmedge_[A-Za-z0-9_-]{92}$/;

/** A token as it came. */
export interface ParsedToken {
  /** In hexadecimal, as `idFromString` takes it. */
  readonly objectId: string;
  /** SHA-256 of the text. */
  readonly hash: string;
}

/** A new token. @param objectId in hexadecimal */
export async function makeTokenText(objectId: string): Promise<{ text: string; hash: string }> {
  const made = TOKEN_PREFIX + base64url.encode(fromHex(objectId)) + randomToken();
  const text = made + (await checksum(made));
  return { text, hash: await sha256(text) };
}

/** @returns null for what has not the form of a token, or not its checksum */
export async function parseTokenText(text: string): Promise<ParsedToken | null> {
  if (!TOKEN_PATTERN.test(text)) return null;
  const made = text.slice(0, -CHECKSUM_CHARACTERS);
  if ((await checksum(made)) !== text.slice(-CHECKSUM_CHARACTERS)) return null;
  const id = made.slice(TOKEN_PREFIX.length, TOKEN_PREFIX.length + ID_CHARACTERS);
  return { objectId: toHex(base64url.decode(id)), hash: await sha256(text) };
}

/** No secret: it only tells a slip of the hand. */
async function checksum(text: string): Promise<string> {
  return (await sha256(text)).slice(0, CHECKSUM_CHARACTERS);
}

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
