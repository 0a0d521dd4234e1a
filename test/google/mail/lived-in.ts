/**
 * A mailbox as somebody has it after two years: newsletters, receipts with their PDFs, build notices, invitations, mailing
 * lists, conversations in many languages, spam, and mail that breaks readers. The same for the same time, the more the nearer to
 * now; a new message is made when one is wanted.
 */
import { toBase64Url } from "../base64.ts";
import type { User } from "../protocol.ts";
import { createRandom, type Random } from "../random.ts";
import { compose, composeAll, gmailId, type Mail } from "./compose.ts";
import type { Part, StoredMessage } from "./content.ts";
import { invitation, pdf, photo } from "./files.ts";
import type { Source, UserLabel } from "./mailbox.ts";
import { ODD_MAIL } from "./odd.ts";
import { CORRESPONDENTS, type Correspondent } from "./people.ts";
import { SENDER_KINDS, type SenderKind } from "./senders.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const SPAN_DAYS = 730;
const CONVERSATIONS = 130;
/** Everyone writes once in this time, so that the first pages show every script. */
const RECENT_DAYS = 12;
const DRAFTS = 12;
const MONTHS = new Intl.DateTimeFormat("de", { month: "long", timeZone: "UTC" });

/** The busy user's own labels: nested, with a slash in the name, not in ASCII, coloured and hidden. */
const LABELS: readonly UserLabel[] = [
  { id: "Label_work", name: "Work", color: { textColor: "#ffffff", backgroundColor: "#4986e7" } },
  { id: "Label_ci", name: "Work/CI", labelListVisibility: "labelShowIfUnread" },
  { id: "Label_receipts", name: "Receipts", color: { textColor: "#0b4f30", backgroundColor: "#b9e4d0" } },
  { id: "Label_lists", name: "Lists/workers-discuss", messageListVisibility: "hide" },
  { id: "Label_travel", name: "Reisen & Ausflüge", color: { textColor: "#7a4706", backgroundColor: "#ffdeb5" } },
  { id: "Label_family", name: "משפחה" },
  { id: "Label_odd", name: "Odd <ones>", labelListVisibility: "labelHide" },
];

interface Making {
  readonly random: Random;
  readonly nowMs: number;
  /** Whose mail it is, with and without the name. */
  readonly me: string;
  readonly address: string;
}

/** The mailbox of somebody. @param options.untilMs when its mail ends */
export function livedInSource(
  user: User,
  { kind, untilMs }: { readonly kind: "busy" | "small"; readonly untilMs: number },
): Source {
  const base = { nowMs: untilMs, me: `${user.name} <${user.email}>`, address: user.email };
  const making = (seed: number): Making => ({ ...base, random: createRandom(seed) });
  const mails = kind === "busy" ? busyMail(making(20_261_122)) : smallMail(making(12));
  const messages = composeAll(mails);
  const numbers = new Map(messages.map(({ id }, index) => [id, index + 1]));
  return {
    size: messages.length,
    labels: kind === "busy" ? LABELS : [],
    at: (n) => messageAt(messages, n),
    numberOf: (id) => numbers.get(id) ?? null,
    next: (n, atMs) => compose(newMail({ ...making(n), nowMs: atMs }), gmailId(atMs, n)),
  };
}

function messageAt(messages: readonly StoredMessage[], n: number): StoredMessage {
  const message = messages[n - 1];
  if (message === undefined) throw new RangeError(`no message ${n}`);
  return message;
}

/** About 1,450 messages, of which more than 1,200 outside spam and trash. */
function busyMail(making: Making): Mail[] {
  const mails = [
    ...SENDER_KINDS.flatMap((kind) =>
      Array.from({ length: kind.count }, () => automaticMail(making, kind, someTime(making))),
    ),
    ...Array.from({ length: CONVERSATIONS }, (_, index) => conversation(making, index)).flat(),
    ...Array.from({ length: DRAFTS }, (_, index) => draft(making, index)),
    ...oddMail(making),
  ];
  return mails.map((mail) => live(making, mail));
}

/** A dozen messages of colleagues, enough for one page and no more. */
function smallMail({ random, nowMs, me }: Making): Mail[] {
  return Array.from({ length: 12 }, (_, index) => {
    const correspondent = CORRESPONDENTS[(index * 5) % CORRESPONDENTS.length] ?? random.pick(CORRESPONDENTS);
    return {
      atMs: nowMs - (index + 1) * 3 * DAY_MS - random.integer(0, 600) * MINUTE_MS,
      from: addressOf(correspondent),
      to: me,
      subject: random.pick(correspondent.subjects),
      text: correspondent.lines.join("\n"),
      labels: ["INBOX", "CATEGORY_PERSONAL", ...(index < 3 ? ["UNREAD"] : [])],
    };
  });
}

/** What arrives now: somebody writes, or something does. */
function newMail(making: Making): Mail {
  const { random, nowMs, me } = making;
  if (random.chance(0.6)) {
    const mail = automaticMail(making, random.pick(SENDER_KINDS.slice(0, -1)), nowMs);
    return { ...mail, labels: [...mail.labels, "UNREAD"] };
  }
  const other = random.pick(CORRESPONDENTS);
  return {
    atMs: nowMs,
    from: addressOf(other),
    to: me,
    subject: random.pick(other.subjects),
    text: [random.pick(other.lines), random.pick(other.lines)].join("\n\n"),
    labels: ["INBOX", "CATEGORY_PERSONAL", "UNREAD"],
  };
}

function addressOf({ name, address }: Correspondent): string {
  return `${name} <${address}>`;
}

/** The nearer to now, the more; never less than five minutes ago. */
function someTime({ random, nowMs }: Making, spanDays: number = SPAN_DAYS): number {
  const age = spanDays * DAY_MS * random.next() ** 1.4;
  return Math.floor(nowMs - 5 * MINUTE_MS - age);
}

function automaticMail({ random, me, address }: Making, kind: SenderKind, atMs: number): Mail {
  const values = placeholders(random, atMs);
  const sender = random.pick(kind.senders);
  const text = fill(sender.text, values);
  const subject = fill(random.pick(sender.subjects), values);
  const [, domain = "mail.example"] = /@([\w.-]+)>$/.exec(sender.from) ?? [];
  const link = `https://${domain}/${toBase64Url(subject).slice(0, 8)}`;
  const labelled = kind.userLabel !== null && random.chance(0.66);
  return {
    atMs,
    from: sender.from,
    to: random.chance(0.8) ? me : address,
    subject,
    text: `${text}\n\n${link}`,
    ...(kind.isHtml ? { html: toHtml(sender.from, text, link) } : {}),
    files: kind.file !== undefined && random.chance(0.5) ? [fileOf(kind.file, { subject, text, values, atMs })] : [],
    listId: kind.listId,
    labels: [...kind.labels, ...(labelled ? [kind.userLabel] : [])],
  };
}

interface FileSubject {
  readonly subject: string;
  readonly text: string;
  readonly values: Readonly<Record<string, string>>;
  readonly atMs: number;
}

function fileOf(kind: "pdf" | "ics", { subject, text, values, atMs }: FileSubject): Part {
  if (kind === "ics") return invitation(subject, atMs);
  return pdf(`invoice-${values["order"]}.pdf`, [subject, "", ...text.split("\n")]);
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

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

/** As programs write: a table for the layout, a button, and a way to end it. */
function toHtml(from: string, text: string, link: string): string {
  const name = escape(from.replace(/\s*<.*$/, "").replaceAll('"', ""));
  const [last = "", ...paragraphs] = text.split("\n\n").toReversed();
  const body = paragraphs
    .toReversed()
    .map((paragraph) => `<p style="margin:0 0 16px">${escape(paragraph).replaceAll("\n", "<br>")}</p>`);
  return `<!doctype html><html><body style="margin:0;background:#f3f4f6">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tr><td align="center" style="padding:24px">
<table role="presentation" width="560" cellpadding="0" cellspacing="0" style="background:#fff;font-family:sans-serif;color:#222">
<tr><td style="padding:20px 28px;background:#22304a;color:#fff;font-size:20px">${name}</td></tr>
<tr><td style="padding:28px">${body.join("")}
<a href="${link}" style="display:inline-block;padding:10px 22px;background:#2f6fdb;color:#fff;text-decoration:none">Open</a></td></tr>
<tr><td style="padding:16px 28px;font-size:12px;color:#666">${escape(last).replaceAll("\n", "<br>")} · <a href="${link}/unsubscribe">unsubscribe</a></td></tr>
</table></td></tr></table></body></html>`;
}

/** Two to four messages to and fro, in the language of the one who began; some with pictures or a paper. */
function conversation(making: Making, index: number): Mail[] {
  const { random, me } = making;
  const other = CORRESPONDENTS[index % CORRESPONDENTS.length] ?? random.pick(CORRESPONDENTS);
  const isFirstOfLanguage = index < CORRESPONDENTS.length;
  const subject = isFirstOfLanguage ? (other.subjects[0] ?? "") : random.pick(other.subjects);
  const isImportant = random.chance(0.4);
  const userLabel = random.chance(0.15) ? random.pick(["Label_family", "Label_travel"]) : null;
  const pauses = Array.from({ length: random.integer(1, 3) }, () => random.integer(7, 2_800) * MINUTE_MS);
  // Counted back from the last message, so that no answer lies in the future.
  let atMs =
    someTime(making, isFirstOfLanguage ? RECENT_DAYS : SPAN_DAYS) - pauses.reduce((sum, pause) => sum + pause, 0);
  let quoted = "";
  return [0, ...pauses].map((pause, turn): Mail => {
    atMs += pause;
    const isMine = turn % 2 === 1;
    const said = [random.pick(other.lines), random.pick(other.lines)].join("\n\n");
    const text =
      quoted === "" ? said : `${said}\n\nOn ${new Date(atMs - pause).toUTCString().slice(0, 16)}:\n${quoted}`;
    const extra = turn === 0 ? pictures(random, said, index) : {};
    quoted = said.replaceAll(/^/gm, "> ");
    return {
      atMs,
      from: isMine ? me : addressOf(other),
      to: isMine ? addressOf(other) : me,
      subject: turn === 0 ? subject : `Re: ${subject}`,
      text,
      html: extra.html,
      files: extra.files,
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

/** Sometimes a picture within the text, sometimes files. */
function pictures(random: Random, text: string, index: number): Partial<Mail> {
  const draw = random.next();
  if (draw < 0.12) {
    const paragraphs = text.split("\n\n").map((line) => `<p>${escape(line)}</p>`);
    const html = `<div dir="auto">${paragraphs.join("")}<img src="cid:photo${index}" alt="" width="384" height="256"></div>`;
    return { html, files: [photo(`IMG_${2000 + index}.png`, index, `photo${index}`)] };
  }
  if (draw > 0.3) return {};
  return { files: draw < 0.2 ? [photo(`IMG_${3000 + index}.png`, index * 3)] : [pdf("notes.pdf", text.split("\n"))] };
}

function draft(making: Making, index: number): Mail {
  const to = making.random.pick(CORRESPONDENTS);
  return {
    atMs: someTime(making),
    from: making.me,
    to: addressOf(to),
    subject: index % 4 === 0 ? "" : making.random.pick(to.subjects),
    text: making.random.pick(to.lines),
    labels: ["DRAFT"],
  };
}

/** Behind the first pages, where a mailbox should look like one. */
function oddMail({ nowMs, me }: Making): Mail[] {
  return ODD_MAIL.map(({ from, subject, text, html, headerEncoding }, index) => ({
    from,
    subject,
    text,
    html,
    headerEncoding,
    atMs: nowMs - 21 * DAY_MS - (index + 1) * 151 * MINUTE_MS,
    to: me,
    labels: ["INBOX", "CATEGORY_PERSONAL", "Label_odd"],
  }));
}

/** What happens to mail with time: it is read, archived, starred, thrown away. What is odd stays, to be looked at. */
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
    if (random.chance(0.035) && !labels.has("Label_odd")) {
      labels.delete("INBOX");
      labels.add("TRASH");
    }
  }
  return { ...mail, labels: [...labels] };
}
