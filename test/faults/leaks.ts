/**
 * Searching what was told for secrets: quick enough to be done after each of thousands of cases.
 */

/** So many characters of a secret, from its begin, middle or end, are a leak. */
const WINDOW = 20;

/** A secret as it may appear: plain, URL-encoded, in base64 and in base64url. */
function disguises(secret: string): string[] {
  const base64 = btoa(secret).replaceAll("=", "");
  return [secret, encodeURIComponent(secret), base64, base64.replaceAll("+", "-").replaceAll("/", "_")];
}

/** Pieces of secrets, each of which tells one. */
export class Needles {
  readonly #known = new Set<string>();
  readonly #pieces = new Set<string>();

  /** Looks for these too, from now on. */
  add(secrets: readonly string[]): void {
    for (const secret of secrets) {
      if (this.#known.has(secret)) continue;
      this.#known.add(secret);
      for (const shape of disguises(secret)) this.#add(shape);
    }
  }

  /** How many secrets are looked for. */
  get size(): number {
    return this.#known.size;
  }

  #add(shape: string): void {
    if (shape.length < WINDOW) throw new Error("too short to be searched for");
    // Every token that is a JWT begins with the same header, and that is no secret.
    const starts = shape.startsWith("eyJ") || shape.startsWith("ZXlK") ? [] : [0];
    for (const start of [...starts, Math.floor((shape.length - WINDOW) / 2), shape.length - WINDOW]) {
      this.#pieces.add(shape.slice(start, start + WINDOW));
    }
  }

  /** What of the secrets stands in a text. */
  in(text: string): string[] {
    const found: string[] = [];
    for (let start = 0; start + WINDOW <= text.length; start += 1) {
      const piece = text.slice(start, start + WINDOW);
      if (this.#pieces.has(piece)) found.push(piece);
    }
    return found;
  }
}
