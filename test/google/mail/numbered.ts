/**
 * Mailboxes made on demand: message n of a mailbox is always the same, so that a hundred thousand of them cost no memory, and
 * whoever lists them knows what must come without asking.
 */
import type { NumberedOptions } from "../protocol.ts";
import { bodyOf } from "./compose.ts";
import { type Content, snippetOf, type StoredMessage } from "./content.ts";
import type { Source } from "./mailbox.ts";

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

export function numberedSource(address: string, options: NumberedOptions): Source {
  const at = (n: number): StoredMessage => numberedMessage(n, address, options);
  return {
    size: options.messages,
    labels: [{ id: "Label_1", name: "Of no message" }],
    numberOf: (id) => {
      if (!/^[0-9a-f]{16}$/.test(id)) return null;
      const n = Number((BigInt(`0x${id}`) - FIRST_ID) / ID_STRIDE);
      return n >= 1 && n <= options.messages && messageId(n) === id ? n : null;
    },
    at,
    next: at,
  };
}

export function numberedMessage(n: number, address: string, options: Partial<NumberedOptions> = {}): StoredMessage {
  const { spamEvery = 0, trashEvery = 0 } = options;
  const isEvery = (step: number): boolean => step > 0 && n % step === 0;
  const marks = { UNREAD: 3, STARRED: 10, CATEGORY_UPDATES: 5 };
  const labelIds = [
    isEvery(spamEvery) ? "SPAM" : isEvery(trashEvery) ? "TRASH" : "INBOX",
    ...Object.entries(marks).flatMap(([label, step]) => (isEvery(step) ? [label] : [])),
  ];
  const internalDateMs = FIRST_DATE_MS + n * DATE_STEP_MS;
  const content = (): Content => {
    const text = `Message ${n} & what it says`;
    const file = { mimeType: "text/csv", filename: `figures-${n}.csv`, text: `number\r\n${n}\r\n` };
    return {
      headers: [
        ["Date", new Date(internalDateMs).toUTCString().replace("GMT", "+0000")],
        ["From", SENDERS[n % SENDERS.length] ?? ""],
        ["To", address],
        ["Subject", `${SUBJECTS[n % SUBJECTS.length]} #${n}`],
        ["Message-ID", `<${n}@mail.example.com>`],
      ],
      snippet: snippetOf(text),
      body: bodyOf({ text, files: isEvery(7) ? [file] : [] }),
    };
  };
  return { id: messageId(n), threadId: messageId(n - ((n - 1) % 3)), labelIds, internalDateMs, content };
}
