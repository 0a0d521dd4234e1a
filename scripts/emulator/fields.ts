/**
 * Google's partial responses: `fields=messages(id,threadId),nextPageToken`. The syntax is checked; a
 * name that no answer has cuts away everything, where Google answers 400.
 *
 * https://developers.google.com/workspace/gmail/api/guides/performance#partial-response
 */

/** What to keep of an object: names, with what to keep below each, or null for all that is below. */
export type FieldMask = Map<string, FieldMask | null>;

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
  if (!/^[\w*-]+$/.test(name)) return false;
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
  const kept = Object.entries(value).flatMap(([name, inner]) => {
    const below = mask.get(name) ?? mask.get("*");
    if (below === undefined) return mask.has(name) ? [[name, inner] as const] : [];
    return [[name, below === null ? inner : applyFieldMask(inner, below)] as const];
  });
  return Object.fromEntries(kept);
}
