/** A message that is sent or inserted, taken apart (RFC 5322, RFC 2045): headers as they are, parts with their bytes. */
import { type Content, type Header, type Part, partsOf, snippetOf } from "./content.ts";
import { decodeWords } from "./encoded-words.ts";

/** Headers that tell how the text is made, and not what it says. */
const OF_MIME = /^(?:mime-version|content-)/i;

/** What a mailbox shows of an RFC 5322 text. */
export function parseMime(text: string): Content {
  const { headers, body } = splitEntity(text);
  const part = toPart(headers, body);
  const plain = [...partsOf(part)].find(({ part: one }) => one.mimeType === "text/plain" && one.filename === undefined);
  const shown = headers
    .filter(([name]) => !OF_MIME.test(name))
    .map(([name, value]): Header => [name, decodeWords(value)]);
  return { headers: shown, body: part, snippet: snippetOf(plain?.part.text ?? "") };
}

function splitEntity(text: string): { headers: Header[]; body: string } {
  const [, head = text, body = ""] = /^([^]*?)\r?\n\r?\n([^]*)$/.exec(text) ?? [];
  const lines = head.replaceAll(/\r?\n[ \t]+/g, " ").split(/\r?\n/);
  const headers = lines.flatMap((line): Header[] => {
    const [, name, value] = /^([^\s:]+):\s*(.*)$/.exec(line) ?? [];
    return name === undefined || value === undefined ? [] : [[name, value]];
  });
  return { headers, body };
}

function toPart(headers: readonly Header[], body: string): Part {
  const header = (wanted: string): string => headers.find(([name]) => name.toLowerCase() === wanted)?.[1] ?? "";
  const type = header("content-type");
  const mimeType = type.split(";")[0]?.trim().toLowerCase() || "text/plain";
  const boundary = parameter(type, "boundary");
  if (mimeType.startsWith("multipart/") && boundary !== undefined) {
    const pieces = `\r\n${body}`.split(`\n--${boundary}`).slice(1);
    const inner = pieces.filter((piece) => !piece.startsWith("--")).map((piece) => piece.replace(/^\r?\n/, ""));
    const parts = inner.map((piece) => {
      const entity = splitEntity(/^\r?\n/.test(piece) ? `X: -\r\n${piece}` : piece);
      return toPart(entity.headers, entity.body.replace(/\r$/, ""));
    });
    return { mimeType, parts };
  }
  const filename = parameter(header("content-disposition"), "filename") ?? parameter(type, "name");
  const bytes = decode(body, header("content-transfer-encoding").toLowerCase());
  const contentId = header("content-id").replaceAll(/[<>]/g, "");
  if (filename === undefined) return { mimeType, text: new TextDecoder().decode(bytes) };
  return { mimeType, bytes, filename, ...(contentId === "" ? {} : { contentId }) };
}

function parameter(value: string, name: string): string | undefined {
  const [, quoted, token] = new RegExp(`;\\s*${name}="?(?:(?<=")([^"]*)|([^\\s;"]+))`, "i").exec(value) ?? [];
  return quoted ?? token;
}

function decode(body: string, encoding: string): Uint8Array {
  if (encoding === "base64") {
    return Uint8Array.from(atob(body.replaceAll(/\s/g, "")), (character) => character.charCodeAt(0));
  }
  if (encoding !== "quoted-printable") return new TextEncoder().encode(body);
  const binary = body
    .replaceAll(/=\r?\n/g, "")
    .replaceAll(/=([0-9a-f]{2})/gi, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}
