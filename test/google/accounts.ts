/**
 * Who has an account where nobody says otherwise. Fictional people, at domains reserved for examples (RFC 2606, RFC 6761), so
 * that no message can ever concern a real address.
 */
import { userSchema } from "./protocol.ts";

export const BUSY_USER = userSchema.parse({
  email: "robin.keller@example.com",
  sub: "104729000000000000001",
  name: "Robin Keller",
  about: "a full mailbox, two years of mail",
  mailbox: { kind: "busy" },
});

export const SMALL_USER = userSchema.parse({
  email: "noor.haddad@studio.example",
  sub: "104729000000000000002",
  name: "Noor Haddad",
  hd: "studio.example",
  about: "a Workspace account, 12 messages",
  mailbox: { kind: "small" },
});

export const EMPTY_USER = userSchema.parse({
  email: "sam.lindqvist@example.org",
  sub: "104729000000000000003",
  name: "Sam Lindqvist",
  about: "an empty mailbox",
  mailbox: { messages: 0 },
});

/** In the order in which the account chooser shows them. */
export const USERS = [BUSY_USER, SMALL_USER, EMPTY_USER];
