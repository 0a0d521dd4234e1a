/**
 * What a person reads of a message: its headers, what of its parts is shown, and what is listed. From `users.messages.get`
 * with `format=full`, in which Gmail has taken the MIME structure apart.
 */
import { decodeAddresses, decodeHeader, type GmailMessage, parseInternalDate } from "../gmail/message.ts";
import { type Attachment, toAttachment } from "./attachments.ts";
import { headerOf, type Part, readPart } from "./part.ts";
import { pickPictures } from "./pictures.ts";
import { decodePart } from "./text.ts";
import { type Block, type Preference, readTree } from "./tree.ts";

/** Parts that are fetched to be shown; each costs a call. */
const MAX_FETCHED_PARTS = 10;
/** Of all of them together. Longer texts are for a mail program. */
const MAX_FETCHED_BYTES = 5_000_000;

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
  /** What is shown, in order. */
  readonly blocks: readonly Block[];
  /** Every part that is a file, pictures in the HTML among them. */
  readonly listed: readonly Part[];
  /** Those of them that are not seen in the HTML. */
  readonly attachments: readonly Attachment[];
  readonly isEncrypted: boolean;
  readonly isCut: boolean;
}

/** Reads a Gmail message. */
export function toReadableMessage(message: GmailMessage, preference: Preference = "html"): ReadableMessage {
  const { headers } = readPart(message.payload);
  const header = (name: string, decode: (value: string) => string): string | null => {
    const value = headerOf(headers, name);
    return value === null ? null : decode(value);
  };
  const { blocks, listed, isEncrypted, isCut } = readTree(message.payload, preference);
  const pictures = pickPictures(listed, htmlsOf(blocks));
  return {
    id: message.id,
    threadId: message.threadId,
    labelIds: message.labelIds ?? [],
    from: header("from", decodeAddresses),
    to: header("to", decodeAddresses),
    cc: header("cc", decodeAddresses),
    subject: header("subject", decodeHeader),
    dateMs: parseInternalDate(message.internalDate),
    blocks,
    listed,
    attachments: listed.filter((part) => !pictures.includes(part)).map(toAttachment),
    isEncrypted,
    isCut,
  };
}

/** The HTML of blocks, as far as it has come. */
export function htmlsOf(blocks: readonly Block[]): string[] {
  return blocks.flatMap(({ kind, text }) => (kind === "html" && text !== null ? [text] : []));
}

function isFramed({ kind }: Block): boolean {
  return kind === "html" || kind === "text";
}

/** Blocks in three groups: the HTML, with the texts between, is one document, and so one frame. */
export function aroundFrame(blocks: readonly Block[]): { before: Block[]; framed: Block[]; after: Block[] } {
  const first = blocks.findIndex(({ kind }) => kind === "html");
  const last = blocks.findLastIndex(({ kind }) => kind === "html");
  if (first === -1) return { before: [...blocks], framed: [], after: [] };
  // What is no text has a form of its own on the page.
  const inside = blocks.slice(first, last + 1);
  return {
    before: [...inside.filter((block) => !isFramed(block)), ...blocks.slice(0, first)],
    framed: inside.filter(isFramed),
    after: blocks.slice(last + 1),
  };
}

/** Gets the bytes of a part; null where that cannot be. */
export type FetchPart = (part: Part) => Promise<Uint8Array | null>;

/**
 * Blocks with the texts that did not come with the message.
 *
 * @returns blocks whose text is still null are too long, too many, or could not be read
 */
export async function fetchTexts(blocks: readonly Block[], fetchPart: FetchPart): Promise<Block[]> {
  let [parts, bytes] = [0, 0];
  return Promise.all(
    blocks.map(async (block): Promise<Block> => {
      const { part } = block;
      if (block.text !== null || parts >= MAX_FETCHED_PARTS || bytes + part.size > MAX_FETCHED_BYTES) return block;
      parts += 1;
      bytes += part.size;
      const fetched = await fetchPart(part);
      return fetched === null ? block : { ...block, text: decodePart(part, fetched) };
    }),
  );
}

/** Blocks that could not be shown are listed, so that they can be opened in Gmail. */
export function unshown(blocks: readonly Block[], { attachments }: Pick<ReadableMessage, "attachments">): Attachment[] {
  const known = new Set(attachments.map(({ id }) => id));
  const unread = blocks.filter(({ text }) => text === null).map(({ part }) => toAttachment(part));
  return unread.filter(({ id }) => !known.has(id));
}
