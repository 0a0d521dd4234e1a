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

/** What a report says of each recipient. Fields of the message as a whole count for a report on one. */
export function readDeliveryStatus(text: string): DeliveryStatus[] {
  const groups = text
    .replaceAll(/\r?\n[ \t]+(?=\S)/g, " ")
    .split(/(?:\r?\n[ \t]*){2,}/)
    .flatMap(splitRecipients)
    .map(readFields);
  const statuses = groups.map(toStatus).filter(({ action, recipient }) => recipient !== null || action !== null);
  return statuses.slice(0, MAX_RECIPIENTS);
}

/** Some mailers leave out the blank line between recipients: a field that names one again begins the next group. */
function splitRecipients(group: string): string[] {
  const groups: string[][] = [[]];
  let named = new Set<string>();
  for (const line of group.split(/\r?\n/)) {
    const [, name] = /^((?:original|final)-recipient)\s*:/i.exec(line) ?? [];
    const field = name?.toLowerCase();
    if (field !== undefined && named.has(field)) {
      groups.push([]);
      named = new Set();
    }
    if (field !== undefined) named.add(field);
    groups.at(-1)?.push(line);
  }
  return groups.map((lines) => lines.join("\n"));
}

function readFields(group: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of group.split(/\r?\n/)) {
    const [, name, value] = /^([\w-]+)\s*:\s*(.*)$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) fields.set(name.toLowerCase(), oneLine(decodeWords(value)));
  }
  return fields;
}

function toStatus(fields: ReadonlyMap<string, string>): DeliveryStatus {
  const typed = (name: string): string | null => fields.get(name)?.replace(/^[\w-]+\s*;\s*/, "") || null;
  const final = typed("final-recipient");
  const original = typed("original-recipient");
  const recipient =
    final === null || original === null || final === original ? (final ?? original) : `${original} (${final})`;
  const status = fields.get("status") ?? null;
  const words = typed("diagnostic-code") ?? status;
  const isSaid = status === null || words === null || words.includes(/^[\d.]*/.exec(status)?.[0] ?? "");
  const why = isSaid ? words : `${words} (${status})`;
  const server = typed("remote-mta");
  return {
    recipient,
    action: fields.get("action")?.toLowerCase() ?? fields.get("disposition")?.replace(/^[^;]*;\s*/, "") ?? null,
    reason: why === null || server === null ? why : `${why}, says ${server}`,
  };
}
