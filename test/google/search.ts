/**
 * Gmail's search language: words, "exact words", operators, `-`, OR, (groups) and {alternatives}. Words are compared whole,
 * without case and accents; scripts that write no spaces are searched within.
 *
 * https://support.google.com/mail/answer/7190
 */
import { decodeWords } from "postal-mime";
import { fileNames, searchableText, sizeOf } from "./mail/content.ts";
import type { Message, UserLabel } from "./mail/mailbox.ts";

type Predicate = (message: Message) => boolean;

interface SearchContext {
  readonly email: string;
  readonly labels: readonly UserLabel[];
  readonly nowMs: number;
}

/** `from:ana` has an operator and a word; an operator alone stands before a group, which is its value. */
const TOKEN = /-(?=\S)|[(){}]|([a-z_]+:(?=["({\S]))?(?:"([^"]*)"?|(?<=:)(?=[({])|[^\s"(){}]+)/gi;
const PLACES_APART = new Set(["spam", "trash", "anywhere"]);

/** Understands a query; whatever it is, it is a search, as at Gmail. `isAnywhere`: spam and trash are searched, too. */
export function parseSearch(q: string, context: SearchContext): { matches: Predicate; isAnywhere: boolean } {
  const tokens = [...q.matchAll(TOKEN)].filter(([text]) => text !== "AND");
  let at = 0;
  let isAnywhere = false;

  /** Terms up to the end or a closing bracket. @param operator of what they are the values, if of any */
  const readTerms = (operator: string): Predicate[] => {
    const terms: Predicate[] = [];
    for (let next = readTerm(operator); next !== null; next = readTerm(operator)) {
      const alternatives = [next];
      while (tokens[at]?.[0] === "OR") {
        at += 1;
        alternatives.push(readTerm(operator) ?? (() => false));
      }
      terms.push(some(alternatives));
    }
    return terms;
  };
  const readTerm = (operator: string): Predicate | null => {
    const [text = "", own = "", quoted] = tokens[at] ?? [];
    if (at >= tokens.length || text === ")" || text === "}") return null;
    at += 1;
    if (text === "OR") return readTerm(operator);
    if (text === "-") {
      const wasAnywhere = isAnywhere;
      const negated = readTerm(operator);
      // `-in:spam` asks for no spam.
      isAnywhere = wasAnywhere;
      return negated === null ? null : (message) => !negated(message);
    }
    if (text === "(" || text === "{") {
      const terms = readTerms(operator);
      at += 1;
      return text === "(" ? every(terms) : some(terms);
    }
    const name = own === "" ? operator : own.slice(0, -1).toLowerCase();
    const value = quoted ?? text.slice(own.length).replace(/^\+/, "");
    // The group that follows is the value.
    if (text === own && quoted === undefined) return readTerm(name);
    if (["in", "label"].includes(name) && PLACES_APART.has(value.toLowerCase())) isAnywhere = true;
    return OPERATORS[name]?.(value, context) ?? anywhere(text);
  };

  const all: Predicate[] = [];
  // A bracket that was never opened is passed over.
  for (; at < tokens.length; at += 1) all.push(...readTerms(""));
  return { matches: every(all), isAnywhere };
}

function every(all: readonly Predicate[]): Predicate {
  return (message) => all.every((one) => one(message));
}

function some(all: readonly Predicate[]): Predicate {
  return (message) => all.some((one) => one(message));
}

type MakePredicate = (value: string, context: SearchContext) => Predicate | null;

const OPERATORS: Readonly<Record<string, MakePredicate>> = {
  from: (value, context) => ofPerson(["From"], value, context),
  to: (value, context) => ofPerson(["To", "Cc"], value, context),
  subject: (value) => inHeader(["Subject"], value),
  list: (value) => inHeader(["List-ID", "From"], value),
  rfc822msgid: (value) => inHeader(["Message-ID"], value),
  filename: (value) => (message) => fileNames(message.content()).some((name) => name.toLowerCase().includes(value)),
  has: (value) => (value === "attachment" ? (message) => fileNames(message.content()).length > 0 : null),
  is: (value) => (value === "read" ? (message) => !message.labelIds.includes("UNREAD") : byLabel(value.toUpperCase())),
  in: (value, context) => (value === "anywhere" ? () => true : byLabel(labelId(value, context))),
  label: (value, context) => byLabel(labelId(value, context)),
  category: (value) => byLabel(value === "primary" ? "CATEGORY_PERSONAL" : `CATEGORY_${value.toUpperCase()}`),
  newer_than: (value, { nowMs }) =>
    byNumber(nowMs - ageMs(value), (limitMs, message) => message.internalDateMs > limitMs),
  older_than: (value, { nowMs }) =>
    byNumber(nowMs - ageMs(value), (limitMs, message) => message.internalDateMs < limitMs),
  after: (value) => byNumber(dateMs(value), (limitMs, message) => message.internalDateMs >= limitMs),
  before: (value) => byNumber(dateMs(value), (limitMs, message) => message.internalDateMs < limitMs),
  larger: (value) => byNumber(bytes(value), (limit, message) => sizeOf(message.content()) > limit),
  smaller: (value) => byNumber(bytes(value), (limit, message) => sizeOf(message.content()) < limit),
};

function anywhere(words: string): Predicate {
  const hit = wordMatcher(words);
  const isInHeader = inHeader(["From", "To", "Cc", "Subject"], words);
  return (message) =>
    isInHeader(message) || [searchableText(message.content()), ...fileNames(message.content())].some(hit);
}

function ofPerson(names: readonly string[], value: string, { email }: SearchContext): Predicate {
  return inHeader(names, value.toLowerCase() === "me" ? email : value);
}

function inHeader(names: readonly string[], value: string): Predicate {
  const hit = wordMatcher(value);
  return (message) => message.content().headers.some(([name, text]) => names.includes(name) && hit(text));
}

function byLabel(id: string): Predicate {
  return ({ labelIds }) => labelIds.includes(id);
}

/** Gmail writes label names in searches in lower case, with hyphens for what is no letter. */
function labelId(name: string, { labels }: SearchContext): string {
  const own = labels.find((label) => hyphenated(label.name) === hyphenated(name) || label.id === name);
  return own?.id ?? name.toUpperCase();
}

/** Null where it is no number, which is searched for as words then. */
function byNumber(limit: number, compare: (limit: number, message: Message) => boolean): Predicate | null {
  return Number.isNaN(limit) ? null : (message) => compare(limit, message);
}

function hyphenated(text: string): string {
  return text.toLowerCase().replaceAll(/[\s/&]+/g, "-");
}

const DAY_MS = 86_400_000;
const UNITS: Readonly<Record<string, number>> = { h: DAY_MS / 24, d: DAY_MS, m: 30 * DAY_MS, y: 365 * DAY_MS };

function ageMs(value: string): number {
  const [, count = "", unit = ""] = /^(\d+)([hdmy])$/i.exec(value) ?? [];
  return Number(count) * (UNITS[unit.toLowerCase()] ?? Number.NaN);
}

/** Epoch seconds are exact; a day begins at midnight Pacific time, which is taken for UTC-8. */
function dateMs(value: string): number {
  if (/^\d{5,}$/.test(value)) return Number(value) * 1000;
  const [, year, month, day] = /^(\d{4})[/-](\d{1,2})[/-](\d{1,2})$/.exec(value) ?? [];
  return Date.UTC(Number(year), Number(month) - 1, Number(day), 8);
}

function bytes(value: string): number {
  const [, count = "NaN", unit = ""] = /^(\d+)([km]?)b?$/i.exec(value) ?? [];
  return Number(count) * ({ k: 1_000, m: 1_000_000 }[unit.toLowerCase()] ?? 1);
}

/** Whether these words stand in a text, one after the other. */
function wordMatcher(value: string): (text: string) => boolean {
  const wanted = wordsOf(value);
  if (wanted.trim() === "") return () => true;
  // No spaces between words: any place will do.
  const isWithin = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u.test(value);
  return (text) => wordsOf(decodeWords(text)).includes(isWithin ? wanted.trim() : wanted);
}

function wordsOf(text: string): string {
  const plain = text.normalize("NFKD").replaceAll(/\p{M}/gu, "").toLowerCase();
  return ` ${plain.replaceAll(/[^\p{L}\p{N}_]+/gu, " ").trim()} `;
}
