/**
 * One message: whole, with the way to parts that did not come with it; and decoded, as the API answers it.
 */
import type { Grant } from "../object/access.ts";
import { AppError } from "../errors.ts";
import type { RequestScope } from "../context.ts";
import {
  decodeHeader,
  type GmailMessage,
  GmailMessageSchema,
  type MessageMetadata,
  MessageMetadataSchema,
} from "../gmail/message.ts";
import { GET_UNITS } from "../gmail/quota.ts";
import { AnswerTooLargeError, BudgetSpentError, parseJsonOrNull, unexpectedAnswer } from "../lib/upstream.ts";
import { type Attachment, findPart, inOrder, toAttachment } from "../mail/attachments.ts";
import { type FetchPart, fetchTexts } from "../mail/body.ts";
import { readPart } from "../mail/part.ts";
import { type Block, readTree } from "../mail/tree.ts";
import { gmailOf, type GmailServices } from "./list.ts";
import { REASONS_OF_THE_WHOLE } from "../object/rows/reader.ts";

/** Calls that are kept back from parts: for a refresh and its replay. */
const RESERVED_CALLS = 2;

/** A message, as `GET /api/messages/{id}` answers it. */
export interface DecodedMessage extends MessageMetadata {
  /** All of them, in their order, encoded words decoded. */
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  /** Its texts, in their order, in place of HTML where the sender gave both; null for none. */
  readonly text: string | null;
  /** As it came: sanitize it before it is shown. */
  readonly html: string | null;
  /** Files, and every part that is neither in `text` nor in `html`. */
  readonly attachments: readonly Attachment[];
}

/** An attachment and its bytes. */
export interface OpenAttachment {
  readonly attachment: Attachment;
  readonly body: Uint8Array | ReadableStream<Uint8Array>;
}

/** A message, and the way to those of its parts that did not come with it. */
export interface WholeMessage {
  readonly message: GmailMessage;
  /** 20 quota units each, within the budgets of the request. */
  readonly fetchPart: FetchPart;
}

/** What opens a message in two requests: its page, and the frame in it. */
type PageServices = GmailServices & Pick<RequestScope, "acting" | "defer">;

/** Gets a message for its page, and lets the object remember it for {@link getForFrame}. @throws as {@link getWhole} */
export async function getForPage(scope: PageServices, grant: Grant, id: string): Promise<WholeMessage> {
  const { acting, config, defer } = scope;
  const whole = await getWhole(scope, grant, id);
  if (acting.current !== null && config.keepsRows) {
    const { actor, mailbox } = acting.current;
    defer(mailbox.ask("keepOpened", actor, id, JSON.stringify(whole.message)));
  }
  return whole;
}

/** Gets a message whose page was opened a moment ago: without a call, where the object remembers it. @throws as {@link getWhole} */
export async function getForFrame(scope: PageServices, grant: Grant, id: string): Promise<WholeMessage> {
  const { acting, config } = scope;
  if (acting.current === null || !config.keepsRows) return getWhole(scope, grant, id);
  const { actor, mailbox } = acting.current;
  const json = await mailbox.ask("opened", actor, id);
  const message = json === null ? null : (GmailMessageSchema.safeParse(parseJsonOrNull(json)).data ?? null);
  return message === null ? getWhole(scope, grant, id) : { message, fetchPart: partFetcher(scope, grant, id) };
}

/** Gets a message: 20 quota units. @throws AnswerTooLargeError, AppError as `Gmail.getMessage`, `NOT_FOUND` */
export async function getWhole(scope: GmailServices, grant: Grant, id: string): Promise<WholeMessage> {
  if (!/^[\w-]{1,64}$/.test(id)) throw new AppError("NOT_FOUND", "There is no such message.");
  const query = new URLSearchParams({ format: "full", prettyPrint: "false" });
  const message = await gmailOf(scope, grant).getMessage(id, query);
  return { message, fetchPart: partFetcher(scope, grant, id) };
}

function partFetcher(scope: GmailServices, grant: Grant, id: string): FetchPart {
  const { config, trace, upstream } = scope;
  const gmail = gmailOf(scope, grant);
  return async ({ attachmentId, bytes }) => {
    if (bytes !== null || attachmentId === null) return bytes;
    const isAffordable = trace.quotaUnits + GET_UNITS <= config.quotaBudget && upstream.remainingCalls > RESERVED_CALLS;
    return isAffordable ? orNull(gmail.getAttachment(id, attachmentId)) : null;
  };
}

/** Reads and decodes a message; texts that Gmail keeps apart cost 20 quota units each. @throws AppError as {@link getWhole} */
export async function readMessage(scope: GmailServices, grant: Grant, id: string): Promise<DecodedMessage> {
  const { message, fetchPart } = await decodable(getWhole(scope, grant, id));
  const headers = readPart(message.payload).headers.map(({ name, value }) => ({ name, value: decodeHeader(value) }));
  const asHtml = readTree(message.payload, "html");
  const asText = readTree(message.payload, "text");
  const [texts, htmls] = await Promise.all([
    readBlocks(asText.blocks, "text", fetchPart),
    readBlocks(asHtml.blocks, "html", fetchPart),
  ]);
  const isRead = new Set([...texts, ...htmls].map(({ part }) => part.id));
  const unread = [...asHtml.blocks, ...asText.blocks].map(({ part }) => part).filter((part) => !isRead.has(part.id));
  const row = MessageMetadataSchema.safeParse(message);
  if (!row.success) throw unexpectedAnswer("Gmail", 200);
  const attachments = inOrder([...asHtml.listed, ...unread]).map(toAttachment);
  return { ...row.data, headers, text: joined(texts), html: joined(htmls), attachments };
}

/** Opens an attachment: 40 quota units, or 20 where its bytes come with the message. @throws AppError as {@link readMessage} */
export async function openAttachment(
  scope: GmailServices,
  grant: Grant,
  { id, partId }: { id: string; partId: string },
): Promise<OpenAttachment> {
  const { message } = await decodable(getWhole(scope, grant, id));
  const part = findPart(message.payload, partId);
  if (part === null) throw new AppError("NOT_FOUND", "This message has no such attachment.");
  const attachment = toAttachment(part);
  // Gmail's attachment IDs are others with each read of the message.
  if (part.attachmentId !== null) {
    return { attachment, body: await gmailOf(scope, grant).openAttachment(id, part.attachmentId) };
  }
  if (part.bytes === null && part.size > 0) {
    throw new AppError("UPSTREAM_UNAVAILABLE", "Gmail gave this attachment in a form that cannot be read.");
  }
  return { attachment, body: part.bytes ?? new Uint8Array() };
}

async function decodable(reading: Promise<WholeMessage>): Promise<WholeMessage> {
  try {
    return await reading;
  } catch (error) {
    if (!(error instanceof AnswerTooLargeError)) throw error;
    const words = "This message is too large to be decoded here. Read it below /gmail/v1/.";
    throw new AppError("UPSTREAM_UNAVAILABLE", words, { cause: error });
  }
}

/** The blocks of one kind, without those that could not be read. */
async function readBlocks(blocks: readonly Block[], kind: Block["kind"], fetchPart: FetchPart): Promise<Block[]> {
  const ofKind = blocks.filter((block) => block.kind === kind);
  return (await fetchTexts(ofKind, fetchPart)).filter(({ text }) => text !== null);
}

function joined(blocks: readonly Block[]): string | null {
  return blocks.length === 0 ? null : blocks.map(({ text }) => text).join("\n");
}

/** Null for a part that could not be read: the rest of the message is worth showing all the same. */
async function orNull(reading: Promise<Uint8Array>): Promise<Uint8Array | null> {
  try {
    return await reading;
  } catch (error) {
    const isOfThePart = error instanceof AppError && !REASONS_OF_THE_WHOLE.has(error.reason);
    if (isOfThePart || error instanceof BudgetSpentError) return null;
    throw error;
  }
}
