/** Which mailbox an account has. */
import type { User } from "../protocol.ts";
import { livedInSource } from "./lived-in.ts";
import { Mailbox } from "./mailbox.ts";
import { NumberedSource } from "./numbered.ts";

/** Opens the mailbox of an account. @param nowMs when its mail ends, where nothing else is said */
export function openMailbox(user: User, options: NonNullable<User["mailbox"]>, nowMs: number): Mailbox {
  if ("messages" in options) return new Mailbox(new NumberedSource(user.email, options));
  return new Mailbox(livedInSource(user, { kind: options.kind, untilMs: options.untilMs ?? nowMs }));
}
