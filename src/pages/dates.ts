/**
 * How the reader of a page writes dates: the language of the browser, and the time zone that Cloudflare found for the
 * connection. A script puts them right by the browser's own settings, where it runs.
 */

/** Who reads a page. */
export interface Reader {
  /** BCP 47 tag. */
  readonly locale: string;
  /** IANA name. */
  readonly timeZone: string;
  /** Epoch milliseconds. */
  readonly nowMs: number;
}

/** A reader of whom we know these. What is not known here counts as English, and UTC. */
export function toReader(hints: { acceptLanguage: string | null; timeZone: unknown; nowMs: number }): Reader {
  const [wanted = ""] = (hints.acceptLanguage ?? "").split(/[,;]/);
  const locale = isUsable(() => new Intl.DateTimeFormat(wanted.trim())) ? wanted.trim() : "en";
  const zone = typeof hints.timeZone === "string" ? hints.timeZone : "UTC";
  const timeZone = isUsable(() => new Intl.DateTimeFormat("en", { timeZone: zone })) ? zone : "UTC";
  return { locale, timeZone, nowMs: hints.nowMs };
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** A date as a list shows it: the time for the last day, the day for this year, the whole date before that. */
export function shortDate(dateMs: number, { locale, timeZone, nowMs }: Reader): string {
  const ageMs = nowMs - dateMs;
  if (ageMs >= 0 && ageMs < DAY_MS) {
    return new Intl.DateTimeFormat(locale, { timeZone, hour: "numeric", minute: "2-digit" }).format(dateMs);
  }
  const isThisYear = new Date(dateMs).getUTCFullYear() === new Date(nowMs).getUTCFullYear();
  const day = { month: "short", day: "numeric" } as const;
  return new Intl.DateTimeFormat(locale, { timeZone, ...day, ...(isThisYear ? {} : { year: "numeric" }) }).format(
    dateMs,
  );
}

/** A date in full. */
export function longDate(dateMs: number, { locale, timeZone }: Reader): string {
  return new Intl.DateTimeFormat(locale, { timeZone, dateStyle: "full", timeStyle: "short" }).format(dateMs);
}

/** A day in full, which is the same day everywhere. @param dayMs its midnight in UTC */
export function dayDate(dayMs: number, { locale }: Reader): string {
  return new Intl.DateTimeFormat(locale, { timeZone: "UTC", dateStyle: "full" }).format(dayMs);
}

function isUsable(make: () => unknown): boolean {
  try {
    make();
    return true;
  } catch {
    return false;
  }
}
