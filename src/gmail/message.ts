/**
 * A message: whole, as Gmail has it, and as a row of a mailbox shows it, with what to ask Gmail for.
 *
 * https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages#Message
 */
import * as z from "zod/mini";
import { decodeAddressHeader } from "../mime/addresses.ts";
import { decodeWords } from "../mime/encoded-words.ts";
import { withoutControls } from "../mime/visible.ts";

const HeadersSchema = z.optional(z.array(z.object({ name: z.string(), value: z.string() })));

/** A part of a message. Its own parts are checked on the way down: a sender decides how deep they go. */
const MessagePartSchema = z.looseObject({
  mimeType: z.optional(z.string()),
  filename: z.optional(z.string()),
  headers: HeadersSchema,
  body: z.optional(z.looseObject({ size: z.optional(z.number()), data: z.optional(z.string()) })),
  parts: z.optional(z.array(z.unknown())),
});

/** `Message`; which members are there depends on the format. Others are passed on as they are. */
export const GmailMessageSchema = z.looseObject({
  id: z.string(),
  threadId: z.string(),
  labelIds: z.optional(z.array(z.string())),
  snippet: z.optional(z.string()),
  historyId: z.optional(z.string()),
  internalDate: z.optional(z.string()),
  sizeEstimate: z.optional(z.number()),
  raw: z.optional(z.string()),
  payload: z.optional(MessagePartSchema),
});

export type GmailMessage = z.infer<typeof GmailMessageSchema>;

/** Headers that a row shows: `metadataHeaders`. */
export const ROW_HEADERS: readonly string[] = ["From", "To", "Subject"];
/** Everything else that a row shows: the `fields` mask. */
export const MESSAGE_FIELDS = "id,threadId,historyId,labelIds,snippet,internalDate,payload/headers";

/** `Message` with `format=metadata`, as a row. Gmail may leave out everything but the IDs. */
export const MessageMetadataSchema = z.pipe(
  z.object({
    id: z.string(),
    threadId: z.string(),
    labelIds: z.optional(z.array(z.string())),
    snippet: z.optional(z.string()),
    internalDate: z.optional(z.unknown()),
    payload: z.optional(z.object({ headers: HeadersSchema })),
  }),
  z.transform((message) => {
    const header = (name: string, decode: (value: string) => string): string | null => {
      const found = message.payload?.headers?.find((candidate) => candidate.name.toLowerCase() === name);
      return found === undefined ? null : decode(found.value);
    };
    const dateMs = parseInternalDate(message.internalDate);
    const labelIds = message.labelIds ?? [];
    return {
      id: message.id,
      threadId: message.threadId,
      labelIds,
      /** As Gmail gives it: HTML entities and all. */
      snippet: message.snippet ?? "",
      /** RFC 3339; null where Gmail has none that can be written so. */
      date: dateMs === null ? null : new Date(dateMs).toISOString(),
      from: header("from", decodeAddresses),
      to: header("to", decodeAddresses),
      subject: header("subject", decodeHeader),
      unread: labelIds.includes("UNREAD"),
    };
  }),
);

/** The value of a header of text (RFC 5322 §3.2.5), its encoded words decoded: RFC 2047. It stands in a line. */
export function decodeHeader(value: string): string {
  return withoutControls(decodeWords(value.replaceAll(/\r?\n(?=[\t ])/g, "")));
}

/** The value of a header of addresses, in which the same characters do the same harm. */
export function decodeAddresses(value: string): string {
  return withoutControls(decodeAddressHeader(value));
}

/**
 * The `internalDate` of a message.
 *
 * @returns epoch milliseconds; null where there is none, or its year is none that RFC 3339 §1 knows
 */
export function parseInternalDate(internalDate: unknown): number | null {
  if (typeof internalDate !== "string" || !/^-?\d{1,15}$/.test(internalDate)) return null;
  const ms = Number(internalDate);
  const year = new Date(ms).getUTCFullYear();
  return year >= 0 && year <= 9999 ? ms : null;
}

/** What a row of a mailbox shows. */
export type MessageMetadata = z.infer<typeof MessageMetadataSchema>;
