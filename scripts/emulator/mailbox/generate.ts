/**
 * Makes up a person's mail from the catalogues: the same for the same clock, spread over about two
 * years, the more the nearer to now.
 */

import { BUSY_USER, SMALL_USER } from "../users.ts";
import { CORRESPONDENTS, type Correspondent } from "./languages.ts";
import { escapeHtml, type Mail } from "./mail.ts";
import { ODD_MAIL } from "./odd.ts";
import { createRandom, type Random } from "./random.ts";
import { SENDER_KINDS, type SenderKind } from "./senders.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const SPAN_DAYS = 730;
const CONVERSATIONS = 130;
/** Everyone writes once in this time, so that the first pages show every script. */
const RECENT_DAYS = 12;
const DRAFTS = 12;
const MONTHS = new Intl.DateTimeFormat("de", { month: "long", timeZone: "UTC" });
const BUSY = `${BUSY_USER.name} <${BUSY_USER.email}>`;

interface Making {
  readonly random: Random;
  readonly nowMs: number;
}

/** The full mailbox: about 1,400 messages, of which more than 1,200 outside spam and trash. */
export function generateBusyMail(nowMs: number): Mail[] {
  const making: Making = { random: createRandom(20_261_122), nowMs };
  const mails = [
    ...SENDER_KINDS.flatMap((kind) => automaticMail(making, kind)),
    ...Array.from({ length: CONVERSATIONS }, (_, index) => conversation(making, index)).flat(),
    ...Array.from({ length: DRAFTS }, (_, index) => draft(making, index)),
    ...oddMail(making),
  ];
  return mails.map((mail) => live(making, mail));
}

/** A dozen messages of a colleague, enough for one page and no more. */
export function generateSmallMail(nowMs: number): Mail[] {
  const random = createRandom(12);
  return Array.from({ length: 12 }, (_, index) => {
    const correspondent = CORRESPONDENTS[(index * 5) % CORRESPONDENTS.length] ?? random.pick(CORRESPONDENTS);
    return {
      atMs: nowMs - (index + 1) * 3 * DAY_MS - random.integer(0, 600) * MINUTE_MS,
      from: addressOf(correspondent),
      to: `${SMALL_USER.name} <${SMALL_USER.email}>`,
      subject: random.pick(correspondent.subjects),
      text: correspondent.lines.join("\n"),
      labels: ["INBOX", "CATEGORY_PERSONAL", ...(index < 3 ? ["UNREAD"] : [])],
    };
  });
}

function addressOf({ name, address }: Correspondent): string {
  return `${name} <${address}>`;
}

/** The nearer to now, the more; never less than five minutes ago. */
function someTime({ random, nowMs }: Making, spanDays: number = SPAN_DAYS): number {
  const age = spanDays * DAY_MS * random.next() ** 1.4;
  return Math.floor(nowMs - 5 * MINUTE_MS - age);
}

function automaticMail(making: Making, kind: SenderKind): Mail[] {
  const { random } = making;
  return Array.from({ length: kind.count }, () => {
    const atMs = someTime(making);
    const values = placeholders(random, atMs);
    const sender = random.pick(kind.senders);
    const text = fill(sender.text, values);
    const labelled = kind.userLabel !== null && random.chance(0.66);
    return {
      atMs,
      from: sender.from,
      to: random.chance(0.8) ? BUSY : BUSY_USER.email,
      subject: fill(random.pick(sender.subjects), values),
      text,
      ...(kind.isHtml ? { html: toHtml(text) } : {}),
      labels: [...kind.labels, ...(labelled ? [kind.userLabel] : [])],
    };
  });
}

function placeholders(random: Random, atMs: number): Readonly<Record<string, string>> {
  const date = new Date(atMs + random.integer(1, 9) * DAY_MS);
  return {
    n: String(random.integer(2, 99)),
    order: String(random.integer(100_000, 999_999)),
    price: random.pick(["€ 12.90", "CHF 48.–", "$1,204.00", "¥3,980", "₹2,499", "£7.25"]),
    hash: random.integer(0x1000000, 0xfffffff).toString(16),
    day: date.toUTCString().slice(0, 16),
    month: MONTHS.format(date),
  };
}

function fill(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
}

function toHtml(text: string): string {
  const paragraphs = text.split("\n\n").map((paragraph) => `<p>${escapeHtml(paragraph)}</p>`);
  return `<!doctype html><html><body style="font-family:sans-serif">${paragraphs.join("")}</body></html>`;
}

/** Two to four messages to and fro, in the language of the one who began. */
function conversation(making: Making, index: number): Mail[] {
  const { random } = making;
  const other = CORRESPONDENTS[index % CORRESPONDENTS.length] ?? random.pick(CORRESPONDENTS);
  const subject = random.pick(other.subjects);
  const isImportant = random.chance(0.4);
  const userLabel = random.chance(0.15) ? random.pick(["Label_family", "Label_travel"]) : null;
  const pauses = Array.from({ length: random.integer(1, 3) }, () => random.integer(7, 2_800) * MINUTE_MS);
  // Counted back from the last message, so that no answer lies in the future.
  const isFirstOfLanguage = index < CORRESPONDENTS.length;
  let atMs =
    someTime(making, isFirstOfLanguage ? RECENT_DAYS : SPAN_DAYS) - pauses.reduce((sum, pause) => sum + pause, 0);
  return [0, ...pauses].map((pause, turn) => {
    atMs += pause;
    const isMine = turn % 2 === 1;
    return {
      atMs,
      from: isMine ? BUSY : addressOf(other),
      to: isMine ? addressOf(other) : BUSY,
      subject: turn === 0 ? subject : `Re: ${subject}`,
      text: [random.pick(other.lines), random.pick(other.lines)].join("\n\n"),
      thread: `conversation ${index}`,
      labels: [
        ...(isMine ? ["SENT"] : ["INBOX", "CATEGORY_PERSONAL"]),
        ...(isImportant && !isMine ? ["IMPORTANT"] : []),
        ...(userLabel === null ? [] : [userLabel]),
      ],
      // Mailers outside ASCII encode their headers.
      headerEncoding: other.language === "en" || random.chance(0.5) ? undefined : random.pick(["B", "Q"] as const),
    };
  });
}

function draft(making: Making, index: number): Mail {
  const to = making.random.pick(CORRESPONDENTS);
  return {
    atMs: someTime(making),
    from: BUSY,
    to: addressOf(to),
    subject: index % 4 === 0 ? "" : making.random.pick(to.subjects),
    text: making.random.pick(to.lines),
    labels: ["DRAFT"],
  };
}

function oddMail({ nowMs }: Making): Mail[] {
  return ODD_MAIL.map(({ from, subject, text, html, headerEncoding }, index) => ({
    atMs: nowMs - (index + 1) * 151 * MINUTE_MS,
    from,
    to: BUSY,
    subject,
    text,
    html,
    labels: ["INBOX", "CATEGORY_PERSONAL", "Label_odd"],
    headerEncoding,
  }));
}

/** What happens to mail with time: it is read, archived, starred, thrown away. */
function live({ random, nowMs }: Making, mail: Mail): Mail {
  const labels = new Set(mail.labels);
  const ageDays = (nowMs - mail.atMs) / DAY_MS;
  if (labels.has("INBOX") || labels.has("SPAM")) {
    if (random.chance(ageDays < 14 ? 0.5 : 0.08)) labels.add("UNREAD");
  }
  if (labels.has("INBOX")) {
    if (random.chance(0.04)) labels.add("STARRED");
    if (ageDays > 60 && random.chance(0.6)) labels.delete("INBOX");
    // Trashing takes a message out of the inbox and leaves the rest.
    if (random.chance(0.035)) {
      labels.delete("INBOX");
      labels.add("TRASH");
    }
  }
  return { ...mail, labels: [...labels] };
}
