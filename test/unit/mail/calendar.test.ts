/** What an invitation says (RFC 5545). */
import { describe, expect, test } from "vitest";
import { type CalendarEvent, readCalendar } from "../../../src/mail/calendar.ts";

function calendar(...lines: string[]): string {
  return ["BEGIN:VCALENDAR", "METHOD:REQUEST", "BEGIN:VEVENT", ...lines, "END:VEVENT", "END:VCALENDAR", ""].join(
    "\r\n",
  );
}

function event(...lines: string[]): CalendarEvent {
  return readCalendar(calendar(...lines))[0] ?? expect.fail("no event");
}

describe("an invitation", () => {
  test("says what, when, where and who", () => {
    const invited = event(
      "SUMMARY:Lunch\\, again\\; and",
      "  again",
      "DTSTART:20261201T100000Z",
      "DTEND:20261201T113000Z",
      "LOCATION;LANGUAGE=de:Café\\nKöln",
      'ORGANIZER;CN="Doe, Jörg";SENT-BY="mailto:x@x.test":mailto:j@example.org',
      "ATTENDEE;PARTSTAT=ACCEPTED;CN=Ann:MAILTO:ann@example.org",
      "ATTENDEE;ROLE=REQ-PARTICIPANT:mailto:bob@example.org",
      "RRULE:FREQ=WEEKLY;COUNT=3",
      "DESCRIPTION:One\\nTwo",
    );
    expect(invited).toEqual({
      method: "REQUEST",
      summary: "Lunch, again; and again",
      start: { ms: Date.UTC(2026, 11, 1, 10), isDay: false, zone: null },
      end: { ms: Date.UTC(2026, 11, 1, 11, 30), isDay: false, zone: null },
      rule: "FREQ=WEEKLY;COUNT=3",
      location: "Café\nKöln",
      organizer: "Doe, Jörg <j@example.org>",
      attendees: ["Ann <ann@example.org> (accepted)", "bob@example.org"],
      description: "One\nTwo",
    });
  });

  test.each<[string, string, CalendarEvent["start"]]>([
    ["an instant", "DTSTART:20260701T100000Z", { ms: Date.UTC(2026, 6, 1, 10), isDay: false, zone: null }],
    ["a day", "DTSTART;VALUE=DATE:20260701", { ms: Date.UTC(2026, 6, 1), isDay: true, zone: null }],
    [
      "summer in a zone",
      "DTSTART;TZID=Europe/Berlin:20260701T100000",
      { ms: Date.UTC(2026, 6, 1, 8), isDay: false, zone: null },
    ],
    [
      "winter in a zone",
      'DTSTART;TZID="America/New_York":20261201T100000',
      { ms: Date.UTC(2026, 11, 1, 15), isDay: false, zone: null },
    ],
    [
      "the night of a change",
      "DTSTART;TZID=Europe/Berlin:20260329T033000",
      { ms: Date.UTC(2026, 2, 29, 1, 30), isDay: false, zone: null },
    ],
    [
      "a time that comes twice, the first",
      "DTSTART;TZID=Europe/Berlin:20261025T023000",
      { ms: Date.UTC(2026, 9, 25, 0, 30), isDay: false, zone: null },
    ],
    [
      "a time that never comes",
      "DTSTART;TZID=America/New_York:20260308T023000",
      { ms: Date.UTC(2026, 2, 8, 7, 30), isDay: false, zone: null },
    ],
    [
      "a time that never comes, east of Greenwich",
      "DTSTART;TZID=Europe/Berlin:20260329T023000",
      { ms: Date.UTC(2026, 2, 29, 1, 30), isDay: false, zone: null },
    ],
    [
      "the hour after a change",
      "DTSTART;TZID=America/New_York:20260308T030000",
      { ms: Date.UTC(2026, 2, 8, 7), isDay: false, zone: null },
    ],
    [
      "the evening before a change",
      "DTSTART;TZID=America/New_York:20260307T200000",
      { ms: Date.UTC(2026, 2, 8, 1), isDay: false, zone: null },
    ],
    ["UTC by name", "DTSTART;TZID=UTC:20260701T100000", { ms: Date.UTC(2026, 6, 1, 10), isDay: false, zone: null }],
    [
      "a zone of one word",
      "DTSTART;TZID=EST5EDT:20260701T100000",
      { ms: Date.UTC(2026, 6, 1, 14), isDay: false, zone: null },
    ],
    [
      "a zone that is an offset",
      "DTSTART;TZID=Etc/GMT+5:20260701T100000",
      { ms: Date.UTC(2026, 6, 1, 15), isDay: false, zone: null },
    ],
    [
      "a word that is no zone",
      "DTSTART;TZID=Local:20260701T100000",
      { ms: Date.UTC(2026, 6, 1, 10), isDay: false, zone: "Local" },
    ],
    [
      "a zone of Microsoft's",
      "DTSTART;TZID=W. Europe Standard Time:20260701T100000",
      { ms: Date.UTC(2026, 6, 1, 10), isDay: false, zone: "W. Europe Standard Time" },
    ],
    [
      "a zone that is none",
      "DTSTART;TZID=Mars/Olympus:20260701T100000",
      { ms: Date.UTC(2026, 6, 1, 10), isDay: false, zone: "Mars/Olympus" },
    ],
    ["wherever one is", "DTSTART:20260701T100000", { ms: Date.UTC(2026, 6, 1, 10), isDay: false, zone: "" }],
    ["nonsense", "DTSTART:tomorrow", null],
  ])("begins at %s", (_, line, expected) => {
    expect(event(line).start).toEqual(expected);
  });

  test.each<[string, string | null]>([
    ["CN=Ann;EMAIL=ann@icloud.com:/aMTIz/principal/", "Ann <ann@icloud.com>"],
    ["CN=Bob;EMAIL=bob@x.org;CUTYPE=INDIVIDUAL:urn:uuid:123", "Bob <bob@x.org>"],
    ['EMAIL="mailto:bob@x.org":urn:uuid:123', "bob@x.org"],
    ["CN=bob@x.org;EMAIL=bob@x.org:mailto:uuid@imip.me.com", "bob@x.org"],
    ["CN=Ann:/aMTIz/principal/", "Ann"],
    ["CN=Ann:invalid:nomail", "Ann"],
    ["X=1:urn:uuid:123", "urn:uuid:123"],
    ["CN=Ann:ann@x.org", "Ann <ann@x.org>"],
    ["CN=\"Bob ^'the^' B\":mailto:b@x.org", 'Bob "the" B <b@x.org>'],
    ["CN=a^^b^nc^d:mailto:b@x.org", "a^b c^d <b@x.org>"],
    ["CN=Ann (Work):mailto:a@x.org", "Ann (Work) <a@x.org>"],
    ['CN="Doe; Jane: x":mailto:j@x.org', "Doe; Jane: x <j@x.org>"],
    ['CN="Doe\\, Jane":mailto:j@x.org', "Doe, Jane <j@x.org>"],
    ["CN==?utf-8?Q?J=C3=B6rg?=:mailto:j@x.org", "Jörg <j@x.org>"],
  ])("is by and for people with names and addresses: %s", (rest, expected) => {
    const { organizer, attendees } = event(`ORGANIZER;${rest}`, `ATTENDEE;PARTSTAT=NEEDS-ACTION;${rest}`);
    expect([organizer, attendees]).toEqual([expected, [expected]]);
  });

  test("ends after its duration", () => {
    expect(event("DTSTART:20260701T100000Z", "DURATION:P1DT1H30M").end?.ms).toBe(Date.UTC(2026, 6, 2, 11, 30));
    expect(event("DTSTART:20260701T100000Z", "DURATION:long").end).toBeNull();
    expect(event("SUMMARY:x").end).toBeNull();
  });

  test("may be cancelled, a task, several, with bare line ends, and not mixed up with its alarms", () => {
    expect(event("STATUS:CANCELLED").method).toBe("REQUEST");
    const text =
      "BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nBEGIN:STANDARD\nDTSTART:16010101T000000\nEND:STANDARD\nEND:VTIMEZONE\n" +
      "begin:vevent\nSTATUS:CANCELLED\nSummary:One\nBEGIN:VALARM\nSUMMARY:Alarm\nEND:VALARM\nEND:VEVENT\n" +
      "BEGIN:VTODO\nSUMMARY:Two\nDUE;VALUE=DATE:20260701\nEND:VTODO\nEND:VCALENDAR";
    const [one, two] = readCalendar(text);
    expect([one?.method, one?.summary, one?.start, two?.summary, two?.end?.isDay]).toEqual([
      "CANCEL",
      "One",
      null,
      "Two",
      true,
    ]);
  });

  test("of anything else is none, in time", () => {
    for (const text of ["", "hello", "BEGIN:VEVENT", "END:VEVENT", calendar(":", ";", "A;B;C", "X;Y=:z")]) {
      expect(readCalendar(text).length).toBeLessThanOrEqual(1);
    }
    for (const part of ["BEGIN:VEVENT\r\n", 'A;B="', "ATTENDEE:x\r\n", "ATTENDEE;CN=x", ';A="', ";", "\r\n "]) {
      const beganMs = performance.now();
      readCalendar(calendar(part.repeat(200_000)));
      expect(performance.now() - beganMs, part).toBeLessThan(4_000);
    }
  });
});
