/**
 * Mail that no person typed: newsletters, receipts, build notices, invitations, social networks, mailing lists and spam.
 * `{n}`, `{price}`, `{day}`… are filled in by the generator.
 */

/** A kind of automatic mail and what is peculiar about it. */
export interface SenderKind {
  /** How many of them the busy mailbox holds. */
  readonly count: number;
  readonly labels: readonly string[];
  /** A label of the user's own, on about two thirds of them. */
  readonly userLabel?: string;
  readonly isHtml?: boolean;
  /** What comes with about half of them. */
  readonly file?: "pdf" | "ics";
  /** Of a mailing list. */
  readonly listId?: string;
  readonly senders: readonly (readonly [from: string, text: string, ...subjects: string[]])[];
}

const EVENT =
  "You have been invited to the following event.\n\nWhen: {day}\nWhere: Room 4 / video call\n\nGoing? Yes - Maybe - No";
const LIST =
  "On {day} Kwame wrote:\n> A read may be a minute old, so never treat a miss as a delete.\n\nExactly. +1\n\n--\nworkers-discuss mailing list";
const SOCIAL = "See what you missed.\n\nThis message was sent to robin.keller@example.com.";

// prettier-ignore
export const SENDER_KINDS: readonly SenderKind[] = [
  { count: 260, labels: ["INBOX", "CATEGORY_PROMOTIONS"], isHtml: true, senders: [
    ["The Slow Kettle <weekly@slowkettle.example>",
      "Your newsletter · Issue {n}\n\nThree things we liked this week, and one we didn't.\n\nUnsubscribe | Manage preferences",
      "Issue {n}: what the tide leaves behind", "☕ {n} kettles, tested so you don't have to", "Issue {n}: letters from readers"],
    ['"Bücher & Mehr" <post@buecher.example>',
      "Guten Tag Robin Keller,\n\ndas lesen wir gerade: {n} Empfehlungen aus der Redaktion.\n\nAbmelden",
      "Neue Bücher im {month}: unsere {n} Favoriten", "Nur heute: {n} % auf Hörbücher"],
    ["دفتر القراءة <nashra@qiraa.example>", "عزيزي القارئ،\n\nاخترنا لك {n} كتب هذا الأسبوع.\n\nإلغاء الاشتراك",
      "العدد {n}: كتب تستحق القراءة", "مقال الأسبوع: لماذا نقرأ؟"],
    ["深夜書店 <news@shinya.example>", "ロビン様\n\n今月のおすすめをお届けします。\n\n配信停止はこちら",
      "【第{n}号】今月のおすすめ", "新刊{n}点入荷しました"],
  ] },
  { count: 150, labels: ["INBOX", "CATEGORY_UPDATES"], userLabel: "Label_receipts", isHtml: true, file: "pdf", senders: [
    ["Corner Grocer <receipts@grocer.example>",
      "Thank you for your order #{order}.\n\nTotal: {price} (VAT included)\nQuestions? Just reply to this message.",
      "Your receipt from Corner Grocer, {price}", "We refunded {price} for order {order}"],
    ["Parcel Post <tracking@parcel.example>", "Your parcel {order} is on its way.\n\nExpected: {day}, between 10:00 and 14:00.",
      "Order #{order} has shipped 📦", "Delivered: your parcel {order}"],
  ] },
  { count: 190, labels: ["INBOX", "CATEGORY_FORUMS"], userLabel: "Label_ci", senders: [
    ["build-bot <notifications@forge.example>",
      "Run {hash} on branch main.\n\n  ✓ lint   ✓ types   ✗ test (2 failed, {n} passed)\n\nYou are subscribed to this thread.",
      "[edge/listing] Run failed: test (main, {hash})", "[edge/listing] Run succeeded: deploy (v1.{n}.0)",
      "[edge/listing] Bump vitest from 4.0.{n} to 4.1.0 (PR #{order})"],
    ['"Lin Wei (via Forge)" <notifications@forge.example>',
      "@linwei commented on this pull request.\n\n> if (page.messages === undefined) break;\n\nA page may be empty and still have a token.",
      "Re: [edge/listing] fix(paging): don't drop the last page (PR #{n})",
      "Re: [edge/listing] <Subject> is not escaped in the inbox (Issue #{n})"],
  ] },
  { count: 90, labels: ["INBOX", "CATEGORY_SOCIAL"], isHtml: true, senders: [
    ["Picturegram <notify@picturegram.example>", SOCIAL, "Maya Whitfield and {n} others liked your photo ❤️",
      "佐藤 さくら mentioned you in a comment", "شیرین کاظمی sent you a message"],
  ] },
  { count: 70, labels: ["INBOX", "CATEGORY_PERSONAL", "IMPORTANT"], userLabel: "Label_work", file: "ics", senders: [
    ["Lin Wei <lin.wei@work.example>", EVENT, "Invitation: Planning, sprint {n} @ {day} 10am - 11am (CET)",
      "Updated invitation: 1:1 Robin / Lin @ {day} 3pm", "Canceled: Quarterly review @ {day}"],
    ["Maya Whitfield <maya.whitfield@example.org>", EVENT, "Accepted: Lunch @ {day} 12:30",
      "Invitation: Choir rehearsal @ {day} 7pm"],
    ["נועה בן־דוד <noa.bendavid@doar.example>", "הוזמנת לאירוע.\n\nמתי: {day}\nאיפה: Room 4", "הזמנה: תכנון ספרינט {n} @ {day}"],
  ] },
  { count: 150, labels: ["INBOX", "CATEGORY_FORUMS"], userLabel: "Label_lists", listId: "Workers <workers-discuss.lists.example>", senders: [
    ["Petra Olsen via workers-discuss <workers-discuss@lists.example>", LIST,
      "[workers-discuss] KV read after write: what do you rely on?", "[workers-discuss] [ANN] release {n}.0 — breaking: cookies"],
    ["Kwame Mensah via workers-discuss <workers-discuss@lists.example>", LIST,
      "[workers-discuss] Re: Re: Fwd: streaming NDJSON through a service binding", "workers-discuss Digest, Vol {n}, Issue 4"],
  ] },
  { count: 60, labels: ["SPAM"], isHtml: true, senders: [
    ['"Prize Dept." <winner@totally-legit.example>', "Dear beneficiary,\n\nkindly reply with your details.",
      "Y0U W0N {price}!!! claim n0w", "🔥🔥🔥 {n} gift cards waiting 🔥🔥🔥"],
    // Latin letters replaced by Cyrillic ones that look the same.
    ["Rоbin Kеllеr <robin.keller@examp1e.example>", "Your mailbox is full. Click here to keep your messages.",
      "Urgent: verify your acc\u200Bount within {n} hours", "Invoice \u202Efdp.exe {order}"],
  ] },
];
