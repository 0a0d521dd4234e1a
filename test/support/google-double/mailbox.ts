/**
 * Mailboxes made on demand: message n of a mailbox is always the same, so that a hundred thousand of them cost no memory.
 */
import type { Mailbox } from "./protocol.ts";

export interface Message {
  readonly id: string;
  readonly threadId: string;
  readonly labelIds: readonly string[];
  readonly snippet: string;
  readonly internalDateMs: number;
  readonly headers: Readonly<Record<string, string>>;
}

const FIRST_ID = 0x18c0_0000_0000_0000n;
const ID_STRIDE = 0x10_0000n;
const FIRST_DATE_MS = Date.UTC(2024, 0, 1, 8, 0, 0);
const DATE_STEP_MS = 11 * 60 * 1000;

const SUBJECTS = [
  "Quarterly report",
  "=?UTF-8?B?157Xm9eq15EgLSDXqdec15XXnQ==?=",
  'Invoice <script>alert(1)</script> & "more"',
  "اجتماع الغد",
  "会议纪要 🎉",
  "Re: Lunch?",
  `A long subject ${"that goes on and on ".repeat(20)}`,
] as const;
const SENDERS = [
  "Grace Hopper <grace@example.com>",
  "=?UTF-8?Q?Andr=C3=A9?= <andre@example.com>",
  "alerts@example.net",
] as const;

/** The 16 hexadecimal digits that name message `n` (1 is the oldest). */
export function messageId(n: number): string {
  const noise = (Math.imul(n, 0x9e37_79b1) >>> 12) & 0xf_ffff;
  return (FIRST_ID + BigInt(n) * ID_STRIDE + BigInt(noise)).toString(16).padStart(16, "0");
}

/** The number of a message, or `null` when the mailbox has no message of that ID. */
export function messageNumber(mailbox: Mailbox, id: string): number | null {
  if (!/^[0-9a-f]{16}$/.test(id)) return null;
  const n = Number((BigInt(`0x${id}`) - FIRST_ID) / ID_STRIDE);
  return n >= 1 && n <= mailbox.messages && messageId(n) === id ? n : null;
}

/** The message, generated. */
export function messageAt(mailbox: Mailbox, n: number): Message {
  const internalDateMs = FIRST_DATE_MS + n * DATE_STEP_MS;
  const subject = `${pick(SUBJECTS, n)} #${n}`;
  return {
    id: messageId(n),
    threadId: messageId(n - ((n - 1) % 3)),
    labelIds: labelsOf(mailbox, n),
    snippet: `Message ${n} &amp; what it says`,
    internalDateMs,
    headers: {
      Date: new Date(internalDateMs).toUTCString().replace("GMT", "+0000"),
      From: pick(SENDERS, n),
      To: "me@example.com",
      Subject: subject,
      "Message-ID": `<${n}@mail.example.com>`,
    },
  };
}

function labelsOf(mailbox: Mailbox, n: number): string[] {
  const every = (step: number): boolean => step > 0 && n % step === 0;
  const place = every(mailbox.spamEvery) ? "SPAM" : every(mailbox.trashEvery) ? "TRASH" : "INBOX";
  const labels = [place];
  if (every(3)) labels.push("UNREAD");
  if (every(10)) labels.push("STARRED");
  if (every(5)) labels.push("CATEGORY_UPDATES");
  return labels;
}

export interface Filter {
  readonly q: string;
  readonly labelIds: readonly string[];
  readonly includeSpamTrash: boolean;
}

/** Whether a message matches; a small part of Gmail's search language. */
export function matches(message: Message, filter: Filter): boolean {
  const hidden = message.labelIds.includes("SPAM") || message.labelIds.includes("TRASH");
  const askedFor = filter.includeSpamTrash || /\bin:(anywhere|spam|trash)\b/.test(filter.q);
  const byLabel = filter.labelIds.some((label) => label === "SPAM" || label === "TRASH");
  if (hidden && !askedFor && !byLabel) return false;
  if (!filter.labelIds.every((label) => message.labelIds.includes(label))) return false;
  return terms(filter.q).every((term) => matchesTerm(message, term));
}

function terms(q: string): string[] {
  return (q.match(/(?:\w+:)?"[^"]*"|\S+/g) ?? []).map((term) => term.replaceAll('"', ""));
}

function matchesTerm(message: Message, term: string): boolean {
  const subject = (message.headers["Subject"] ?? "").toLowerCase();
  const from = (message.headers["From"] ?? "").toLowerCase();
  const colon = term.indexOf(":");
  const operator = colon === -1 ? "" : term.slice(0, colon);
  const value = term.slice(colon + 1).toLowerCase();
  switch (operator) {
    case "subject":
      return subject.includes(value);
    case "from":
      return from.includes(value);
    case "is":
      return message.labelIds.includes(value.toUpperCase());
    case "in":
      return value === "anywhere" || message.labelIds.includes(value.toUpperCase());
    case "after":
      return message.internalDateMs >= Number(value) * 1000;
    case "before":
      return message.internalDateMs < Number(value) * 1000;
    default:
      return subject.includes(value) || from.includes(value) || message.snippet.toLowerCase().includes(value);
  }
}

function pick<T>(values: readonly [T, ...T[]] | readonly T[], n: number): T {
  const value = values[n % values.length];
  if (value === undefined) throw new Error("nothing to pick from");
  return value;
}
