/**
 * What the demo prints, and its assertions: a line for each step or, verbose, everything. Colour only on a terminal that
 * wants it; other people's text cannot turn a line round or move the cursor.
 */

import { inspect, isDeepStrictEqual, styleText } from "node:util";
import stringWidth from "string-width";
import { ScriptError } from "../lib/script-error.ts";
import type { MetadataRow } from "./api.ts";

const FROM_WIDTH = 28;
const SUBJECT_WIDTH = 72;
const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });
/** C0 and C1 controls, and the marks that embed, override or isolate a direction. */
const UNSAFE = /[\p{Cc}\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu;
/** First strong isolate and its end: each value runs in its own direction, the line in ours. */
const ISOLATE = ["\u2068", "\u2069"] as const;

/** Prints to standard output, and counts what was checked. */
export class Transcript {
  checks = 0;
  readonly #isVerbose: boolean;

  constructor(isVerbose: boolean) {
    this.#isVerbose = isVerbose;
  }

  /** Starts a section. */
  heading(text: string): void {
    if (this.#isVerbose) console.log(`\n${style("bold", text)}`);
  }

  line(text: string): void {
    if (this.#isVerbose) console.log(`  ${text}`);
  }

  /** Messages as date, sender and subject; a dot marks the unread ones. */
  table(rows: readonly MetadataRow[]): void {
    for (const row of rows) {
      const date = row.date.slice(0, 16).replace("T", " ");
      this.line(`${style("dim", date)} ${row.unread ? "•" : " "} ${senderOf(row)} ${subjectOf(row)}`);
    }
  }

  /** The one line of a step that is over, for who does not want to read everything. */
  done(what: string, startedAtMs: number): void {
    const seconds = style("dim", `${((Date.now() - startedAtMs) / 1000).toFixed(1).padStart(4)} s`);
    if (!this.#isVerbose) console.log(`${style("green", "✓")} ${seconds}  ${what}`);
  }

  end(text: string): void {
    console.log(`\n${style("bold", text)}`);
  }

  failed(text: string): void {
    console.error(`\n${style("red", "✗ FAILED")} ${text}`);
  }

  /** Both must be deeply equal. @throws ScriptError with what was expected, and what came */
  equal(what: string, got: unknown, expected: unknown): void {
    this.#hold(what, isDeepStrictEqual(got, expected), { got, expected: show(expected) });
  }

  /** The condition must hold. @throws ScriptError with `got` */
  check(what: string, holds: boolean, got: unknown): void {
    this.#hold(what, holds, { got, expected: "that this holds" });
  }

  #hold(what: string, holds: boolean, { got, expected }: { got: unknown; expected: string }): void {
    if (!holds) throw new ScriptError(`${what}\n  expected: ${expected}\n  got:      ${show(got)}`);
    this.checks += 1;
    this.line(`${style("green", "✓")} ${what}`);
  }
}

/** A message in a few words. */
export function describeRow(row: MetadataRow): string {
  return `${senderOf(row).replace(/ +$/, "")}: ${subjectOf(row)}`;
}

/** `styleText` itself asks whether standard output is a terminal, and NO_COLOR. */
function style(format: "bold" | "dim" | "green" | "red", text: string): string {
  return styleText(format, text, { stream: process.stdout });
}

function show(value: unknown): string {
  return inspect(value, { depth: 6, breakLength: 100, maxStringLength: 600 });
}

/** The name of a `From` header, or its address when it has none. */
function senderOf({ from }: MetadataRow): string {
  const name = (from ?? "(no sender)").replace(/\s*<[^>]*>$/, "").replace(/^"(.*)"$/, "$1");
  const shown = truncate(name === "" ? (from ?? "") : name, FROM_WIDTH);
  return `${ISOLATE.join(shown)}${" ".repeat(Math.max(0, FROM_WIDTH - stringWidth(shown)))}`;
}

function subjectOf({ subject }: MetadataRow): string {
  return ISOLATE.join(truncate(subject?.trim() || "(no subject)", SUBJECT_WIDTH));
}

/** Cuts between graphemes, so that no emoji or accent is torn. */
function truncate(unsafe: string, width: number): string {
  const text = unsafe.replace(UNSAFE, "").trim();
  if (stringWidth(text) <= width) return text;
  let shown = "";
  for (const { segment } of graphemes.segment(text)) {
    if (stringWidth(shown + segment) > width - 1) break;
    shown += segment;
  }
  return `${shown}…`;
}
