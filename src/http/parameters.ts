/**
 * The query of a request to the API. A parameter that nobody knows is refused, with the name that was probably meant: it
 * would otherwise ask for something else than the caller thinks. Pages ignore what they do not know.
 */
import { invalidArgument } from "../errors.ts";
import { parseQuery } from "../lib/query.ts";
import { unknownName } from "../lib/unknown-name.ts";
import type { AppContext } from "./types.ts";

/**
 * @param known the parameters of the route
 * @param repeatable those of them that are lists
 * @returns text by name, and lists of text for what is repeatable
 * @throws AppError `INVALID_ARGUMENT`, naming the parameter
 */
export function readParameters(
  c: AppContext,
  known: readonly string[],
  repeatable: readonly string[] = [],
): Record<string, string | string[]> {
  const values = new Map<string, string[]>();
  for (const [name, value] of parseQuery(new URL(c.req.url).search.slice(1))) {
    if (!known.includes(name)) throw unknownName("parameter", name, known);
    const given = [...(values.get(name) ?? []), value];
    if (given.length > 1 && !repeatable.includes(name)) {
      throw invalidArgument(name, `You sent ${name} more than once. Send it once.`);
    }
    values.set(name, given);
  }
  return Object.fromEntries(
    [...values].map(([name, given]) => [name, repeatable.includes(name) ? given : (given[0] ?? "")]),
  );
}
