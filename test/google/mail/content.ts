/**
 * What a message is made of, and how Gmail shows it: nested parts, attachments that are fetched apart, and RFC 5322 text.
 */
import { toBase64, toBase64Url } from "../base64.ts";
import { encodeHeader } from "./encoded-words.ts";

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
  /** Sends the headers as RFC 2047 encoded words, which `format=raw` shows. */
  readonly headerEncoding?: "B" | "Q" | undefined;
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
  const line = Array.from(text.replace(/\s+/g, " ").trim()).slice(0, LARGEST_SNIPPET).join("");
  return line
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}

/** All parts with their IDs, depth first: `""` is the root, `0`, `1`, `1.0` are below it. */
export function* partsOf(part: Part, partId = ""): Generator<{ readonly partId: string; readonly part: Part }> {
  yield { partId, part };
  for (const [index, child] of (part.parts ?? []).entries()) {
    yield* partsOf(child, partId === "" ? String(index) : `${partId}.${index}`);
  }
}

/** The files of a message, by name. */
export function fileNames(content: Content): string[] {
  return [...partsOf(content.body)].flatMap(({ part }) => part.filename ?? []);
}

/** The text of a message that a search looks at. */
export function searchableText(content: Content): string {
  return [...partsOf(content.body)]
    .flatMap(({ part }) => (part.mimeType === "text/plain" ? (part.text ?? "") : []))
    .join("\n");
}

export function bytesOf(part: Part): Uint8Array {
  return part.bytes ?? new TextEncoder().encode(part.text ?? "");
}

/** About how long the message is, in bytes. */
export function sizeOf(content: Content): number {
  let size = 400;
  for (const { part } of partsOf(content.body)) size += Math.ceil(bytesOf(part).byteLength * 1.34);
  return size;
}

/** An ID by which `attachments.get` finds a part. Gmail gives another one each time. */
function attachmentId(messageId: string, partId: string): string {
  const noise = crypto.getRandomValues(new Uint8Array(6));
  return `ANGjdJ${toBase64Url(`${messageId}:${partId}:${toBase64Url(noise)}`)}`;
}

/** The part of an attachment ID that fits the message, or null. */
export function findAttachment(messageId: string, content: Content, id: string): Part | null {
  const encoded = /^ANGjdJ([\w-]+)$/.exec(id)?.[1];
  if (encoded === undefined) return null;
  let text: string;
  try {
    text = atob(encoded.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    return null;
  }
  const [owner, wanted] = text.split(":");
  if (owner !== messageId) return null;
  for (const { partId, part } of partsOf(content.body)) if (partId === wanted) return part;
  return null;
}

/** A part as the API answers it. @param headers of the message, for its root */
export function toPayload(messageId: string, content: Content, headers: readonly Header[]): Record<string, unknown> {
  return payloadOf({ messageId, part: content.body, partId: "", headers });
}

interface PayloadOptions {
  readonly messageId: string;
  readonly part: Part;
  readonly partId: string;
  readonly headers: readonly Header[];
}

function payloadOf({ messageId, part, partId, headers }: PayloadOptions): Record<string, unknown> {
  const { mimeType, filename = "", parts } = part;
  const shown = [...headers, ...mimeHeaders(part, `b${messageId}${partId}`)].map(([name, value]) => ({ name, value }));
  const base = { partId, mimeType, filename, headers: shown };
  if (parts !== undefined) {
    const children = parts.map((child, index) =>
      payloadOf({ messageId, part: child, partId: partId === "" ? `${index}` : `${partId}.${index}`, headers: [] }),
    );
    return { ...base, body: { size: 0 }, parts: children };
  }
  const bytes = bytesOf(part);
  const size = bytes.byteLength;
  const isApart = filename !== "" || size > LARGEST_INLINE_BYTES;
  const body = isApart ? { attachmentId: attachmentId(messageId, partId), size } : { size, data: toBase64Url(bytes) };
  return { ...base, body };
}

function mimeHeaders(part: Part, boundary: string): Header[] {
  const { mimeType, filename, contentId, parts } = part;
  if (parts !== undefined) return [["Content-Type", `${mimeType}; boundary="${boundary}"`]];
  const name = filename === undefined ? "" : `; name="${filename.replaceAll('"', "'")}"`;
  const charset = mimeType.startsWith("text/") && filename === undefined ? '; charset="UTF-8"' : name;
  const headers: Header[] = [
    ["Content-Type", `${mimeType}${charset}`],
    ["Content-Transfer-Encoding", "base64"],
  ];
  if (filename !== undefined) {
    const disposition = contentId === undefined ? "attachment" : "inline";
    headers.push(["Content-Disposition", `${disposition}; filename="${filename.replaceAll('"', "'")}"`]);
  }
  if (contentId !== undefined) headers.push(["Content-ID", `<${contentId}>`]);
  return headers;
}

/** The message as it was sent: RFC 5322. */
export function toMime(messageId: string, content: Content): string {
  const encode = ([name, value]: Header): string => `${name}: ${encodeHeader(value, content.headerEncoding ?? "B")}`;
  const head = [...content.headers.map(encode), "MIME-Version: 1.0"];
  return [...head, mimeOf({ messageId, part: content.body, partId: "", headers: [] })].join("\r\n");
}

function mimeOf({ messageId, part, partId }: PayloadOptions): string {
  const boundary = `b${messageId}${partId}`;
  const head = mimeHeaders(part, boundary).map(([name, value]) => `${name}: ${encodeHeader(value, "B")}`);
  if (part.parts === undefined) {
    const lines = toBase64(bytesOf(part)).match(/.{1,76}/g) ?? [];
    return [...head, "", ...lines].join("\r\n");
  }
  const children = part.parts.map((child, index) => {
    const id = partId === "" ? `${index}` : `${partId}.${index}`;
    return `--${boundary}\r\n${mimeOf({ messageId, part: child, partId: id, headers: [] })}`;
  });
  return [...head, "", ...children, `--${boundary}--`].join("\r\n");
}
