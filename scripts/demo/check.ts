/**
 * The demo's assertions: each prints what holds, or ends the demo saying what was expected and what
 * came instead.
 */

import { isDeepStrictEqual, inspect } from "node:util";
import { ScriptError } from "../lib/script-error.ts";
import { passed } from "./transcript.ts";

let count = 0;

/** How many assertions have held so far. */
export function countChecks(): number {
  return count;
}

/** Both must be deeply equal. */
export function checkEqual(what: string, got: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(got, expected)) {
    throw new CheckError(what, { expected: show(expected), got: show(got) });
  }
  hold(what);
}

/** The condition must hold; `got` is what is shown when it does not. */
export function check(what: string, holds: boolean, got: unknown): void {
  if (!holds) throw new CheckError(what, { expected: "that this holds", got: show(got) });
  hold(what);
}

/** An assertion of the demo that does not hold. */
class CheckError extends ScriptError {
  constructor(what: string, found: { readonly expected: string; readonly got: string }) {
    super(`${what}\n  expected: ${found.expected}\n  got:      ${found.got}`);
  }
}

function hold(what: string): void {
  count += 1;
  passed(what);
}

function show(value: unknown): string {
  return inspect(value, { depth: 6, breakLength: 100, maxStringLength: 600 });
}
