/**
 * Parts of a message that are neither text nor HTML and have something to say: invitations, and reports on mail that was sent.
 */
import { type CalendarEvent, type CalendarTime, readCalendar } from "../mail/calendar.ts";
import { type DeliveryStatus, readDeliveryStatus } from "../mail/delivery-status.ts";
import { dayDate, longDate, type Reader } from "./dates.ts";

/** What RFC 5546 calls a method, for people. */
const METHODS: Readonly<Record<string, string>> = {
  CANCEL: "Cancelled",
  COUNTER: "Another time is proposed",
  DECLINECOUNTER: "The proposed time is declined",
  REPLY: "Answer to an invitation",
  REQUEST: "Invitation",
};

export function Invitations({ text, reader }: { text: string; reader: Reader }) {
  const events = readCalendar(text);
  if (events.length === 0) {
    return (
      <pre class="text" dir="auto">
        {text}
      </pre>
    );
  }
  return <>{events.map((event) => Invitation({ event, reader }))}</>;
}

function Invitation({ event, reader }: { event: CalendarEvent; reader: Reader }) {
  const { attendees, description, location, method, organizer, rule, start, summary } = event;
  return (
    <section class="card" aria-label="Invitation">
      <p class="muted">{METHODS[method] ?? "Calendar event"}</p>
      <dl class="headers">
        <Row name="What" value={summary ?? "(no title)"} />
        {start !== null && (
          <div>
            <dt>When</dt>
            <dd>
              <When time={start} reader={reader} />
              {event.end !== null && !isSameTime(start, event.end) && (
                <>
                  {" "}
                  to <When time={lastOf(event.end)} reader={reader} />
                </>
              )}
            </dd>
          </div>
        )}
        <Row name="Repeats" value={rule === null ? null : ruleWords(rule)} />
        <Row name="Where" value={location} />
        <Row name="Organizer" value={organizer} />
        <Row name="Who" value={attendees.length === 0 ? null : attendees.join(", ")} />
        <Row name="Notes" value={description} />
      </dl>
    </section>
  );
}

/** The end of a day is the day after it (RFC 5545 §3.6.1). */
function lastOf(end: CalendarTime): CalendarTime {
  return end.isDay ? { ...end, ms: end.ms - 86_400_000 } : end;
}

function isSameTime(start: CalendarTime, end: CalendarTime): boolean {
  return lastOf(end).ms <= start.ms;
}

function When({ time: { isDay, ms, zone }, reader }: { time: CalendarTime; reader: Reader }) {
  if (isDay) return <>{dayDate(ms, reader)}</>;
  // The time as the clock on the wall has it.
  if (zone !== null) {
    return (
      <>
        {longDate(ms, { ...reader, timeZone: "UTC" })}
        {zone !== "" && ` (${zone})`}
      </>
    );
  }
  return (
    <time datetime={new Date(ms).toISOString()} data-format="long">
      {longDate(ms, reader)}
    </time>
  );
}

/** `FREQ=WEEKLY;COUNT=3` */
function ruleWords(rule: string): string {
  const fields = new Map(
    rule.split(";").map((field) => [/^[^=]*/.exec(field)?.[0] ?? "", field.replace(/^[^=]*=/, "")]),
  );
  const unit = { DAILY: "day", WEEKLY: "week", MONTHLY: "month", YEARLY: "year", HOURLY: "hour" }[
    fields.get("FREQ") ?? ""
  ];
  if (unit === undefined) return rule;
  const interval = Number(fields.get("INTERVAL") ?? 1);
  const every = interval > 1 ? `every ${interval} ${unit}s` : `every ${unit}`;
  const count = fields.get("COUNT");
  const until = /^(\d{4})(\d\d)(\d\d)/.exec(fields.get("UNTIL") ?? "");
  const times = count === "1" ? "1 time" : `${count} times`;
  const end = count === undefined ? (until === null ? "" : `, until ${until.slice(1, 4).join("-")}`) : `, ${times}`;
  const days = fields.get("BYDAY");
  return `${every}${days === undefined ? "" : ` (${days.replaceAll(",", ", ")})`}${end}`;
}

/** What became of a message, for people (RFC 3464 §2.3.3). */
const ACTIONS: Readonly<Record<string, string>> = {
  delayed: "Not delivered yet, and will be tried again",
  delivered: "Delivered",
  expanded: "Delivered to those on the list",
  failed: "Not delivered",
  relayed: "Passed on to a server that does not confirm delivery",
};

export function DeliveryReport({ text }: { text: string }) {
  const statuses = readDeliveryStatus(text);
  if (statuses.length === 0) {
    return (
      <pre class="text" dir="auto">
        {text}
      </pre>
    );
  }
  return <>{statuses.map((status) => Status(status))}</>;
}

function Status({ recipient, action, reason }: DeliveryStatus) {
  return (
    <section class="card" aria-label="Report">
      <dl class="headers">
        <Row name="For" value={recipient} />
        <Row name="Outcome" value={action === null ? null : (ACTIONS[action] ?? action)} />
        <Row name="Why" value={reason} />
      </dl>
    </section>
  );
}

function Row({ name, value }: { name: string; value: string | null }) {
  return value === null ? null : (
    <div>
      <dt>{name}</dt>
      <dd class="lines">
        <bdi>{value}</bdi>
      </dd>
    </div>
  );
}
