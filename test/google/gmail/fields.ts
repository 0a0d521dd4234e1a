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
  if (tokens.join("") !== fields) return null;
  const reader = { tokens, at: 0 };
  const mask = parseList(reader);
  return reader.at === tokens.length ? mask : null;
}

interface Reader {
  readonly tokens: readonly string[];
  at: number;
}

/** `a,b(c,d),e/f`, or null where that is not what comes. */
function parseList(reader: Reader): FieldMask | null {
  const mask: FieldMask = new Map();
  do {
    if (!parseItem(reader, mask)) return null;
  } while (accept(reader, ","));
  return mask;
}

function parseItem(reader: Reader, mask: FieldMask): boolean {
  const name = reader.tokens[reader.at] ?? "";
  if (!NAMES.has(name)) return false;
  reader.at += 1;
  let below: FieldMask | null = null;
  if (accept(reader, "/")) {
    below = new Map();
    if (!parseItem(reader, below)) return false;
  } else if (accept(reader, "(")) {
    below = parseList(reader);
    if (below === null || !accept(reader, ")")) return false;
  }
  mask.set(name, mask.has(name) ? merge(mask.get(name) ?? null, below) : below);
  return true;
}

function accept(reader: Reader, token: string): boolean {
  if (reader.tokens[reader.at] !== token) return false;
  reader.at += 1;
  return true;
}

/** `a/b,a/c` keeps both. */
function merge(one: FieldMask | null, other: FieldMask | null): FieldMask | null {
  if (one === null || other === null) return null;
  const both = new Map(one);
  for (const [name, below] of other) both.set(name, both.has(name) ? merge(both.get(name) ?? null, below) : below);
  return both;
}

/** Cuts a JSON value down to what the mask keeps. */
export function applyFieldMask(value: unknown, mask: FieldMask): unknown {
  if (Array.isArray(value)) return value.map((item) => applyFieldMask(item, mask));
  if (typeof value !== "object" || value === null) return value;
  const kept: Record<string, unknown> = {};
  for (const [name, inner] of Object.entries(value)) {
    const below = mask.get(name) ?? mask.get("*");
    if (below === undefined && !mask.has(name)) continue;
    kept[name] = below === undefined || below === null ? inner : applyFieldMask(inner, below);
  }
  return kept;
}
