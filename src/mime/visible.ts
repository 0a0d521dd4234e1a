/**
 * Whether somebody who looks at a text sees anything: what counts is content, and not that there is a value.
 */

/** Neither white space, nor control or format characters, nor those that have no glyph: a Braille blank, Hangul fillers. */
const VISIBLE = /[^\s\p{C}\p{Z}\p{M}\p{Default_Ignorable_Code_Point}\u2800]/u;

export function isVisible(text: string | null | undefined): text is string {
  return text !== null && text !== undefined && VISIBLE.test(text);
}

/**
 * The text with a space for each control and line separator, and without what turns the direction of what follows it: for
 * headers. `gpj.exe` behind U+202E reads `exe.jpg`.
 */
export function withoutControls(text: string): string {
  return text.replaceAll(/[\u202a-\u202e\u2066-\u2069]/g, "").replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]/gu, " ");
}

/** The same with single spaces: for names, which stand in a line. */
export function oneLine(text: string): string {
  return withoutControls(text).replaceAll(/\s+/g, " ").trim();
}
