/**
 * What may be asked of a listing, by query or by service binding, checked: a bad parameter is named, and no call is
 * made for it.
 */
import * as z from "zod/mini";
import type { MessageFilter } from "../gmail.ts";
import type { View } from "./pagination.ts";
import { parseOptions } from "../lib/schema.ts";

const DEFAULT_LIMIT = 100;

/** A listing, as asked for. */
export interface ListOptions {
  readonly filter: MessageFilter;
  /** How many messages in all; Infinity for every one. */
  readonly limit: number;
  readonly view: View;
  readonly pageToken: string | null;
}

const limitMessage = "must be a whole number of 1 or more, or all";

const labelsMessage = "must be a list of label IDs";

/** The options of a listing, by name; the query of `GET /api/messages` is described from it, too. */
export const ListOptionsSchema = z.strictObject({
  q: z._default(z.string("must be text"), ""),
  labelIds: z._default(z.array(z.string(labelsMessage).check(z.minLength(1, "must not be empty")), labelsMessage), []),
  includeSpamTrash: z._default(
    z.pipe(
      z.transform((value) => (value === "true" ? true : value === "false" ? false : value)),
      z.boolean("must be true or false"),
    ),
    false,
  ),
  limit: z._default(
    z.pipe(
      z.transform((value) => (typeof value === "string" && /^\d{1,9}$/.test(value) ? Number(value) : value)),
      z.union([z.literal("all"), z.int(limitMessage).check(z.positive(limitMessage))], limitMessage),
    ),
    DEFAULT_LIMIT,
  ),
  pageToken: z.optional(z.string("must be text").check(z.minLength(1, "must not be empty"))),
  view: z._default(z.enum(["id", "metadata"], "must be id or metadata"), "id"),
});

/** Names of the options. */
export const LIST_OPTION_NAMES = Object.keys(ListOptionsSchema.shape);

/**
 * Checks options by name.
 *
 * @param options text as a query has it, or values of the right types
 * @throws AppError `INVALID_ARGUMENT`, naming the first bad one
 */
export function parseListOptions(options: Readonly<Record<string, unknown>>): ListOptions {
  const { q, labelIds, includeSpamTrash, limit, pageToken, view } = parseOptions(ListOptionsSchema, options);
  return {
    filter: { q, labelIds, includeSpamTrash },
    limit: limit === "all" ? Infinity : limit,
    view,
    pageToken: pageToken ?? null,
  };
}
