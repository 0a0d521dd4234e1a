/** Messages as Gmail takes them apart, from a few words each. */
import type { GmailMessage } from "../../../src/gmail/message.ts";
import { type ReadableMessage, toReadableMessage } from "../../../src/mail/body.ts";
import type { Preference } from "../../../src/mail/tree.ts";

export type RawPart = Record<string, unknown>;

export function base64url(bytes: Uint8Array): string {
  const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** A byte for each character. */
export function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** A leaf. @param headers by their names */
export function part(mimeType: string, content: string | Uint8Array, headers: Record<string, string> = {}): RawPart {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const list = Object.entries(headers).map(([name, value]) => ({ name, value }));
  return { mimeType, filename: "", headers: list, body: { size: bytes.length, data: base64url(bytes) } };
}

/** A leaf that has to be fetched. */
export function apart(mimeType: string, size: number, headers: Record<string, string> = {}): RawPart {
  return { ...part(mimeType, "", headers), partId: `p${size}`, body: { attachmentId: `a${size}`, size } };
}

export function multipart(kind: string, ...parts: RawPart[]): RawPart {
  return { mimeType: `multipart/${kind}`, filename: "", headers: [], body: { size: 0 }, parts };
}

export function named(filename: string, inner: RawPart): RawPart {
  return { ...inner, filename };
}

/** A message within a message, as Gmail describes it. */
export function enclosed(subject: string, inner: RawPart): RawPart {
  const headers = [{ name: "Subject", value: subject }, ...((inner["headers"] as object[]) ?? [])];
  return { ...apart("message/rfc822", 999), parts: [{ ...inner, headers }] };
}

/** Through JSON, where what is undefined is absent. */
export function read(payload: unknown, changes: object = {}, preference: Preference = "html"): ReadableMessage {
  const message = { id: "18c", threadId: "18b", internalDate: "1795348800000", payload, ...changes };
  return toReadableMessage(JSON.parse(JSON.stringify(message)) as GmailMessage, preference);
}

/** What is shown, in order: `kind: text`; three dots for what has to be fetched. */
export function shown(payload: unknown, preference: Preference = "html"): string[] {
  return read(payload, {}, preference).blocks.map(({ kind, text }) => `${kind}: ${text ?? "…"}`);
}

/** Names of what is listed. */
export function listed(payload: unknown): string[] {
  return read(payload).attachments.map(({ name }) => name);
}
