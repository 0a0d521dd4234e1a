/** Filling a marked place of a document. */

/** The text with what is between two marks replaced. Null where it has not both, in their order. */
export function replaceBetween(
  text: string,
  { start, end, content }: { readonly start: string; readonly end: string; readonly content: string },
): string | null {
  const from = text.indexOf(start);
  const to = text.indexOf(end);
  if (from === -1 || to < from) return null;
  const body = content === "" ? "\n\n" : `\n\n${content}\n\n`;
  return text.slice(0, from + start.length) + body + text.slice(to);
}
