/**
 * Google's partial responses: `fields=messages(id,threadId),nextPageToken`.
 */

type Mask = Map<string, Mask | null>;

/** Cuts an answer down to a mask, as the `fields` parameter of Google's APIs does. */
export function applyFields(value: unknown, fields: string | null): unknown {
  if (fields === null || fields === "" || fields === "*") return value;
  const [mask, rest] = parseMask(fields);
  if (rest !== "") throw new SyntaxError(`Invalid field selection ${fields}`);
  return cut(value, mask);
}

function cut(value: unknown, mask: Mask): unknown {
  if (Array.isArray(value)) return value.map((item) => cut(item, mask));
  if (typeof value !== "object" || value === null || mask.has("*")) return value;
  const kept: Record<string, unknown> = {};
  for (const [name, inner] of Object.entries(value)) {
    const below = mask.get(name);
    if (below === undefined) continue;
    kept[name] = below === null ? inner : cut(inner, below);
  }
  return kept;
}

/** Parses `a,b(c,d),e/f` and returns what is left behind a closing bracket. */
function parseMask(text: string): [Mask, string] {
  const mask: Mask = new Map();
  let rest = text;
  for (;;) {
    const name = /^[A-Za-z0-9_*]+/.exec(rest)?.[0];
    if (name === undefined) throw new SyntaxError(`Invalid field selection ${text}`);
    rest = rest.slice(name.length);
    let below: Mask | null = null;
    if (rest.startsWith("(")) {
      [below, rest] = parseMask(rest.slice(1));
      if (!rest.startsWith(")")) throw new SyntaxError(`Invalid field selection ${text}`);
      rest = rest.slice(1);
    } else if (rest.startsWith("/")) {
      const end = pathEnd(rest);
      [below] = parseMask(rest.slice(1, end));
      rest = rest.slice(end);
    }
    const before = mask.get(name);
    mask.set(name, below !== null && before ? new Map([...before, ...below]) : below);
    if (!rest.startsWith(",")) return [mask, rest];
    rest = rest.slice(1);
  }
}

/** Where a path such as `/payload/headers(name)` ends: at a comma or bracket of the level above. */
function pathEnd(rest: string): number {
  let depth = 0;
  for (let index = 0; index < rest.length; index += 1) {
    const char = rest.charAt(index);
    if (char === "(") depth += 1;
    else if (char === ")" && depth === 0) return index;
    else if (char === ")") depth -= 1;
    else if (char === "," && depth === 0) return index;
  }
  return rest.length;
}
