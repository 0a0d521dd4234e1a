/**
 * What is attached to a message: its parts that are not the text of it, by Gmail's `partId`, which stays the same, as the IDs
 * by which Gmail hands their bytes out do not.
 */
import type { GmailMessage } from "../gmail.ts";
import { decodeHeader } from "../gmail/message.ts";

type MessagePart = NonNullable<GmailMessage["payload"]>;

/** Parts within parts; deeper ones are not looked at. */
const MAX_DEPTH = 20;
/** A message that is one file has one part, which Gmail gives the ID "": no path can have that, and no other part is there. */
const ROOT_ID = "0";

/** An attachment, as the API names it. */
export interface Attachment {
  /** Gmail's `partId`. */
  readonly id: string;
  readonly name: string;
  /** Media type, without parameters. */
  readonly type: string;
  /** Bytes. */
  readonly size: number;
  /** Whether the message shows it within its text. */
  readonly inline: boolean;
}

/** Where Gmail has the bytes of a part: apart from the message, or in it. */
export type AttachmentSource = { readonly attachmentId: string } | { readonly data: string };

/** What is attached, in the order of the message. */
export function listAttachments({ payload }: GmailMessage): Attachment[] {
  return leavesOf(payload).filter(isAttached).map(describe);
}

/** The part with an ID, whether it is listed or not; null for none that has bytes. */
export function findAttachment(
  { payload }: GmailMessage,
  id: string,
): { readonly attachment: Attachment; readonly source: AttachmentSource } | null {
  const part = leavesOf(payload).find((candidate) => idOf(candidate) === id);
  if (part === undefined) return null;
  const { attachmentId, data, size = 0 } = part.body ?? {};
  if (attachmentId !== undefined) return { attachment: describe(part), source: { attachmentId } };
  if (data === undefined && size > 0) return null;
  return { attachment: describe(part), source: { data: data ?? "" } };
}

/** An attached message is whole: its own parts are not those of the message that it came with. */
function leavesOf(part: MessagePart | undefined, depth = 0): MessagePart[] {
  if (part === undefined) return [];
  const isContainer = (part.parts ?? []).length > 0 && !/^message\//i.test(part.mimeType ?? "");
  if (!isContainer) return /^multipart\//i.test(part.mimeType ?? "") ? [] : [part];
  return depth < MAX_DEPTH ? (part.parts ?? []).flatMap((child) => leavesOf(child, depth + 1)) : [];
}

function isAttached({ filename, mimeType }: MessagePart): boolean {
  return (filename ?? "") !== "" || !/^text\/(?:plain|html)$/i.test(mimeType ?? "text/plain");
}

function describe(part: MessagePart): Attachment {
  const type = part.mimeType?.toLowerCase() ?? "application/octet-stream";
  const disposition = headerOf(part, "content-disposition");
  const isShown = disposition === null ? headerOf(part, "content-id") !== null : /^\s*inline/i.test(disposition);
  const id = idOf(part);
  const [, subtype = ""] = /^[\w-]+\/([a-z\d]{1,12})$/.exec(type) ?? [];
  return {
    id,
    name: decodeHeader(part.filename ?? "") || `part-${id}${subtype === "" ? "" : `.${subtype}`}`,
    type,
    size: part.body?.size ?? 0,
    inline: isShown,
  };
}

function idOf({ partId = "" }: MessagePart): string {
  return partId === "" ? ROOT_ID : partId;
}

function headerOf(part: MessagePart, name: string): string | null {
  return part.headers?.find((header) => header.name.toLowerCase() === name)?.value ?? null;
}
