/** Filling the marked places of a document. */
import { replaceBetween } from "../lib/replace-between.ts";

function markers(name: string): readonly [begin: string, end: string] {
  return [`<!-- scale:${name} -->`, `<!-- end scale:${name} -->`];
}

/**
 * Replaces what stands between `<!-- scale:NAME -->` and `<!-- end scale:NAME -->`.
 *
 * @throws Error where a section has no place
 */
export function fillSections(document: string, sections: Readonly<Record<string, string>>): string {
  let filled = document;
  for (const [name, text] of Object.entries(sections)) {
    const [start, end] = markers(name);
    const next = replaceBetween(filled, { start, end, content: text });
    if (next === null) throw new Error(`the document has no place for ${name}`);
    filled = next;
  }
  return filled;
}
