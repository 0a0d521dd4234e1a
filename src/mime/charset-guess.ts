/**
 * Which charset bytes are in that are no UTF-8 and that nothing names: by which of their bytes are frequent.
 */

/** What is looked at; more tells no more. */
const MAX_BYTES = 8_192;

/** A charset of TextDecoder's; windows-1252 where nothing speaks for another one. */
export function guessCharset(all: Uint8Array): string {
  const bytes = all.subarray(0, MAX_BYTES);
  const high = bytes.filter((byte) => byte >= 0x80);
  const share = (from: number, to: number): number =>
    high.filter((byte) => byte >= from && byte <= to).length / Math.max(high.length, 1);
  // Words of letters beyond ASCII only, or mostly: single ones among ASCII letters are Western European.
  const isScript = longestRun(bytes) >= 4 || (high.length >= 4 && high.length > bytes.length / 3);
  if (!isScript) return "windows-1252";
  const korean = shareOf(bytes, "euc-kr", /[\uac00-\ud7a3]/g);
  if (korean > 0.9) return "euc-kr";
  for (const charset of ["shift_jis", "euc-jp"]) {
    // Single katakana of half width are what another charset looks like.
    if (shareOf(bytes, charset, /[\u3041-\u30fe]/g) > 0.25) return charset;
  }
  // Small letters are more frequent than capitals: 1251 has them in its last rows, KOI8 before its capitals.
  if (share(0xe0, 0xff) > 0.65) return "windows-1251";
  if (share(0xc0, 0xdf) > 0.65) return "koi8-r";
  const chinese = shareOf(bytes, "gbk", /[\u4e00-\u9fff]/g);
  const traditional = shareOf(bytes, "big5", /[\u4e00-\u9fff]/g);
  // Every byte of GB 2312 has its eighth bit; half of the second bytes of Big5 have none.
  const isPaired = bytes.every(
    (byte, index) => byte < 0x80 || (bytes[index - 1] ?? 0) >= 0x80 || (bytes[index + 1] ?? 0) >= 0x80,
  );
  if (isPaired && chinese > 0.7) return "gbk";
  if (traditional > 0.7) return "big5";
  return chinese > 0.7 ? "gbk" : "windows-1252";
}

function longestRun(bytes: Uint8Array): number {
  let [longest, run] = [0, 0];
  for (const byte of bytes) {
    run = byte >= 0x80 ? run + 1 : 0;
    longest = Math.max(longest, run);
  }
  return longest;
}

/** The share of a script among the characters beyond ASCII, if the bytes were of a charset; bad bytes count against it. */
function shareOf(bytes: Uint8Array, charset: string, script: RegExp): number {
  const text = new TextDecoder(charset).decode(bytes).replaceAll(/[\0-\x7f\u3000-\u303f\uff00-\uff5e]/g, "");
  return (text.match(script)?.length ?? 0) / Math.max(Array.from(text).length, 1);
}
