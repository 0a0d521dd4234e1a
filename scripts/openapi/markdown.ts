/**
 * The little Markdown that our descriptions use: paragraphs, code spans and bare links. Everything else is escaped.
 */

/** @param form `inline`: without a paragraph around it */
export function markdown(text: string, form: "block" | "inline" = "block"): string {
  const paragraphs = text.split("\n\n").map(inline);
  return form === "inline" ? paragraphs.join(" ") : paragraphs.map((paragraph) => `<p>${paragraph}</p>`).join("\n");
}

function inline(text: string): string {
  return escapeHtml(text)
    .replaceAll(/`([^`]+)`/g, "<code>$1</code>")
    .replaceAll(/https:\/\/[^\s<]+/g, '<a href="$&">$&</a>');
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
