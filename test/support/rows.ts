/**
 * Reading `view=metadata`, strictly: as JSON, answer after answer, and as NDJSON.
 */
import { expect } from "vitest";
import * as z from "zod";
import type { Browser } from "./browser.ts";
import { apiErrorSchema } from "./errors.ts";
import { call } from "./scenes.ts";

const refSchema = z.strictObject({ id: z.string().regex(/^[0-9a-f]{16}$/), threadId: z.string() });

const messageSchema = z.strictObject({
  ...refSchema.shape,
  labelIds: z.array(z.string()),
  snippet: z.string(),
  /** RFC 3339 in UTC. */
  date: z.iso.datetime().nullable(),
  from: z.string().nullable(),
  to: z.string().nullable(),
  subject: z.string().nullable(),
  unread: z.boolean(),
});

const errorRowSchema = z.strictObject({ ...refSchema.shape, error: apiErrorSchema.shape.error });

const rowSchema = z.union([messageSchema, errorRowSchema]);
export type MetadataRow = z.infer<typeof rowSchema>;

const listingSchema = z.strictObject({
  messages: z.array(rowSchema),
  nextPageToken: z.string().min(1).exactOptional(),
  resultSizeEstimate: z.number().int().exactOptional(),
  retryAfterSeconds: z.number().int().exactOptional(),
});
export type RowListing = z.infer<typeof listingSchema>;

const endSchema = z.strictObject({
  nextPageToken: z.string().min(1).exactOptional(),
  count: z.number().int(),
  quotaUnits: z.number().int(),
  retryAfterSeconds: z.number().int().exactOptional(),
});

/** Whether a row could not be read. */
export function isErrorRow(row: MetadataRow): row is z.infer<typeof errorRowSchema> {
  return "error" in row;
}

/** Expects a listing of rows and returns it. */
export async function readRows(response: Response): Promise<RowListing> {
  const text = await response.text();
  expect(response.status, text).toBe(200);
  return listingSchema.parse(JSON.parse(text));
}

/** Expects a listing of IDs and returns them. */
export async function readIds(response: Response): Promise<string[]> {
  const text = await response.text();
  expect(response.status, text).toBe(200);
  const { messages } = z.object({ messages: z.array(refSchema) }).parse(JSON.parse(text));
  return messages.map(({ id }) => id);
}

/** Follows `nextPageToken` to the end. @param inspect looks at each answer */
export async function rowsOfAll(
  browser: Browser,
  query: string,
  inspect: (response: Response) => Promise<void>,
): Promise<{ messages: MetadataRow[]; perAnswer: number[] }> {
  const messages: MetadataRow[] = [];
  const perAnswer: number[] = [];
  let token = "";
  for (;;) {
    const response = await call(browser, `/api/messages?view=metadata&${query}${token}`);
    await inspect(response);
    const listing = await readRows(response);
    messages.push(...listing.messages);
    perAnswer.push(listing.messages.length);
    if (listing.nextPageToken === undefined) return { messages, perAnswer };
    if (perAnswer.length > 500) throw new Error("no end of pages");
    token = `&pageToken=${encodeURIComponent(listing.nextPageToken)}`;
  }
}

export interface StreamedRows {
  readonly messages: MetadataRow[];
  /** The last line: how it ended. */
  readonly end: z.infer<typeof endSchema> | null;
  readonly error: z.infer<typeof apiErrorSchema>["error"] | null;
}

/** Expects a stream of rows and reads it to its end. */
export async function readRowStream(response: Response): Promise<StreamedRows> {
  // Not `text()`: workerd warns about it for a type that it does not know as text.
  const text = new TextDecoder().decode(await response.arrayBuffer());
  expect(response.status, text).toBe(200);
  expect(response.headers.get("content-type")).toMatch(/^application\/x-ndjson/);
  const lines = text
    .trimEnd()
    .split("\n")
    .map((line): unknown => JSON.parse(line));
  const last = lines.pop();
  const messages = z.array(rowSchema).parse(lines);
  const end = endSchema.safeParse(last);
  if (end.success) return { messages, end: end.data, error: null };
  return { messages, end: null, error: apiErrorSchema.parse(last).error };
}
