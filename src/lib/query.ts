/**
 * Reading a query, or a form (`application/x-www-form-urlencoded`), strictly: what is no UTF-8 is refused, and not
 * replaced by something that the caller did not ask for.
 */
import { invalidArgument } from "../errors.ts";

/**
 * The parameters of a query in their order.
 *
 * @param query without `?`
 * @throws AppError `INVALID_ARGUMENT`, naming the parameter
 */
export function parseQuery(query: string): [name: string, value: string][] {
  return query
    .split("&")
    .filter((pair) => pair !== "")
    .map((pair) => {
      const equals = pair.indexOf("=");
      const name = decode(equals === -1 ? pair : pair.slice(0, equals), "query");
      return [name, equals === -1 ? "" : decode(pair.slice(equals + 1), name)];
    });
}

function decode(text: string, parameter: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    throw invalidArgument(
      parameter,
      "The query or form has a % without a valid UTF-8 code after it. Write a plain % as %25.",
    );
  }
}
