/** What the pages are made of: entities of snippets, dates by the reader, pieces of a stream. */
import { describe, expect, test } from "vitest";
import { decodeEntities } from "../../../src/lib/entities.ts";
import { gmailUrl, mailboxUrl } from "../../../src/pages/mailbox.tsx";
import { ErrorPage } from "../../../src/pages/error.tsx";
import { Invitations } from "../../../src/pages/message-parts.tsx";
import { longDate, shortDate, toReader } from "../../../src/pages/dates.ts";

describe("a snippet", () => {
  test.each([
    ["Tom &amp; Jerry", "Tom & Jerry"],
    ["&lt;b&gt; &quot;x&quot; &#39;y&#39; &apos;z&apos;", "<b> \"x\" 'y' 'z'"],
    ["&amp;lt;", "&lt;"],
    ["&#8217;&#x2019;&#X2019;", "’’’"],
    ["&#128140; &nbsp;", "💌 \u{a0}"],
    ["&#1114112; &#x110000; &#99999999;", "&#1114112; &#x110000; &#99999999;"],
    ["&unknown; &; &#; &#x; & amp; AT&T", "&unknown; &; &#; &#x; & amp; AT&T"],
    ["", ""],
  ])("%j stands for %j", (snippet, text) => {
    expect(decodeEntities(snippet)).toBe(text);
  });
});

describe("a reader", () => {
  const nowMs = Date.UTC(2026, 10, 22, 12);
  const read = (acceptLanguage: string | null, timeZone: unknown) => toReader({ acceptLanguage, timeZone, nowMs });

  test.each<[string | null, string]>([
    ["de-CH,de;q=0.9,en;q=0.8", "de-CH"],
    [" ja ;q=0.5", "ja"],
    ["*", "en"],
    ["", "en"],
    ["_nonsense_", "en"],
    ["<script>", "en"],
    [null, "en"],
  ])("who sends Accept-Language %j reads %s", (header, locale) => {
    expect(read(header, "UTC").locale).toBe(locale);
  });

  test.each<[unknown, string]>([
    ["Europe/Zurich", "Europe/Zurich"],
    ["Mars/Olympus", "UTC"],
    [undefined, "UTC"],
    [{}, "UTC"],
  ])("whose connection is in %j has the time of %s", (timeZone, expected) => {
    expect(read("en", timeZone).timeZone).toBe(expected);
  });

  test.each<[string, number, string]>([
    ["an hour ago, the time", Date.UTC(2026, 10, 22, 11), "12:00"],
    ["almost a day ago, the time", nowMs - 24 * 3_600_000 + 1, "13:00"],
    ["a day ago, the day", nowMs - 24 * 3_600_000, "21 Nov"],
    ["last year, the date", Date.UTC(2025, 10, 22, 12), "22 Nov 2025"],
    ["in the future, the day", nowMs + 1, "22 Nov"],
  ])("sees of a message %s", (_, dateMs, expected) => {
    expect(shortDate(dateMs, read("en-GB", "Europe/Zurich"))).toBe(expected);
  });

  test("sees a full date in the own language and zone", () => {
    expect(longDate(nowMs, read("de-CH", "Asia/Tokyo"))).toBe("Sonntag, 22. November 2026 um 21:00");
  });
});

describe("a number of one is no plural:", () => {
  test.each([
    [1, "1 second."],
    [2, "2 seconds."],
    [119, "119 seconds."],
    [120, "2 minutes."],
    [121, "3 minutes."],
  ])("a wait of %i s is %s", async (retryAfterSeconds, words) => {
    const error = { reason: "RATE_LIMITED", code: 429, message: "Wait.", retryAfterSeconds, link: null } as const;
    const page = await ErrorPage({ error, requestId: "r", authorizationUrl: null, nonce: "n" });
    expect(String(page)).toContain(`Try again in ${words}`);
  });

  test.each([
    ["FREQ=DAILY;COUNT=1", "every day, 1 time"],
    ["FREQ=DAILY;COUNT=2", "every day, 2 times"],
    ["FREQ=WEEKLY;INTERVAL=1", "every week"],
    ["FREQ=WEEKLY;INTERVAL=2", "every 2 weeks"],
  ])("an event by the rule %s is repeated %s", async (rule, words) => {
    const event = ["BEGIN:VEVENT", "DTSTART:20261122T120000Z", `RRULE:${rule}`, "END:VEVENT"];
    const text = ["BEGIN:VCALENDAR", "METHOD:REQUEST", ...event, "END:VCALENDAR"].join("\r\n");
    const reader = toReader({ acceptLanguage: "en", timeZone: "UTC", nowMs: 0 });
    expect(String(await Invitations({ text, reader }))).toContain(`<bdi>${words}</bdi>`);
  });
});

describe("an address of ours", () => {
  test.each([
    [{ q: "", labelId: "" }, {}, "/"],
    [{ q: "a&b=c #d", labelId: "INBOX" }, {}, "/?q=a%26b%3Dc+%23d&label=INBOX"],
    [{ q: "", labelId: "" }, { pageToken: "t+/=", newer: "~a" }, "/?pageToken=t%2B%2F%3D&newer=%7Ea"],
  ])("for %j, %j is %s", (view, page, expected) => {
    expect(mailboxUrl(view, page)).toBe(expected);
  });

  test("of Gmail names the account, and nothing in a thread's ID can change where it leads", () => {
    expect(gmailUrl("18c", "a+b@example.test")).toBe(
      "https://mail.google.com/mail/?authuser=a%2Bb%40example.test#all/18c",
    );
    expect(gmailUrl("../x?y#z", null)).toBe("https://mail.google.com/mail/#all/..%2Fx%3Fy%23z");
  });
});
