/**
 * What the demo prints: headings, findings and tables, for people. Colour only on a terminal that
 * wants it; other people's text cannot turn a line round or move the cursor.
 */

import { styleText } from "node:util";
import stringWidth from "string-width";

const FROM_WIDTH = 28;
const SUBJECT_WIDTH = 72;
const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });
/** C0 and C1 controls, and the marks that embed, override or isolate a direction. */
const UNSAFE = /[\p{Cc}\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu;
/** First strong isolate and its end: each value runs in its own direction, the line in ours. */
const ISOLATE = ["\u2068", "\u2069"] as const;

/** A line of a message table. */
export interface TableRow {
  readonly date: string;
  readonly from: string;
  readonly subject: string;
  readonly unread: boolean;
}

/** `styleText` itself asks whether standard output is a terminal, and NO_COLOR. */
function style(format: "bold" | "dim" | "green" | "red", text: string): string {
  return styleText(format, text, { stream: process.stdout });
}

/** Starts a section. */
export function heading(text: string): void {
  console.log(`\n${style("bold", text)}`);
}

/** A plain line. */
export function line(text: string): void {
  console.log(`  ${text}`);
}

/** Something that was checked and holds. */
export function passed(text: string): void {
  console.log(`  ${style("green", "✓")} ${text}`);
}

/** The end of a demo that failed. */
export function failed(text: string): void {
  console.error(`\n${style("red", "✗ FAILED")} ${text}`);
}

/** Messages as date, sender and subject; a dot marks the unread ones. */
export function table(rows: readonly TableRow[]): void {
  for (const row of rows) {
    const date = row.date.slice(0, 16).replace("T", " ");
    const dot = row.unread ? "•" : " ";
    const from = cell(displayName(row.from), FROM_WIDTH);
    console.log(`  ${style("dim", date)} ${dot} ${from} ${clip(row.subject.trim() || "(no subject)")}`);
  }
}

/** The name of a `From` header, or its address when it has none. */
function displayName(from: string): string {
  const name = from.replace(/\s*<[^>]*>$/, "").replace(/^"(.*)"$/, "$1");
  return name === "" ? from : name;
}

function clip(text: string): string {
  return `${ISOLATE[0]}${truncate(clean(text), SUBJECT_WIDTH)}${ISOLATE[1]}`;
}

function cell(text: string, width: number): string {
  const shown = truncate(clean(text), width);
  return `${ISOLATE[0]}${shown}${ISOLATE[1]}${" ".repeat(Math.max(0, width - stringWidth(shown)))}`;
}

function clean(text: string): string {
  return text.replace(UNSAFE, "").trim();
}

/** Cuts between graphemes, so that no emoji or accent is torn. */
function truncate(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  let shown = "";
  for (const { segment } of graphemes.segment(text)) {
    if (stringWidth(shown + segment) > width - 1) break;
    shown += segment;
  }
  return `${shown}…`;
}
