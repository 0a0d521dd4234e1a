/**
 * From a message as the generators describe it to one that lies in a mailbox: IDs and threads as Gmail gives them, headers, and
 * the parts that a mailer would make.
 */
import { type Content, type Header, type Part, snippetOf, type StoredMessage } from "./content.ts";

/** A message as the generators make it. */
export interface Mail {
  readonly atMs: number;
  readonly from: string;
  readonly to: string;
  readonly cc?: string | undefined;
  readonly subject: string;
  readonly text: string;
  readonly html?: string | undefined;
  readonly files?: readonly Part[] | undefined;
  readonly labels: readonly string[];
  /** Of a mailing list. */
  readonly listId?: string | undefined;
  /** Messages with the same key are one conversation; without one it stands alone. */
  readonly thread?: string;
  /** Sends the headers as RFC 2047 encoded words, which `format=raw` shows. */
  readonly headerEncoding?: "B" | "Q" | undefined;
}

/** Orders mail by time and gives it IDs and threads, oldest first. */
export function composeAll(mails: readonly Mail[]): StoredMessage[] {
  const threads = new Map<string, { readonly id: string; readonly references: string[] }>();
  const ordered = [...mails].sort((a, b) => a.atMs - b.atMs);
  return ordered.map((mail, index) => {
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
  return {
    id,
    threadId: thread.id,
    labelIds: mail.labels,
    internalDateMs: mail.atMs,
    content: () => contentOf(mail, id, thread.references),
  };
}

/** Gmail's IDs are 16 hex digits whose first part grows with time. */
export function gmailId(atMs: number, index: number): string {
  return ((BigInt(atMs) << 20n) | BigInt(index)).toString(16).padStart(16, "0");
}

function messageIdOf(id: string, from: string): string {
  const [, domain = "mail.example"] = /@([\w.-]+)>?$/.exec(from) ?? [];
  return `<${id}@${domain}>`;
}

function contentOf(mail: Mail, id: string, references: readonly string[]): Content {
  const headers: Header[] = [
    ["Date", new Date(mail.atMs).toUTCString().replace("GMT", "+0000")],
    ["From", mail.from],
    ["To", mail.to],
    ...(mail.cc === undefined ? [] : [["Cc", mail.cc] as const]),
    ["Subject", mail.subject],
    ["Message-ID", messageIdOf(id, mail.from)],
  ];
  const last = references.at(-1);
  if (last !== undefined) headers.push(["In-Reply-To", last], ["References", references.join(" ")]);
  if (mail.listId !== undefined) headers.push(["List-ID", mail.listId]);
  return { headers, body: bodyOf(mail), snippet: snippetOf(mail.text), headerEncoding: mail.headerEncoding };
}

/** What it says as text and as HTML, pictures with the HTML that shows them, and files after all of it. */
function bodyOf({ text, html, files = [] }: Mail): Part {
  const plain = { mimeType: "text/plain", text };
  const shown = files.filter(({ contentId }) => contentId !== undefined);
  const attached = files.filter(({ contentId }) => contentId === undefined);
  const rich = html === undefined ? null : { mimeType: "text/html", text: html };
  const related = rich !== null && shown.length > 0 ? { mimeType: "multipart/related", parts: [rich, ...shown] } : rich;
  const body = related === null ? plain : { mimeType: "multipart/alternative", parts: [plain, related] };
  return attached.length === 0 ? body : { mimeType: "multipart/mixed", parts: [body, ...attached] };
}
