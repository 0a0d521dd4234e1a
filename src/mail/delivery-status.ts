/**
 * What a report says of a message: for whom, what became of it, and why (RFC 3464, RFC 8098).
 */
import { decodeWords } from "../mime/encoded-words.ts";
import { oneLine } from "../mime/visible.ts";

export interface DeliveryStatus {
  readonly recipient: string | null;
  /** `failed`, `delayed`, …, or what became of a message that was delivered; null where it is not said. */
  readonly action: string | null;
  /** Why, by the server that refused, and its number. */
  readonly reason: string | null;
}

/** Recipients that are shown. */
const MAX_RECIPIENTS = 100;

/** More is no report. */
const MAX_CHARACTERS = 500_000;

/** What a report says of each recipient. Fields of the message as a whole count for a report on one. */
export function readDeliveryStatus(text: string): DeliveryStatus[] {
  const statuses: DeliveryStatus[] = [];
  for (const fields of readGroups(text.slice(0, MAX_CHARACTERS))) {
    const status = toStatus(fields);
    if (status.recipient !== null || status.action !== null) statuses.push(status);
    if (statuses.length >= MAX_RECIPIENTS) break;
  }
  return statuses;
}

const NAMES_RECIPIENT = /^(?:original|final)-recipient$/;

/** Fields by their names, in groups that blank lines separate. A line that begins with a space goes on (RFC 5322 §2.2.3). */
function* readGroups(text: string): Generator<ReadonlyMap<string, string>, void> {
  let fields = new Map<string, string>();
  let last = "";
  for (const line of text.split(/\r\n|\r|\n/)) {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(colon, 0)).trimEnd().toLowerCase();
    if (line.trim() === "") {
      yield fields;
      fields = new Map();
      last = "";
    } else if (/^[ \t]/.test(line)) fields.set(last, `${fields.get(last) ?? ""} ${line.trim()}`);
    else if (/^[\w-]+$/.test(name)) {
      // Some mailers leave out the blank line: a field that names a recipient again begins the next group.
      if (NAMES_RECIPIENT.test(name) && fields.has(name)) {
        yield fields;
        fields = new Map();
      }
      last = name;
      fields.set(name, line.slice(colon + 1));
    } else last = "";
  }
  yield fields;
}

function toStatus(fields: ReadonlyMap<string, string>): DeliveryStatus {
  const words = (name: string): string | null => {
    const value = fields.get(name);
    return value === undefined ? null : oneLine(decodeWords(value));
  };
  const typed = (name: string): string | null => words(name)?.replace(/^[\w-]+\s*;\s*/, "") || null;
  const final = typed("final-recipient");
  const original = typed("original-recipient");
  const recipient =
    final === null || original === null || final === original ? (final ?? original) : `${original} (${final})`;
  const status = words("status");
  const said = typed("diagnostic-code") ?? status;
  const isSaid = status === null || said === null || said.includes(/^[\d.]*/.exec(status)?.[0] ?? "");
  const why = isSaid ? said : `${said} (${status})`;
  const server = typed("remote-mta");
  return {
    recipient,
    action: words("action")?.toLowerCase() ?? words("disposition")?.replace(/^[^;]*;\s*/, "") ?? null,
    reason: why === null || server === null ? why : `${why}, says ${server}`,
  };
}
