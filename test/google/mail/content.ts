/**
 * What a message is made of, and how Gmail shows it: nested parts, attachments that are fetched apart, and RFC 5322 text.
 */
import { escapeHtml, toBase64, toBase64Url } from "../text.ts";

export type Header = readonly [name: string, value: string];

/** A part of a message: text, bytes, or parts of its own. */
export interface Part {
  readonly mimeType: string;
  readonly text?: string;
  readonly bytes?: Uint8Array;
  readonly filename?: string;
  /** Of a picture that the HTML shows: its Content-ID, without angle brackets. */
  readonly contentId?: string;
  readonly parts?: readonly Part[];
}

export interface Content {
  /** As they are shown; a value may also be an encoded word already. */
  readonly headers: readonly Header[];
  readonly body: Part;
  /** One line, escaped as HTML. */
  readonly snippet: string;
}

/** A message, with what is costly made when it is asked for. */
export interface StoredMessage {
  readonly id: string;
  readonly threadId: string;
  readonly labelIds: readonly string[];
  readonly internalDateMs: number;
  readonly content: () => Content;
}

/** Text above this size comes by `attachments.get`, as files always do. */
const LARGEST_INLINE_BYTES = 100_000;
const LARGEST_SNIPPET = 200;

/** Gmail's snippets are one line of about 200 characters, escaped as HTML. */
export function snippetOf(text: string): string {
  return escapeHtml(Array.from(text.replace(/\s+/g, " ").trim()).slice(0, LARGEST_SNIPPET).join(""));
}

/** All parts with their IDs, depth first: `""` is the root, `0`, `1`, `1.0` are below it. */
function* partsOf(part: Part, partId = ""): Generator<{ readonly partId: string; readonly part: Part }> {
  yield { partId, part };
  for (const [index, child] of (part.parts ?? []).entries()) yield* partsOf(child, idBelow(partId, index));
}

function idBelow(partId: string, index: number): string {
  return partId === "" ? String(index) : `${partId}.${index}`;
}

export function fileNames(content: Content): string[] {
  return Array.from(partsOf(content.body), ({ part }) => part.filename ?? "").filter((name) => name !== "");
}

export function searchableText(content: Content): string {
  const texts = Array.from(partsOf(content.body), ({ part }) => (part.mimeType === "text/plain" ? part.text : ""));
  return texts.join("\n");
}

export function bytesOf(part: Part): Uint8Array {
  return part.bytes ?? new TextEncoder().encode(part.text ?? "");
}

export function sizeOf(content: Content): number {
  return Array.from(partsOf(content.body)).reduce((sum, { part }) => sum + Math.ceil(bytesOf(part).length * 1.34), 400);
}

/** An ID by which `attachments.get` finds a part. Gmail gives another one each time. */
function attachmentId(messageId: string, partId: string): string {
  const noise = toBase64Url(crypto.getRandomValues(new Uint8Array(60)));
  return `ANGjdJ-${messageId}-${partId.replaceAll(".", "_")}-${noise}`;
}

/** The part of an attachment ID that fits the message, or null. */
export function findAttachment(messageId: string, content: Content, id: string): Part | null {
  const [, owner, wanted] = /^ANGjdJ-(\w+)-([\d_]*)-[\w-]{80}$/.exec(id) ?? [];
  if (owner !== messageId) return null;
  for (const { partId, part } of partsOf(content.body)) if (partId.replaceAll(".", "_") === wanted) return part;
  return null;
}

/** A part, and whose it is. */
interface Place {
  readonly messageId: string;
  readonly part: Part;
  readonly partId: string;
}

/** A message's part as the API answers it. @param headers of the message, for its root */
export function toPayload({ messageId, part, partId }: Place, headers: readonly Header[] = []): object {
  const { mimeType, filename = "", parts } = part;
  const shown = [...headers, ...mimeHeaders(part, `b${messageId}${partId}`)].map(([name, value]) => ({ name, value }));
  const base = { partId, mimeType, filename, headers: shown };
  if (parts !== undefined) {
    const below = parts.map((child, index) => toPayload({ messageId, part: child, partId: idBelow(partId, index) }));
    return { ...base, body: { size: 0 }, parts: below };
  }
  const bytes = bytesOf(part);
  const size = bytes.byteLength;
  const isApart = filename !== "" || size > LARGEST_INLINE_BYTES;
  return {
    ...base,
    body: { size, ...(isApart ? { attachmentId: attachmentId(messageId, partId) } : { data: toBase64Url(bytes) }) },
  };
}

function mimeHeaders({ mimeType, filename, contentId, parts }: Part, boundary: string): Header[] {
  if (parts !== undefined) return [["Content-Type", `${mimeType}; boundary="${boundary}"`]];
  const name = filename?.replaceAll('"', "'");
  const charset = mimeType.startsWith("text/") ? '; charset="UTF-8"' : "";
  const disposition = contentId === undefined ? "attachment" : "inline";
  return [
    ["Content-Type", `${mimeType}${name === undefined ? charset : `; name="${name}"`}`],
    ["Content-Transfer-Encoding", "base64"],
    ...(name === undefined ? [] : [["Content-Disposition", `${disposition}; filename="${name}"`] as const]),
    ...(contentId === undefined ? [] : [["Content-ID", `<${contentId}>`] as const]),
  ];
}

/** The message as it was sent: RFC 5322. */
export function toMime({ messageId, part, partId }: Place, headers: readonly Header[] = []): string {
  const boundary = `b${messageId}${partId}`;
  const ofRoot: readonly Header[] = partId === "" ? [...headers, ["MIME-Version", "1.0"]] : [];
  const head = [...ofRoot, ...mimeHeaders(part, boundary)].map(([name, value]) => `${name}: ${encodeHeader(value)}`);
  if (part.parts === undefined) return [...head, "", ...(toBase64(bytesOf(part)).match(/.{1,76}/g) ?? [])].join("\r\n");
  const below = part.parts.map(
    (child, index) => `--${boundary}\r\n${toMime({ messageId, part: child, partId: idBelow(partId, index) })}`,
  );
  return [...head, "", ...below, `--${boundary}--`].join("\r\n");
}

/** RFC 2047 for what is not ASCII; an address keeps its angle brackets outside. */
function encodeHeader(value: string): string {
  if (/^[\x20-\x7e]*$/.test(value)) return value;
  const [, name = value, bare = ""] = /^(.*?)( <[^>]*>)$/.exec(value) ?? [];
  // Words of at most 75 characters, none of which splits a character.
  const words = Array.from(name.matchAll(/.{1,10}/gsu), ([word]) => toBase64(new TextEncoder().encode(word)));
  return words.map((word) => `=?UTF-8?B?${word}?=`).join("\r\n ") + bare;
}
