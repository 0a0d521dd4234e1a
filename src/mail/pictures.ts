/**
 * Pictures that come with a message and that its HTML shows (RFC 2392): a frame in a sandbox has no cookie to fetch them with,
 * so they are put into the HTML.
 */
import { base64url } from "jose";
import { decodeEntities } from "../lib/entities.ts";
import { tokenize } from "./html-tokens.ts";
import type { Part } from "./part.ts";

/** Together. They travel in base64, with each view of the message, and once for each place in which the HTML shows them. */
const MAX_BYTES = 1024 * 1024;
/** Each may cost a call. */
const MAX_PICTURES = 20;

/** What may be one; SVG is markup. */
const TYPE = /^(?:image\/(?:x-)?(?:png|p?jpe?g|gif|webp)|application\/octet-stream)$/;

/** The pictures to show: those that the HTML refers to, as many as there is room for. The others are to be listed. */
export function pickPictures(parts: readonly Part[], htmls: readonly string[]): Part[] {
  const references = parts.some((part) => referencesTo(part).length > 0) ? referencesOf(htmls) : new Set<string>();
  const picked: Part[] = [];
  let bytes = 0;
  for (const part of parts) {
    const { size, type } = part;
    const isWanted = referencesTo(part).some((reference) => references.has(reference));
    const isThere = part.bytes !== null || part.attachmentId !== null;
    if (!isWanted || !isThere || !TYPE.test(type) || bytes + size > MAX_BYTES || picked.length >= MAX_PICTURES)
      continue;
    if (part.bytes !== null && pictureType(part.bytes) === null) continue;
    picked.push(part);
    bytes += size;
  }
  return picked;
}

/** Gets pictures; those that cannot be had are missing. @param fetchPart the bytes of a part, or null */
export async function fetchPictures(
  parts: readonly Part[],
  fetchPart: (part: Part) => Promise<Uint8Array | null>,
): Promise<Pictures> {
  const pictures = new Pictures();
  for (const [index, bytes] of (await Promise.all(parts.map(fetchPart))).entries()) {
    const part = parts[index];
    if (part !== undefined && bytes !== null) pictures.add(part, bytes);
  }
  return pictures;
}

/** Pictures as the HTML refers to them. */
export class Pictures {
  readonly #byReference = new Map<string, { readonly url: string; readonly bytes: number }>();
  #bytes = 0;
  #bytesTaken = 0;

  /** Takes a picture, if it is one by its first bytes, whatever its type says. */
  add(part: Part, bytes: Uint8Array): void {
    const type = pictureType(bytes);
    this.#bytes += bytes.length;
    if (type === null || this.#bytes > MAX_BYTES) return;
    const data = base64url.encode(bytes).replaceAll("-", "+").replaceAll("_", "/");
    const picture = { url: `data:${type};base64,${data}`, bytes: bytes.length };
    for (const reference of referencesTo(part)) this.#byReference.set(reference, picture);
  }

  /**
   * The `data:` URL of what a URL of the HTML refers to; null for what did not come along. It is written with each use, so
   * each use counts: one picture, referred to a thousand times, must not make an answer of a thousand pictures.
   */
  take(src: string): string | null {
    const picture = this.#byReference.get(normalizeReference(src));
    if (picture === undefined || this.#bytesTaken + picture.bytes > MAX_BYTES) return null;
    this.#bytesTaken += picture.bytes;
    return picture.url;
  }
}

/** What HTML may call a part. */
function referencesTo({ contentId, contentLocation }: Part): string[] {
  return [
    ...(contentId === null ? [] : [`cid:${normalizeId(contentId)}`]),
    ...(contentLocation === null ? [] : [contentLocation]),
  ];
}

const STYLE_URL = /url\(\s*(?:"([^"]*)"|'([^']*)'|([^\s"'()]+))/gi;

/** What HTML refers to, where the frame shows pictures: src/mail/html.ts. */
function referencesOf(htmls: readonly string[]): ReadonlySet<string> {
  const references = new Set<string>();
  for (const html of htmls) {
    for (const token of tokenize(html)) {
      if (token.kind !== "start") continue;
      const { attributes, name } = token;
      const urls = [name === "img" ? attributes.get("src") : undefined, attributes.get("background")];
      for (const url of urls) if (url !== undefined) references.add(normalizeReference(decodeEntities(url)));
      const style = decodeEntities(attributes.get("style") ?? "");
      for (const [, double, single, bare = ""] of style.matchAll(STYLE_URL)) {
        references.add(normalizeReference(double ?? single ?? bare));
      }
    }
  }
  return references;
}

function normalizeReference(url: string): string {
  const [, id] = /^cid:([^]*)$/i.exec(url.trim()) ?? [];
  return id === undefined ? url.trim() : `cid:${normalizeId(id)}`;
}

function normalizeId(id: string): string {
  // Some write the brackets of the header.
  return decoded(id.trim()).replace(/^<([^<>]*)>$/, "$1");
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function pictureType(bytes: Uint8Array): string | null {
  const head = Array.from(bytes.subarray(0, 12), (byte) => String.fromCharCode(byte)).join("");
  if (head.startsWith("\u0089PNG\r\n\u001a\n")) return "image/png";
  if (head.startsWith("\u00ff\u00d8\u00ff")) return "image/jpeg";
  if (/^GIF8[79]a/.test(head)) return "image/gif";
  return /^RIFF[^]{4}WEBP/.test(head) ? "image/webp" : null;
}
