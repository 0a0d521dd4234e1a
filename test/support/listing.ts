/**
 * Reading `GET /api/messages`, strictly: as JSON, page after page, and as NDJSON.
 */
import { expect } from "vitest";
import * as z from "zod";
import type { Browser } from "./browser.ts";
import { apiErrorSchema } from "./errors.ts";
import { call } from "./scenes.ts";

const messageSchema = z.strictObject({ id: z.string().regex(/^[0-9a-f]{16}$/), threadId: z.string() });

const listingSchema = z.strictObject({
  messages: z.array(messageSchema),
  nextPageToken: z.string().min(1).exactOptional(),
  resultSizeEstimate: z.number().int().exactOptional(),
});
export type Listing = z.infer<typeof listingSchema>;

const endSchema = z.strictObject({
  nextPageToken: z.string().min(1).exactOptional(),
  count: z.number().int(),
  quotaUnits: z.number().int(),
});

/** Expects a listing and returns it. */
export async function readListing(response: Response): Promise<Listing> {
  const text = await response.text();
  expect(response.status, text).toBe(200);
  return listingSchema.parse(JSON.parse(text));
}

/** Follows `nextPageToken` to the end. */
export async function listAll(browser: Browser, query: string): Promise<Listing & { answers: number }> {
  const messages: Listing["messages"] = [];
  let answers = 0;
  let token = "";
  for (;;) {
    const listing = await readListing(await call(browser, `/api/messages?${query}${token}`));
    messages.push(...listing.messages);
    answers += 1;
    if (listing.nextPageToken === undefined) return { messages, answers };
    if (answers > 2000) throw new Error("no end of pages");
    token = `&pageToken=${encodeURIComponent(listing.nextPageToken)}`;
  }
}

export interface Streamed {
  readonly messages: Listing["messages"];
  /** The last line: how it ended. */
  readonly end: z.infer<typeof endSchema> | null;
  readonly error: z.infer<typeof apiErrorSchema>["error"] | null;
}

/** Expects a stream of lines and reads it to its end. */
export async function readStream(response: Response): Promise<Streamed> {
  // Not `text()`: workerd warns about it for a type that it does not know as text.
  const text = new TextDecoder().decode(await response.arrayBuffer());
  expect(response.status, text).toBe(200);
  expect(response.headers.get("content-type")).toMatch(/^application\/x-ndjson/);
  expect(text.endsWith("\n")).toBe(true);
  const lines = text
    .slice(0, -1)
    .split("\n")
    .map((line): unknown => JSON.parse(line));
  const last = lines.pop();
  const messages = z.array(messageSchema).parse(lines);
  const end = endSchema.safeParse(last);
  if (end.success) return { messages, end: end.data, error: null };
  return { messages, end: null, error: apiErrorSchema.parse(last).error };
}
