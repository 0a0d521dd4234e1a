/**
 * Refusing a name that is not known, with the nearest one that is.
 */
import { type AppError, invalidArgument } from "../errors.ts";
import { findNearest } from "./nearest.ts";

/** Characters of an unknown name that are repeated to the caller. */
const MAX_NAME_CHARACTERS = 64;

/**
 * An error for an unknown parameter or member. The message, which a page may show, holds no word of the caller's: the
 * name is in the metadata.
 */
export function unknownName(what: "parameter" | "member", name: string, known: readonly string[]): AppError {
  const nearest = findNearest(name.slice(0, MAX_NAME_CHARACTERS), known);
  const names = known.length === 0 ? `Send no ${what} here.` : `You can use: ${known.join(", ")}.`;
  const hint = nearest === null ? names : `Did you mean ${nearest}?`;
  return invalidArgument(name.slice(0, MAX_NAME_CHARACTERS), `You sent an unknown ${what}. ${hint}`);
}
