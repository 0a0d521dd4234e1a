/**
 * What an invitation says (RFC 5545, RFC 5546): what, when, where, who. No calendar: it computes no repetitions.
 *
 * ical.js has 23 KiB gzip, a fifth of what the Worker may have, for these few lines.
 */
import { decodeWords } from "../mime/encoded-words.ts";
import { isVisible, oneLine } from "../mime/visible.ts";

/** When something begins or ends. */
export interface CalendarTime {
  /** Epoch milliseconds; for a day and for a time in a zone that is not known, as if that were UTC. */
  readonly ms: number;
  readonly isDay: boolean;
  /** Of a zone that is not known, its name; empty for the time wherever one is; null where `ms` is the instant. */
  readonly zone: string | null;
}

export interface CalendarEvent {
  /** `REQUEST`, `CANCEL`, `REPLY`, …; empty where there is none. */
  readonly method: string;
  readonly summary: string | null;
  readonly start: CalendarTime | null;
  readonly end: CalendarTime | null;
  /** How it repeats, as RFC 5545 says it; null where it does not. */
  readonly rule: string | null;
  readonly location: string | null;
  readonly organizer: string | null;
  /** Names, with what they have answered. */
  readonly attendees: readonly string[];
  readonly description: string | null;
}

/** Events that are shown. */
const MAX_EVENTS = 10;
const MAX_ATTENDEES = 100;
/** More is no invitation. */
const MAX_CHARACTERS = 500_000;
const DAY_MS = 86_400_000;

interface Property {
  readonly parameters: ReadonlyMap<string, string>;
  readonly value: string;
}

type Component = ReadonlyMap<string, readonly Property[]>;

/** The events and tasks of a calendar. */
export function readCalendar(text: string): CalendarEvent[] {
  // §3.1: a line that begins with a space goes on.
  const lines = text
    .slice(0, MAX_CHARACTERS)
    .replaceAll(/\r?\n[ \t]/g, "")
    .split(/\r?\n/);
  const events: CalendarEvent[] = [];
  const open: string[] = [];
  let method = "";
  let component = new Map<string, Property[]>();
  for (const line of lines) {
    const [, name = "", parameters = "", value = ""] =
      /^([\w-]+)((?:;[^":;]*(?:"[^"]*"[^":;]*)*)*):([^]*)$/.exec(line) ?? [];
    const property = name.toUpperCase();
    if (property === "BEGIN") {
      open.push(value.trim().toUpperCase());
      if (isEvent(open.at(-1))) component = new Map();
    } else if (property === "END") {
      if (isEvent(open.pop()) && events.length < MAX_EVENTS) events.push(toEvent(component, method));
    } else if (property === "METHOD" && open.length <= 1) method = value.trim().toUpperCase();
    else if (isEvent(open.at(-1)) && property !== "") {
      const parsed = { parameters: readParameters(parameters), value };
      component.set(property, [...(component.get(property) ?? []), parsed].slice(0, MAX_ATTENDEES));
    }
  }
  return events;
}

/** §3.2. Of several with the same name, the first counts. */
function readParameters(source: string): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const [, name = "", value = ""] of source.matchAll(/;([\w-]+)=((?:[^";]|"[^"]*")*)/g)) {
    const key = name.toLowerCase();
    if (!parameters.has(key)) parameters.set(key, decodeWords(unescapeValue(value.trim())));
  }
  return parameters;
}

/** RFC 6868; some write a backslash as in a value. */
function unescapeValue(value: string): string {
  return value.replaceAll(/["\\]|\^([n'^])/g, (_, escaped: string | undefined) =>
    escaped === undefined ? "" : escaped === "n" ? "\n" : escaped === "'" ? '"' : "^",
  );
}

function isEvent(component: string | undefined): boolean {
  return component === "VEVENT" || component === "VTODO";
}

function toEvent(component: Component, method: string): CalendarEvent {
  const first = (name: string): Property | null => component.get(name)?.[0] ?? null;
  const start = toTime(first("DTSTART"));
  return {
    method: method || (first("STATUS")?.value.trim().toUpperCase() === "CANCELLED" ? "CANCEL" : ""),
    summary: toText(first("SUMMARY")),
    start,
    end: toTime(first("DTEND") ?? first("DUE")) ?? afterDuration(start, first("DURATION")?.value ?? ""),
    rule: first("RRULE")?.value.trim() || null,
    location: toText(first("LOCATION")),
    organizer: toPerson(first("ORGANIZER")),
    attendees: (component.get("ATTENDEE") ?? []).map(toAttendee).filter((name) => name !== null),
    description: toText(first("DESCRIPTION")),
  };
}

/** §3.3.11 */
function toText(property: Property | null): string | null {
  const text = property?.value.replaceAll(/\\([^])/g, (_, escaped: string) => (/n/i.test(escaped) ? "\n" : escaped));
  return isVisible(text) ? text.trim() : null;
}

function toPerson(property: Property | null): string | null {
  if (property === null) return null;
  const name = oneLine(property.parameters.get("cn") ?? "");
  const address = addressOf(property);
  if (!isVisible(name) || name === address) return address || oneLine(property.value) || null;
  return address === "" ? name : `${name} <${address}>`;
}

/** RFC 7986 §6.2: where the value is another URI, such as an account's path, `EMAIL` is the address. Empty for none. */
function addressOf({ parameters, value }: Property): string {
  const [email, own] = [parameters.get("email") ?? "", value].map((text) => oneLine(text).replace(/^mailto:/i, ""));
  return isVisible(email) ? email : own?.includes("@") ? own : "";
}

/** §3.2.12 */
const ANSWERS: Readonly<Record<string, string>> = { ACCEPTED: "accepted", DECLINED: "declined", TENTATIVE: "maybe" };

function toAttendee(property: Property): string | null {
  const person = toPerson(property);
  const answer = ANSWERS[property.parameters.get("partstat")?.toUpperCase() ?? ""];
  return person === null || answer === undefined ? person : `${person} (${answer})`;
}

/** §3.3.4, §3.3.5 */
function toTime(property: Property | null): CalendarTime | null {
  const digits = /^\s*(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)?(Z)?)?\s*$/i.exec(property?.value ?? "");
  if (digits === null) return null;
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = digits
    .slice(1, 7)
    .map((text) => Number(text ?? 0));
  const wallMs = Date.UTC(year, month - 1, day, hour, minute, second);
  if (digits[4] === undefined) return { ms: wallMs, isDay: true, zone: null };
  if (digits[7] !== undefined) return { ms: wallMs, isDay: false, zone: null };
  const zone = oneLine(property?.parameters.get("tzid") ?? "");
  const ms = inZone(wallMs, zone);
  return ms === null ? { ms: wallMs, isDay: false, zone } : { ms, isDay: false, zone: null };
}

/** The instant at which clocks of an IANA zone show a time; null where the zone is none of them. */
function inZone(wallMs: number, zone: string): number | null {
  // Windows has names of its own, and offsets are no names.
  if (!/^[A-Za-z][\w+-]*(?:\/[\w+-]+)*$/.test(zone)) return null;
  try {
    const format = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
    const shownMs = (ms: number): number => {
      const part = Object.fromEntries(format.formatToParts(ms).map(({ type, value }) => [type, Number(value)]));
      const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
      return Date.UTC(year, month - 1, day, hour, minute, second);
    };
    // §3.3.5: of a time that comes twice the first, and for one that never comes the offset before the change of clocks.
    const [before = 0, after = 0] = [-DAY_MS, DAY_MS].map((days) => wallMs - (shownMs(wallMs + days) - wallMs - days));
    return shownMs(before) !== wallMs && shownMs(after) === wallMs ? after : before;
  } catch {
    return null;
  }
}

/** §3.3.6 */
function afterDuration(start: CalendarTime | null, duration: string): CalendarTime | null {
  const match = /^\s*\+?P(?:(\d{1,4})W)?(?:(\d{1,5})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(\d{1,8})S)?)?\s*$/i.exec(
    duration,
  );
  if (start === null || match === null) return null;
  const [weeks = 0, days = 0, hours = 0, minutes = 0, seconds = 0] = match.slice(1).map((text) => Number(text ?? 0));
  return { ...start, ms: start.ms + ((((weeks * 7 + days) * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000 };
}
