/**
 * Mail that no person typed: newsletters, receipts, build notices, invitations, social networks,
 * mailing lists and spam. `{n}`, `{price}`, `{day}`… are filled in by the generator.
 */

/** One program that sends mail. */
interface AutomaticSender {
  readonly from: string;
  readonly subjects: readonly string[];
  readonly text: string;
}

/** A kind of automatic mail and what is peculiar about it. */
export interface SenderKind {
  /** How many of them the busy mailbox holds. */
  readonly count: number;
  readonly labels: readonly string[];
  /** A label of the user's own, on about two thirds of them. */
  readonly userLabel: string | null;
  readonly isHtml: boolean;
  /** What comes with about half of them. */
  readonly file?: "pdf" | "ics";
  /** Of a mailing list. */
  readonly listId?: string;
  readonly senders: readonly AutomaticSender[];
}

const NEWSLETTERS: SenderKind = {
  count: 260,
  labels: ["INBOX", "CATEGORY_PROMOTIONS"],
  userLabel: null,
  isHtml: true,
  senders: [
    {
      from: "The Slow Kettle <weekly@slowkettle.example>",
      subjects: [
        "Issue {n}: what the tide leaves behind",
        "☕ {n} kettles, tested so you don't have to",
        "Issue {n}: letters from readers",
      ],
      text: "Your newsletter · Issue {n}\n\nThree things we liked this week, and one we didn't.\n\nUnsubscribe | Manage preferences",
    },
    {
      from: '"Bücher & Mehr" <post@buecher.example>',
      subjects: ["Neue Bücher im {month}: unsere {n} Favoriten", "Nur heute: {n} % auf Hörbücher"],
      text: "Guten Tag Robin Keller,\n\ndas lesen wir gerade: {n} Empfehlungen aus der Redaktion.\n\nAbmelden",
    },
    {
      from: "Trail Notes <hello@trailnotes.example>",
      subjects: [
        "Last chance: {n}% off until midnight ⏰",
        "{n} hut-to-hut walks for {month}",
        "You're in! Here's what to read first",
      ],
      text: "Hi Robin,\n\nsnow is gone below 1,800 m. Here's where we'd walk this weekend.\n\nUpdate your profile · Unsubscribe",
    },
    {
      from: "دفتر القراءة <nashra@qiraa.example>",
      subjects: ["العدد {n}: كتب تستحق القراءة", "مقال الأسبوع: لماذا نقرأ؟"],
      text: "عزيزي القارئ،\n\nاخترنا لك {n} كتب هذا الأسبوع.\n\nإلغاء الاشتراك",
    },
    {
      from: "深夜書店 <news@shinya.example>",
      subjects: ["【第{n}号】今月のおすすめ", "新刊{n}点入荷しました"],
      text: "ロビン様\n\n今月のおすすめをお届けします。\n\n配信停止はこちら",
    },
  ],
};

const RECEIPTS: SenderKind = {
  count: 150,
  labels: ["INBOX", "CATEGORY_UPDATES"],
  userLabel: "Label_receipts",
  isHtml: true,
  file: "pdf",
  senders: [
    {
      from: "Corner Grocer <receipts@grocer.example>",
      subjects: ["Your receipt from Corner Grocer, {price}", "We refunded {price} for order {order}"],
      text: "Thank you for your order #{order}.\n\nTotal: {price} (VAT included)\nQuestions? Just reply to this message.",
    },
    {
      from: "Bahn Tickets <buchung@bahn.example>",
      subjects: ["Buchungsbestätigung {order}: Köln Hbf → Basel SBB", "Verspätung: Ihr Zug am {day}"],
      text: "Ihre Buchung {order}\n\nHinfahrt: {day}, Wagen 7, Platz {n}\n\nGute Reise!",
    },
    {
      from: "Parcel Post <tracking@parcel.example>",
      subjects: ["Order #{order} has shipped 📦", "Delivered: your parcel {order}"],
      text: "Your parcel {order} is on its way.\n\nExpected: {day}, between 10:00 and 14:00.",
    },
    {
      from: "חשמל בקליק <invoice@hashmal.example>",
      subjects: ["חשבונית מס׳ {order} על סך ₪{n}", "תזכורת לתשלום: ₪{n} עד {day}"],
      text: "לקוח יקר,\n\nמצורפת חשבונית {order}.\n\nתודה רבה",
    },
    {
      from: "Streamly Billing <billing@streamly.example>",
      subjects: ["Payment of {price} failed: please update your card", "Your plan renews on {day}"],
      text: "We couldn't charge {price} to your card ending in 42{n}.\n\nUpdate your payment method to keep watching.",
    },
  ],
};

const BUILD_NOTICES: SenderKind = {
  count: 190,
  labels: ["INBOX", "CATEGORY_FORUMS"],
  userLabel: "Label_ci",
  isHtml: false,
  senders: [
    {
      from: "build-bot <notifications@forge.example>",
      subjects: [
        "[edge/listing] Run failed: test (main, {hash})",
        "[edge/listing] Run succeeded: deploy (v1.{n}.0)",
        "[edge/listing] Bump vitest from 4.0.{n} to 4.1.0 (PR #{order})",
      ],
      text: "Run {hash} on branch main.\n\n  ✓ lint   ✓ types   ✗ test (2 failed, {n} passed)\n\nYou are receiving this because you are subscribed to this thread.",
    },
    {
      from: '"Lin Wei (via Forge)" <notifications@forge.example>',
      subjects: [
        "Re: [edge/listing] fix(paging): don't drop the last page (PR #{n})",
        "Re: [edge/listing] <Subject> is not escaped in the inbox (Issue #{n})",
      ],
      text: "@linwei commented on this pull request.\n\n> if (page.messages === undefined) break;\n\nA page may be empty and still have a token, so this `break` is too early.",
    },
    {
      from: "Status <status@uptime.example>",
      subjects: [
        "[Resolved] Elevated error rates in eu-west",
        "[Investigating] {n}% of requests time out",
        "Certificate for *.edge.example expires in {n} days",
      ],
      text: "We are investigating reports of errors.\n\nNext update in 30 minutes.",
    },
  ],
};

const SOCIAL: SenderKind = {
  count: 90,
  labels: ["INBOX", "CATEGORY_SOCIAL"],
  userLabel: null,
  isHtml: true,
  senders: [
    {
      from: "Picturegram <notify@picturegram.example>",
      subjects: [
        "Maya Whitfield and {n} others liked your photo ❤️",
        "佐藤 さくら mentioned you in a comment",
        "شیرین کاظمی sent you a message",
      ],
      text: "See what you missed.\n\nThis message was sent to robin.keller@example.com.",
    },
    {
      from: "Worklink <updates@worklink.example>",
      subjects: [
        "You appeared in {n} searches this week",
        "👩🏽‍💻 Your network is talking about edge computing",
        "김서연 wants to connect",
      ],
      text: "{n} people viewed your profile.\n\nThis message was sent to robin.keller@example.com.",
    },
  ],
};

const INVITATION_TEXT =
  "You have been invited to the following event.\n\nWhen: {day}\nWhere: Room 4 / video call\n\nGoing? Yes - Maybe - No";

const INVITATIONS: SenderKind = {
  count: 70,
  labels: ["INBOX", "CATEGORY_PERSONAL", "IMPORTANT"],
  userLabel: "Label_work",
  isHtml: false,
  file: "ics",
  senders: [
    {
      from: "Lin Wei <lin.wei@work.example>",
      subjects: [
        "Invitation: Planning, sprint {n} @ {day} 10am - 11am (CET)",
        "Updated invitation: 1:1 Robin / Lin @ {day} 3pm",
        "Canceled: Quarterly review @ {day}",
      ],
      text: INVITATION_TEXT,
    },
    {
      from: "Maya Whitfield <maya.whitfield@example.org>",
      subjects: ["Accepted: Lunch @ {day} 12:30", "Invitation: Choir rehearsal @ {day} 7pm"],
      text: INVITATION_TEXT,
    },
    {
      from: "נועה בן־דוד <noa.bendavid@doar.example>",
      subjects: ["הזמנה: תכנון ספרינט {n} @ {day}"],
      text: "הוזמנת לאירוע.\n\nמתי: {day}\nאיפה: Room 4",
    },
  ],
};

const LIST_TEXT =
  "On {day} Kwame wrote:\n> A read may be a minute old, so never treat a miss as a delete.\n\nExactly. +1\n\n--\nworkers-discuss mailing list";

const MAILING_LISTS: SenderKind = {
  count: 150,
  labels: ["INBOX", "CATEGORY_FORUMS"],
  userLabel: "Label_lists",
  isHtml: false,
  listId: "Workers <workers-discuss.lists.example>",
  senders: [
    {
      from: "Petra Olsen via workers-discuss <workers-discuss@lists.example>",
      subjects: [
        "[workers-discuss] KV read after write: what do you rely on?",
        "[workers-discuss] [ANN] release {n}.0 — breaking: cookies",
      ],
      text: LIST_TEXT,
    },
    {
      from: "Kwame Mensah via workers-discuss <workers-discuss@lists.example>",
      subjects: ["[workers-discuss] Re: Re: Fwd: streaming NDJSON through a service binding"],
      text: LIST_TEXT,
    },
    {
      from: "workers-discuss-request <workers-discuss-request@lists.example>",
      subjects: ["workers-discuss Digest, Vol {n}, Issue 4"],
      text: "Today's Topics:\n\n   1. KV read after write (Petra Olsen)\n   2. Re: streaming NDJSON (Kwame Mensah)",
    },
  ],
};

const SPAM: SenderKind = {
  count: 60,
  labels: ["SPAM"],
  userLabel: null,
  isHtml: true,
  senders: [
    {
      from: '"Prize Dept." <winner@totally-legit.example>',
      subjects: ["Y0U W0N {price}!!! claim n0w", "🔥🔥🔥 {n} gift cards waiting 🔥🔥🔥"],
      text: "Dear beneficiary,\n\nkindly reply with your details.",
    },
    {
      // Latin letters replaced by Cyrillic ones that look the same.
      from: "Rоbin Kеllеr <robin.keller@examp1e.example>",
      subjects: ["Urgent: verify your acc\u200Bount within {n} hours", "Invoice \u202Efdp.exe {order}"],
      text: "Your mailbox is full. Click here to keep your messages.",
    },
    {
      from: "ＦＲＥＥ　ＧＩＦＴ <gift@spam.example>",
      subjects: ["恭喜您获得{n}元大奖", "Re: Re: Re: your approved loan of {price}"],
      text: "Limited offer.",
    },
  ],
};

export const SENDER_KINDS: readonly SenderKind[] = [
  NEWSLETTERS,
  RECEIPTS,
  BUILD_NOTICES,
  SOCIAL,
  INVITATIONS,
  MAILING_LISTS,
  SPAM,
];
