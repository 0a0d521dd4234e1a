/**
 * From a message as the generators describe it to a message as `emulate` is seeded with it: Gmail-like
 * IDs, threads, snippets, and raw MIME where the headers are to be encoded words.
 */

import type { EmulatedUser } from "../users.ts";

/** A message as the generators make it. */
export interface Mail {
  readonly atMs: number;
  readonly from: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html?: string | undefined;
  readonly labels: readonly string[];
  /** Messages with the same key are one conversation; without one it stands alone. */
  readonly thread?: string;
  /** Sends the headers as RFC 2047 encoded words, which `format=raw` shows. */
  readonly headerEncoding?: "B" | "Q" | undefined;
}

/** A message in the seed of `emulate`. */
export interface SeedMessage {
  readonly id: string;
  readonly thread_id: string;
  readonly user_email: string;
  readonly from: string;
  readonly to: string;
  readonly subject: string;
  readonly snippet: string;
  readonly body_text: string;
  readonly body_html: string | null;
  readonly label_ids: readonly string[];
  readonly internal_date: string;
  readonly message_id: string;
  readonly in_reply_to: string | null;
  readonly references: string | null;
  readonly raw: string | null;
}

/** Orders a person's mail by time and gives it IDs and threads, oldest first. */
export function toSeedMessages(user: EmulatedUser, mails: readonly Mail[]): SeedMessage[] {
  const threads = new Map<string, SeedMessage[]>();
  const ordered = [...mails].sort((a, b) => a.atMs - b.atMs);
  return ordered.map((mail, index) => {
    const id = gmailId(mail.atMs, index);
    const thread = threads.get(mail.thread ?? id) ?? [];
    threads.set(mail.thread ?? id, thread);
    const message_id = `<${id}@mail.${mail.from === user.email ? "example.com" : "example"}>`;
    const message: SeedMessage = {
      id,
      thread_id: thread[0]?.id ?? id,
      user_email: user.email,
      from: mail.from,
      to: mail.to,
      subject: mail.subject,
      snippet: snippetOf(mail.text),
      body_text: mail.text,
      body_html: mail.html ?? null,
      label_ids: mail.labels,
      internal_date: String(mail.atMs),
      message_id,
      in_reply_to: thread.at(-1)?.message_id ?? null,
      references: thread.length === 0 ? null : thread.map((other) => other.message_id).join(" "),
      raw: mail.headerEncoding === undefined ? null : rawMime(mail, message_id),
    };
    thread.push(message);
    return message;
  });
}

/** Gmail's IDs are 16 hex digits whose first part grows with time. */
function gmailId(atMs: number, index: number): string {
  return ((BigInt(atMs) << 20n) | BigInt(index)).toString(16).padStart(16, "0");
}

/** Gmail's snippets are one line of about 200 characters, escaped as HTML. */
function snippetOf(text: string): string {
  const line = Array.from(text.replace(/\s+/g, " ").trim()).slice(0, 200).join("");
  return escapeHtml(line);
}

/** Escapes text for HTML, with the entities that Gmail uses in snippets. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}

function rawMime(mail: Mail, messageId: string): string {
  const encoding = mail.headerEncoding ?? "B";
  const lines = [
    `From: ${encodeAddress(mail.from, encoding)}`,
    `To: ${encodeAddress(mail.to, encoding)}`,
    `Subject: ${encodeWords(mail.subject, encoding)}`,
    `Date: ${new Date(mail.atMs).toUTCString()}`,
    `Message-ID: ${messageId}`,
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: base64",
    "",
    Buffer.from(mail.text).toString("base64"),
  ];
  return Buffer.from(lines.join("\r\n")).toString("base64url");
}

function encodeAddress(address: string, encoding: "B" | "Q"): string {
  const [, name, bare] = /^(.*?) (<[^>]*>)$/.exec(address) ?? [];
  return name === undefined || bare === undefined ? address : `${encodeWords(name, encoding)} ${bare}`;
}

/** RFC 2047: words of at most 75 characters, none of which splits a character. */
function encodeWords(text: string, encoding: "B" | "Q"): string {
  const words: string[] = [];
  let chunk = "";
  for (const character of text) {
    if (Buffer.byteLength(chunk + character) > (encoding === "B" ? 42 : 18)) {
      words.push(chunk);
      chunk = "";
    }
    chunk += character;
  }
  words.push(chunk);
  return words.map((word) => `=?UTF-8?${encoding}?${encodePayload(word, encoding)}?=`).join("\r\n ");
}

function encodePayload(word: string, encoding: "B" | "Q"): string {
  if (encoding === "B") return Buffer.from(word).toString("base64");
  return [...Buffer.from(word)]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      if (/[A-Za-z0-9]/.test(character)) return character;
      return `=${byte.toString(16).toUpperCase().padStart(2, "0")}`;
    })
    .join("");
}
