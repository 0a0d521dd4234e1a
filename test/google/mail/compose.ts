/**
 * From a message as somebody writes it to one that lies in a mailbox: IDs and threads as Gmail gives them, headers, and the
 * parts that a mailer would make. A message that is sent is read first (RFC 5322) and made anew from what it says.
 */
import PostalMime, { decodeWords } from "postal-mime";
import { type Content, type Header, type Part, snippetOf, type StoredMessage } from "./content.ts";

export interface Said {
  readonly text: string;
  readonly html?: string | undefined;
  readonly files?: readonly Part[] | undefined;
}

/** A message as the generators make it. */
export interface Mail extends Said {
  readonly atMs: number;
  readonly from: string;
  readonly to: string;
  readonly subject: string;
  readonly labels: readonly string[];
  /** Of a mailing list. */
  readonly listId?: string | undefined;
  /** Messages with the same key are one conversation; without one it stands alone. */
  readonly thread?: string;
}

/** Orders mail by time and gives it IDs and threads, oldest first. */
export function composeAll(mails: readonly Mail[]): StoredMessage[] {
  const threads = new Map<string, { readonly id: string; readonly references: string[] }>();
  return [...mails]
    .sort((a, b) => a.atMs - b.atMs)
    .map((mail, index) => {
      const id = gmailId(mail.atMs, index);
      const thread = threads.get(mail.thread ?? id) ?? { id, references: [] };
      threads.set(mail.thread ?? id, thread);
      const references = [...thread.references];
      thread.references.push(messageIdOf(id, mail.from));
      return compose(mail, id, { id: thread.id, references });
    });
}

/** One message. @param thread the conversation, and the Message-IDs in it so far */
export function compose(
  mail: Mail,
  id: string,
  thread: { readonly id: string; readonly references: readonly string[] } = { id, references: [] },
): StoredMessage {
  const { labels: labelIds, atMs, from, to, subject, listId } = mail;
  const { references } = thread;
  const content = (): Content => {
    const headers: Header[] = [
      ["Date", new Date(atMs).toUTCString().replace("GMT", "+0000")],
      ["From", from],
      ["To", to],
      ["Subject", subject],
      ["Message-ID", messageIdOf(id, from)],
    ];
    const last = references.at(-1);
    if (last !== undefined) headers.push(["In-Reply-To", last], ["References", references.join(" ")]);
    if (listId !== undefined) headers.push(["List-ID", listId]);
    return { headers, body: bodyOf(mail), snippet: snippetOf(mail.text) };
  };
  return { id, threadId: thread.id, labelIds, internalDateMs: atMs, content };
}

/** Gmail's IDs are 16 hex digits whose first part grows with time. */
export function gmailId(atMs: number, index: number): string {
  return ((BigInt(atMs) << 20n) | BigInt(index)).toString(16).padStart(16, "0");
}

function messageIdOf(id: string, from: string): string {
  const [, domain = "mail.example"] = /@([\w.-]+)>?$/.exec(from) ?? [];
  return `<${id}@${domain}>`;
}

/** What it says as text and as HTML, pictures with the HTML that shows them, and files after all of it. */
export function bodyOf({ text, html, files = [] }: Said): Part {
  const plain = { mimeType: "text/plain", text };
  const shown = files.filter(({ contentId }) => contentId !== undefined);
  const attached = files.filter(({ contentId }) => contentId === undefined);
  const rich = html === undefined ? null : { mimeType: "text/html", text: html };
  const related = rich !== null && shown.length > 0 ? { mimeType: "multipart/related", parts: [rich, ...shown] } : rich;
  const body = related === null ? plain : { mimeType: "multipart/alternative", parts: [plain, related] };
  return attached.length === 0 ? body : { mimeType: "multipart/mixed", parts: [body, ...attached] };
}

/** What a mailbox shows of an RFC 5322 text. */
export async function readMime(raw: Uint8Array): Promise<Content> {
  const { headers, text = "", html, attachments } = await PostalMime.parse(raw);
  const files = attachments.map(({ mimeType, filename, contentId, content }): Part => {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : new Uint8Array(content);
    const part = { mimeType, bytes, filename: filename ?? "unnamed" };
    return contentId === undefined ? part : Object.assign(part, { contentId: contentId.replaceAll(/[<>]/g, "") });
  });
  // The others tell how the text is made, and not what it says.
  const shown = headers.filter(({ key }) => !/^(?:mime-version|content-)/.test(key));
  return {
    headers: shown.map(({ originalKey, value }) => [originalKey, decodeWords(value)]),
    body: bodyOf({ text, html, files }),
    snippet: snippetOf(text),
  };
}
