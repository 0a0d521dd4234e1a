/** What every Gmail method works with. */
import type { Mailbox } from "../mail/mailbox.ts";
import type { Caller } from "../oauth/bearer.ts";
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
