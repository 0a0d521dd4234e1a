/**
 * What a person reads of a message: its headers, its text or HTML, and what is attached. From `users.messages.get` with
 * `format=full`, in which Gmail has taken the MIME structure apart.
 *
 * https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages#MessagePart
 */
import { base64url } from "jose";
import {
  decodeHeader,
  type GmailMessage,
  type MessagePart,
  MessagePartSchema,
  parseInternalDate,
} from "../gmail/message.ts";

/** Parts within parts; deeper ones are not looked at. */
const MAX_DEPTH = 20;

export interface ReadableMessage {
  readonly id: string;
  readonly threadId: string;
  readonly labelIds: readonly string[];
  readonly from: string | null;
  readonly to: string | null;
  readonly cc: string | null;
  readonly subject: string | null;
  /** Epoch milliseconds; null where Gmail has no date that can be shown. */
  readonly dateMs: number | null;
  readonly text: string | null;
  readonly html: string | null;
  readonly attachments: readonly { readonly name: string; readonly bytes: number }[];
}

/** Reads a message of Gmail's. */
export function toReadableMessage(message: GmailMessage): ReadableMessage {
  const { payload } = message;
  const header = (name: string): string | null => {
    const value = headerOf(payload, name);
    return value === null ? null : decodeHeader(value);
  };
  const parts = payload === undefined ? [] : [...flatten(payload, 0)];
  const attachments = parts.filter(isAttachment);
  const bodies = parts.filter((part) => !isAttachment(part));
  return {
    id: message.id,
    threadId: message.threadId,
    labelIds: message.labelIds ?? [],
    from: header("from"),
    to: header("to"),
    cc: header("cc"),
    subject: header("subject"),
    dateMs: parseInternalDate(message.internalDate),
    text: bodyOf(bodies, "text/plain"),
    html: bodyOf(bodies, "text/html"),
    attachments: attachments.map(({ filename, body }) => ({ name: filename ?? "", bytes: body?.size ?? 0 })),
  };
}

function* flatten(part: MessagePart, depth: number): Generator<MessagePart> {
  yield part;
  if (depth >= MAX_DEPTH) return;
  for (const child of part.parts ?? []) {
    const parsed = MessagePartSchema.safeParse(child);
    // The rest of the message is worth showing.
    if (parsed.success) yield* flatten(parsed.data, depth + 1);
  }
}

function isAttachment({ filename }: MessagePart): boolean {
  return filename !== undefined && filename !== "";
}

/** The first part of a type, as text. */
function bodyOf(parts: readonly MessagePart[], mimeType: string): string | null {
  const part = parts.find((candidate) => candidate.mimeType?.toLowerCase() === mimeType && candidate.body?.data);
  if (part?.body?.data === undefined) return null;
  const bytes = decodeData(part.body.data);
  return bytes === null ? null : decodeText(bytes, charsetOf(part));
}

/** Null for what is no base64url: the rest of the message is worth showing all the same. */
function decodeData(data: string): Uint8Array | null {
  try {
    return base64url.decode(data);
  } catch {
    return null;
  }
}

function charsetOf(part: MessagePart): string | null {
  const [, charset] = /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(headerOf(part, "content-type") ?? "") ?? [];
  return charset ?? null;
}

/**
 * Gmail hands most bodies out in UTF-8, whatever their header says, and some as they came. What is valid UTF-8 is hardly
 * ever anything else, but for the charsets that are made of ASCII.
 */
function decodeText(bytes: Uint8Array, charset: string | null): string {
  const isAsciiBased = /^(iso-2022|hz-|utf-7)/i.test(charset ?? "");
  return (isAsciiBased ? null : decodeOrNull(bytes, "utf-8")) ?? decodeLabel(bytes, charset);
}

function decodeLabel(bytes: Uint8Array, charset: string | null): string {
  return decodeOrNull(bytes, charset ?? "windows-1252") ?? new TextDecoder().decode(bytes);
}

function decodeOrNull(bytes: Uint8Array, charset: string): string | null {
  try {
    return new TextDecoder(charset, { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch {
    return null;
  }
}

function headerOf(part: MessagePart | undefined, name: string): string | null {
  return part?.headers?.find((header) => header.name.toLowerCase() === name)?.value ?? null;
}
