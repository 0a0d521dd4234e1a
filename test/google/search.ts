/**
 * Gmail's search language: words, "exact words", operators, `-`, OR, (groups) and {alternatives}. Words are compared whole,
 * without case and accents; scripts that write no spaces are searched within.
 *
 * https://support.google.com/mail/answer/7190
 */
import { type Content, fileNames, searchableText, sizeOf } from "./mail/content.ts";
import { decodeWords } from "./mail/encoded-words.ts";
import type { Message, UserLabel } from "./mail/mailbox.ts";

/** What a search looks at. */
interface Searched {
  readonly message: Message;
  readonly content: Content;
}

/** Whose mail is searched, and when. */
export interface SearchContext {
  readonly email: string;
  readonly labels: readonly UserLabel[];
  readonly nowMs: number;
}

type Predicate = (searched: Searched) => boolean;

/** A query that was understood. */
export interface Search {
  readonly matches: (message: Message) => boolean;
  /** Spam and trash are searched, too. */
  readonly isAnywhere: boolean;
}

/** Understands a query; whatever it is, it is a search, as at Gmail. */
export function parseSearch(q: string, context: SearchContext): Search {
  const parser = new Parser(tokenize(q), context);
  const predicate = parser.parseAll();
  return {
    isAnywhere: parser.isAnywhere,
    matches: (message) => {
      let content: Content | null = null;
      return predicate({
        message,
        // Most searches by label never need it.
        get content() {
          content ??= message.content();
          return content;
        },
      });
    },
  };
}

interface Token {
  readonly kind: "open" | "close" | "openAny" | "closeAny" | "or" | "minus" | "term";
  /** Of a term: `from:ana` has both. */
  readonly operator: string;
  readonly value: string;
  /** `subject:(a b)`: the group that follows is the value. */
  readonly isBeforeGroup: boolean;
}

const TOKEN =
  /(?<minus>-(?=\S))|(?<open>\()|(?<close>\))|(?<openAny>\{)|(?<closeAny>\})|(?<operator>[a-z_]+:(?=["({\S]))?(?:"(?<quoted>[^"]*)"?|(?<group>(?<=:)(?=[({]))|(?<word>[^\s"(){}]+))/gi;

function tokenize(q: string): Token[] {
  return Array.from(q.matchAll(TOKEN), ({ groups = {} }) => {
    const { quoted, word = "", operator = "" } = groups;
    const bare = { operator: "", value: "", isBeforeGroup: false };
    for (const kind of ["minus", "open", "close", "openAny", "closeAny"] as const) {
      if (groups[kind] !== undefined) return { kind, ...bare };
    }
    if (operator === "" && quoted === undefined && word === "OR") return { kind: "or" as const, ...bare };
    if (operator === "" && quoted === undefined && word === "AND") return { kind: "term" as const, ...bare };
    return {
      kind: "term" as const,
      operator: operator.slice(0, -1).toLowerCase(),
      value: quoted ?? word.replace(/^\+/, ""),
      isBeforeGroup: groups["group"] !== undefined,
    };
  });
}

class Parser {
  isAnywhere = false;
  readonly #tokens: readonly Token[];
  readonly #context: SearchContext;
  #at = 0;

  constructor(tokens: readonly Token[], context: SearchContext) {
    this.#tokens = tokens;
    this.#context = context;
  }

  parseAll(): Predicate {
    const all: Predicate[] = [];
    while (this.#at < this.#tokens.length) {
      all.push(this.#parseSequence(""));
      // A bracket that was never opened.
      this.#at += 1;
    }
    return every(all);
  }

  /** Terms up to the end or a closing bracket. @param operator of what they are the values, if of any */
  #parseSequence(operator: string): Predicate {
    const all: Predicate[] = [];
    for (let next = this.#parseTerm(operator); next !== null; next = this.#parseTerm(operator)) {
      const alternatives = [next];
      while (this.#tokens[this.#at]?.kind === "or") {
        this.#at += 1;
        const other = this.#parseTerm(operator);
        if (other !== null) alternatives.push(other);
      }
      all.push(some(alternatives));
    }
    return every(all);
  }

  #parseTerm(operator: string): Predicate | null {
    const token = this.#tokens[this.#at];
    if (token === undefined || token.kind === "close" || token.kind === "closeAny") return null;
    this.#at += 1;
    if (token.kind === "or") return this.#parseTerm(operator);
    if (token.kind === "minus") {
      const isAnywhere = this.isAnywhere;
      const negated = this.#parseTerm(operator);
      // `-in:spam` asks for no spam.
      this.isAnywhere = isAnywhere;
      return negated === null ? null : (searched) => !negated(searched);
    }
    if (token.kind === "open") return this.#parseGroup(operator);
    if (token.kind === "openAny") return this.#parseAlternatives(operator);
    if (token.isBeforeGroup) return this.#parseTerm(token.operator);
    return this.#toPredicate(token.operator === "" ? operator : token.operator, token);
  }

  #parseGroup(operator: string): Predicate {
    const group = this.#parseSequence(operator);
    this.#at += 1;
    return group;
  }

  #parseAlternatives(operator: string): Predicate {
    const all: Predicate[] = [];
    for (let next = this.#parseTerm(operator); next !== null; next = this.#parseTerm(operator)) all.push(next);
    this.#at += 1;
    return some(all);
  }

  #toPredicate(operator: string, { value, operator: own }: Token): Predicate {
    if (operator === "in" && ["anywhere", "spam", "trash"].includes(value.toLowerCase())) this.isAnywhere = true;
    if (operator === "label" && ["spam", "trash"].includes(value.toLowerCase())) this.isAnywhere = true;
    const known = OPERATORS[operator]?.(value, this.#context);
    if (known !== undefined) return known;
    const words = own === "" || operator === "" ? value : `${own} ${value}`;
    const hit = wordMatcher(words);
    return ({ content }) =>
      content.headers.some(([name, text]) => SEARCHED_HEADERS.has(name) && hit(text)) ||
      hit(searchableText(content)) ||
      fileNames(content).some(hit);
  }
}

const SEARCHED_HEADERS = new Set(["From", "To", "Cc", "Subject"]);

function every(all: readonly Predicate[]): Predicate {
  return (searched) => all.every((one) => one(searched));
}

function some(all: readonly Predicate[]): Predicate {
  return all.length === 1 && all[0] !== undefined ? all[0] : (searched) => all.some((one) => one(searched));
}

type MakePredicate = (value: string, context: SearchContext) => Predicate | undefined;

const OPERATORS: Readonly<Record<string, MakePredicate>> = {
  from: (value, context) => header(["From"], value, context),
  to: (value, context) => header(["To", "Cc", "Bcc"], value, context),
  cc: (value, context) => header(["Cc"], value, context),
  bcc: (value, context) => header(["Bcc"], value, context),
  deliveredto: (value, context) => header(["To", "Cc"], value, context),
  list: (value, context) => header(["List-ID", "From"], value, context),
  subject: (value) => {
    const hit = wordMatcher(value);
    return ({ content }) => content.headers.some(([name, text]) => name === "Subject" && hit(text));
  },
  rfc822msgid:
    (value) =>
    ({ content }) =>
      content.headers.some(
        ([name, text]) => name === "Message-ID" && text.replaceAll(/[<>]/g, "") === value.replaceAll(/[<>]/g, ""),
      ),
  filename: (value) => {
    const wanted = value.toLowerCase();
    return ({ content }) =>
      fileNames(content).some(
        (name) => name.toLowerCase().includes(wanted) || name.toLowerCase().endsWith(`.${wanted}`),
      );
  },
  has: (value, { labels }) => {
    if (value === "attachment") return ({ content }) => fileNames(content).length > 0;
    if (value === "userlabels") return ({ message }) => labels.some(({ id }) => message.labelIds.includes(id));
    if (value === "nouserlabels") return ({ message }) => !labels.some(({ id }) => message.labelIds.includes(id));
    return undefined;
  },
  is: (value) => {
    if (value === "read") return ({ message }) => !message.labelIds.includes("UNREAD");
    if (["unread", "starred", "important"].includes(value.toLowerCase())) return byLabel(value.toUpperCase());
    return undefined;
  },
  in: (value, context) => {
    if (value.toLowerCase() === "anywhere") return () => true;
    return byLabel(labelId(value, context));
  },
  label: (value, context) => byLabel(labelId(value, context)),
  category: (value) =>
    byLabel(value.toLowerCase() === "primary" ? "CATEGORY_PERSONAL" : `CATEGORY_${value.toUpperCase()}`),
  newer_than: (value, context) => byAge(value, context, (dateMs, limitMs) => dateMs > limitMs),
  older_than: (value, context) => byAge(value, context, (dateMs, limitMs) => dateMs < limitMs),
  after: (value) => byDate(value, (dateMs, limitMs) => dateMs >= limitMs),
  newer: (value) => byDate(value, (dateMs, limitMs) => dateMs >= limitMs),
  before: (value) => byDate(value, (dateMs, limitMs) => dateMs < limitMs),
  older: (value) => byDate(value, (dateMs, limitMs) => dateMs < limitMs),
  larger: (value) => bySize(value, (size, limit) => size > limit),
  size: (value) => bySize(value, (size, limit) => size > limit),
  smaller: (value) => bySize(value, (size, limit) => size < limit),
};

function header(names: readonly string[], value: string, { email }: SearchContext): Predicate {
  const hit = wordMatcher(value.toLowerCase() === "me" ? email : value);
  return ({ content }) => content.headers.some(([name, text]) => names.includes(name) && hit(text));
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

function byAge(
  value: string,
  { nowMs }: SearchContext,
  compare: (dateMs: number, limitMs: number) => boolean,
): Predicate | undefined {
  const [, count = "", unit = ""] = /^(\d+)([hdmy])$/i.exec(value) ?? [];
  const unitMs = AGES[unit.toLowerCase()];
  if (unitMs === undefined) return undefined;
  return ({ message }) => compare(message.internalDateMs, nowMs - Number(count) * unitMs);
}

function byDate(value: string, compare: (dateMs: number, limitMs: number) => boolean): Predicate | undefined {
  const limitMs = dateOf(value);
  return limitMs === null ? undefined : ({ message }) => compare(message.internalDateMs, limitMs);
}

/** Epoch seconds are exact; a day begins at midnight Pacific time. */
function dateOf(value: string): number | null {
  if (/^\d{5,}$/.test(value)) return Number(value) * 1000;
  const [, year, month, day] = /^(\d{4})[/-](\d{1,2})[/-](\d{1,2})$/.exec(value) ?? [];
  if (year === undefined) return null;
  const utcMs = Date.UTC(Number(year), Number(month) - 1, Number(day));
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
