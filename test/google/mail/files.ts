/**
 * Files that come with mail: small, and what they say they are, so that whatever opens them can.
 */
import { fromBase64Url } from "../text.ts";
import type { Part } from "./content.ts";

/** A PDF of one page (ISO 32000-1), without a table of its objects, which readers make themselves. */
export function pdf(filename: string, lines: readonly string[]): Part {
  const escaped = lines.map((line) => line.replaceAll(/[^\x20-\x7e]/g, "-").replaceAll(/([\\()])/g, String.raw`\$1`));
  const text = `BT /F1 12 Tf 72 770 Td 16 TL ${escaped.map((line) => `(${line}) Tj T*`).join(" ")} ET`;
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
    `<< /Length ${text.length} >>\nstream\n${text}\nendstream`,
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
  ].map((object, index) => `${index + 1} 0 obj\n${object}\nendobj\n`);
  const file = `%PDF-1.4\n${objects.join("")}trailer\n<< /Size ${objects.length + 1} /Root 1 0 R >>\n%%EOF\n`;
  return { mimeType: "application/pdf", filename, bytes: new TextEncoder().encode(file) };
}

export function invitation(summary: string, atMs: number): Part {
  const text = `BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//calendar.example//EN
METHOD:REQUEST
BEGIN:VEVENT
UID:${atMs}@calendar.example
DTSTAMP:${stamp(atMs)}
DTSTART:${stamp(atMs + 86_400_000)}
DTEND:${stamp(atMs + 90_000_000)}
SUMMARY:${summary.replaceAll(/([,;\\])/g, String.raw`\$1`)}
END:VEVENT
END:VCALENDAR
`;
  return { mimeType: "text/calendar", filename: "invite.ics", text: text.replaceAll("\n", "\r\n") };
}

function stamp(ms: number): string {
  return new Date(ms).toISOString().replaceAll(/[-:]|\.\d+/g, "");
}

/** An evening sky, 64 by 48. */
const SKY = `iVBORw0KGgoAAAANSUhEUgAAAEAAAAAwCAIAAAAuKetIAAABHUlEQVR42tXPQWtBAQDAcb6Xg4ODg4MiTSkS67VJ6DWSrdcmsV6bxHptEnpt
kq0XEnptkpUiUWpLUzs4OOywww6O+xz/3zf4GU32VwOZ0ezQ2QGLa8gOWN19dsDm6bEDdm+XHXD62+zAUVBjBzzCCzvgO22xA4Fwkx0Qog12ICQ+sgORuMoO
iMk6O5A4r7IDKanCDkhXZXYgnblnB7I5hR2Q5Tt2IH9bZAeKhQI7oJTy7EBZuWEHqg8yO6BWrtmBRi3LDrTUDDugPaXZgW7zkh3oP0vsgK5dsAOjToodmPSS
7MB0kGAH5voZO7B8E9mB9TjGDny+R9iBr2mYHfiehdiB3eKEHdivBHbgZ33MDvx+BNiBv42fHThsfejAP3HXVBnvQ6MgAAAAAElFTkSuQmCC`;

export function photo(filename: string, contentId?: string): Part {
  return {
    mimeType: "image/png",
    filename,
    bytes: fromBase64Url(SKY),
    ...(contentId === undefined ? {} : { contentId }),
  };
}
