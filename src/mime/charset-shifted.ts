/**
 * Charsets of seven bits that mail has and TextDecoder has not: characters beyond ASCII stand between shift sequences.
 */

/** UTF-7 (RFC 2152), HZ (RFC 1843), ISO-2022-KR (RFC 1557). */
export type Shifted = "utf-7" | "hz-gb-2312" | "iso-2022-kr";

/** The charset that a label without separators, or its name, means; null for another one. */
export function shiftedCharset(label: string): Shifted | null {
  if (/^(?:utf-?7|unicode-?1-?1-?utf-?7|65000|cp65000)$/.test(label)) return "utf-7";
  if (/^(?:hz|hz-?gb-?2312|52936|cp52936)$/.test(label)) return "hz-gb-2312";
  return /^(?:iso-?2022-?kr|50225|cp50225)$/.test(label) ? "iso-2022-kr" : null;
}

/** The text of bytes in a charset of seven bits. */
export function decodeShifted(bytes: Uint8Array, charset: Shifted): string {
  if (charset === "utf-7") return decodeUtf7(new TextDecoder("latin1").decode(bytes));
  // Shifted bytes are those of a charset of eight bits, without the eighth.
  return charset === "hz-gb-2312"
    ? new TextDecoder("gbk").decode(raise(bytes, { lead: 0x7e, shiftIn: 0x7b, shiftOut: 0x7d }))
    : new TextDecoder("euc-kr").decode(raise(bytes, { lead: null, shiftIn: 0x0e, shiftOut: 0x0f }));
}

interface Shifts {
  /** The byte before a shift; null where there is none. */
  readonly lead: number | null;
  readonly shiftIn: number;
  readonly shiftOut: number;
}

/** Sets the eighth bit of what is shifted, and drops the shifts. */
function raise(bytes: Uint8Array, { lead, shiftIn, shiftOut }: Shifts): Uint8Array {
  const raised: number[] = [];
  let isShifted = false;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    const follows = lead === null ? byte : byte === lead ? (bytes[at + 1] ?? 0) : 0;
    // The designation of ISO-2022-KR, `ESC $ ) C`, says what is known already.
    if (lead === null && byte === 0x1b) at += 3;
    else if (follows === shiftIn || follows === shiftOut) {
      isShifted = follows === shiftIn;
      if (lead !== null) at += 1;
    } else if (lead !== null && byte === lead && follows === lead) {
      raised.push(lead);
      at += 1;
    } else if (byte === 0x0a) {
      // A line ends the shift.
      isShifted = false;
      raised.push(byte);
    } else raised.push(isShifted && byte > 0x20 ? byte | 0x80 : byte);
  }
  return Uint8Array.from(raised);
}

function decodeUtf7(text: string): string {
  return text.replaceAll(/\+([A-Za-z\d+/]*)-?/g, (shifted, base64: string) => {
    if (shifted === "+-") return "+";
    // Fewer have not the bits of a character.
    if (base64.length < 3) return shifted;
    // By hand: a text may have a hundred thousand of them, for which a decoder each takes seconds.
    const units: string[] = [];
    let [bits, count] = [0, 0];
    for (const digit of base64) {
      bits = ((bits << 6) | BASE64.indexOf(digit)) & 0x3f_ff_ff;
      count += 6;
      // Bits that are left of the last unit are padding.
      if (count < 16) continue;
      count -= 16;
      units.push(String.fromCharCode((bits >> count) & 0xff_ff));
    }
    return units.join("").toWellFormed();
  });
}

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
