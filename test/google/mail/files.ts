/**
 * Files that come with mail: small, and what they say they are, so that whatever opens them can.
 */
import type { Part } from "./content.ts";

/** A PDF of one page (ISO 32000-1). */
export function pdf(filename: string, lines: readonly string[]): Part {
  const text = `BT /F1 12 Tf 72 770 Td 16 TL ${lines.map((line) => `(${plainText(line)}) Tj T*`).join(" ")} ET`;
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
    `<< /Length ${text.length} >>\nstream\n${text}\nendstream`,
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
  ];
  let body = "%PDF-1.4\n";
  const offsets = objects.map((object, index) => {
    const offset = body.length;
    body += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return `${String(offset).padStart(10, "0")} 00000 n \n`;
  });
  const table = `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${offsets.join("")}`;
  const trailer = `trailer\n<< /Size ${objects.length + 1} /Root 1 0 R >>\nstartxref\n${body.length}\n%%EOF\n`;
  return { mimeType: "application/pdf", filename, bytes: new TextEncoder().encode(body + table + trailer) };
}

function plainText(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, "-").replaceAll(/([\\()])/g, String.raw`\$1`);
}

/** An invitation (RFC 5545). */
export function invitation(summary: string, atMs: number): Part {
  const lines = [
    "BEGIN:VCALENDAR",
    "VERSION:2.0",
    "PRODID:-//calendar.example//EN",
    "METHOD:REQUEST",
    "BEGIN:VEVENT",
    `UID:${atMs}@calendar.example`,
    `DTSTAMP:${stamp(atMs)}`,
    `DTSTART:${stamp(atMs + 86_400_000)}`,
    `DTEND:${stamp(atMs + 90_000_000)}`,
    `SUMMARY:${summary.replaceAll(/([,;\\])/g, String.raw`\$1`)}`,
    "END:VEVENT",
    "END:VCALENDAR",
    "",
  ];
  return { mimeType: "text/calendar", filename: "invite.ics", text: lines.join("\r\n") };
}

function stamp(ms: number): string {
  return new Date(ms).toISOString().replaceAll(/[-:]|\.\d+/g, "");
}

/** A picture: an evening sky over water, in colours that follow from `hue`. PNG without compression (RFC 2083). */
export function photo(filename: string, hue: number, contentId?: string): Part {
  const [width, height] = [96, 64];
  const raw = new Uint8Array(height * (1 + width * 3));
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const [light, wave] = [y < 40 ? 90 + y * 4 : 120 - y, y < 40 ? 0 : 12 * Math.sin(x / 4 + y)];
      const at = y * (1 + width * 3) + 1 + x * 3;
      raw.set([light + wave + (hue % 60), light * 0.7 + wave, 110 + wave + ((hue * 7) % 90)], at);
    }
  }
  const header = new Uint8Array(13);
  new DataView(header.buffer).setUint32(0, width);
  new DataView(header.buffer).setUint32(4, height);
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const bytes = concat([signature, chunk("IHDR", header), chunk("IDAT", stored(raw)), chunk("IEND", new Uint8Array())]);
  return { mimeType: "image/png", filename, bytes, ...(contentId === undefined ? {} : { contentId }) };
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const named = concat([new TextEncoder().encode(type), data]);
  return concat([uint32(data.length), named, uint32(crc32(named))]);
}

/** RFC 1950 and 1951: one stored block, with the Adler-32 of what is in it. */
function stored(data: Uint8Array): Uint8Array {
  let [a, b] = [1, 0];
  for (const byte of data) {
    a = (a + byte) % 65_521;
    b = (b + a) % 65_521;
  }
  const { length } = data;
  const head = [0x78, 0x01, 0x01, length & 255, length >> 8, ~length & 255, (~length >> 8) & 255];
  return concat([Uint8Array.from(head), data, uint32(((b << 16) | a) >>> 0)]);
}

function crc32(data: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb8_8320 : crc >>> 1;
  }
  return ~crc >>> 0;
}

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
