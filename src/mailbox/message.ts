/**
 * One message, decoded, and what is attached to it: what the API answers of it, without HTTP.
 */
import { base64url } from "jose";
import { AppError } from "../errors.ts";
import type { Grant } from "../auth/grant.ts";
import type { Gmail } from "../gmail.ts";
import { decodeHeader, type GmailMessage, type MessageMetadata, MessageMetadataSchema } from "../gmail/message.ts";
import { AnswerTooLargeError, unexpectedAnswer } from "../lib/upstream.ts";
import { type Attachment, findAttachment, listAttachments } from "../mail/attachments.ts";
import { toReadableMessage } from "../mail/body.ts";
import { gmailOf, type GmailServices } from "./list.ts";

/** A message, as `GET /api/messages/{id}` answers it. */
export interface DecodedMessage extends Omit<MessageMetadata, "date"> {
  /** RFC 3339; null where Gmail has none that can be shown. */
  readonly date: string | null;
  /** All of them, in their order, encoded words decoded. */
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  readonly text: string | null;
  /** As it came: whoever shows it must sanitize it. */
  readonly html: string | null;
  readonly attachments: readonly Attachment[];
}

/** An attachment and its bytes. */
export interface OpenAttachment {
  readonly attachment: Attachment;
  readonly body: Uint8Array | ReadableStream<Uint8Array>;
}

/** Reads a message: 20 quota units. @throws AppError as `Gmail.getMessage`, `NOT_FOUND` */
export async function readMessage(scope: GmailServices, grant: Grant, id: string): Promise<DecodedMessage> {
  const message = await getWhole(gmailOf(scope, grant), id);
  const { text, html } = toReadableMessage(message);
  const headers = (message.payload?.headers ?? []).map(({ name, value }) => ({ name, value: decodeHeader(value) }));
  return { ...rowOf(message), headers, text, html, attachments: listAttachments(message) };
}

/** Opens an attachment: 40 quota units, or 20 where its bytes come with the message. @throws AppError as {@link readMessage} */
export async function openAttachment(
  scope: GmailServices,
  grant: Grant,
  { id, partId }: { id: string; partId: string },
): Promise<OpenAttachment> {
  const gmail = gmailOf(scope, grant);
  // Gmail's attachment IDs are others with each read of the message.
  const found = findAttachment(await getWhole(gmail, id), partId);
  if (found === null) throw new AppError("NOT_FOUND", "This message has no such attachment.");
  const { attachment, source } = found;
  if ("attachmentId" in source) return { attachment, body: await gmail.openAttachment(id, source.attachmentId) };
  try {
    return { attachment, body: base64url.decode(source.data) };
  } catch (error) {
    throw new AppError("UPSTREAM_UNAVAILABLE", "Gmail gave this attachment in a form that cannot be read.", {
      cause: error,
    });
  }
}

async function getWhole(gmail: Gmail, id: string): Promise<GmailMessage> {
  if (!/^[\w-]{1,64}$/.test(id)) throw new AppError("NOT_FOUND", "There is no such message.");
  try {
    return await gmail.getMessage(id, new URLSearchParams({ format: "full", prettyPrint: "false" }));
  } catch (error) {
    if (!(error instanceof AnswerTooLargeError)) throw error;
    const words = "This message is too large to be decoded here. Read it below /gmail/v1/.";
    throw new AppError("UPSTREAM_UNAVAILABLE", words, { cause: error });
  }
}

/** What a row shows; without a date where there is none. */
function rowOf(message: GmailMessage): Omit<MessageMetadata, "date"> & { date: string | null } {
  const row = MessageMetadataSchema.safeParse(message);
  if (row.success) return row.data;
  const undated = MessageMetadataSchema.safeParse({ ...message, internalDate: "0" });
  if (!undated.success) throw unexpectedAnswer("Gmail", 200);
  return { ...undated.data, date: null };
}
