/** Tables of Markdown, padded as the formatter does, and numbers as people read them. */

/** @param rows the first is the head */
export function table(rows: readonly (readonly string[])[]): string {
  const [head = []] = rows;
  const widths = head.map((_, column) => Math.max(3, ...rows.map((row) => (row[column] ?? "").length)));
  const line = (cells: readonly string[]): string =>
    `| ${widths.map((width, column) => (cells[column] ?? "").padEnd(width)).join(" | ")} |`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [line(head), rule, ...rows.slice(1).map(line)].join("\n");
}

const NAMES: readonly (readonly [from: number, name: string])[] = [
  [1e12, " trillion"],
  [1e9, " billion"],
  [1e6, " million"],
];

/** Three digits that count, with a word for the rest: `2.43 million`. */
export function amount(value: number): string {
  if (value === 0) return "0";
  for (const [from, name] of NAMES) {
    if (value >= from * 0.9995) return digits(value / from) + name;
  }
  return digits(value);
}

function digits(value: number): string {
  const rounded = Number(value.toPrecision(3));
  return rounded.toLocaleString("en-US", { maximumFractionDigits: rounded < 1 ? 4 : 2 });
}

/** Dollars: cents below ten, whole ones from there on. */
export function dollars(value: number): string {
  if (value < 0) return `-${dollars(-value)}`;
  if (value > 0 && value < 0.005) return "< $0.01";
  if (value >= 10_000) return `$${Number(value.toPrecision(3)).toLocaleString("en-US")}`;
  const fractions = value < 10 ? 2 : 0;
  return `$${value.toLocaleString("en-US", { minimumFractionDigits: fractions, maximumFractionDigits: fractions })}`;
}

/** Per cent. */
export function percent(share: number): string {
  return `${Number((share * 100).toPrecision(2)).toLocaleString("en-US", { maximumFractionDigits: 3 })} %`;
}
