/**
 * Gmail's search language: words, "exact words", operators, `-`, OR, (groups) and {alternatives}. Words are compared whole,
 * without case and accents; scripts that write no spaces are searched within.
 *
 * https://support.google.com/mail/answer/7190
 */
import { decodeWords } from "postal-mime";
import { type Content, fileNames, searchableText, sizeOf } from "./mail/content.ts";
import type { Message, UserLabel } from "./mail/mailbox.ts";

/** What a search looks at. Most searches by label never need the content. */
interface Searched {
  readonly message: Message;
  readonly content: Content;
}
type Predicate = (searched: Searched) => boolean;

/** Whose mail is searched, and when. */
interface SearchContext {
  readonly email: string;
  readonly labels: readonly UserLabel[];
  readonly nowMs: number;
}

/** A query that was understood. */
interface Search {
  readonly matches: (message: Message) => boolean;
  /** Spam and trash are searched, too. */
  readonly isAnywhere: boolean;
}

/** Understands a query; whatever it is, it is a search, as at Gmail. */
export function parseSearch(q: string, context: SearchContext): Search {
  const parser = new Parser(q, context);
  const predicate = parser.parseAll();
  const matches = (message: Message): boolean => {
    let content: Content | null = null;
    return predicate({
      message,
      get content() {
        content ??= message.content();
        return content;
      },
    });
  };
  return { isAnywhere: parser.isAnywhere, matches };
}

/** `from:ana` has an operator and a word; an operator alone stands before a group, which is its value. */
const TOKEN = /-(?=\S)|[(){}]|([a-z_]+:(?=["({\S]))?(?:"([^"]*)"?|(?<=:)(?=[({])|[^\s"(){}]+)/gi;
type Token = RegExpExecArray;

class Parser {
  isAnywhere = false;
  readonly #tokens: readonly Token[];
  readonly #context: SearchContext;
  #at = 0;

  constructor(q: string, context: SearchContext) {
    this.#tokens = [...q.matchAll(TOKEN)].filter(([text]) => text !== "AND");
    this.#context = context;
  }

  parseAll(): Predicate {
    const all: Predicate[] = [];
    // A bracket that was never opened is passed over.
    for (; this.#at < this.#tokens.length; this.#at += 1) all.push(this.#parseSequence(""));
    return every(all);
  }

  /** Terms up to the end or a closing bracket. @param operator of what they are the values, if of any */
  #parseSequence(operator: string): Predicate {
    const all: Predicate[] = [];
    for (let next = this.#parseTerm(operator); next !== null; next = this.#parseTerm(operator)) {
      const alternatives = [next];
      while (this.#tokens[this.#at]?.[0] === "OR") {
        this.#at += 1;
        alternatives.push(this.#parseTerm(operator) ?? (() => false));
      }
      all.push(some(alternatives));
    }
    return every(all);
  }

  #parseTerm(operator: string): Predicate | null {
    const token = this.#tokens[this.#at];
    if (token === undefined || token[0] === ")" || token[0] === "}") return null;
    this.#at += 1;
    const [text, own = "", quoted] = token;
    if (text === "OR") return this.#parseTerm(operator);
    if (text === "-") {
      const { isAnywhere } = this;
      const negated = this.#parseTerm(operator);
      // `-in:spam` asks for no spam.
      this.isAnywhere = isAnywhere;
      return negated === null ? null : (searched) => !negated(searched);
    }
    if (text === "(" || text === "{") {
      const all: Predicate[] = [];
      if (text === "(") all.push(this.#parseSequence(operator));
      else for (let next = this.#parseTerm(operator); next !== null; next = this.#parseTerm(operator)) all.push(next);
      this.#at += 1;
      return some(all);
    }
    const name = own.slice(0, -1).toLowerCase();
    const value = quoted ?? text.slice(own.length).replace(/^\+/, "");
    const isBeforeGroup = value === "" && quoted === undefined && own !== "";
    return isBeforeGroup ? this.#parseTerm(name) : this.#toPredicate(name === "" ? operator : name, value, text);
  }

  #toPredicate(operator: string, value: string, text: string): Predicate {
    const place = value.toLowerCase();
    if (operator === "in" && place === "anywhere") this.isAnywhere = true;
    if (["in", "label"].includes(operator) && ["spam", "trash"].includes(place)) this.isAnywhere = true;
    const known = OPERATORS[operator]?.(value, this.#context);
    if (known !== undefined) return known;
    const hit = wordMatcher(text);
    const inHeaders = inHeader(["From", "To", "Cc", "Subject"], text);
    return (searched) =>
      inHeaders(searched) || hit(searchableText(searched.content)) || fileNames(searched.content).some(hit);
  }
}

function every(all: readonly Predicate[]): Predicate {
  return (searched) => all.every((one) => one(searched));
}

function some(all: readonly Predicate[]): Predicate {
  return (searched) => all.some((one) => one(searched));
}

type MakePredicate = (value: string, context: SearchContext) => Predicate | undefined;

const OPERATORS: Readonly<Record<string, MakePredicate>> = {
  from: (value, context) => ofPerson(["From"], value, context),
  to: (value, context) => ofPerson(["To", "Cc", "Bcc"], value, context),
  cc: (value, context) => ofPerson(["Cc"], value, context),
  deliveredto: (value, context) => ofPerson(["To", "Cc"], value, context),
  list: (value) => inHeader(["List-ID", "From"], value),
  subject: (value) => inHeader(["Subject"], value),
  rfc822msgid:
    (value) =>
    ({ content }) =>
      content.headers.some(([name, text]) => name === "Message-ID" && bare(text) === bare(value)),
  filename:
    (value) =>
    ({ content }) =>
      fileNames(content).some((name) => name.toLowerCase().includes(value.toLowerCase())),
  has: (value, { labels }) => {
    if (value === "attachment") return ({ content }) => fileNames(content).length > 0;
    if (value !== "userlabels" && value !== "nouserlabels") return undefined;
    return ({ message }) => labels.some(({ id }) => message.labelIds.includes(id)) === (value === "userlabels");
  },
  is: (value) => {
    if (value === "read") return ({ message }) => !message.labelIds.includes("UNREAD");
    return ["unread", "starred", "important"].includes(value) ? byLabel(value.toUpperCase()) : undefined;
  },
  in: (value, context) => (value === "anywhere" ? () => true : byLabel(labelId(value, context))),
  label: (value, context) => byLabel(labelId(value, context)),
  category: (value) => byLabel(value === "primary" ? "CATEGORY_PERSONAL" : `CATEGORY_${value.toUpperCase()}`),
  newer_than: (value, { nowMs }) => byDate(nowMs - ageMs(value), "after"),
  older_than: (value, { nowMs }) => byDate(nowMs - ageMs(value), "before"),
  after: (value) => byDate(dateMs(value), "after"),
  newer: (value) => byDate(dateMs(value), "after"),
  before: (value) => byDate(dateMs(value), "before"),
  older: (value) => byDate(dateMs(value), "before"),
  larger: (value) => bySize(value, (size, limit) => size > limit),
  size: (value) => bySize(value, (size, limit) => size > limit),
  smaller: (value) => bySize(value, (size, limit) => size < limit),
};

function ofPerson(names: readonly string[], value: string, { email }: SearchContext): Predicate {
  return inHeader(names, value.toLowerCase() === "me" ? email : value);
}

function inHeader(names: readonly string[], value: string): Predicate {
  const hit = wordMatcher(value);
  return ({ content }) => content.headers.some(([name, text]) => names.includes(name) && hit(text));
}

function bare(messageId: string): string {
  return messageId.replaceAll(/[<>]/g, "");
}

function byLabel(id: string): Predicate {
  return ({ message }) => message.labelIds.includes(id);
}

/** Gmail writes label names in searches in lower case, with hyphens for what is no letter. */
function labelId(name: string, { labels }: SearchContext): string {
  const own = labels.find((label) => hyphenated(label.name) === hyphenated(name) || label.id === name);
  return own?.id ?? name.toUpperCase();
}

function hyphenated(name: string): string {
  return name.toLowerCase().replaceAll(/[\s/&]+/g, "-");
}

const DAY_MS = 86_400_000;
const AGES: Readonly<Record<string, number>> = { h: DAY_MS / 24, d: DAY_MS, m: 30 * DAY_MS, y: 365 * DAY_MS };

function ageMs(value: string): number {
  const [, count = "", unit = ""] = /^(\d+)([hdmy])$/i.exec(value) ?? [];
  return Number(count) * (AGES[unit.toLowerCase()] ?? Number.NaN);
}

/** @param limitMs NaN where it is no date, which is searched for as words then */
function byDate(limitMs: number, side: "after" | "before"): Predicate | undefined {
  if (Number.isNaN(limitMs)) return undefined;
  return ({ message }) => (side === "after" ? message.internalDateMs >= limitMs : message.internalDateMs < limitMs);
}

/** Epoch seconds are exact; a day begins at midnight Pacific time. */
function dateMs(value: string): number {
  if (/^\d{5,}$/.test(value)) return Number(value) * 1000;
  const [, year, month, day] = /^(\d{4})[/-](\d{1,2})[/-](\d{1,2})$/.exec(value) ?? [];
  const utcMs = Date.UTC(Number(year), Number(month) - 1, Number(day));
  if (Number.isNaN(utcMs)) return utcMs;
  const name = PACIFIC.formatToParts(utcMs + DAY_MS / 2).find(({ type }) => type === "timeZoneName")?.value ?? "";
  return utcMs - Number(/GMT([+-]\d+)/.exec(name)?.[1] ?? -8) * 3_600_000;
}

const PACIFIC = new Intl.DateTimeFormat("en-US", { timeZone: "America/Los_Angeles", timeZoneName: "shortOffset" });

function bySize(value: string, compare: (size: number, limit: number) => boolean): Predicate | undefined {
  const [, count = "", unit = ""] = /^(\d+)([km]?)b?$/i.exec(value) ?? [];
  if (count === "") return undefined;
  const limit = Number(count) * ({ k: 1_000, m: 1_000_000 }[unit.toLowerCase()] ?? 1);
  return ({ content }) => compare(sizeOf(content), limit);
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
