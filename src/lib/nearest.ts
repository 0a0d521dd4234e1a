/** The known name that somebody probably meant by one that is not known. */

/** Names that differ in more than this share of their letters are different names. */
const MAX_DIFFERENCE = 1 / 3;

/** @returns null where no known name is near; case and signs are no difference */
export function findNearest(name: string, known: Iterable<string>): string | null {
  let nearest: string | null = null;
  let least = Math.floor(name.length * MAX_DIFFERENCE) + 1;
  for (const candidate of known) {
    // At least as many letters must be added, and what is given may be long.
    if (Math.abs(name.length - candidate.length) >= least) continue;
    const distance = editDistance(lettersOf(name), lettersOf(candidate));
    if (distance >= least) continue;
    [nearest, least] = [candidate, distance];
  }
  return nearest;
}

function lettersOf(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9]/g, "").toLowerCase();
}

/** How many letters must be added, removed or replaced to make one of the other (Levenshtein). */
function editDistance(one: string, other: string): number {
  let previous = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let row = 0; row < one.length; row += 1) {
    const current = [row + 1];
    for (let column = 0; column < other.length; column += 1) {
      const replaced = (previous[column] ?? 0) + (one[row] === other[column] ? 0 : 1);
      current.push(Math.min(replaced, (previous[column + 1] ?? 0) + 1, (current[column] ?? 0) + 1));
    }
    previous = current;
  }
  return previous.at(-1) ?? 0;
}
