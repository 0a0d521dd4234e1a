/** How the report writes numbers: three significant digits, thousands separators, and the unit. */

import type { Column, Summary } from "../lib/results.ts";

const THREE_DIGITS = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 3 });
const WHOLE = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const TWO_DECIMALS = new Intl.NumberFormat("en-US", { maximumFractionDigits: 2 });

/** Units of things that are counted: rounding 1,024 calls to 1,020 would be wrong. */
const COUNTED = new Set(["", "calls", "units"]);

/** A value without its unit. A share that is not whole never reads 100. */
export function formatNumber(value: number, unit: string): string {
  if (COUNTED.has(unit) && Number.isInteger(value)) return WHOLE.format(value);
  if (unit === "%") return formatPercent(value);
  return THREE_DIGITS.format(value);
}

function formatPercent(value: number): string {
  const rounded = TWO_DECIMALS.format(value);
  return rounded === "100" && value < 100 ? "99.99" : rounded;
}

/** A value with its unit, such as `1,230 ms` or `1 call`. */
export function formatValue(value: number, unit: string): string {
  return `${formatNumber(value, unit)} ${unitOf(value, unit)}`.trimEnd();
}

/** The unit as it stands after a value: that of counted things has no plural after 1. */
export function unitOf(value: number, unit: string): string {
  return COUNTED.has(unit) && value === 1 ? unit.replace(/s$/, "") : unit;
}

/** A column's label with its unit, unless the label has the word itself: `Latency, ms`, `Calls to Google`. */
export function headingOf({ label, unit }: Column): string {
  const words = label.toLowerCase().split(/\W+/);
  return unit === "" || words.includes(unit) ? label : `${label}, ${unit}`;
}

/** `median (low–high)` without the unit; the median alone where the quartiles read the same. */
export function formatSummary({ median, low, high }: Summary, unit: string): string {
  const [middle, first, third] = [median, low, high].map((value) => formatNumber(value, unit));
  return first === middle && third === middle ? `${middle}` : `${middle} (${first}–${third})`;
}

/** A multiple such as `1.08×`, always with two decimals below ten, so that 1.15 can be told from 1.1. */
export function formatMultiple(multiple: number): string {
  return `${multiple < 10 ? multiple.toFixed(2) : THREE_DIGITS.format(multiple)}×`;
}

/** How a value stands to another: `52 % less`, `15 % more`, `3.2 times as much`. Null where the other is zero. */
export function formatDifference(value: number, other: number): string | null {
  if (value === other) return "the same";
  if (other === 0) return null;
  const ratio = value / other;
  if (ratio >= 2) return `${THREE_DIGITS.format(ratio)} times as much`;
  const percent = Math.abs(ratio - 1) * 100;
  const text = percent < 1 ? "under 1" : percent > 99 ? "over 99" : WHOLE.format(percent);
  return `${text} % ${ratio < 1 ? "less" : "more"}`;
}

/** Seconds as people say them: `48 seconds`, `34 minutes`. */
export function formatDuration(seconds: number): string {
  return seconds < 120 ? `${Math.round(seconds)} seconds` : `${Math.round(seconds / 60)} minutes`;
}

/** An ISO 8601 time as `2026-11-22 22:58 UTC`, the same in every time zone. */
export function formatTime(iso: string): string {
  return `${new Date(iso).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
