/** Markdown of the report: tables, and text of the measurements that must not become markup. */

/** Text as it is, on one line: nothing in it becomes markup or ends a table cell. */
export function escapeText(text: string): string {
  return text
    .trim()
    .replaceAll(/\s+/g, " ")
    .replaceAll(/[\\`*_[\]<>|~#]/g, String.raw`\$&`)
    .replaceAll("&", "&amp;");
}

/** Our own Markdown within a line or a cell: its code spans and links stay, but a bar does not end the cell. */
export function inline(markdown: string): string {
  return markdown
    .trim()
    .replaceAll(/\s+/g, " ")
    .replaceAll(/(?<!\\)\|/g, String.raw`\|`);
}

/** A code span, whatever backticks the text has. */
export function code(text: string): string {
  const longest = Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  const padding = text.startsWith("`") || text.endsWith("`") ? " " : "";
  return `${fence}${padding}${inline(text)}${padding}${fence}`;
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

/** A table. Its cells are Markdown of a line; those of columns marked `right` are numbers. */
export function table(
  columns: readonly { readonly label: string; readonly align: "left" | "right" }[],
  rows: readonly (readonly string[])[],
): string {
  const rule = columns.map(({ align }) => (align === "right" ? "---:" : "---"));
  return [line(columns.map(({ label }) => label)), line(rule), ...rows.map(line)].join("\n");
}
