/** Bytes of mail as text: charsets by their many names, bad bytes, wrong labels. */
import { describe, expect, test } from "vitest";
import { decodeBody, decodeLabelled, findCharset } from "../../../src/mime/charset.ts";

/** A byte for each character. */
function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function hex(text: string): Uint8Array {
  return Uint8Array.from(text.replaceAll(" ", "").match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function utf16(text: string, isLittle: boolean): Uint8Array {
  const view = new DataView(new ArrayBuffer(text.length * 2));
  for (let index = 0; index < text.length; index += 1) view.setUint16(index * 2, text.charCodeAt(index), isLittle);
  return new Uint8Array(view.buffer);
}

/** The bytes of a text in a charset that TextDecoder has, and nothing encodes. */
function encode(text: string, charset: string): Uint8Array {
  const units: number[][] = [];
  const lastTrail = /^(?:shift_jis|euc-|gbk|big5)/.test(charset) ? 0xff : 0;
  for (let lead = 0x80; lead <= 0xff; lead += 1) {
    units.push([lead]);
    for (let trail = 0x40; trail <= lastTrail; trail += 1) units.push([lead, trail]);
  }
  const decoded = new TextDecoder(charset).decode(Uint8Array.from(units.flatMap((unit) => [...unit, 0x0a])));
  const known = new Map(decoded.split("\n").map((character, index) => [character, units[index] ?? []]));
  return Uint8Array.from(
    Array.from(text).flatMap((character) =>
      character < "\u0080" ? [character.charCodeAt(0)] : (known.get(character) ?? []),
    ),
  );
}

const GB = hex("C4E3BAC3A3ACCAC0BDE7A3A1D5E2CAC7D2BBB8F6B2E2CAD4");
const GB_TEXT = "你好\uff0c世界\uff01这是一个测试";
const KOI8 = hex("F0D2C9D7C5D420CDC9D220DCD4CF20D4C5D3D4");
const CP1251 = hex("CFF0E8E2E5F220ECE8F020FDF2EE20F2E5F1F2");
const RUSSIAN = "Привет мир это тест";
const SJIS = hex("82B182F182C982BF82CD90A28A45");
const EUC_JP = hex("A4B3A4F3A4CBA4C1A4CFC0A4B3A6");
const JAPANESE = "こんにちは世界";
const EUC_KR = hex("BEC8B3E7C7CFBCBCBFE4");
const BIG5 = hex("A741A66EA140A540ACC9A141B36FACB4A440");

describe("a charset", () => {
  test.each<[string, readonly string[]]>([
    ["utf-8", ["utf8", "UTF_8", "x-utf8", "utf-8*en", "cp65001", "UTF8MB4"]],
    [
      "windows-1251",
      ["'windows-1251'", '"windows-1251"', "cp1251", "win-1251", "windows1251", "ms1251", "1251", "x-cp1251"],
    ],
    ["windows-1252", ["iso-8859-1", "ISO8859-1", "latin1", "iso8859_1", "8859_1", "cp1252", "ansi", "cp28591"]],
    ["iso-8859-2", ["iso8859-2", "latin2", "ISO_8859-2:1987", "cp28592"]],
    ["iso-8859-15", ["latin9", "iso8859_15", "28605"]],
    [
      "shift_jis",
      ["cp932", "ms932", "windows-932", "CP-932", "sjis", "x-sjis", "Windows-31J", "shift-jis", "MS_Kanji"],
    ],
    ["iso-2022-jp", ["iso2022jp", "ISO-2022-JP-2", "csISO2022JP", "cp50220", "iso-2022-jp-ms"]],
    ["euc-jp", ["eucjp", "x-euc-jp", "ujis", "euc_jp"]],
    ["euc-kr", ["cp949", "ks_c_5601-1987", "uhc", "euckr", "KSC5601"]],
    ["gbk", ["gb2312", "cp936", "euc-cn", "GB_2312-80", "ms936", "x-gbk"]],
    ["big5", ["cp950", "big5-hkscs", "x-big5", "cn-big5"]],
    ["koi8-r", ["koi8r", "cp20866", "KOI8-R"]],
    ["windows-874", ["tis-620", "tis620", "cp874", "iso-8859-11"]],
    ["utf-16le", ["utf-16", "UTF16", "ucs-2", "cp1200"]],
    ["macintosh", ["macroman", "mac", "x-mac-roman"]],
    ["utf-7", ["utf-7", "UTF7", "unicode-1-1-utf-7", "cp65000"]],
    ["hz-gb-2312", ["hz-gb-2312", "HZ"]],
    ["iso-2022-kr", ["iso-2022-kr", "csISO2022KR"]],
    ["us-ascii", ["us-ascii", "ASCII", "ANSI_X3.4-1968", "usascii"]],
  ])("%s is known by its other names", (charset, labels) => {
    expect(labels.map(findCharset)).toEqual(labels.map(() => charset));
  });

  test.each(["x-unknown", "unknown-8bit", "", "8bit", "utf-9", "x".repeat(1_000_000), "iso-8859-99", "cp99999"])(
    "that nobody knows is none: %.20s",
    (label) => {
      expect(findCharset(label)).toBeNull();
    },
  );

  test("of TextDecoder is decoded by this runtime, whichever it is", () => {
    const labels =
      "ibm866 iso-8859-2 iso-8859-3 iso-8859-4 iso-8859-5 iso-8859-6 iso-8859-7 iso-8859-8 iso-8859-8-i iso-8859-10 " +
      "iso-8859-13 iso-8859-14 iso-8859-15 iso-8859-16 koi8-r koi8-u macintosh windows-874 windows-1250 windows-1251 windows-1252 " +
      "windows-1253 windows-1254 windows-1255 windows-1256 windows-1257 windows-1258 x-mac-cyrillic gbk gb18030 big5 euc-jp " +
      "iso-2022-jp shift_jis euc-kr utf-16be utf-16le";
    expect(labels.split(" ").filter((label) => findCharset(label) === null)).toEqual([]);
  });
});

describe("the text of a body", () => {
  test.each<[string, Uint8Array, string | null, string]>([
    ["GB 2312", GB, "gb2312", GB_TEXT],
    ["KOI8-R", KOI8, "koi8-r", RUSSIAN],
    ["Windows-1251 in apostrophes", CP1251, "'windows-1251'", RUSSIAN],
    ["Shift_JIS as cp932", SJIS, "cp932", JAPANESE],
    ["ISO-2022-JP", bytes("\u001b$B$3$s$K$A$O@$3&\u001b(B"), "iso2022jp", JAPANESE],
    ["UTF-7", bytes("Caf+AOk- +- 1+1"), "utf-7", "Café + 1+1"],
    ["UTF-7 of several units", bytes("+ZeVnLIqe- +2D3eAA-!+2D0-"), "utf-7", "日本語 \u{1f600}!\u{fffd}"],
    ["UTF-7 without end", bytes("+AGE-".repeat(200_000)), "utf-7", "a".repeat(200_000)],
    ["HZ", bytes("~{<:Ky2;S{~} ~~ ok"), "hz-gb-2312", "己所不欲 ~ ok"],
    ["ISO-2022-KR", bytes("\u001b$)C\u000e>H3gGO<<?d\u000f ok"), "iso-2022-kr", "안녕하세요 ok"],
    ["UTF-16 with a mark", Uint8Array.of(0xff, 0xfe, ...utf16("Grüße", true)), "utf-16", "Grüße"],
    ["UTF-16 with the other mark", Uint8Array.of(0xfe, 0xff, ...utf16("Grüße", false)), "utf-16", "Grüße"],
    ["UTF-16, little endian", utf16("Grüße", true), "utf-16", "Grüße"],
    ["UTF-16, big endian", utf16("Grüße", false), "utf-16", "Grüße"],
    ["UTF-16BE", utf16("你好 世界", false), "utf-16be", "你好 世界"],
    ["UTF-16 that Gmail has converted", new TextEncoder().encode("Grüße"), "utf-16", "Grüße"],
    ["UTF-16 that nothing names", utf16("Hello", true), null, "Hello"],
    ["UTF-8 that is called Windows-1252", new TextEncoder().encode("Grüße"), "windows-1252", "Grüße"],
    ["UTF-8 that is called ASCII", new TextEncoder().encode("Grüße"), "us-ascii", "Grüße"],
    ["UTF-8 that is called GB 2312", new TextEncoder().encode(GB_TEXT), "gb2312", GB_TEXT],
    ["UTF-8 that is called ISO-2022-JP", new TextEncoder().encode(JAPANESE), "iso-2022-jp", JAPANESE],
    ["Windows-1252 that is called UTF-8", bytes("Gr\u00fc\u00dfe \u0096 50 \u0080"), "utf-8", "Grüße – 50 €"],
    ["Windows-1252 that is called ASCII", bytes("na\u00efve caf\u00e9"), "us-ascii", "naïve café"],
    ["Windows-1252 of an unknown name", bytes("na\u00efve"), "x-unknown", "naïve"],
    ["Windows-1251 that is called UTF-8", CP1251, "utf-8", RUSSIAN],
    ["Windows-1251 that nothing names", CP1251, null, RUSSIAN],
    ["KOI8-R that nothing names", KOI8, null, RUSSIAN],
    ["Shift_JIS that nothing names", SJIS, null, JAPANESE],
    ["Shift_JIS that is called ISO-2022-JP", SJIS, "iso-2022-jp", JAPANESE],
    ["EUC-JP that nothing names", EUC_JP, null, JAPANESE],
    ["ISO-2022-JP that nothing names", bytes("\u001b$B$3$s\u001b(B"), null, "こん"],
    ["ISO-2022-JP that is called ASCII", bytes("\u001b$B$3$s\u001b(B"), "us-ascii", "こん"],
    ["EUC-KR that nothing names", EUC_KR, null, "안녕하세요"],
    ["GB 2312 that nothing names", GB, "unknown-8bit", GB_TEXT],
    ["Big5 that nothing names", BIG5, null, new TextDecoder("big5").decode(BIG5)],
    ["ASCII", bytes("plain"), null, "plain"],
    ["nothing", bytes(""), "utf-8", ""],
  ])("in %s", (_, body, label, expected) => {
    expect(decodeBody(body, [label])).toBe(expected);
  });

  test.each<[string, Uint8Array, string]>([
    ["gb2312", GB, GB_TEXT],
    ["shift_jis", SJIS, JAPANESE],
    ["euc-jp", EUC_JP, JAPANESE],
    ["euc-kr", EUC_KR, "안녕하세요"],
    ["big5", BIG5, new TextDecoder("big5").decode(BIG5)],
    ["utf-8", new TextEncoder().encode("Grüße aus Zürich, schöne Tage"), "Grüße aus Zürich, schöne Tage"],
  ])("in %s with one bad byte at its end loses that byte only", (charset, body, expected) => {
    const text = decodeBody(Uint8Array.of(...body, 0xff, 0x0a, ...body), [charset]);
    expect(text.split(expected)).toHaveLength(3);
    expect(text.match(/\u{fffd}/gu)?.length ?? 0).toBeLessThanOrEqual(1);
  });

  test("in UTF-8 that is broken off keeps the rest, whatever its label", () => {
    const whole = new TextEncoder().encode("schöne Grüße aus Köln, für Jürgen");
    for (const label of ["utf-8", "iso-8859-1", null]) {
      expect(
        decodeBody(
          whole.subarray(0, whole.length).map((byte, index) => (index === 3 ? 0xff : byte)),
          [label],
        ),
        String(label),
      ).toContain("Grüße aus Köln");
    }
  });

  test("goes by the HTML where the header names nothing, ASCII or what cannot be", () => {
    for (const header of [null, "us-ascii", "x-unknown", "utf-8"]) {
      expect(decodeBody(KOI8, [header, "koi8-r"]), String(header)).toBe(RUSSIAN);
    }
    expect(decodeBody(KOI8, ["koi8-r", "windows-1251"])).toBe(RUSSIAN);
  });
});

describe("a text whose charset nothing names", () => {
  test.each<[string, readonly string[]]>([
    [
      "shift_jis",
      [
        "お世話になっております。来週の会議の件でご連絡いたします。",
        "こんにちは、田中です。",
        "会議資料送付",
        "<p>会議資料送付</p>",
        "表示",
        "カタカナ テスト",
      ],
    ],
    ["euc-jp", ["お世話になっております。来週の会議の件で", "会議資料送付", "ありがとう"]],
    ["euc-kr", ["회의 자료를 보내 드립니다. 감사합니다.", "결제 완료 안내", "<p>주문하신 상품</p>"]],
    ["gbk", ["附件是发票，请查收。谢谢", "订单确认", "会议资料", "关于下周会议的通知"]],
    ["big5", ["附件為發票，請查收。謝謝", "訂單確認通知", "會議資料", "你可以在這裡看到"]],
    [
      "windows-1251",
      [
        "СРОЧНО: ОТЧЕТ",
        "Здравствуйте! Высылаю Вам счёт.",
        "КОММЕРЧЕСКОЕ ПРЕДЛОЖЕНИЕ",
        "Привіт, як справи?",
        "ЗАО «РОМАШКА»",
      ],
    ],
    ["koi8-r", ["СРОЧНО: ОТЧЕТ", "Здравствуйте! Высылаю Вам счёт.", "ВНИМАНИЕ", "Добрый день"]],
    ["ibm866", ["СРОЧНО: ОТЧЕТ", "Здравствуйте! Высылаю Вам счёт.", "отчет за квартал"]],
    ["iso-8859-5", ["СРОЧНО: ОТЧЕТ", "Здравствуйте! Высылаю Вам счет."]],
    ["windows-1253", ["Καλημέρα σας", "ΕΠΕΙΓΟΝ: ΑΝΑΦΟΡΑ", "Σας στέλνω το τιμολόγιο", "Ελλάδα"]],
    ["windows-1255", ["שלום עולם", "מצורף הדוח שביקשת", "בוקר טוב, מה שלומך?", "ישראל"]],
    ["windows-1256", ["السلام عليكم ورحمة الله وبركاته", "شكرا جزيلا", "أرجو الاطلاع على المرفق", "محمد"]],
    ["iso-8859-6", ["السلام عليكم ورحمة الله", "أرجو الاطلاع على المرفق"]],
    ["windows-874", ["สวัสดีครับ", "ส่งเอกสารแนบมาให้แล้ว", "รายงานการประชุม", "ใบแจ้งหนี้"]],
    [
      "windows-1252",
      [
        "ÉÈÀÇÊ ÉVÉNEMENT À NE PAS",
        "“Hello” – bye",
        "It’s “fine” — really",
        "Hyvää päivää, tässä lasku",
        "Ação de formação: não há exceções",
        "ÜBERWEISUNG FÜR MÜLLER",
        "Þýðing",
        "ÅÄÖ",
        "§ 5",
      ],
    ],
  ])("is read as %s, whose language it is in", (charset, texts) => {
    for (const text of texts) {
      const body = encode(text, charset);
      for (const label of [null, "utf-8", "iso-2022-jp", "x-unknown", "x-user-defined"]) {
        expect(decodeBody(body, [label]), `${text} as ${label}`).toBe(text);
      }
    }
  });

  test("is found behind much that is ASCII, in little time", () => {
    const style = `<style>${"a { color: red } ".repeat(1_000)}</style>`;
    const text = `${style}<p>${"お世話になっております。".repeat(10_000)}</p>`;
    const body = encode(text, "shift_jis");
    const beganMs = performance.now();
    expect(decodeBody(body, [null])).toBe(text);
    expect(performance.now() - beganMs).toBeLessThan(2_000);
  });
});

describe("a label of UTF-16", () => {
  test.each(["Привет", "你好世界", "你好", "会议通知", "こんにちは", "안녕", "مرحبا", "一", "😀 hi"])(
    "is believed for %s",
    (text) => {
      expect(decodeBody(utf16(text, true), ["utf-16le"])).toBe(text);
      expect(decodeBody(utf16(text, false), ["utf-16be"])).toBe(text);
      expect(decodeBody(utf16(text, true), ["utf-16"])).toBe(text);
    },
  );

  test.each(["Grüße", "naïve!", "Hello world!", "Please find the invoice for May attached.", "<p>hi</p>", "12345678"])(
    "is not believed where the bytes are letters of one byte: %s",
    (text) => {
      for (const label of ["utf-16", "unicode", "utf-16be", "utf-16le"]) {
        expect(decodeBody(bytes(text), [label]), label).toBe(text);
        expect(decodeBody(new TextEncoder().encode(text), [label]), label).toBe(text);
      }
    },
  );
});

describe("the shift of ISO-2022-JP", () => {
  test.each(["shift_jis", "iso-8859-1", "utf-8", "euc-jp", "windows-1251", "x-unknown"])(
    "is believed before %s",
    (label) => {
      const body = bytes("Re: \u001b$B$3$s\u001b(B ok");
      expect(decodeBody(body, [label])).toBe("Re: こん ok");
      expect(decodeLabelled(body, label)).toBe("Re: こん ok");
    },
  );
});

describe("the text of an encoded word", () => {
  test("is in the charset that it names, also where it is valid UTF-8 by chance", () => {
    expect(decodeLabelled(hex("C4A3"), "gb2312")).toBe("模");
    expect(decodeLabelled(hex("C4A3 C4A3"), "euc-kr")).not.toContain("ģ");
  });
});
