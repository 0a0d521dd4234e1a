/**
 * A mailbox as somebody has it after two years: newsletters, receipts with their PDFs, build notices, invitations, mailing
 * lists, conversations in many languages, spam, and mail that breaks readers. The same for the same time, the more the nearer to
 * now; a new message is made when one is wanted.
 */
import type { User } from "../protocol.ts";
import { createRandom, type Random } from "../random.ts";
import { escapeHtml, toBase64Url } from "../text.ts";
import { compose, composeAll, gmailId, type Mail } from "./compose.ts";
import type { Part } from "./content.ts";
import { invitation, pdf, photo } from "./files.ts";
import type { Source, UserLabel } from "./mailbox.ts";
import { ODD_MAIL } from "./odd.ts";
import { CORRESPONDENTS } from "./people.ts";
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
  /** Whose mail it is. */
  readonly me: string;
}

export function livedInSource(
  user: User,
  { kind, untilMs }: { readonly kind: "busy" | "small"; readonly untilMs: number },
): Source {
  const me = `${user.name} <${user.email}>`;
  const making = (seed: number, nowMs = untilMs): Making => ({ me, nowMs, random: createRandom(seed) });
  const messages = composeAll(kind === "busy" ? busyMail(making(20_261_122)) : smallMail(making(12)));
  const numbers = new Map(messages.map(({ id }, index) => [id, index + 1]));
  return {
    size: messages.length,
    labels: kind === "busy" ? LABELS : [],
    at: (n) => {
      const message = messages[n - 1];
      if (message === undefined) throw new RangeError(`no message ${n}`);
      return message;
    },
    numberOf: (id) => numbers.get(id) ?? null,
    next: (n, atMs) => compose(newMail(making(n, atMs)), gmailId(atMs, n)),
  };
}

/** About 1,450 messages, of which more than 1,200 outside spam and trash. */
function busyMail(making: Making): Mail[] {
  const { random, nowMs, me } = making;
  const drafts = Array.from({ length: DRAFTS }, (_, index): Mail => {
    const { to, from, subject, ...mail } = personalMail(making, someTime(making));
    return { ...mail, from: to, to: from, subject: index % 4 === 0 ? "" : subject, labels: ["DRAFT"] };
  });
  // Behind the first pages, where a mailbox should look like one.
  const odd = ODD_MAIL.map(([from, subject, text, html], index): Mail => {
    const atMs = nowMs - 21 * DAY_MS - (index + 1) * 151 * MINUTE_MS;
    return { atMs, from, to: me, subject, text, html, labels: ["INBOX", "CATEGORY_PERSONAL", "Label_odd"] };
  });
  const automatic = SENDER_KINDS.flatMap((kind) =>
    Array.from({ length: kind.count }, () => automaticMail(making, kind, someTime(making))),
  );
  const conversations = Array.from({ length: CONVERSATIONS }, (_, index) => conversation(making, index)).flat();
  return [...automatic, ...conversations, ...drafts, ...odd].map((mail) => live(random, nowMs, mail));
}

function smallMail(making: Making): Mail[] {
  return Array.from({ length: 12 }, (_, index) => {
    const atMs = making.nowMs - (index + 1) * 3 * DAY_MS - making.random.integer(0, 600) * MINUTE_MS;
    const mail = personalMail(making, atMs, index * 5);
    return index < 3 ? { ...mail, labels: [...mail.labels, "UNREAD"] } : mail;
  });
}

/** What arrives now: somebody writes, or something does. */
function newMail(making: Making): Mail {
  const { random, nowMs } = making;
  const isAutomatic = random.chance(0.6);
  const kind = random.pick(SENDER_KINDS.slice(0, -1));
  const mail = isAutomatic ? automaticMail(making, kind, nowMs) : personalMail(making, nowMs);
  return { ...mail, labels: [...mail.labels, "UNREAD"] };
}

function personalMail({ random, me }: Making, atMs: number, who = random.integer(0, CORRESPONDENTS.length - 1)): Mail {
  const [name, address, subjects, lines] = CORRESPONDENTS[who % CORRESPONDENTS.length] ?? random.pick(CORRESPONDENTS);
  const text = [random.pick(lines), random.pick(lines)].join("\n\n");
  const labels = ["INBOX", "CATEGORY_PERSONAL"];
  return { atMs, from: `${name} <${address}>`, to: me, subject: random.pick(subjects), text, labels };
}

/** The nearer to now, the more; never less than five minutes ago. */
function someTime({ random, nowMs }: Making, spanDays: number = SPAN_DAYS): number {
  return Math.floor(nowMs - 5 * MINUTE_MS - spanDays * DAY_MS * random.next() ** 1.4);
}

function automaticMail({ random, me }: Making, kind: SenderKind, atMs: number): Mail {
  const date = new Date(atMs + random.integer(1, 9) * DAY_MS);
  const values: Readonly<Record<string, string>> = {
    n: String(random.integer(2, 99)),
    order: String(random.integer(100_000, 999_999)),
    price: random.pick(["€ 12.90", "CHF 48.–", "$1,204.00", "¥3,980", "₹2,499", "£7.25"]),
    hash: random.integer(0x1000000, 0xfffffff).toString(16),
    day: date.toUTCString().slice(0, 16),
    month: MONTHS.format(date),
  };
  const fill = (template: string): string =>
    template.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
  const [from, template, ...subjects] = random.pick(kind.senders);
  const [text, subject] = [fill(template), fill(random.pick(subjects))];
  const [, domain = "mail.example"] = /@([\w.-]+)>$/.exec(from) ?? [];
  const link = `https://${domain}/${toBase64Url(subject).slice(0, 8)}`;
  const isLabelled = random.chance(0.66);
  const hasFile = random.chance(0.5);
  const invoice = (): Part => pdf(`invoice-${values["order"]}.pdf`, [subject, "", ...text.split("\n")]);
  return {
    atMs,
    from,
    to: me,
    subject,
    text: `${text}\n\n${link}`,
    html: kind.isHtml === true ? toHtml(from, text, link) : undefined,
    files: kind.file === undefined || !hasFile ? [] : [kind.file === "ics" ? invitation(subject, atMs) : invoice()],
    listId: kind.listId,
    labels: [...kind.labels, ...(kind.userLabel === undefined || !isLabelled ? [] : [kind.userLabel])],
  };
}

/** As programs write: a table for the layout, a button, and a way to end it. */
function toHtml(from: string, text: string, link: string): string {
  const name = escapeHtml(from.replace(/\s*<.*$/, "").replaceAll('"', ""));
  const paragraphs = text.split("\n\n").map((one) => `<p style="margin:0 0 16px">${asHtml(one)}</p>`);
  return `<!doctype html><html><body style="margin:0;background:#f3f4f6"><table width="100%"><tr><td align="center" style="padding:24px">
<table role="presentation" width="560" cellspacing="0" style="background:#fff;font-family:sans-serif;color:#222">
<tr><td style="padding:20px 28px;background:#22304a;color:#fff;font-size:20px">${name}</td></tr>
<tr><td style="padding:28px">${paragraphs.join("")}
<a href="${link}" style="display:inline-block;padding:10px 22px;background:#2f6fdb;color:#fff">Open</a></td></tr>
<tr><td style="padding:16px 28px"><a href="${link}/unsubscribe">unsubscribe</a></td></tr></table></td></tr></table></body></html>`;
}

function asHtml(text: string): string {
  return escapeHtml(text).replaceAll("\n", "<br>");
}

/** Two to four messages to and fro, in the language of the one who began; some with pictures or a paper. */
function conversation(making: Making, index: number): Mail[] {
  const { random } = making;
  const isFirstOfLanguage = index < CORRESPONDENTS.length;
  const labels = [
    ...(random.chance(0.4) ? ["IMPORTANT"] : []),
    ...(random.chance(0.15) ? [random.pick(["Label_family", "Label_travel"])] : []),
  ];
  const pauses = Array.from({ length: random.integer(1, 3) }, () => random.integer(7, 2_800) * MINUTE_MS);
  // Counted back from the last message, so that no answer lies in the future.
  let atMs = someTime(making, isFirstOfLanguage ? RECENT_DAYS : SPAN_DAYS);
  atMs -= pauses.reduce((sum, pause) => sum + pause, 0);
  const first = { ...personalMail(making, atMs, index), thread: `conversation ${index}` };
  const subject = isFirstOfLanguage ? (CORRESPONDENTS[index]?.[2][0] ?? "") : first.subject;
  let quoted = first.text;
  const answers = pauses.map((pause, turn): Mail => {
    const when = `On ${new Date(atMs).toUTCString().slice(0, 16)}:`;
    atMs += pause;
    const { text } = personalMail(making, atMs, index);
    const isMine = turn % 2 === 0;
    const answer = {
      atMs,
      from: isMine ? first.to : first.from,
      to: isMine ? first.from : first.to,
      subject: `Re: ${subject}`,
      text: `${text}\n\n${when}\n${quoted.replaceAll(/^/gm, "> ")}`,
      thread: first.thread,
      labels: [...(isMine ? ["SENT"] : first.labels), ...labels],
    };
    quoted = text;
    return answer;
  });
  return [
    { ...first, ...extras(random, first.text, index), subject, labels: [...first.labels, ...labels] },
    ...answers,
  ];
}

/** Sometimes a picture within the text, sometimes files. */
function extras(random: Random, text: string, index: number): Partial<Mail> {
  const draw = random.next();
  if (draw < 0.12) {
    const html = `<div dir="auto"><p>${asHtml(text)}</p><img src="cid:photo${index}" alt="" width="384" height="288"></div>`;
    return { html, files: [photo(`IMG_${2000 + index}.png`, `photo${index}`)] };
  }
  if (draw > 0.3) return {};
  return { files: draw < 0.2 ? [photo(`IMG_${3000 + index}.png`)] : [pdf("notes.pdf", text.split("\n"))] };
}

/** What happens to mail with time: it is read, archived, starred, thrown away. What is odd stays, to be looked at. */
function live(random: Random, nowMs: number, mail: Mail): Mail {
  const labels = new Set(mail.labels);
  const ageDays = (nowMs - mail.atMs) / DAY_MS;
  const isInbox = labels.has("INBOX");
  if ((isInbox || labels.has("SPAM")) && random.chance(ageDays < 14 ? 0.5 : 0.08)) labels.add("UNREAD");
  if (isInbox && random.chance(0.04)) labels.add("STARRED");
  if (isInbox && ageDays > 60 && random.chance(0.6)) labels.delete("INBOX");
  // Trashing takes a message out of the inbox and leaves the rest.
  if (isInbox && !labels.has("Label_odd") && random.chance(0.035)) {
    labels.delete("INBOX");
    labels.add("TRASH");
  }
  return { ...mail, labels: [...labels] };
}
