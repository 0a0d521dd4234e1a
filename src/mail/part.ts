/**
 * One part of a message, as Gmail describes it: what it is, what it is called, and the bytes that came with it.
 *
 * https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages#MessagePart
 */
import { base64url } from "jose";
import * as z from "zod/mini";
import { decodeWords } from "../mime/encoded-words.ts";
import { parseStructured } from "../mime/parameters.ts";
import { isVisible, oneLine } from "../mime/visible.ts";

const HeaderSchema = z.object({ name: z.string(), value: z.string() });

/** Members in another form count as missing: the rest of the message is worth showing all the same. */
const MessagePartSchema = z.object({
  partId: z.catch(z.string(), ""),
  mimeType: z.catch(z.string(), ""),
  filename: z.catch(z.string(), ""),
  headers: z.catch(z.array(HeaderSchema), []),
  body: z.catch(
    z.object({
      attachmentId: z.optional(z.string()),
      size: z.catch(z.number().check(z.nonnegative()), 0),
      data: z.optional(z.string()),
    }),
    { size: 0 },
  ),
  // Read one by one, as far as they are looked at.
  parts: z.catch(z.array(z.unknown()), []),
});

export interface Part {
  /** Gmail's `partId`; empty for the root of a message of one part. */
  readonly id: string;
  /** In lower case, `text/plain` where nothing says otherwise (RFC 2045 §5.2). */
  readonly type: string;
  /** Of the `Content-Type`. */
  readonly parameters: ReadonlyMap<string, string>;
  /** `attachment`, `inline`, or empty. */
  readonly disposition: string;
  /** As the sender named it; null where it has no name. */
  readonly name: string | null;
  /** Without angle brackets. */
  readonly contentId: string | null;
  readonly contentLocation: string | null;
  readonly headers: readonly z.infer<typeof HeaderSchema>[];
  /** As Gmail says, in bytes. */
  readonly size: number;
  /** What came with the message; null where there is nothing, or it has to be fetched. */
  readonly bytes: Uint8Array | null;
  /** For `users.messages.attachments.get`; Gmail gives another one with each answer. */
  readonly attachmentId: string | null;
  readonly children: readonly unknown[];
}

/** Reads a Gmail part; its children are left as they are. */
export function readPart(raw: unknown): Part {
  const parsed = MessagePartSchema.safeParse(raw);
  const { partId, mimeType, filename, headers, body, parts } = parsed.data ?? MessagePartSchema.parse({});
  const header = (name: string): string | null => headerOf(headers, name);
  const contentType = parseStructured(header("content-type"));
  const disposition = parseStructured(header("content-disposition"));
  const name = nameOf(filename, [disposition.parameters.get("filename"), contentType.parameters.get("name")]);
  const declared = mimeType.toLowerCase().trim() || contentType.value;
  return {
    id: partId,
    type: /^[^/\s]+\/[^/\s]+$/.test(declared) ? declared : name === null ? "text/plain" : "application/octet-stream",
    parameters: contentType.parameters,
    disposition: disposition.value,
    name,
    // Gmail's own name for it, for a mailer that has dropped the other one.
    contentId: bracketless(header("content-id")) ?? bracketless(header("x-attachment-id")),
    contentLocation: header("content-location")?.trim() || null,
    headers,
    size: body.size,
    bytes: body.data === undefined ? null : decodeData(body.data),
    attachmentId: body.attachmentId ?? null,
    children: parts,
  };
}

export function headerOf(headers: Part["headers"], name: string): string | null {
  return headers.find((header) => header.name.toLowerCase() === name)?.value ?? null;
}

/** Gmail's own reading of the name, unless it has left it encoded. @param ownNames by the part's headers */
function nameOf(filename: string, ownNames: readonly (string | undefined)[]): string | null {
  const isRead = isVisible(filename) && !/=\?|^[\w-]*'[\w-]*'|%[\da-f]{2}/i.test(filename);
  const names = [isRead ? filename : "", ...ownNames, decodeWords(filename)];
  const name = names.map((one) => oneLine(one ?? "")).find(isVisible);
  // A path is the sender's own affair.
  return name?.split(/[/\\]/).findLast(isVisible) ?? null;
}

/** A comment may follow it. */
function bracketless(id: string | null): string | null {
  const [, inner] = /^\s*<([^>]*)>/.exec(id ?? "") ?? [];
  return (inner ?? id?.trim().replaceAll(/^<|>$/g, ""))?.trim() || null;
}

/** In either alphabet of base64; null for what is none. */
function decodeData(data: string): Uint8Array | null {
  try {
    return base64url.decode(data.replaceAll("+", "-").replaceAll("/", "_"));
  } catch {
    return null;
  }
}
