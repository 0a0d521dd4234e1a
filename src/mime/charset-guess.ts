/**
 * Which charset bytes are in that are no UTF-8 and that nothing names: the one in which they are the likeliest text. Each
 * charset has the letters of its language, the most frequent first; a text's likelihood is that of its characters.
 *
 * Mozilla's composite detector and chardetng do the same, with larger tables. https://github.com/hsivonen/chardetng
 */

/** What is looked at, from the first byte beyond ASCII on; more tells no more. */
const MAX_BYTES = 1_024;

/** A charset of one byte a character. Likelihoods are natural logarithms, and costs what they lose. */
interface Alphabet {
  readonly charset: string;
  /** How much likelier than others before anything is read. */
  readonly prior: number;
  /** Small letters, the most frequent first. */
  readonly letters: string;
  /** Vowels, where words change between vowels and consonants. */
  readonly vowels?: RegExp;
  /** Letters that only end a word, and those that then stand for others and never end one. */
  readonly finals?: RegExp;
  readonly nonFinals?: RegExp;
  /** Whether its letters stand among those of ASCII, and hardly ever beside each other. */
  readonly isLatin?: true;
}

const CYRILLIC = {
  letters: "оеаинтсрвлкмдпуязыбьгчйхжшюцщэфіъїєё",
  vowels: /[аеёиоуыэюяіїє]/,
};
const ARABIC = { letters: "الينمورتبعدسفةهكقحجأشصذىطخإئءضزثظغآؤًّ،؟", finals: /[ةى]/ };

const ALPHABETS: readonly Alphabet[] = [
  {
    charset: "windows-1252",
    prior: 5,
    letters: "éäüóáàöíçãèñåêøúæßôâîõûòùìëïýðþœÿžš",
    isLatin: true,
  },
  { charset: "windows-1251", prior: 0, ...CYRILLIC },
  { charset: "koi8-r", prior: -0.5, ...CYRILLIC },
  { charset: "ibm866", prior: -1, ...CYRILLIC },
  { charset: "iso-8859-5", prior: -3, ...CYRILLIC },
  {
    charset: "windows-1253",
    prior: 0,
    letters: "αοιετσνηυρπκςμλωίόάέδγήχθφύβώξζψϊϋΐΰ",
    vowels: /[αοιεηυωίόάέήύώϊϋΐΰ]/,
    finals: /ς/,
    nonFinals: /σ/,
  },
  {
    charset: "windows-1255",
    prior: 0,
    letters: "יוהלאמרתבשנכםדחעןפקגזצסטךףץ",
    finals: /[םןךףץ]/,
    nonFinals: /[מנכפצ]/,
  },
  { charset: "windows-1256", prior: 0, ...ARABIC },
  { charset: "iso-8859-6", prior: -1, ...ARABIC },
  { charset: "windows-874", prior: 0, letters: "านรกอเงยลม่วัท้สตีดคะปิบหแำพขจชใไุึืูโ์ซถผธศณภษฐญ็ๆฟฉฝฎฏฆ" },
];

/** A charset of two bytes a character. */
interface Ideographs {
  readonly charset: string;
  /** Lead and trail bytes of what its language uses: the first level of the national standard. */
  readonly leads: readonly [number, number];
  readonly trails: readonly [number, number];
  readonly language: "ja" | "ko" | "zh";
}

const IDEOGRAPHS: readonly Ideographs[] = [
  { charset: "shift_jis", leads: [0x88, 0x97], trails: [0x40, 0xfc], language: "ja" },
  { charset: "euc-jp", leads: [0xb0, 0xcf], trails: [0xa1, 0xfe], language: "ja" },
  { charset: "euc-kr", leads: [0xb0, 0xc8], trails: [0xa1, 0xfe], language: "ko" },
  { charset: "gbk", leads: [0xb0, 0xd7], trails: [0xa1, 0xfe], language: "zh" },
  { charset: "big5", leads: [0xa4, 0xc6], trails: [0x40, 0xfe], language: "zh" },
];

/** Half of what is written in each language. */
const FREQUENT = {
  ja: "日一国会人年大十二本中長出三同時政事自行社見月分議後前民生連五発間対上部東者党地合市業内相方四定今回新場金員九入選立開手米力学問高代明実円関決子動京全目表戦経通外最言氏現理調体化田当八六約主題下首意法不来作性的要用制治度務強気小七成期公野協取都和統以機平総加山思家話世受区領多県続進正安設保改数記院女初北午指権心界支第産結百派点教報済書府活原先共得解名交資予川向際査勝面委告軍文反元重近千考判認画海参売利組知案道信策集在件団別物側任引使求所次水半品昨論計死官増係感特情投示変打男基私各始島直両朝革価式確村提運終挙果西勢減台広容必応演電歳住争談能無再位置企真流格有疑口過局少放税検藤町常校料沢裁状工建語球営空職証土与急止送援供可役構木割聞身費付施切由説転食比難防補車優夫研収断井何南石足違消境神番規術護展態導鮮備宅害配副算視条幹独警宮究育席輸訪楽起万着乗店述残想線率病農州武声質念待試族象銀域助労例衛然早張映限親額監環験追審商葉義伝働形景落欧担好退準賞訴辺造英被株頭技低毎医復仕去姿味負閣韓渡失移差衆個門写評課末守若脳極種美岡影命含福蔵量望松非撃佐核観察整段横融型白深字答夜製票況音申様財港識注呼渉達添頂願挨拶御致確認件",
  ko: "이다는에의가을고하지한로기사들은도어를시있나서리자대그아니일해수인게요안정제부라전만습과스구보상것주여면장관세오동었없무우비적원소신조야음경마으용진공연너생내당학국화합중까히거드물말발성문및회개방미위모영년업실때르께했분유알회감녕선와더러될님출의후려청통계확못약간간월호식린목본결입니갑불반며타심업",
  zh: "的一是不了在人有我他这這个個们們中来來上大为為和国國地到以说說时時要就出会會可也你对對生能而子那得于於着著下自之年过過发發后後作里裡用道行所然家种種事成方多经經么麼去法学學如都同现現当當没沒动動面起看定天分还還进進好小部其些主样樣理心她本前开開但因只从從想实實日军軍者意无無力它与與长長把机機十民第公此已工使情明性知全三又关關点點正业業外将將两兩高间間由问問很最重并並物手应應战戰向头頭文体體政美相见見被利什二等产產或新己制身果加西斯月话話合回特代内信表化老给給世位次度门門任常先海通教儿兒原东東声聲提立及比员員解水名真论論处處走义義各入几口认認条條平系气氣题題活尔更别打女变變四神总總何电電数數安少报報才结結反受目太量再感建务務做接必场場件计計管期市直德资資命山金指克许許统統区區保至队隊形社便空决決治展马馬科司五基眼书書非则則听聽白却界达達光放强強即像难難且权權思王象完设設式色路记記南品住告类類求据程北边邊死张張该該交规規万萬取拉格望觉覺术術领領共确確传傳师師观觀清今切院让讓识識候带帶导導争爭运運您请請谢謝议議联聯邮郵收到附件试試测測欢歡迎贵貴价價单單订訂货貨款发票",
} as const;

const KANA =
  "のいしたとにるをはでてがなかまれこさらもすうりよくつけせあだきんおどみじわえちめっばそやそろゃょへびずげごべぜひむふぶほゆねょぎゅ";
/** Punctuation that text has in any language; of the double-width kind, and of the single. */
const WIDE_MARKS = "\u3000、。「」『』（），：；？！…“”・ー";
const MARKS = /[\u00a0\u00ab\u00ae\u00a9\u00b0\u00b4\u00b7\u00a7\u2013\u2014\u2018-\u201e\u2022\u2026\u20ac\u2116]/;

/** What is no text of the charset: bad bytes, controls. */
const BAD = 14;
/** Two letters side by side that belong to two scripts. */
const MIXED_SCRIPTS = 5;

/** A charset of TextDecoder's; windows-1252 where nothing speaks for another one. */
export function guessCharset(all: Uint8Array): string {
  const first = Math.max(all.findIndex((byte) => byte >= 0x80) - 1, 0);
  const bytes = all.subarray(first, first + MAX_BYTES);
  let [best, highest] = ["windows-1252", -Infinity];
  for (const [charset, likelihood] of [
    ...ALPHABETS.map((alphabet) => [alphabet.charset, likelihoodOfLetters(bytes, alphabet)] as const),
    ...IDEOGRAPHS.map((ideographs) => [ideographs.charset, likelihoodOfIdeographs(bytes, ideographs)] as const),
  ]) {
    if (likelihood > highest) [best, highest] = [charset, likelihood];
  }
  return best;
}

/** The share of characters that some language uses often: of text in UTF-16 most, of two bytes taken for one hardly any. */
export function shareOfFrequent(text: string): number {
  const characters = Array.from(text.slice(0, MAX_BYTES));
  return characters.filter(isFrequent).length / Math.max(characters.length, 1);
}

function isFrequent(character: string): boolean {
  if (/[\t\n\r -~\u00a0-\u06ff\u0e00-\u0e7f\u2010-\u2026\u3041-\u30fe]/.test(character)) return true;
  return [FREQUENT.ja, FREQUENT.ko, FREQUENT.zh, WIDE_MARKS].some((frequent) => frequent.includes(character));
}

/** What a character is in an alphabet. */
interface Trait {
  readonly cost: number;
  readonly isLetter: boolean;
  readonly isAsciiLetter: boolean;
  readonly isSmall: boolean;
  readonly isCapital: boolean;
  readonly isVowel: boolean;
  readonly isFinal: boolean;
  readonly isNonFinal: boolean;
  /** A vowel sign or a tone mark, which stands on a letter. */
  readonly isMark: boolean;
}

function likelihoodOfLetters(bytes: Uint8Array, alphabet: Alphabet): number {
  const { charset, prior, vowels, isLatin = false } = alphabet;
  const text = new TextDecoder(charset).decode(bytes);
  const known = new Map(Array.from(new Set(text), (character) => [character, traitOf(character, alphabet)]));
  const space = traitOf(" ", alphabet);
  const traits = Array.from(text, (character) => known.get(character) ?? space);
  let likelihood = prior;
  let [before, sameKind] = [space, 0];
  for (const [at, trait] of traits.entries()) {
    const next = traits[at + 1] ?? space;
    likelihood -= trait.cost;
    const isMixed = (trait.isLetter && before.isAsciiLetter) || (trait.isAsciiLetter && before.isLetter);
    if (isMixed && !isLatin) likelihood -= MIXED_SCRIPTS;
    const areLetters = trait.isLetter && before.isLetter;
    if (areLetters && isLatin) likelihood -= 2;
    if (trait.isCapital && before.isSmall) likelihood -= 5;
    if (next.isLetter ? trait.isFinal : trait.isNonFinal) likelihood -= 4.5;
    if (trait.isMark && !before.isLetter) likelihood -= 6;
    sameKind = areLetters && vowels && trait.isVowel === before.isVowel ? sameKind + 1 : 0;
    likelihood -= sameKind;
    before = trait;
  }
  return likelihood;
}

function traitOf(character: string, { letters, vowels, finals, nonFinals, isLatin }: Alphabet): Trait {
  const small = character.toLowerCase();
  const rank = letters.indexOf(small);
  const isLetter = rank !== -1;
  const isAsciiLetter = /[a-z]/i.test(character);
  const isCapital = isLetter && small !== character;
  const costOfLetter = (isLatin ? 3 + rank * 0.06 : 2.2 + rank * 0.1) + (isCapital ? 0.3 : 0);
  return {
    cost: isLetter ? costOfLetter : costOfSign(character),
    isLetter,
    isAsciiLetter,
    isSmall: (isLetter || isAsciiLetter) && character !== character.toUpperCase(),
    isCapital,
    isVowel: vowels?.test(small) ?? false,
    isFinal: finals?.test(small) ?? false,
    isNonFinal: nonFinals?.test(small) ?? false,
    isMark: /\p{M}/u.test(character),
  };
}

function costOfSign(character: string): number {
  if (character < "\u0080") return 0;
  if (MARKS.test(character)) return 4.5;
  return /[\ufffd\0-\u009f]/.test(character) ? BAD : 9;
}

function likelihoodOfIdeographs(bytes: Uint8Array, { charset, leads, trails, language }: Ideographs): number {
  const text = new TextDecoder(charset).decode(bytes);
  if (text.split("\ufffd").length - 2 > text.length / 20) return -Infinity;
  const usual = new TextDecoder(charset).decode(pairsOf(leads, trails));
  let likelihood = 0;
  let [wasWide, wasAsciiLetter] = [false, false];
  for (const character of text) {
    const isWide = character >= "\u0080";
    const isAsciiLetter = (character >= "a" && character <= "z") || (character >= "A" && character <= "Z");
    if (isWide) likelihood -= costOfWide(character, { usual, language });
    if ((isWide && wasAsciiLetter) || (isAsciiLetter && wasWide)) likelihood -= 2;
    [wasWide, wasAsciiLetter] = [isWide, isAsciiLetter];
  }
  return likelihood;
}

interface Usage {
  readonly usual: string;
  readonly language: Ideographs["language"];
}

function costOfWide(character: string, { usual, language }: Usage): number {
  if (character === "\ufffd" || character < "\u00a0") return BAD;
  if (WIDE_MARKS.includes(character)) return 4.5;
  if (FREQUENT[language].includes(character)) return 6;
  if (usual.includes(character)) return 9;
  if (language === "ja") {
    const rank = KANA.indexOf(character);
    if (rank !== -1) return 3 + rank * 0.06;
    if (character >= "\u3041" && character <= "\u30fe") return 6.5;
    // Of half width, and each one byte.
    if (character >= "\uff61" && character <= "\uff9f") return 5.5;
  }
  return character >= "\uff01" && character <= "\uff5e" ? 8 : 13;
}

/** Every pair of two bytes in these ranges. */
function pairsOf([firstLead, lastLead]: readonly [number, number], [firstTrail, lastTrail]: readonly [number, number]) {
  const pairs: number[] = [];
  for (let lead = firstLead; lead <= lastLead; lead += 1) {
    for (let trail = firstTrail; trail <= lastTrail; trail += 1) if (trail !== 0x7f) pairs.push(lead, trail);
  }
  return Uint8Array.from(pairs);
}
