/** What every Gmail method works with: the call, page tokens, which are bound to what they were made for, and mistakes. */
import type { Mailbox } from "../mail/mailbox.ts";
import type { Caller } from "../oauth/bearer.ts";
import { hashText } from "../random.ts";
import type { Incoming, Instance } from "../state.ts";

/** A call that has passed the door. */
export interface GmailCall {
  readonly instance: Instance;
  readonly call: Incoming;
  readonly caller: Caller;
  readonly mailbox: Mailbox;
  readonly query: URLSearchParams;
  /** What stands in the path's placeholders. */
  readonly ids: readonly string[];
}

/** An argument that Gmail refuses; the message is Google's. */
export class BadArgument extends Error {
  override readonly name = "BadArgument";
}

export interface Position {
  /** The next item is the newest one with this number or less. */
  readonly from: number;
  readonly page: number;
}

export function writeToken({ from, page }: Position, binding: object): string {
  return btoa(JSON.stringify([from, page, hashText(JSON.stringify(binding))]));
}

/** The position of a token; the beginning without one. @throws BadArgument for one of another list */
export function readToken(token: string | null, binding: object): Position {
  if (token === null) return { from: Number.MAX_SAFE_INTEGER, page: 0 };
  try {
    const parts: unknown = JSON.parse(atob(token));
    if (Array.isArray(parts) && parts[2] === hashText(JSON.stringify(binding))) {
      return { from: Number(parts[0]), page: Number(parts[1]) };
    }
  } catch {
    // No token of ours.
  }
  throw new BadArgument("Invalid pageToken");
}
