/**
 * Page tokens of `/api/messages`: a row boundary of the list, Gmail's own token within, sealed and bound to the user
 * and the filter that it was made for, so that it works nowhere else and a mixed-up filter is an error instead of a
 * mailbox with holes.
 */
import * as z from "zod/mini";
import { AppError } from "../errors.ts";
import type { MessageFilter } from "../gmail.ts";
import type { Cursor } from "./pagination.ts";
import { type Binding, type KeyRing, sha256 } from "../lib/key-ring.ts";

const CursorSchema = z.object({
  pageToken: z.nullable(z.string()),
  skip: z.int().check(z.nonnegative()),
  afterId: z.nullable(z.string()),
});

async function binding(sub: string, filter: MessageFilter): Promise<Binding> {
  const labelIds = [...new Set(filter.labelIds)].sort();
  return {
    purpose: "page-token",
    owner: await sha256(JSON.stringify([sub, filter.q, labelIds, filter.includeSpamTrash])),
  };
}

/** Seals a row boundary for one user and filter. */
export async function sealPageToken(
  keyRing: KeyRing,
  owner: { sub: string; filter: MessageFilter },
  cursor: Cursor,
): Promise<string> {
  return keyRing.seal(await binding(owner.sub, owner.filter), cursor);
}

/**
 * Opens a page token.
 *
 * @throws AppError `INVALID_ARGUMENT` where it was not made for this user and filter, or by a version of this code that
 *   knew another form
 */
export async function openPageToken(
  keyRing: KeyRing,
  owner: { sub: string; filter: MessageFilter },
  token: { value: string; nowMs: number },
): Promise<Cursor> {
  const bound = await binding(owner.sub, owner.filter);
  const cursor = await keyRing.openAs(bound, token.value, token.nowMs, CursorSchema);
  if (cursor !== null) return cursor;
  const words = "This page link has expired or belongs to another search. Go back to the start and search again.";
  throw new AppError("INVALID_ARGUMENT", words, {
    metadata: { parameter: "pageToken" },
    programMessage:
      "pageToken is not valid for this user and these filters. Begin again without it, or send the same q, labelIds " +
      "and includeSpamTrash as before.",
  });
}
