/**
 * Mailboxes made on demand: message n of a mailbox is always the same, so that a hundred thousand of them cost no memory, and
 * whoever lists them knows what must come without asking.
 */
import type { NumberedOptions } from "../protocol.ts";
import { bodyOf } from "./compose.ts";
import { type Content, snippetOf, type StoredMessage } from "./content.ts";
import type { Source, UserLabel } from "./mailbox.ts";

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

/** A mailbox of numbered messages of somebody. */
export class NumberedSource implements Source {
  readonly size: number;
  readonly labels: readonly UserLabel[] = [{ id: "Label_1", name: "Of no message" }];
  readonly #options: NumberedOptions;
  readonly #address: string;

  constructor(address: string, options: NumberedOptions) {
    this.size = options.messages;
    this.#options = options;
    this.#address = address;
  }

  numberOf(id: string): number | null {
    if (!/^[0-9a-f]{16}$/.test(id)) return null;
    const n = Number((BigInt(`0x${id}`) - FIRST_ID) / ID_STRIDE);
    return n >= 1 && n <= this.size && messageId(n) === id ? n : null;
  }

  at(n: number): StoredMessage {
    return numberedMessage(n, this.#address, this.#options);
  }

  next(n: number): StoredMessage {
    return this.at(n);
  }
}

/** Message `n`, generated. */
export function numberedMessage(n: number, address: string, options: Partial<NumberedOptions> = {}): StoredMessage {
  return {
    id: messageId(n),
    threadId: messageId(n - ((n - 1) % 3)),
    labelIds: labelsOf(n, options),
    internalDateMs: FIRST_DATE_MS + n * DATE_STEP_MS,
    content: () => contentOf(n, address),
  };
}

function contentOf(n: number, address: string): Content {
  const said = `Message ${n} & what it says`;
  const file = { mimeType: "text/csv", filename: `figures-${n}.csv`, text: `number\r\n${n}\r\n` };
  return {
    headers: [
      ["Date", new Date(FIRST_DATE_MS + n * DATE_STEP_MS).toUTCString().replace("GMT", "+0000")],
      ["From", pick(SENDERS, n)],
      ["To", address],
      ["Subject", `${pick(SUBJECTS, n)} #${n}`],
      ["Message-ID", `<${n}@mail.example.com>`],
    ],
    snippet: snippetOf(said),
    body: bodyOf({ text: said, files: n % 7 === 0 ? [file] : [] }),
  };
}

function labelsOf(n: number, { spamEvery = 0, trashEvery = 0 }: Partial<NumberedOptions>): string[] {
  const every = (step: number): boolean => step > 0 && n % step === 0;
  const place = every(spamEvery) ? "SPAM" : every(trashEvery) ? "TRASH" : "INBOX";
  const labels = [place];
  if (every(3)) labels.push("UNREAD");
  if (every(10)) labels.push("STARRED");
  if (every(5)) labels.push("CATEGORY_UPDATES");
  return labels;
}

function pick(values: readonly string[], n: number): string {
  return values[n % values.length] ?? "";
}
