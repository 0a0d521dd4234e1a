/**
 * Google's partial responses: `fields=messages(id,threadId),nextPageToken`. A name that Gmail's answers never have is a mistake,
 * and refused as at Google.
 *
 * https://developers.google.com/workspace/gmail/api/guides/performance#partial-response
 */

/** What to keep of an object: names, with what to keep below each, or null for all that is below. */
export type FieldMask = Map<string, FieldMask | null>;

/** Every name in Gmail's answers. */
const NAMES = new Set(
  (
    "* id threadId labelIds snippet historyId internalDate sizeEstimate raw payload partId mimeType filename headers name value " +
    "body attachmentId size data parts messages nextPageToken resultSizeEstimate labels type messageListVisibility " +
    "labelListVisibility messagesTotal messagesUnread threadsTotal threadsUnread color textColor backgroundColor emailAddress " +
    "history messagesAdded messagesDeleted labelsAdded labelsRemoved message threads expiration drafts classificationLabelValues"
  ).split(" "),
);

/** Reads a `fields` parameter, or answers null when it is not one. */
export function parseFieldMask(fields: string): FieldMask | null {
  const tokens = fields.match(/[\w*-]+|[/(),]/g) ?? [];
  let at = 0;
  const accept = (token: string): boolean => {
    const isNext = tokens[at] === token;
    if (isNext) at += 1;
    return isNext;
  };
  // `a,b(c,d),e/f` into a mask; false where that is not what comes.
  const readList = (mask: FieldMask): boolean => {
    do if (!readItem(mask)) return false;
    while (accept(","));
    return true;
  };
  const readItem = (mask: FieldMask): boolean => {
    const name = tokens[at] ?? "";
    if (!NAMES.has(name)) return false;
    at += 1;
    // `a/b,a/c` keeps both.
    const below = mask.get(name) ?? new Map<string, FieldMask | null>();
    const isSlash = accept("/");
    const isGroup = !isSlash && accept("(");
    mask.set(name, isSlash || isGroup ? below : null);
    if (isSlash) return readItem(below);
    return !isGroup || (readList(below) && accept(")"));
  };
  const mask: FieldMask = new Map();
  return tokens.join("") === fields && readList(mask) && at === tokens.length ? mask : null;
}

/** Cuts a JSON value down to what the mask keeps. */
export function applyFieldMask(value: unknown, mask: FieldMask): unknown {
  if (Array.isArray(value)) return value.map((item) => applyFieldMask(item, mask));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, inner]) => {
      const below = mask.has(name) ? mask.get(name) : mask.get("*");
      if (below === undefined) return [];
      return [[name, below === null ? inner : applyFieldMask(inner, below)]];
    }),
  );
}
