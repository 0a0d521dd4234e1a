/** Filling the marked places of a document. */

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
    const [begin, end] = markers(name);
    const from = filled.indexOf(begin);
    const to = filled.indexOf(end);
    if (from === -1 || to < from) throw new Error(`the document has no place for ${name}`);
    const body = text === "" ? "\n\n" : `\n\n${text}\n\n`;
    filled = filled.slice(0, from + begin.length) + body + filled.slice(to);
  }
  return filled;
}
