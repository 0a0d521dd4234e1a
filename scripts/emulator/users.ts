/**
 * Who has an account at the emulated Google. Fictional people, at domains reserved for examples
 * (RFC 2606, RFC 6761), so that no message can ever concern a real address.
 */

/** An account at the emulated Google. */
export interface EmulatedUser {
  readonly email: string;
  readonly name: string;
  /** The Workspace domain, or an empty string: a consumer account, whose ID token has no `hd`. */
  readonly hd: string;
  /** What a developer finds in it, in a few words. */
  readonly about: string;
}

export const BUSY_USER: EmulatedUser = {
  email: "robin.keller@example.com",
  name: "Robin Keller",
  hd: "",
  about: "a full mailbox, two years of mail",
};

export const SMALL_USER: EmulatedUser = {
  email: "noor.haddad@studio.example",
  name: "Noor Haddad",
  hd: "studio.example",
  about: "a Workspace account, 12 messages",
};

export const EMPTY_USER: EmulatedUser = {
  email: "sam.lindqvist@example.org",
  name: "Sam Lindqvist",
  hd: "",
  about: "an empty mailbox",
};

/** In the order in which the account chooser shows them. */
export const USERS: readonly EmulatedUser[] = [BUSY_USER, SMALL_USER, EMPTY_USER];

/** The account of this address (compared without case), or null. */
export function findUser(email: string): EmulatedUser | null {
  const wanted = email.trim().toLowerCase();
  return USERS.find((user) => user.email === wanted) ?? null;
}
