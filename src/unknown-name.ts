/**
 * Refusing a name that is not known, with the nearest one that is.
 */
import { type AppError, invalidArgument } from "./errors.ts";

/** Characters of an unknown name that are repeated to the caller. */
const MAX_NAME_CHARACTERS = 64;

/**
 * An error for an unknown parameter or member. The message, which a page may show, holds no word of the caller's: the
 * name is in the metadata.
 */
export function unknownName(what: "parameter" | "member", name: string, known: readonly string[]): AppError {
  const nearest = nearestName(name, known);
  const hint = nearest === null ? `Known are: ${known.join(", ")}.` : `Did you mean ${nearest}?`;
  return invalidArgument(name.slice(0, MAX_NAME_CHARACTERS), `There is no such ${what} here. ${hint}`);
}

/** The known name that was probably meant: one that differs in case and signs only, or in up to a third of its letters. */
export function nearestName(name: string, known: readonly string[]): string | null {
  const written = plain(name.slice(0, MAX_NAME_CHARACTERS));
  const ranked = known
    .map((candidate) => ({ candidate, distance: editDistance(written, plain(candidate)) }))
    .filter(({ candidate, distance }) => distance <= candidate.length / 3)
    .sort((one, other) => one.distance - other.distance);
  return ranked[0]?.candidate ?? null;
}

function plain(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9]/g, "").toLowerCase();
}

/** Levenshtein's: letters to insert, to delete or to replace. */
function editDistance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let index = 0; index < one.length; index += 1) {
    const next = [index + 1];
    for (let column = 1; column <= other.length; column += 1) {
      const replaced = (row[column - 1] ?? 0) + (other[column - 1] === one[index] ? 0 : 1);
      next.push(Math.min(replaced, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
